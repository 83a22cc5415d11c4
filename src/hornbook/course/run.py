"""Run a chapter in a process of its own, cell by cell, with the threads of its libraries pinned."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import hornbook
from hornbook.course import reader
from hornbook.course.cells import Chapter
from hornbook.errors import HornbookError, UserError

# Small models on several threads wait for each other most of the time; and sets are walked in one order.
_PINNED = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
NO_WISHES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Ran:
    """What a code cell said.

    place   of the cell in its chapter
    said    in order: {"text": ...} of what it printed, {"here": ...} of what is printed otherwise on another machine,
            {"svg": ..., "caption": ...} of what it drew
    """

    place: int
    said: tuple[dict[str, str], ...]

    @property
    def text(self) -> str:
        return "".join(part.get("text", part.get("here", "")) for part in self.said)


def run_chapter(
    chapter: Chapter,
    *,
    text: str | Path = "",
    wishes: Mapping[str, float] = NO_WISHES,
    solutions: bool = False,
    folder: str | Path = ".",
) -> Iterator[Ran]:
    """Run a chapter from a folder and yield what each code cell said, as soon as it is done.

    text       file that is the reader's text
    wishes     numbers that the chapter asks for by `hornbook.course.wish`, such as seeds
    solutions  run the exercises' solutions too; without them the tasks wait for answers
    Progress of trainings goes to standard error. Raises UserError where the text cannot be read or a cell ends in one
    sentence, HornbookError where a cell fails.
    """
    words: list[str] = []
    if str(text):
        reader.text(text)
        words = ["--text", str(Path(text).resolve())]
    words += [word for name, value in wishes.items() for word in (f"--{name}", f"{value:.15g}")]
    reading, writing = os.pipe()
    command = [
        sys.executable, "-m", "hornbook.course.execute", str(chapter.path), str(writing), str(int(solutions)), *words
    ]  # fmt: skip
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(), pass_fds=[writing], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    with _ended(process), open(reading, encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            yield Ran(told["cell"], tuple(told["said"]))
            if "error" in told:
                raise _error(chapter, told)
    if process.returncode:
        raise HornbookError(f"Chapter {chapter.number} ended with exit code {process.returncode} before it was done.")


def _environment() -> dict[str, str]:
    """Return the environment of a chapter: the same Hornbook, and threads pinned unless the reader did it."""
    source = str(Path(hornbook.__file__).parents[1])
    paths = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH", ""))))
    return {**_PINNED, **os.environ, "PYTHONPATH": paths}


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Wait for a process at the end of the block, and end it where the block did not end well."""
    try:
        yield
    except BaseException:
        process.terminate()
        raise
    finally:
        process.wait()


def _error(chapter: Chapter, told: dict[str, Any]) -> HornbookError:
    cell = chapter.cells[told["cell"]]
    message = f"Chapter {chapter.number}, cell at line {cell.line} of {chapter.path.name}: {told['error']}"
    return UserError(message) if told["code"] == 2 else HornbookError(message)
