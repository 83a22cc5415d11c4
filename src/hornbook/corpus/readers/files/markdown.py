"""Markdown (.md): as it stands, cut into sections as text is, what it says of itself at its begin among the facts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hornbook.corpus.readers.facts import known, language, spdx
from hornbook.corpus.readers.files.html_text import html_prose
from hornbook.corpus.readers.packed import BadRecord, Place, shown
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record, noted
from hornbook.corpus.readers.sections import sections
from hornbook.corpus.readers.tables import file_text

_FRONT = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z][\w -]{0,40}):(?:[ \t]+(.*))?")
_LONGEST_FRONT = 1 << 16  # characters
_FACTS = {"title": "title", "date": "date", "lang": "language", "language": "language", "license": "license",
          "author": "authors", "authors": "authors", "tags": "tags", "keywords": "tags", "url": "url"}  # fmt: skip
_LISTS = ("authors", "tags")
_FORMS = {"language": language, "license": spdx}


@dataclass(frozen=True)
class Markdown:
    """Read Markdown.

    plain   write it without its marks: headings as lines, lists with "- ", tables with " | "
    """

    plain: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the sections of the text."""
        pieces, encoding = file_text(place, reading)
        start = ""
        for piece in pieces:
            start += piece
            if len(start) > _LONGEST_FRONT:
                break
        found = _FRONT.match(start[:_LONGEST_FRONT])
        front = facts(found[1] or "") if found else None
        if found and front is not None:
            start = start[found.end() :].lstrip("\r\n")
        text: Iterator[str] = itertools.chain((start,), pieces)
        if self.plain:
            text = iter([plain(_whole(text, shown(place)))])
        for number, section in enumerate(sections(text), start=1):
            if section or number > 1:
                yield noted(Record(number, section, dict(front or {})), encoding)


def _whole(pieces: Iterator[str], where: str) -> str:
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > LONGEST:
            raise BadRecord(f"{where} is longer than {LONGEST:,} characters.", "too long a document")
    return "".join(held)


def plain(text: str) -> str:
    """Return the text of Markdown (CommonMark with tables) without its marks."""
    from markdown_it import MarkdownIt

    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    return html_prose(page).text()


def facts(front: str) -> dict[str, object] | None:
    """Return the facts of a front matter of plain lines of YAML; None where the lines are something else.

    A field is a word, a colon, and a value, a list in brackets or a list of lines that begin with a dash. What is
    nested deeper is passed over.
    """
    values: dict[str, list[str]] = {}
    name = ""
    for line in front.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found := _FIELD.fullmatch(line.rstrip()):
            name = found[1].strip().lower()
            values[name] = _items(found[2] or "")
        elif name and (item := re.fullmatch(r"[ \t]*-[ \t]+(.+)", line.rstrip())):
            values[name].append(_unquoted(item[1]))
        elif not (name and line[:1] in " \t"):
            return None
    if not values:
        return None
    told: dict[str, object] = {}
    for theirs, ours in _FACTS.items():
        held = [value for value in values.get(theirs, []) if value]
        if held and ours not in told:
            told[ours] = held if ours in _LISTS else _FORMS.get(ours, str)(", ".join(held))
    return known(**told)


def _items(value: str) -> list[str]:
    value = value.strip()
    if value.startswith("[") and value.endswith("]"):
        return [_unquoted(item) for item in value[1:-1].split(",")]
    return [_unquoted(value)] if value and value not in ("|", ">", "|-", ">-") else []


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value.partition(" #")[0].strip()
