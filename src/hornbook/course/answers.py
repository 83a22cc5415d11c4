"""Whether the answer to an exercise is right, and if not, which slip it looks like. Works without a network.

The answers stand in answers.toml, below the exercise's number:

    ["8.1"]
    value = 24.5325          a number, a text, or a list of either
    within = 0.001           how far a number may be off, as a share of it; 0.005 by default. Of 0 it is the distance
    right = "..."            said of a right answer; may be left out
    slips = [{ value = 4.6166, says = "That is in bits." }]     usual slips, with the same tolerance
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.course.reader import record
from hornbook.errors import UserError, nearest

Value = float | str | list[float] | list[str]
_FILE = Path(__file__).with_name("answers.toml")
_WITHIN = 0.005


@dataclass(frozen=True)
class Slip:
    """A usual wrong answer, and what is said of it."""

    value: Value
    says: str


@dataclass(frozen=True)
class Answer:
    """The answer to an exercise; the fields are those of answers.toml."""

    exercise: str
    value: Value
    within: float = _WITHIN
    right: str = ""
    slips: tuple[Slip, ...] = ()


@dataclass(frozen=True)
class Checked:
    """What is said of an answer. `right` is None where none was given yet."""

    right: bool | None
    says: str


@functools.cache
def answers() -> Mapping[str, Answer]:
    """Return the answers of all exercises, by number."""
    found: dict[str, Answer] = {}
    for name, fields in tomllib.loads(_FILE.read_text(encoding="utf-8")).items():
        slips = tuple(Slip(**slip) for slip in fields.pop("slips", ()))
        found[name] = Answer(name, slips=slips, **fields)
    return found


def check(exercise: str, value: object) -> bool:
    """Print whether a value is the answer to an exercise, with a hint if not; note it in ./course/progress.json.

    Numbers may come from torch or numpy. `...` stands for an exercise that is not done yet.
    """
    found = checked(exercise, value)
    print(f"Exercise {exercise}: {found.says}")
    if found.right is not None:
        record("exercises", exercise, found.right)
    return bool(found.right)


def checked(exercise: str, value: object) -> Checked:
    """Return what is said of a value. Raises UserError where there is no such exercise."""
    if exercise not in answers():
        raise UserError(f"There is no exercise {exercise}.{nearest(exercise, answers())}")
    answer = answers()[exercise]
    if value is ...:
        return Checked(None, "not answered yet. Put your answer in place of the three points.")
    if _same(value, answer.value, answer.within):
        return Checked(True, f"right. {answer.right}".rstrip())
    for slip in answer.slips:
        if _same(value, slip.value, answer.within):
            return Checked(False, f"not yet. {slip.says}")
    return Checked(False, f"not yet. {_form(value, answer)}")


def read_answer(exercise: str, words: str) -> object:
    """Return an answer that was typed as the value it stands for. Raises UserError where it cannot be one."""
    wanted = answers()[exercise].value if exercise in answers() else ""
    if isinstance(wanted, str):
        return words
    if isinstance(wanted, list):
        items = words.replace(",", " ").split()
        return items if isinstance(wanted[0], str) else [_number(item) for item in items]
    return _number(words)


def _number(words: str) -> float:
    try:
        return float(words)
    except ValueError:
        raise UserError(f"{words!r} is no number: write it as 24.5, 1.8e12 or 0.15, without commas.") from None


def _same(given: object, wanted: Any, within: float) -> bool:
    """Say whether a value is an answer: numbers within a share, texts whatever their capitals, lists item by item."""
    if isinstance(wanted, list):
        items = given.tolist() if hasattr(given, "tolist") else given
        if not isinstance(items, list | tuple) or len(items) != len(wanted):
            return False
        return all(_same(item, one, within) for item, one in zip(items, wanted, strict=True))
    if isinstance(wanted, str):
        return isinstance(given, str) and _plain(given) == _plain(wanted)
    number = _as_number(given)
    return number is not None and abs(number - wanted) <= within * (abs(wanted) or 1.0)


def _as_number(given: object) -> float | None:
    """Return a number of Python, numpy or torch as a float; None for anything else and for what is not finite."""
    if isinstance(given, str) or not hasattr(given, "__float__"):
        return None
    try:
        number = float(given)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # of arrays and tensors with several items
        return None
    return number if math.isfinite(number) else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _form(given: object, answer: Answer) -> str:
    """Return what is wrong with the form of an answer, or else on which side of the right one it lies."""
    if isinstance(answer.value, list):
        return f"The answer is a list of {len(answer.value)}: look at each item again."
    if isinstance(answer.value, str):
        return "The answer is a text: look at the words of the chapter." if isinstance(given, str) else "It is a text."
    number = _as_number(given)
    if number is None:
        return "The answer is one number."
    return f"{number:.6g} is too {'large' if number > answer.value else 'small'}."
