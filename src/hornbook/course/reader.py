"""What is the reader's: a text, a folder for what chapters make, and a file of what was answered. Loads no torch."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hornbook.artifacts import disk_errors, make_directory, read_json, remove_directory, write_json
from hornbook.errors import UserError

FOLDER = Path("course")
PROGRESS = FOLDER / "progress.json"
KEEPING = True  # of answers; not where a chapter runs with its own solutions
_BUNDLED = Path(__file__).with_name("text.txt")
_ONE_AT_A_TIME = threading.Lock()  # the pages answer in several threads
_LONGEST = 1_000_000  # characters of a text that chapters look at


def text(path: str | Path = "") -> str:
    """Return the reader's text: of a file, of the script's option --text FILE, or else the bundled one.

    Raises UserError where the file cannot be read or is empty.
    """
    return _read(Path(path or _option("text") or _BUNDLED))


def corpus() -> str:
    """Return what a chapter trains on: the file of --text FILE, or else builtin:docs, Python's documentation."""
    chosen = _option("text")
    if chosen:
        _read(Path(chosen))
    return chosen or "builtin:docs"


def wish(name: str, default: float) -> float:
    """Return the number that the script's option --NAME has, or else the default. Raises UserError for no number."""
    given = _option(name)
    try:
        return float(given) if given else default
    except ValueError:
        raise UserError(f"--{name} needs a number, not {given!r}.") from None


def place(name: str, keep: bool = False) -> Path:
    """Return a folder for what a chapter makes, ./course/work/NAME.

    What an earlier run left there is removed, and the folder is not there yet; with `keep` it is there, and all in it.
    """
    folder = FOLDER / "work" / name
    with disk_errors(folder):
        if folder.exists() and not keep:
            remove_directory(folder)
        make_directory(folder if keep else folder.parent)
    return folder


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Send what is printed in the block to standard error: progress has times, and is no result of a chapter."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def progress() -> dict[str, dict[str, bool]]:
    """Return what was answered so far, by kind (exercises, quiz) and number: whether it was ever right."""
    if not PROGRESS.exists():
        return {}
    found = read_json(PROGRESS, "record of your progress")
    if not isinstance(found, dict) or not all(isinstance(part, dict) for part in found.values()):
        raise UserError(f"The record of your progress at {PROGRESS} is damaged: remove it.")
    return found


def record(kind: str, number: str, right: bool) -> None:
    """Note an answer in ./course/progress.json. Raises UserError where it cannot be written."""
    if not KEEPING:
        return
    with _ONE_AT_A_TIME:
        known: Mapping[str, Any] = progress()
        with disk_errors(FOLDER):
            make_directory(FOLDER)
        before = known.get(kind, {})
        write_json(PROGRESS, {**known, kind: {**before, number: right or before.get(number, False)}})


def _option(name: str) -> str:
    """Return what follows --NAME among this script's arguments; "" where it is not there."""
    given = sys.argv[1:]
    if f"--{name}" not in given:
        return ""
    after = given[given.index(f"--{name}") + 1 :]
    if not after or not after[0]:
        raise UserError(f"--{name} needs a value behind it.")
    return after[0]


def _read(path: Path) -> str:
    try:
        found = path.read_text(encoding="utf-8")[:_LONGEST]
    except UnicodeDecodeError as error:
        raise UserError(f"The text {path} is not UTF-8: convert it, or name another.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"The text {path} cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    if not found.strip():
        raise UserError(f"The text {path} is empty: name one with some words.")
    return found
