"""The quiz: questions with four options each, in quiz.toml, and whether an option is right.

[[questions]]
question = "..."
options = ["...", "...", "...", "..."]     as many as one likes; the order in which they are shown is drawn
right = "..."                               one of the options, word for word
why = "..."                                 said after each answer
source = "..."                              where it can be read
chapter = 3                                 that teaches it
"""

from __future__ import annotations

import functools
import string
import tomllib
from dataclasses import dataclass
from pathlib import Path

from hornbook.course.reader import record
from hornbook.errors import UserError
from hornbook.keys import row_keys

QUIZ = Path(__file__).with_name("quiz.toml")


@dataclass(frozen=True)
class Question:
    """One question; `options` are in the order in which they are shown, and have the letters A, B, C ..."""

    number: int
    question: str
    options: tuple[str, ...]
    right: str
    why: str
    source: str
    chapter: int


@dataclass(frozen=True)
class Answered:
    """What is said of an option that was chosen."""

    right: bool
    says: str


@functools.cache
def questions() -> tuple[Question, ...]:
    """Return all questions in their order."""
    listed = tomllib.loads(QUIZ.read_text(encoding="utf-8"))["questions"] if QUIZ.exists() else []
    return tuple(
        Question(number, **{**fields, "options": _drawn(number, fields["options"])})
        for number, fields in enumerate(listed, 1)
    )


def _drawn(number: int, options: list[str]) -> tuple[str, ...]:
    """Return options in an order that depends on the question alone: in the file the right one may be the first."""
    keys = row_keys(number, range(len(options)))
    return tuple(option for _, option in sorted(zip(keys.tolist(), options, strict=True)))


def letters(question: Question) -> str:
    return string.ascii_uppercase[: len(question.options)]


def answer(number: int, option: str) -> Answered:
    """Return what is said of an option, given as its letter or its words; note it in ./course/progress.json.

    Raises UserError where there is no such question or option.
    """
    question = next((item for item in questions() if item.number == number), None)
    if question is None:
        raise UserError(f"There is no question {number}: choose 1 to {len(questions())}.")
    named = dict(zip(letters(question), question.options, strict=True))
    chosen = named.get(option.strip().upper(), option)
    if chosen not in question.options:
        raise UserError(f"Question {number} has no option {option!r}: choose from {', '.join(named)}.")
    right = chosen == question.right
    record("quiz", str(number), right)
    letter = next(name for name, words in named.items() if words == question.right)
    verdict = "Right." if right else f"Not right: it is {letter}, {question.right}"
    verdict = verdict if verdict.endswith((".", "?", "!")) else f"{verdict}."
    return Answered(right, f"{verdict} {question.why} Source: {question.source}. Chapter {question.chapter}.")


def sheet() -> str:
    """Return the questions as a page to print, without the answers."""
    blocks = ["# Quiz", "Answers: `hornbook course quiz 1 A`, or `hornbook course quiz` for all."]
    for question in questions():
        blocks.append(f"## {question.number}. {question.question}")
        options = zip(letters(question), question.options, strict=True)
        blocks.append("\n".join(f"- {letter}: {words}" for letter, words in options))
    return "\n\n".join(blocks) + "\n"
