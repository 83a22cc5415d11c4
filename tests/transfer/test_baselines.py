"""Cheap models: each learns what it can, and without its library the trivial ones stand alone."""

import random
import sys

import pytest

from hornbook.transfer.baselines import learn_baselines
from hornbook.transfer.examples import Asked, Classified, Examples, Tagged, Written, instruction
from hornbook.transfer.metrics import record, score
from hornbook.transfer.sets import split


def examples(task, items, path="a.tsv"):
    return Examples(task, tuple(items), path)


def scores(train, test, dev=None):
    found, note = learn_baselines(train, dev)
    assert note == ""
    return {
        one.name: score(
            test.task, [record(item, said) for item, said in zip(test.items, one.answers(test.items), strict=True)]
        )
        for one in found
    }


@pytest.fixture
def reviews():
    draw = random.Random(0)
    items = []
    for number in range(300):
        label = draw.choice(["good", "bad", "bad"])
        tone = draw.choice(["fine", "lovely"] if label == "good" else ["dull", "awful"])
        items.append(Classified(str(number), f"a {tone} film {draw.randrange(40)}", None, label))
    return examples("classify", items)


def test_counting_words_learns_a_class(reviews):
    train, test = split(reviews, 0.3)
    found = scores(train, test)
    assert found["TF-IDF"] == 1.0 and 0.5 < found["majority"] < 0.8


def test_the_strength_of_the_regression_is_chosen_on_dev(reviews):
    train, dev = split(reviews, 0.3)
    strong = learn_baselines(train, dev)[0][-1]
    assert strong.strong and strong.answers(dev.items) == [item.label for item in dev.items]


def test_each_text_of_a_pair_has_features_of_its_own():
    sides = [("rain", "sun", "yes"), ("sun", "rain", "no"), ("snow", "sun", "yes"), ("sun", "snow", "no")]
    items = [Classified(str(n), *sides[n % 4]) for n in range(40)]
    assert scores(examples("pairs", items), examples("pairs", items)) == {"majority": 0.5, "TF-IDF": 1.0}


@pytest.mark.parametrize("texts", [["a", "b"], ["same", "same"]])
def test_a_few_texts_of_a_letter_are_no_trouble(texts):
    items = [Classified(str(n), text, None, label) for n, (text, label) in enumerate(zip(texts, "xy", strict=True))]
    assert set(scores(examples("classify", items), examples("classify", items))) == {"majority", "TF-IDF"}
    one = examples("classify", items[:1])
    assert scores(one, one) == {"majority": 1.0, "TF-IDF": 1.0}


def test_a_tagger_learns_from_what_stands_beside_a_name():
    names = ["Ann", "Bob", "Cid", "Dora", "Eve", "Finn", "Gus", "Hal", "Ida", "Jon"]
    items = [
        Tagged(str(n), ("then", "Mr", name, other, "met", "Spot"), ("O", "O", "B-per", "I-per", "O", "O"))
        for n, (name, other) in enumerate((name, other) for name in names for other in names)
    ]
    train, test = examples("tag", items[:50]), examples("tag", items[50:])
    found = scores(train, test)
    assert found["all O"] == 0.0 and found["remembered"] == 0.0 and found["CRF"] == 1.0
    assert scores(train, train)["remembered"] == 1.0


def test_questions_are_answered_by_the_likest_sentence_and_the_name_in_it():
    context = "The play opened in Prague. Karel Capek wrote the play R.U.R. in Brno! It rained."
    items = [Asked("1", context, "Who wrote the play R.U.R.?", (("Karel Capek", 27),))]
    found, _ = learn_baselines(examples("answer", items))
    assert {one.name: one.answers(items) for one in found} == {
        "likest sentence": ["Karel Capek wrote the play R.U.R."],
        "longest name in it": ["Capek"],
    }
    unanswered = examples("answer", [*items, Asked("2", context, "Why?", ())])
    assert learn_baselines(unanswered)[0][0].answers(items) == [""]


def test_texts_are_copied_without_the_template():
    items = [
        Written(str(n), instruction("Say it.", given), "yes") for n, given in enumerate(["", "Good day\nInput: x", "b"])
    ]
    found = learn_baselines(examples("instruct", items))[0]
    assert found[0].answers(items) == ["yes"] * 3
    assert found[1].answers(items) == ["Say it.", "Good day\nInput: x", "b"]
    plain = [Written("1", "Instruction: a", "b")]
    assert learn_baselines(examples("write", plain))[0][1].answers(plain) == ["Instruction: a"]


@pytest.mark.parametrize(("task", "library"), [("classify", "sklearn"), ("tag", "pycrfsuite")])
def test_without_its_library_the_trivial_ones_stand_alone(task, library, reviews, monkeypatch):
    for name in [library, *(name for name in sys.modules if name.startswith(f"{library}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    tagged = examples("tag", [Tagged("1", ("a",), ("B-x",))])
    found, note = learn_baselines(reviews if task == "classify" else tagged)
    assert not any(one.strong for one in found) and len(found) > 0
    assert note.endswith("pip install 'hornbook[evidence]'")


def test_equal_examples_give_equal_models(reviews):
    answers = [learn_baselines(reviews)[0][-1].answers(reviews.items) for _ in range(2)]
    assert answers[0] == answers[1]
