"""The reader's copies of the course: notebooks and scripts without solutions, made from the chapters, and the quiz."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hornbook.artifacts import disk_errors, json_text, make_directory, write_file
from hornbook.course.cells import Cell, Chapter, Corrupt, prose, render
from hornbook.course.chapter_list import chapters
from hornbook.course.quiz import QUIZ, questions, sheet
from hornbook.errors import UserError

_PINNED = """# One thread: with small models, several threads wait for each other most of the time.
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")"""
_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def readers_cells(chapter: Chapter) -> tuple[Cell, ...]:
    """Return a chapter's cells as the reader gets them: no solutions, and code that prints instead of live pictures."""
    return tuple(_readers_cells(chapter))


def _readers_cells(chapter: Chapter) -> Iterator[Cell]:
    yield from _pieces(chapter.cells[0])
    yield Cell("code", _PINNED)
    for cell in chapter.cells[1:]:
        if cell.kind == "markdown":
            yield from _pieces(cell)
        else:
            yield Cell("code", cell.asked)


def _pieces(cell: Cell) -> Iterator[Cell]:
    for piece in prose(cell.source):
        if isinstance(piece, Corrupt):
            settings = "".join(f", {name}={_literal(value)}" for name, value in piece.settings)
            yield Cell("code", f'from hornbook.course import picture\n\npicture("{piece.kind}"{settings})')
        else:
            yield Cell("markdown", piece.strip("\n"))


def _literal(value: str) -> str:
    """Return a setting's value as Python writes it: numbers and truths as they are, all else as text.

    >>> _literal("0.3"), _literal("yes"), _literal("True")
    ('0.3', "'yes'", 'True')
    """
    try:
        float(value)
    except ValueError:
        return value if value in ("True", "False", "None") else repr(value)
    return value


def notebook(chapter: Chapter) -> dict[str, Any]:
    """Return a chapter as a notebook, nbformat 4.5. Its cells' ids are fixed, so equal chapters are equal files."""
    cells: list[dict[str, Any]] = []
    for place, cell in enumerate(readers_cells(chapter)):
        code: dict[str, Any] = {"execution_count": None, "outputs": []} if cell.kind == "code" else {}
        cells.append({
            "cell_type": cell.kind,
            "id": f"{chapter.name}-{place:03d}",
            "metadata": {},
            "source": cell.source.splitlines(keepends=True),
            **code,
        })  # fmt: skip
    return {"cells": cells, "metadata": _KERNEL, "nbformat": 4, "nbformat_minor": 5}


def notebook_text(chapter: Chapter) -> str:
    """Return the notebook's file."""
    return json_text(notebook(chapter), indent=1) + "\n"


def export(folder: str | Path) -> list[Path]:
    """Write every chapter as NN_name.ipynb and NN_name.py, and the quiz as quiz.md; return the files.

    Raises UserError where the folder cannot be written, and where a file of such a name has other content: the reader
    may have worked in it.
    """
    target = Path(folder)
    with disk_errors(target):
        make_directory(target)
    files = {
        f"{chapter.name}.{ending}": text
        for chapter in chapters()
        for ending, text in (("ipynb", notebook_text(chapter)), ("py", render(readers_cells(chapter))))
    }
    if questions():
        files[QUIZ.with_suffix(".md").name] = sheet()
    for name, content in files.items():
        if (target / name).exists() and (target / name).read_bytes() != content.encode():
            raise UserError(f"{target / name} is there and has other content, maybe your work: choose another folder.")
    for name, content in files.items():
        write_file(target / name, content)
    return [target / name for name in files]
