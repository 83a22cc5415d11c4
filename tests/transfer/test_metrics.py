"""Measures of tasks: equal to scikit-learn's and seqeval's on random cases, and to SQuAD's script by hand."""

import math
import random
import warnings

import numpy as np
import pytest

from hornbook.transfer.examples import Asked, Classified, Tagged, Written
from hornbook.transfer.metrics import advantage, by_class, measure, normalised, parts, record, score, words_f1
from hornbook.transfer.tags import entities, repaired

CASES = 1000


def values(task, records):
    return {one.name: one.value for one in measure(task, records)}


def classified(answers, said):
    return [{"id": str(n), "answer": a, "said": b} for n, (a, b) in enumerate(zip(answers, said, strict=True))]


def quick(task, records):
    """Return the values without the intervals, which cost 2,000 times as much."""
    from hornbook.transfer.metrics import _MEASURES

    return {one.name: one.value for one in _MEASURES[task](records, None)}


@pytest.mark.parametrize("cases", [100, pytest.param(CASES, marks=pytest.mark.slow)])
def test_classes_are_measured_as_scikit_learn_does(cases):
    metrics = pytest.importorskip("sklearn.metrics")
    draw = random.Random(0)
    for _ in range(cases):
        names = "abcde"[: draw.randint(1, 5)]
        answers, said = (draw.choices(names, k=draw.randint(1, 12)) for _ in range(2))
        answers, said = zip(*zip(answers, said, strict=False), strict=True)
        found = quick("classify", classified(answers, said))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert found["accuracy"] == pytest.approx(metrics.accuracy_score(answers, said), abs=1e-12)
            expected = metrics.f1_score(answers, said, average="macro", zero_division=0)
            assert found["macro f1"] == pytest.approx(expected, abs=1e-12)
            assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(answers, said), abs=1e-12)


def tags(draw, length, all_outside=False):
    kinds = ["O"] if all_outside else ["O", "B-x", "I-x", "B-y", "I-y"]
    return draw.choices(kinds, k=length)


def test_entities_are_measured_as_seqeval_does_strictly():
    metrics = pytest.importorskip("seqeval.metrics")
    from seqeval.scheme import IOB2

    draw = random.Random(1)
    for case in range(CASES):
        lengths = [draw.randint(0, 8) for _ in range(draw.randint(1, 4))]
        answers = [tags(draw, length, case % 10 == 0) for length in lengths]
        said = [tags(draw, length, case % 7 == 0) for length in lengths]
        if not any(lengths):
            continue
        records = [{"answer": a, "said": b} for a, b in zip(answers, said, strict=True)]
        found = quick("tag", records)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            how = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
            for name, function in (
                ("precision", metrics.precision_score),
                ("recall", metrics.recall_score),
                ("f1", metrics.f1_score),
            ):
                expected = function(answers, said, **how) if any(map(entities, answers + said)) else 0.0
                assert found[name] == pytest.approx(float(expected), abs=1e-12), (answers, said)
            if any(map(entities, answers + said)):
                report = metrics.classification_report(answers, said, output_dict=True, **how)
                for one in by_class("tag", records):
                    assert one.value == pytest.approx(float(report[one.name.removeprefix("f1 of ")]["f1-score"]))
                    assert one.items == report[one.name.removeprefix("f1 of ")]["support"]


def test_all_outside_and_empty_sentences_divide_by_nothing():
    nothing = [{"id": "1", "answer": ["O", "O"], "said": ["O", "O"]}, {"id": "2", "answer": ["O"], "said": ["B-x"]}]
    assert values("tag", nothing[:1]) == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "tag accuracy": 1.0}
    found = {one.name: one for one in measure("tag", nothing)}
    assert found["f1"].low is None  # no draw tells how far above 0 the next would be
    assert found["tag accuracy"].baselines == {"all O": 1.0}


def test_a_repair_makes_orphans_begin():
    assert repaired(["O", "I-x", "I-x", "I-y", "B-x", "I-y"]) == (("O", "B-x", "I-x", "B-y", "B-x", "B-y"), 3)
    assert entities(["I-x", "I-x"]) == [] and entities(repaired(["I-x", "I-x"])[0]) == [("x", 0, 2)]


@pytest.mark.parametrize(
    ("said", "right", "exact", "f1"),
    [
        ("The Beatles", "beatles", 1, 1),
        ("a  theatre", "theatre", 1, 1),
        ("an answer.", "Answer", 1, 1),
        ("Berlin", "Berlin, Germany", 0, 2 / 3),
        ("in in Berlin", "in Berlin", 0, 4 / 5),
        ("self-made", "selfmade", 1, 1),
        ("3.5 km", "35 km", 1, 1),
        ("theater", "the ater", 0, 0),
        ("“album”", "album", 0, 0),  # only ASCII's punctuation is removed
        ("Čapek", "čapek", 1, 1),
        ("", "Berlin", 0, 0),
        ("1920", "", 0, 0),
        ("", "", 1, 1),
        ("the", "", 1, 1),
        ("the a", "an", 1, 1),
    ],
)
def test_answers_are_compared_as_squad_s_script_does(said, right, exact, f1):
    """By hand after evaluate-v2.0.py: lower case, string.punctuation, a|an|the, then single blanks."""
    item = Asked("1", f"x {right} x", "q", ((right, 2),) if right else ())
    found = values("answer", [record(item, said)])
    assert (found["exact match"], found["f1"]) == (exact, pytest.approx(f1))
    assert (normalised(said) == normalised(right)) == bool(exact)


def test_the_best_right_answer_counts():
    item = Asked("1", "in 1920 or so", "when", (("1920", 3), ("1920 or so", 3)))
    assert values("answer", [record(item, "1920 or so")]) == {"f1": 1.0, "exact match": 1.0}
    assert values("answer", [record(item, "in 1920")]) == {"f1": pytest.approx(2 / 3), "exact match": 0.0}


def test_questions_on_one_context_are_one_draw():
    one, other = (Asked(str(n), f"context {n}", "q", (("context", 0),)) for n in range(2))
    records = [record(one, "context")] * 3 + [record(other, "x")] * 3
    found = {number.name: number for number in measure("answer", records)}
    assert (found["f1"].items, found["f1"].draws) == (6, 2)


def test_no_interval_is_of_no_width_because_all_are_alike():
    items = [Asked(str(n), f"context {n % 3}", "q", (("context", 0),)) for n in range(9)]
    for said, value in (("x", 0.0), ("context", 1.0)):
        found = measure("answer", [record(item, said) for item in items])
        assert {(one.value, one.items, one.draws) for one in found} == {(value, 9, 3)}
        assert all(one.high - one.low > 0.3 for one in found)


def test_texts_are_compared_and_their_bytes_counted():
    items = [Written("1", "a", "Good day ."), Written("2", "b", "no")]
    records = [
        record(items[0], "good  day .", nats=2.0, bytes=10),
        record(items[1], " no\n", nats=1.0, bytes=2),
    ]
    assert values("write", records) == {
        "f1": 1.0,
        "exact match": 0.5,
        "bits per byte": pytest.approx(3 / 12 / math.log(2)),
    }
    assert "bits per byte" not in values("instruct", [record(items[0], "good day .")])


def test_numbers_follow_from_records_with_intervals_and_baselines():
    draw = random.Random(2)
    answers = [draw.choice("ab") for _ in range(200)]
    items = [Classified(str(n), "t", None, label) for n, label in enumerate(answers)]
    said = [label if draw.random() < 0.8 else draw.choice("ab") for label in answers]
    ours = [record(item, one) for item, one in zip(items, said, strict=True)]
    majority = [record(item, "a") for item in items]
    found = {one.name: one for one in measure("classify", ours, {"majority": majority})}
    for one in found.values():
        assert one.low < one.value < one.high and one.items == 200
    assert found["accuracy"].baselines == {"majority": answers.count("a") / 200}
    assert found["mcc"].baselines == {"majority": 0.0}
    assert score("classify", ours) == found["accuracy"].value
    gained = advantage("classify", ours, majority)
    assert gained.value == pytest.approx(found["accuracy"].value - answers.count("a") / 200) and gained.excludes(0)
    assert not advantage("classify", ours, ours).excludes(0)
    with pytest.raises(ValueError, match="other examples"):
        advantage("classify", ours, majority[:-1])


def test_an_imbalance_shows_in_macro_f1():
    answers = ["common"] * 95 + ["rare"] * 5
    found = quick("classify", classified(answers, ["common"] * 100))
    assert found["accuracy"] == 0.95 and found["macro f1"] == pytest.approx(0.487, abs=1e-3) and found["mcc"] == 0


def test_the_advantage_of_a_tagger_resamples_sentences():
    items = [Tagged(str(n), ("a", "b"), ("B-x", "O")) for n in range(30)]
    right = [record(item, ("B-x", "O")) for item in items]
    wrong = [record(item, ("B-x", "O") if n % 2 else ("O", "O")) for n, item in enumerate(items)]
    gained = advantage("tag", right, wrong)
    assert gained.value == pytest.approx(1 - 2 / 3) and gained.excludes(0)
    with pytest.raises(ValueError, match="1 tags for 2 words"):
        record(items[0], ("O",))


def test_f1_of_words_counts_repeats_once_each():
    assert words_f1("a b b c", "b b b") == pytest.approx(2 * 2 / (3 + 3))


@pytest.mark.parametrize("task", ["classify", "tag", "answer", "write"])
def test_the_parts_of_a_number_have_it_as_their_mean(task: str) -> None:
    draw = np.random.default_rng(7)

    def tags() -> list[str]:
        return draw.choice(["O", "B-a", "B-b"], 4).tolist()

    def words() -> str:
        return " ".join(draw.choice(["cat", "dog", "fish"], 2))

    found = [
        {
            "classify": lambda: {"answer": words(), "said": words()},
            "tag": lambda: {"answer": tags(), "said": tags()},
            "answer": lambda: {"answers": [words()], "said": words(), "group": words()},
            "write": lambda: {"answer": words(), "said": words()},
        }[task]()
        for _ in range(40)
    ]
    shares = parts(task, found)
    assert shares.mean() == pytest.approx(score(task, found))
    assert len(shares) == (len({one["group"] for one in found}) if task == "answer" else 40)
    assert parts("tag", [{"answer": ["O"], "said": ["O"]}]).tolist() == [0.0]
