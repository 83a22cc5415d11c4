"""The ledger adds up for every objective, packed, mixed and resumed; one token too many turns a tick off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from counted_runs import KINDS, counted_run, two_files

from hornbook.artifacts import MANIFEST, enlist, write_json, write_manifest
from hornbook.console import View
from hornbook.report.facts import facts_of
from hornbook.report.ledger import Line, ledger
from hornbook.report.rows import counted

TALES = Path(__file__).parents[1] / "fixtures" / "report" / "tales"
HOWS = {"packed": {}, "mixed": {}, "resumed": {"stops": 2}}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return two_files(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def causal(paths: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counted_run(tmp_path_factory.mktemp("runs") / "causal", paths, "causal")


def lines_of(directory: Path) -> tuple[Line, ...]:
    run = facts_of(directory)
    return ledger(run, counted(run))


def wrong(lines: tuple[Line, ...]) -> list[str]:
    return [f"{line.name}, {line.unit}" for line in lines if line.holds is False]


def unknown(lines: tuple[Line, ...]) -> set[str]:
    return {line.name for line in lines if line.holds is None}


QUICK = {(kind, "packed") for kind in KINDS} | {(k, h) for k in ("causal", "ul2", "nsp") for h in HOWS}


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        pytest.param(kind, how, marks=[] if (kind, how) in QUICK else [pytest.mark.slow])
        for kind in KINDS
        for how in HOWS
    ],
)
def test_every_line_holds_for_every_objective(kind: str, how: str, paths: list[str], tmp_path: Path) -> None:
    mix = ["mix.rule=temperature"] if how == "mixed" else []
    lines = lines_of(counted_run(tmp_path / "run", paths, kind, *mix, **HOWS[how]))
    assert wrong(lines) == []
    assert unknown(lines) <= {"text read", "counts told alike"}  # nothing was cleaned; no result is there
    assert {"rows of one epoch", "rows read", "positions computed", "targets", "operations"} <= {
        line.name for line in lines if line.holds
    }


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        (["mix.rule=temperature", "mix.late=FEW=1", "budget.corrections=0=9,3=7"], {"steps": 7}),
        (["mix.order=length"], {"steps": 30}),
        (["mix.order=-rarity", "mix.rule=temperature"], {"steps": 12}),
        (["mix.order=length", "mix.stage=0.3", "budget.corrections=0=40,5=20"], {"steps": 20}),
        (["mix.order=source=FEW"], {"steps": 9}),
        ([], {"steps": 50, "until": 7}),
    ],
    ids=["late and corrected", "by length", "by rarity", "staged and corrected", "by field", "until"],
)
def test_orders_corrections_and_runs_that_stopped_add_up(
    settings: list[str], more: dict[str, int], paths: list[str], tmp_path: Path
) -> None:
    told = [line.replace("FEW", paths[1]) for line in settings]
    lines = lines_of(counted_run(tmp_path / "run", paths, "ul2", *told, **more))
    assert wrong(lines) == []
    assert "rows read" not in unknown(lines)


def test_a_cleaned_run_has_a_line_for_what_was_dropped() -> None:
    lines = lines_of(TALES)
    assert wrong(lines) == [] and unknown(lines) == set()
    dropped = {line.unit: dict(line.right) for line in lines if line.name == "text read"}
    assert dropped["documents"] == {"kept": 122, "dropped: exact duplicates: same text as another document": 3}
    assert set(dropped) == {"documents", "bytes", "words"}
    (read,) = (dict(line.right) for line in lines if line.name == "rows read")
    assert read["different of notes.jsonl"] == 41 and read["read again of notes.jsonl"] == 619


@pytest.mark.slow
def test_the_account_of_a_corpus_that_was_built_before_comes_with_the_run(paths: list[str], tmp_path: Path) -> None:
    pytest.importorskip("daft")
    from hornbook.corpus.build.build import build_recipe
    from hornbook.corpus.build.engine import Engine
    from hornbook.corpus.build.recipe import CorpusRecipe, default_steps

    plan = CorpusRecipe(paths=tuple(paths), text="text", steps=default_steps())
    account = build_recipe(plan, tmp_path / "corpus", Engine(), View(plain=True, silent=True).stage)
    lines = lines_of(counted_run(tmp_path / "run", [str(tmp_path / "corpus")], "causal"))
    assert wrong(lines) == [] and "text read" not in unknown(lines)
    (read,) = (line for line in lines if (line.name, line.unit) == ("text read", "documents"))
    assert dict(read.left) == {"read": account["in"]["documents"]}


def edited(path: Path, name: str) -> None:
    """Add one to a number in a JSON file, whose own hash is made right again if it has one."""
    found = json.loads(path.read_text())
    *inside, last = name.split(".")
    table: Any = found
    for key in inside:
        table = table[key]
    table[last] += 1
    if path.name == MANIFEST:
        write_manifest(path.parent, found)
    else:
        write_json(path, found)


@pytest.mark.parametrize(
    ("file", "name", "line"),
    [
        ("corpus/ledger.json", "kept.words", "text read, words"),
        ("corpus/ledger.json", "in.documents", "text read, documents"),
        ("corpus.json", "bytes", "text as tokens, bytes"),
        ("tokens/manifest.json", "tokens", "split, tokens"),
        ("tokens/manifest.json", "documents", "split, documents"),
        ("result.json", "padding", "counts told alike, counts"),
        ("plan.json", "flops_per_step", "operations, FLOPs"),
    ],
)
def test_a_planted_error_of_one_turns_the_tick_off(file: str, name: str, line: str, tales: Path) -> None:
    edited(tales / file, name)
    if file.startswith("corpus/"):
        enlist(tales / "corpus", file.removeprefix("corpus/"))
        enlist(tales, "corpus/manifest.json")
    else:
        enlist(tales, file)
    assert line in wrong(lines_of(tales))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("positions", "positions computed, positions"),
        ("scored", "targets, targets"),
        ("not_scored", "targets, targets"),
        ("padding", "counts told alike, counts"),
        ("tokens", "tokens read, tokens"),
    ],
)
def test_one_token_more_in_the_records_is_found(name: str, line: str, tales: Path) -> None:
    path = tales / "metrics.jsonl"
    *before, last = path.read_text().splitlines()
    place = next(number for number, text in enumerate([*before, last]) if '"step": 220' in text and "train" in text)
    lines = [*before, last]
    record = json.loads(lines[place])
    lines[place] = json.dumps(record | {name: record[name] + 1})
    path.write_text("\n".join(lines) + "\n")
    assert line in wrong(lines_of(tales))


def test_a_document_more_in_the_index_is_found(causal: Path) -> None:
    run = facts_of(causal)
    rows = counted(run)
    assert not isinstance(rows, str)
    more = replace(rows, trained=replace(rows.trained, tokens=rows.trained.tokens + 1))
    assert wrong(ledger(run, more)) == ["split, tokens", "rows of one epoch, positions"]


def test_a_line_that_lacks_its_data_has_no_tick_and_says_why(tales: Path) -> None:
    (tales / "plan.json").unlink()
    found = {line.name: line for line in lines_of(tales)}
    assert found["positions computed"].holds is None and "plan.json" in found["positions computed"].missing
    assert found["split"].holds is True


def test_an_earlier_version_that_counted_less_is_told_of(tales: Path) -> None:
    plan = json.loads((tales / "plan.json").read_text())
    write_json(tales / "plan.json", {name: value for name, value in plan.items() if not name.startswith("row_")})
    enlist(tales, "plan.json")
    found = {line.name: line for line in lines_of(tales)}
    assert "another version wrote it" in found["targets"].missing
