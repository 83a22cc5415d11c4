"""Builds: every document accounted for, and the same bytes whatever happens meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_steps
from pyarrow import parquet
from tiny_steps import Repeats, Short, Without

from hornbook.artifacts import read_manifest
from hornbook.corpus.build.build import build, build_recipe, runs
from hornbook.corpus.build.catalogue import from_table
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.build.recipe import CorpusRecipe
from hornbook.corpus.read import read

TEXTS = [
    f"Document {number} has the number {number} and so many words: {'the word ' * (number % 7)}"
    for number in range(300)
]
ONE = Engine(workers=1)


def write_input(folder: Path, repeat: int = 2) -> Path:
    """Write JSON lines with repeats, short ones and a broken one, a text file, and a file that cannot be read."""
    folder.mkdir()
    lines = [json.dumps({"text": text, "url": f"http://x/{number}"}) for number, text in enumerate(TEXTS * repeat)]
    lines[10:10] = ["{broken", json.dumps({"text": "too short"}), json.dumps({"other": 1})]
    (folder / "a.jsonl").write_text("\n".join(lines))
    (folder / "b.txt").write_text("A paragraph of the book with words enough.\n\n" * 200)
    (folder / "c.jsonl.gz").write_bytes(b"not gzip")
    return folder


def contents(corpus: Path) -> dict[str, bytes]:
    """Return the bytes of everything in a corpus."""
    return {
        path.relative_to(corpus).as_posix(): path.read_bytes()
        for path in corpus.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def rows(corpus: Path) -> list[dict[str, Any]]:
    return [
        row for path in sorted((corpus / "documents").glob("*.parquet")) for row in parquet.read_table(path).to_pylist()
    ]


def test_every_document_is_kept_or_dropped_for_a_reason(tmp_path: Path) -> None:
    folder = write_input(tmp_path / "in")
    ledger = build([Short(5), Repeats(), Without("the ")], [str(folder)], tmp_path / "out", engine=ONE)
    sections = len(list(read([str(folder / "b.txt")])))
    assert ledger["in"]["documents"] == 600 + 1 + sections
    assert ledger["dropped"]["short: too few words"]["documents"] == 1
    assert ledger["dropped"]["repeats: seen before"]["documents"] >= 300
    assert ledger["unread"]["reasons"] == {'no field "text"': 1, "not a whole gzip file": 1, "not valid JSON": 1}
    assert [(item["file"], item["line"]) for item in ledger["unread"]["first"]] == [
        (f"{folder}/a.jsonl", 11),
        (f"{folder}/a.jsonl", 13),
        (f"{folder}/c.jsonl.gz", 0),
    ]
    out = rows(tmp_path / "out")
    assert len(out) == ledger["kept"]["documents"]
    assert sum(len(row["text"].encode()) for row in out) == ledger["kept"]["bytes"]
    assert sum(len(row["text"].split()) for row in out) == ledger["kept"]["words"]
    for measure in ("documents", "bytes", "words"):
        dropped = sum(amount[measure] for amount in ledger["dropped"].values())
        assert ledger["in"][measure] == ledger["kept"][measure] + dropped + ledger["removed"].get(measure, 0)


def test_documents_are_in_the_order_of_their_places_with_their_other_fields(tmp_path: Path) -> None:
    folder = write_input(tmp_path / "in")
    build([Repeats()], [str(folder)], tmp_path / "out", engine=ONE)
    out = rows(tmp_path / "out")
    assert [row["place"] for row in out] == sorted({row["place"] for row in out})
    assert [row["text"] for row in out if row["id"].startswith(f"{folder}/a.jsonl")][:10] == TEXTS[:10]
    assert json.loads(out[3]["meta"]) == {"url": "http://x/3"}
    assert out[3]["id"] == f"{folder}/a.jsonl#4" and out[3]["source"] == str(folder)
    read_manifest(tmp_path / "out", "corpus")
    assert [document.text for document in read([str(tmp_path / "out")])] == [row["text"] for row in out]


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([], []),
        ([Short(), Without()], [(None, 1, (Short(), Without()))]),
        ([Repeats(), Short(), Repeats()], [(Repeats(), 1, (Short(),)), (Repeats(), 3, ())]),
        ([Short(), Repeats()], [(None, 1, (Short(),)), (Repeats(), 2, ())]),
    ],
)
def test_steps_are_split_at_each_survey(steps: list[Any], found: list[Any]) -> None:
    assert list(runs(steps)) == found


@pytest.mark.slow
def test_a_step_may_stand_in_a_file_and_workers_have_it_too(tmp_path: Path) -> None:
    folder = write_input(tmp_path / "in")
    (tmp_path / "mine.py").write_text(Path(tiny_steps.__file__).read_text(encoding="utf-8"))
    step = from_table({"kind": f"{tmp_path}/mine.py:Short"}, "steps[1]")
    recipe = CorpusRecipe(paths=(str(folder),), steps=(step,), block=4096)
    one, two = (build_recipe(recipe, tmp_path / str(number), Engine(workers=number)) for number in (1, 2))
    assert one["kept"] == two["kept"] and one["dropped"] == two["dropped"] != {}
