"""The chapters: every cell runs, says what is stored, and every exercise's solution is right."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from hornbook.course import Cell, Chapter, chapters, run_chapter
from hornbook.course.answers import answers
from hornbook.course.cells import SOLUTION, Corrupt, parse, prose, render
from hornbook.course.chapter_list import stored
from hornbook.objectives.catalogue import build
from hornbook.vocab import EMPTY

QUICK = {5, 8}  # those that are run in less than about five seconds
EACH = pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
RUNS = [
    pytest.param(one, id=one.name, marks=() if one.number in QUICK else pytest.mark.slow)
    for one in chapters()
]  # fmt: skip


@pytest.mark.parametrize("chapter", RUNS)
def test_every_cell_says_what_is_stored(chapter: Chapter, tmp_path: Path) -> None:
    said = {ran.place: list(ran.said) for ran in run_chapter(chapter, solutions=True, folder=tmp_path)}
    assert {place: equal_everywhere(parts) for place, parts in said.items()} == {
        place: equal_everywhere(parts) for place, parts in stored(chapter).items()
    }, f"run python docs/scripts/course_outputs.py {chapter.number}"


def equal_everywhere(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for part in parts if "here" not in part]


@EACH
def test_all_that_is_code_has_a_stored_output_and_every_solution_is_right(chapter: Chapter) -> None:
    said = stored(chapter)
    assert set(said) == {place for place, cell in enumerate(chapter.cells) if cell.kind != "markdown"}
    for place, cell in enumerate(chapter.cells):
        if cell.kind == "exercise":
            assert said[place][-1]["text"].splitlines()[-1].startswith(f"Exercise {cell.exercise}: right.")
        if cell.kind == "tutorial":
            assert any(letter.isdigit() for part in said[place] for letter in part.get("text", "")), "shows no number"


@EACH
def test_it_begins_as_chapters_do_and_is_read_as_it_is_written(chapter: Chapter) -> None:
    written = parse(render(chapter.cells), chapter.name)
    assert [(cell.kind, cell.source) for cell in written] == [(cell.kind, cell.source) for cell in chapter.cells]
    assert chapter.cells[0].source.startswith(f"# {chapter.number} {chapter.title}\n")
    assert chapter.learn and chapter.time


@EACH
def test_every_picture_is_of_an_objective(chapter: Chapter) -> None:
    for cell in chapter.cells:
        pieces = prose(cell.source) if cell.kind == "markdown" else []
        assert not any(":::" in piece for piece in pieces if isinstance(piece, str))
        for piece in pieces:
            if isinstance(piece, Corrupt):
                build(piece.kind, dict(piece.settings), EMPTY)


@EACH
def test_no_cell_needs_what_a_solution_makes(chapter: Chapter) -> None:
    """The reader's copies have no solutions, and must run all the same."""
    made: set[str] = set()
    for cell in chapter.cells:
        if cell.kind == "markdown":
            continue
        reads, writes = names(cell.asked)
        assert not made & reads, (cell.exercise, cell.line)
        if cell.kind == "exercise":
            made |= names(cell.source.partition(SOLUTION)[2])[1]
        made -= writes if cell.kind != "exercise" else set()


def names(source: str) -> tuple[set[str], set[str]]:
    """Return the names that code reads before it has made them, and those that it makes."""
    reads: set[str] = set()
    made: set[str] = set()
    for statement in ast.parse(source).body:
        found = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        own = {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
        stores = {node.id for node in found if isinstance(node.ctx, ast.Store)} | own
        inner = isinstance(statement, ast.For | ast.With | ast.FunctionDef | ast.ClassDef) | any(
            isinstance(node, ast.comprehension) for node in ast.walk(statement)
        )
        reads |= {node.id for node in found if isinstance(node.ctx, ast.Load)} - made - (stores if inner else set())
        made |= stores
    return reads, made


def test_exercises_and_answers_are_the_same() -> None:
    asked: list[Cell] = [cell for chapter in chapters() for cell in chapter.exercises]
    assert sorted(cell.exercise for cell in asked) == sorted(answers())
    for chapter in chapters():
        assert all(cell.exercise.startswith(f"{chapter.number}.") for cell in chapter.exercises)
        assert all(cell.task for cell in chapter.exercises)
