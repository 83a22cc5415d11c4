"""The page of evaluate: its task of one's own and its settings beside a task are used as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hornbook.evaluate.scoring import ways
from hornbook.evaluate.task_files.fields import SHAPES
from hornbook.evaluate.task_files.read import load_task

PAGE = (Path(__file__).parents[2] / "docs" / "evaluate.md").read_text(encoding="utf-8")


def block(language: str, word: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return next(text for text in found if word in text)


def test_the_task_of_ones_own_is_read(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(block("python", "def rhymes"))
    task = load_task(f"{tmp_path / 'my.py'}:rhymes")
    assert [item.candidates[0] for item in task.items] == [("cat rhymes with", " hat"), ("night rhymes with", " light")]


def test_the_settings_beside_a_task_are_taken(tmp_path: Path) -> None:
    (tmp_path / "boolq.toml").write_text(block("toml", "headline"))
    record = {"passage": "Rain falls.", "question": "does it rain?", "choices": ["no", "yes"], "label": 1}
    (tmp_path / "boolq.jsonl").write_text(json.dumps(record))
    task = load_task(tmp_path / "boolq.jsonl")
    assert task.items[0].candidates[1] == ("Rain falls.\nQ: does it rain?\nA:", " yes") and task.headline == "acc_pmi"


def test_every_field_that_a_task_needs_is_on_the_page() -> None:
    assert all(f"`{name}`" in PAGE for shape in SHAPES for name in shape.fields)
    for way in ("continuation", "rewrite", "sentinel", "span-pll", "pll-word", "bound", "replaced"):
        assert way in PAGE and way in (ways.__doc__ or "")
