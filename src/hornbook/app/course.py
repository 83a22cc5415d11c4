"""The course in the browser: chapters as trees that the page builds, checks of answers, notebooks to take away.

Prose is Markdown of our own chapters, turned into a tree here: ["p", "text", ["em", "more"]]. The page makes a node of
each entry, from a list of tags it knows, so no text becomes markup. Nothing that the reader writes is run.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from hornbook.app.serving.endpoints import Page, Refused, Reply
from hornbook.course import answers, quiz, reader
from hornbook.course.build import notebook_text
from hornbook.course.cells import Cell, Chapter, Corrupt, prose
from hornbook.course.chapter_list import chapter, chapters, stored
from hornbook.course.shown import beginning

Tree = list[Any]
_WELCOME = files("hornbook.course").joinpath("welcome.md")
# Kinds of Pygments' tokens, the first that holds, and what the page calls them.
_KINDS = (("Comment", "comment"), ("Literal.String", "string"), ("Literal.Number", "number"), ("Keyword", "keyword"))


@dataclass(frozen=True)
class Asked:
    """A chapter by its number."""

    number: int


@dataclass(frozen=True)
class Given:
    """An answer to an exercise, as it was typed."""

    exercise: str
    answer: str


@dataclass(frozen=True)
class Chosen:
    """A letter that was chosen in the quiz."""

    question: int
    option: str


def course_page(text: str | Path = "") -> Page:
    """Return the page; `text` is a file that is the reader's text. Raises UserError where it cannot be read.

    Its pictures are answered by the page Play, which must be served beside it.
    """
    words = beginning(reader.text(text))
    return Page(
        "course",
        "Course",
        (
            Reply("/api/course/chapter", Asked, lambda asked: shown_chapter(asked.number)),
            Reply("/api/course/check", Given, checked),
            Reply("/api/course/quiz", Chosen, answered),
            Reply("/api/course/notebook", Asked, notebook),
        ),
        lambda: session(words),
    )


def session(words: str) -> Mapping[str, Any]:
    """Return what the page needs first: the chapters' list, the quiz without its answers, what was answered so far."""
    listed = [
        {
            "number": one.number,
            "title": one.title,
            "learn": one.learn,
            "time": one.time,
            "exercises": [cell.exercise for cell in one.exercises],
        }
        for one in chapters()
    ]
    asked = [
        {"number": one.number, "question": one.question, "options": one.options, "chapter": one.chapter}
        for one in quiz.questions()
    ]
    return {
        "welcome": tree(_WELCOME.read_text(encoding="utf-8")),
        "chapters": listed,
        "quiz": asked,
        "progress": reader.progress(),
        "text": words,
    }


@functools.lru_cache(maxsize=32)
def shown_chapter(number: int) -> Mapping[str, Any]:
    """Return a chapter's cells as the page shows them. Raises UserError where there is no such chapter."""
    found = chapter(number)
    said = stored(found)
    return {
        "number": found.number,
        "title": found.title,
        "cells": [_shown(cell, place, said.get(place, [])) for place, cell in enumerate(found.cells)],
    }


def _shown(cell: Cell, place: int, said: list[dict[str, Any]]) -> dict[str, Any]:
    """Return {kind, ...}: prose has pieces (trees and pictures), code has spans and what it said when tested."""
    if cell.kind == "markdown":
        return {"kind": "prose", "pieces": list(map(_piece, prose(cell.source)))}
    found: dict[str, Any] = {"kind": cell.kind, "place": place, "source": cell.asked, "code": spans(cell.asked)}
    if cell.kind == "exercise":
        return found | {"exercise": cell.exercise, "task": cell.task}
    return found | {"said": list(map(_part, said))}


def _piece(piece: str | Corrupt) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"tree": tree(piece)}
    return {"corrupt": {"kind": piece.kind, **{name: _value(value) for name, value in piece.settings}}}


def _value(written: str) -> Any:
    """Return a setting's value: a number or a truth where it is one, else the text itself."""
    try:
        return json.loads(written.lower())
    except ValueError:
        return written


def _part(part: Mapping[str, str]) -> dict[str, str]:
    """Return a part of an output; a drawing as an address that holds it whole."""
    if "svg" not in part:
        return dict(part)
    drawn = base64.b64encode(part["svg"].encode()).decode()
    return {"image": f"data:image/svg+xml;base64,{drawn}", "caption": part["caption"]}


def checked(given: Given) -> Mapping[str, Any]:
    """Return {right, says} of an answer, and note it. Raises Refused where it is none."""
    if not given.answer.strip():
        raise Refused("Write your answer first.", "answer")
    found = answers.checked(given.exercise, answers.read_answer(given.exercise, given.answer.strip()))
    reader.record("exercises", given.exercise, bool(found.right))
    return {"right": bool(found.right), "says": found.says[0].upper() + found.says[1:]}


def answered(chosen: Chosen) -> Mapping[str, Any]:
    """Return {right, says} of an option, and note it."""
    return vars(quiz.answer(chosen.question, chosen.option))


def notebook(asked: Asked) -> Mapping[str, str]:
    """Return a chapter's notebook as a file's name and text."""
    found: Chapter = chapter(asked.number)
    return {"name": f"{found.name}.ipynb", "text": notebook_text(found)}


def tree(markdown: str) -> Tree:
    """Return Markdown as a tree: a list of texts and of lists [tag, ...]; the page has one h1, so headings go as is."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])
    levels: list[Tree] = [[]]
    for token in _flat(parser.parse(markdown)):
        if token.nesting == 1:
            levels.append([token.tag])
        elif token.nesting == -1:
            done = levels.pop()
            levels[-1].append(done)
        elif token.type in ("softbreak", "hardbreak"):
            levels[-1].append(" ")
        elif token.tag in ("code", "hr"):
            content = token.content.rstrip("\n")
            levels[-1].append(["pre" if token.block else token.tag, content] if content else [token.tag])
        elif token.content:
            levels[-1].append(token.content)
    return levels[0]


def _flat(tokens: list[Any]) -> Iterator[Any]:
    """Yield tokens, of a line of text those inside; paragraphs of tight lists, which are not shown, are left out."""
    for token in tokens:
        if token.type == "inline":
            yield from token.children
        elif not token.hidden:
            yield token


def spans(code: str) -> list[list[str]]:
    """Return Python in pieces [kind, text]; kind is comment, string, number, keyword or ""."""
    from pygments.lexers.python import PythonLexer

    found: list[list[str]] = []
    for token, piece in PythonLexer(stripnl=False, ensurenl=False).get_tokens(code):
        name = str(token).removeprefix("Token.")
        kind = next((shown for beginning, shown in _KINDS if name.startswith(beginning)), "")
        if found and found[-1][0] == kind:
            found[-1][1] += piece
        else:
            found.append([kind, piece])
    return found
