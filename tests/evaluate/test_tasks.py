"""Tasks: a part of them, and shots in front of their items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import UserError
from hornbook.evaluate.task_files.read import load_task
from hornbook.evaluate.tasks import Item, Task

PAIR = {"sentence_good": "The cat sees herself.", "sentence_bad": "The cat sees himself.", "UID": "anaphor"}
CHOICE = {"question": "What is wet?", "choices": ["water", "stone", "fire"], "label": 0}


def written(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_shots_never_hold_the_item_nor_one_that_asks_or_says_the_same(tmp_path: Path) -> None:
    records = [{**CHOICE, "question": f"What is {n}?"} for n in range(6)]
    twins = [CHOICE, CHOICE, {**CHOICE, "question": "What  is\nwet? "}, {**CHOICE, "label": 1}]
    task = load_task(written(tmp_path / "t.jsonl", *records, *twins))
    shown = task.with_shots(6)
    for item, bare in zip(shown.items, task.items, strict=True):
        assert item.candidates == bare.candidates and len(set(item.shots)) == 6
        own = " ".join(bare.candidates[0][0].split())
        assert not any(" ".join(shot.split()).startswith(own) for shot in item.shots)
    assert task.with_shots(6) == shown != task.with_shots(6, seed=1) and task.with_shots(0) is task
    assert shown.part == ("6shot",) and shown.sha256 != task.sha256
    with pytest.raises(UserError, match=r"t has too few other items for 7 shots of t\."):
        task.with_shots(7)


def test_a_pool_is_another_file_of_the_kind_and_gives_no_twins_either(tmp_path: Path) -> None:
    task = load_task(written(tmp_path / "t.jsonl", CHOICE))
    pool = load_task(written(tmp_path / "p.jsonl", CHOICE, {**CHOICE, "question": "What is dry?", "label": 1}))
    shown = task.with_shots(1, pool)
    assert shown.items[0].shots == ("Question: What is dry?\nAnswer: stone",) and shown.part == ("1shot", "from-p")
    with pytest.raises(UserError, match="p has too few other items for 2 shots"):
        task.with_shots(2, pool)
    pairs = load_task(written(tmp_path / "b.jsonl", PAIR))
    with pytest.raises(UserError, match="The pool b has pairs, and t choices"):
        task.with_shots(1, pairs)
    with pytest.raises(UserError, match="b has minimal pairs: they take no shots"):
        pairs.with_shots(1)


def test_a_pool_of_thousands_is_not_searched_whole_for_each_item() -> None:
    items = tuple(Item(((f"Question {n}:", f" {n}"),)) for n in range(5000))
    shown = Task("t", "last word", items, "acc").with_shots(5)
    assert all(len(set(item.shots)) == 5 for item in shown.items)
    often: dict[str, int] = {}
    for item in shown.items:
        for shot in item.shots:
            often[shot] = often.get(shot, 0) + 1
    assert max(often.values()) < 25 and len(often) > 4800  # drawn evenly: of 5 expected


def test_few_takes_as_many_of_each_group_and_keeps_their_shots(tmp_path: Path) -> None:
    pairs = load_task(written(tmp_path / "t.jsonl", *[{**PAIR, "UID": str(n % 3)} for n in range(400)]))
    chosen = pairs.few()
    assert [sum(item.group == str(n) for item in chosen.items) for n in range(3)] == [50] * 3
    assert chosen == pairs.few() != pairs.few(1) and set(chosen.items) <= set(pairs.items)
    alike = load_task(written(tmp_path / "a.jsonl", *[{**PAIR, "UID": "one"}] * 600))
    assert len(alike.few().items) == 500
    many = [{**CHOICE, "question": f"What is {n}?"} for n in range(700)]
    task = load_task(written(tmp_path / "w.jsonl", *many)).with_shots(2)
    assert len(task.few().items) == 500 and set(task.few().items) <= set(task.items)
    assert task.few().part == ("2shot", "few")


def test_like_lm_eval_is_a_blank_before_what_has_no_context(tmp_path: Path) -> None:
    pairs = load_task(written(tmp_path / "t.jsonl", PAIR)).with_blank()
    assert [text for _, text in pairs.items[0].candidates] == [" The cat sees herself.", " The cat sees himself."]
    choices = load_task(written(tmp_path / "c.jsonl", CHOICE))
    assert choices.with_blank().items == choices.items and pairs.part == ("like-lm-eval",)
