"""Run a chapter's cells in this process: `python -m hornbook.course.execute CHAPTER PIPE SOLUTIONS [--text FILE]`.

A line of JSON for each code cell goes to the pipe: its place, and what it said; the last line may be an error. The
cells' own standard output, also that of compiled code, is not the pipe, so that nothing that they do can spoil it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from hornbook.course import reader, shown
from hornbook.course.cells import Cell
from hornbook.course.chapter_list import read_chapter
from hornbook.errors import expected


class _Said(io.StringIO):
    """What a cell printed and drew, in order; see `hornbook.course.run.Ran`."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[dict[str, str]] = []

    def draw(self, svg: str, caption: str) -> None:
        self.end_part()
        self.parts.append({"svg": svg, "caption": caption})

    def end_part(self, here: bool = False) -> None:
        if self.getvalue():
            self.parts.append({"here" if here else "text": self.getvalue()})
            self.seek(0)
            self.truncate()


def main() -> int:
    """Run the chapter that the arguments name; return the exit code."""
    path, pipe, solutions, *rest = sys.argv[1:]
    chapter = read_chapter(Path(path))
    sys.argv = [path, *rest]
    # Classes that cells define are looked up in the module that runs.
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    reader.KEEPING = False
    with open(int(pipe), "w", encoding="utf-8") as report:
        for place, cell in enumerate(chapter.cells):
            if cell.kind != "markdown" and not _run(cell, place, vars(module), report, path, solutions == "1"):
                return 1
    return 0


def _run(cell: Cell, place: int, names: dict[str, Any], report: TextIO, path: str, solutions: bool) -> bool:
    """Run one cell and report it; return whether it ended well."""
    said = _Said()
    shown.RECORDERS[:] = [said]
    source = cell.source if solutions else cell.asked
    told: dict[str, Any] = {"cell": place}
    try:
        with contextlib.redirect_stdout(said):
            exec(compile("\n" * cell.line + source, path, "exec"), names)
    except Exception as error:
        known = expected(error)
        if known is None:
            traceback.print_exc()
        told["error"] = str(known) if known else f"{type(error).__name__}: {error}"
        told["code"] = known.exit_code if known else 1
    said.end_part()
    report.write(json.dumps({**told, "said": said.parts}) + "\n")
    report.flush()
    return "error" not in told


if __name__ == "__main__":
    try:
        code = main()
    except (KeyboardInterrupt, BrokenPipeError):  # it was stopped, or whoever began it has gone
        code = 1
    sys.stderr.flush()
    os._exit(code)  # threads of libraries do not keep the process
