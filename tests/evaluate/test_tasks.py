"""Tasks from files, and what follows from their records: chance without knowledge, prompts, kind errors."""

import gzip
import json

import numpy as np
import pytest
from scoring import Free, scorer, small_tokenizer

from hornbook.errors import UserError
from hornbook.evaluate.answers import Answers, _score, answer
from hornbook.evaluate.tasks import load_task

PAIR = {"sentence_good": "The cat sees herself.", "sentence_bad": "The cat sees himself.", "UID": "anaphor"}
CHOICES = ["water", "stone", "fire"]
CHOICE = {"question": "What is wet?", "choices": CHOICES, "label": 0}
YES_NO = {"passage": "Rain falls.", "question": "does it rain?", "choices": ["no", "yes"], "label": "yes"}
SCHEMA = {
    "context_options": ["The cup fell, so the cup", "The cup fell, so the cat"],
    "continuation": "broke.",
    "label": 0,
}
WORD = {"context": "He said good", "target": "night"}


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


def written(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_fields_say_which_task_it_is_and_prompts_are_the_harness_s(tmp_path):
    candidates = {}
    for name, record in (("pair", PAIR), ("choice", CHOICE), ("yes", YES_NO), ("schema", SCHEMA), ("word", WORD)):
        task = load_task(written(tmp_path / f"{name}.jsonl", record))
        candidates[name] = (task.kind, task.headline, task.items[0].answer, *task.items[0].candidates)
    assert candidates == {
        "pair": ("pairs", "acc", 0, ("", "The cat sees herself."), ("", "The cat sees himself.")),
        "choice": ("choices", "acc_bytes", 0, *(("Question: What is wet?\nAnswer:", f" {one}") for one in CHOICES)),
        "yes": ("choices", "acc", 1, *(("Rain falls.\nQuestion: does it rain?\nAnswer:", c) for c in (" no", " yes"))),
        "schema": ("schemas", "acc", 0, *((context, " broke.") for context in SCHEMA["context_options"])),
        "word": ("last word", "acc", 0, ("He said good", " night")),
    }  # fmt: skip


@pytest.mark.parametrize("records", [[PAIR], [CHOICE], [YES_NO], [SCHEMA], [PAIR, {**PAIR, "UID": "other"}]])
def test_a_model_without_preferences_is_at_chance(records, tokenizer, tmp_path):
    alike = ["aaa", "bbb", "ccc"]
    same = [
        {**one, "choices": alike[: len(one["choices"])], "label": 0} if "choices" in one else one for one in records
    ]
    costs = np.ones(tokenizer.vocab.size)
    task = load_task(written(tmp_path / "t.jsonl", *same * 4))
    found = answer(scorer("causal", "continuation", tokenizer, Free(costs)), task)
    for number in found.numbers()[:1]:
        lengths = found.records[0]["nats"]
        if len(set(lengths)) == 1:
            assert number.estimate.value == pytest.approx(number.chance) == pytest.approx(1 / len(lengths))


def test_ties_count_a_share_and_lengths_are_divided_by():
    record = {"nats": [2.0, 2.0, 6.0], "answer": 1, "characters": [1, 2, 12], "bytes": [1, 2, 3], "tokens": [1, 1, 3]}
    assert [_score(record, name) for name in ("acc", "acc_norm", "acc_bytes", "acc_token")] == [0.5, 0.0, 1.0, 1 / 3]
    assert _score({**record, "answer": 2}, "acc") == 0.0


def test_records_are_kept_and_numbers_follow_from_them_alone(tokenizer, tmp_path):
    costs = np.random.default_rng(0).uniform(1, 5, tokenizer.vocab.size)
    for name, records in {"pairs": [PAIR, {**PAIR, "UID": "b"}, PAIR], "word": [WORD, WORD]}.items():
        one = scorer("masked" if name == "pairs" else "causal", "pll" if name == "pairs" else "continuation", tokenizer)
        one = one if name == "word" else scorer("masked", "pll", tokenizer, Free(costs))
        found = answer(one, load_task(written(tmp_path / f"{name}.jsonl", *records)))
        path = found.save(tmp_path / "evaluations")
        again = Answers.load(path)
        assert again.numbers() == found.numbers() and again.records == found.records
        assert (len(path.read_text().splitlines()), found.header["items"]) == (len(records) + 1, len(records))
    assert path.name == "word.continuation.jsonl"


def test_a_right_model_is_right_and_groups_have_their_own_numbers(tokenizer, tmp_path):
    costs = np.ones(tokenizer.vocab.size)
    her = set(tokenizer.encode([PAIR["sentence_bad"]])[0].tolist()) - set(
        tokenizer.encode([PAIR["sentence_good"]])[0].tolist()
    )
    costs[list(her)] = 99
    task = load_task(written(tmp_path / "t.jsonl", *[PAIR] * 5, *[{**PAIR, "UID": "b"}] * 5))
    found = answer(scorer("causal", "continuation", tokenizer, Free(costs)), task)
    assert found.numbers()[0].estimate.value == 1.0
    assert {name: estimate.value for name, estimate in found.groups().items()} == {"anaphor": 1.0, "b": 1.0}


def test_examples_stand_in_front_and_never_hold_the_item_itself(tmp_path):
    records = [{**CHOICE, "question": f"What is {n}?"} for n in range(6)] + [CHOICE, CHOICE]
    task = load_task(written(tmp_path / "t.jsonl", *records))
    for item, bare in zip(task.with_examples(3).items, task.items, strict=True):
        (context, text), (own, _) = item.candidates[0], bare.candidates[0]
        *shown, last = context.split("\n\n")
        assert (len(shown), last, text) == (3, own, " water") and len(set(shown)) == 3
        assert all(example.endswith("\nAnswer: water") and not example.startswith(own) for example in shown)
    assert task.with_examples(3) == task.with_examples(3) and task.with_examples(0) is task
    with pytest.raises(UserError, match="too few items for 9 examples"):
        task.with_examples(9)


def test_few_takes_as_many_of_each_group(tmp_path):
    pairs = load_task(written(tmp_path / "t.jsonl", *[{**PAIR, "UID": str(n % 3)} for n in range(400)]))
    chosen = pairs.few()
    assert [sum(item.group == str(n) for item in chosen.items) for n in range(3)] == [50] * 3
    assert chosen == pairs.few() != pairs.few(1) and set(chosen.items) <= set(pairs.items)
    assert len(load_task(written(tmp_path / "w.jsonl", *[WORD] * 700)).few().items) == 500


BROKEN = {
    "no field": ({"text": "hello"}, "line 1 has not the fields of a task"),
    "empty": ({**PAIR, "sentence_bad": " "}, "sentence_bad must be text"),
    "label": ({**CHOICE, "label": 3}, "the label 3 is neither"),
    "label outside": ({**CHOICE, "label": "ice"}, "the label 'ice' is neither"),
    "one choice": ({**CHOICE, "choices": ["a"]}, "at least two texts"),
    "empty choice": ({**CHOICE, "choices": ["a", ""]}, "at least two texts"),
    "a number": ({**WORD, "target": 7}, "target must be text"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_item_is_refused_by_its_place(name, tmp_path):
    record, words = BROKEN[name]
    with pytest.raises(UserError, match=words):
        load_task(written(tmp_path / "t.jsonl", record))


def test_what_is_no_task_file_is_refused(tmp_path):
    (tmp_path / "list.jsonl").write_text("[1]\n")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(PAIR).encode() * 100)[:60])
    (tmp_path / "none.jsonl").write_text("\n")
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    written(tmp_path / "mixed.jsonl", PAIR, WORD)
    for name in (
        "list.jsonl",
        "bytes.jsonl",
        "cut.jsonl.gz",
        "none.jsonl",
        "deep.jsonl",
        "mixed.jsonl",
        "absent.jsonl",
        "",
    ):
        with pytest.raises(UserError, match=r"task|record|items"):
            load_task(tmp_path / name)
    (tmp_path / "good.jsonl.gz").write_bytes(gzip.compress((json.dumps(PAIR) + "\n").encode()))
    assert load_task(tmp_path / "good.jsonl.gz").name == "good"
