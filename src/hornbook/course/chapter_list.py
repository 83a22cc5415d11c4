"""The chapters that come with Hornbook, and what their cells said when they were tested."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from hornbook.artifacts import read_json
from hornbook.course.cells import Chapter, parse
from hornbook.errors import UserError

FOLDER = Path(__file__).parent / "chapters"
OUTPUTS = FOLDER / "outputs"


@functools.cache
def chapters() -> tuple[Chapter, ...]:
    """Return all chapters in their order."""
    return tuple(read_chapter(path) for path in sorted(FOLDER.glob("[0-9][0-9]_*.py")))


def chapter(number: int) -> Chapter:
    """Return the chapter of a number; raises UserError that lists all."""
    for found in chapters():
        if found.number == number:
            return found
    listed = ", ".join(f"{item.number} ({item.title})" for item in chapters())
    raise UserError(f"There is no chapter {number}. Choose from {listed}.")


def read_chapter(path: Path) -> Chapter:
    """Return the chapter in a file NN_name.py; raises UserError for another name, and for what is no chapter."""
    name = re.fullmatch(r"(\d\d)_\w+", path.stem)
    if name is None:
        raise UserError(f"{path.name} is no chapter: its name must be two digits, _ and a word.")
    return Chapter(int(name[1]), path.stem, path, parse(path.read_text(encoding="utf-8"), path.name))


def stored(chapter: Chapter) -> dict[int, list[dict[str, Any]]]:
    """Return what each code cell said when the chapter was tested, by its place among the cells."""
    path = OUTPUTS / f"{chapter.name}.json"
    if not path.exists():
        return {}
    return {int(place): said for place, said in read_json(path, "course's stored output").items()}
