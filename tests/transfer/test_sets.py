"""Sets of examples: classes, what two files share, and a dev set by hash."""

import json

import pytest

from hornbook.errors import UserError
from hornbook.transfer.examples import load_examples
from hornbook.transfer.sets import check_labels, class_names, equal_texts, split


@pytest.fixture
def load(tmp_path):
    def load(name, *records):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return load_examples(path)

    return load


def classified(*labels):
    return [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]


def test_classes_are_in_one_order(load):
    assert class_names(load("a", *classified(10, 9, 10))) == ("9", "10")
    assert class_names(load("b", *classified("no", "a", "no"))) == ("a", "no")
    tagged = {"tokens": ["a", "b"], "tags": ["B-per", "B-loc"]}
    assert class_names(load("c", tagged, tagged)) == ("loc", "per")


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (classified("x", "x"), 'has one class alone ("x")'),
        ([{"text": "a"}], 'has no field "label", so it can only be predicted'),
        ([{"tokens": ["a"], "tags": ["O"]}], "has no entity in any sentence"),
        ([{"tokens": ["a"]}], 'has no field "tags"'),
    ],
)
def test_nothing_to_tell_apart_is_refused(records, said, load):
    with pytest.raises(UserError) as error:
        class_names(load("a", *records))
    assert said in str(error.value)


def test_a_label_outside_the_training_set_is_refused(load):
    train = load("train", *classified("good", "bad"))
    check_labels(train, load("dev", *classified("bad", "bad")))
    with pytest.raises(UserError, match=r"test.jsonl, line 2, has the label \"goood\".*Did you mean 'good'"):
        check_labels(train, load("test", *classified("bad", "goood")))
    tagged = load("tags", {"tokens": ["a"], "tags": ["B-per"]})
    with pytest.raises(UserError, match='has the entity "loc"'):
        check_labels(tagged, load("more", {"tokens": ["a"], "tags": ["B-loc"]}))
    with pytest.raises(UserError, match="is of the task tag, but"):
        check_labels(train, tagged)


def test_equal_texts_are_counted_whatever_their_blanks(load):
    train = load("train", *classified("x", "y", "x"))
    test = load("test", {"text": "text  1 ", "label": "x"}, {"text": "text 7", "label": "x"})
    assert equal_texts(train, test) == 1


def test_a_dev_set_is_split_off_by_hash_whatever_the_order(load):
    records = classified(*["x", "y"] * 100)
    train, dev = split(load("a", *records))
    assert (len(train), len(dev)) == (180, 20)
    again = split(load("b", *reversed(records)))[1]
    assert {item.text for item in again.items} == {item.text for item in dev.items}
    assert [dev.where(0), dev.items[0].id] == [f"{dev.path}, line {dev.items[0].id},", dev.items[0].id]


def test_a_split_keeps_copies_together_and_every_class_in_training(load):
    records = classified(*["x", "y"] * 20) * 2 + [{"text": "rare", "label": "z"}]
    for share in (0.1, 0.5, 0.95):
        train, dev = split(load("a", *records), share)
        assert not {item.text for item in train.items} & {item.text for item in dev.items}
        assert {item.label for item in train.items} == {"x", "y", "z"}
    asked = [
        {"context": f"in {number // 5}", "question": f"q{number}", "answers": {"text": ["in"], "answer_start": [0]}}
        for number in range(50)
    ]
    train, dev = split(load("b", *asked))
    assert not {item.context for item in train.items} & {item.context for item in dev.items}
    with pytest.raises(UserError, match="too few examples"):
        split(load("c", *classified("x", "y")))
