"""Lines of wikitext -> blocks: headings, paragraphs, items of lists, lines that begin with a blank.

Lines of a paragraph are one line, as a page shows them. An item begins with "- " or its number, two blanks deeper for
each list around it; a term and what is said of it (;  :) are lines. A heading with nothing below it is left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from hornbook.corpus.readers.wiki.inline import finished
from hornbook.corpus.readers.wiki.page import BREAK, GONE, HARD, KEPT, NOTHING, SOFT, Page

_HEADING = re.compile(r"(={1,6})(.+?)(={1,6})[ \t]*$")
_MARKS = re.compile(r"[*#:;]+")
_BLOCK_TAG = re.compile(r"<(/?)((?i:p|div|blockquote|center|h[1-6]|hr|section))(?![\w.@-])[^<>]*>[ \t]*")
_LIST_TAG = re.compile(r"(?<!\s)\s*+<(/?)(ul|ol|dl|li|dt|dd)(?![\w.@-])[^<>]*>", re.IGNORECASE)
_LIST = re.compile(r"<(?i:ul|ol|dl|li|dt|dd)[\s>]")
_DEEPEST = 10  # lists inside each other that are still told apart
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")


class Block(NamedTuple):
    """Lines that stand together.

    level     a heading's from 1; 0 = it is text
    indented  whether the blanks at the beginnings of its lines count
    """

    text: str
    level: int = 0
    indented: bool = False


def blocks(text: str, page: Page, left_out: frozenset[str]) -> list[Block]:
    """Return a page's blocks without markup; sections with a heading in `left_out`, in lower case, are passed over."""
    if "<" in text:
        text = _LIST_TAG.sub(_ListTags(), text) if _LIST.search(text) else text
        text = _BLOCK_TAG.sub(_tag_lines, text)
    found: list[Block] = []
    passing = 0  # the level of the heading whose section is passed over
    for raw in _raw_blocks(text):
        if raw.level:
            heading = _restored(finished(raw.text), page).replace("\n", " ").strip()
            passing = 0 if passing and raw.level <= passing else passing
            if not passing and heading.lower().rstrip(":") in left_out:
                passing = raw.level
            if heading and not passing:
                found.append(Block(heading, raw.level))
        elif not passing:
            plain = finished(raw.text)
            lines = (line.rstrip() if raw.indented else line.strip() for line in plain.strip("\n").split("\n"))
            plain = _restored("\n".join(line for line in lines if _says_something(line)), page)
            if plain.strip():
                found.append(Block(plain.strip("\n")))
    return _with_text(found)


def _says_something(line: str) -> bool:
    """Say whether a line is more than the mark of an item."""
    stripped = line.strip()
    return bool(stripped) and stripped != "-" and not (stripped[-1] == "." and stripped[:-1].isdigit())


def _restored(text: str, page: Page) -> str:
    return page.restored(text) if KEPT in text else text


def _with_text(found: list[Block]) -> list[Block]:
    """Return blocks without the headings that nothing follows."""
    kept: list[Block] = []
    below = 0  # the level of what follows: 9 for text
    for block in reversed(found):
        if not block.level or below > block.level:
            kept.append(block)
            below = block.level or 9
    return kept[::-1]


class _ListTags:
    """Tags of HTML's lists in the marks of wikitext; lists may stand in each other."""

    def __init__(self) -> None:
        self.marks = ""

    def __call__(self, found: re.Match[str]) -> str:
        closing, tag = bool(found[1]), found[2].lower()
        if tag in ("ul", "ol", "dl"):
            if closing:
                self.marks = self.marks[:-1]
                return "" if self.marks else "\n\n"
            if len(self.marks) < _DEEPEST:
                self.marks += {"ul": "*", "ol": "#", "dl": ":"}[tag]
            return ""
        if closing:
            return ""
        return f"\n{self.marks or '*'} " if tag == "li" else "\n: "


def _tag_lines(found: re.Match[str]) -> str:
    """Return a tag of HTML that parts lines in the marks of wikitext."""
    closing, tag = bool(found[1]), found[2].lower()
    if tag[0] == "h" and tag != "hr":
        return "=" * int(tag[1]) + "\n" if closing else "\n" + "=" * int(tag[1])
    return "\n\n"


def _raw_blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of wikitext; markup within lines is still in them."""
    paragraph: list[str] = []
    items = _Items()
    code: list[str] = []

    def ended() -> Iterator[Block]:
        if paragraph:
            yield Block(_joined(paragraph))
            paragraph.clear()
        if items.lines:
            yield Block("\n".join(items.lines), indented=True)
            items.clear()
        if code:
            yield Block(BREAK.join(code), indented=True)
            code.clear()

    for line in text.split("\n"):
        stripped = line.strip()
        if not stripped.strip(GONE + NOTHING + " "):
            # A picture on a line of its own does not end the sentence that it stands in.
            if not stripped or not paragraph or not (paragraph[-1][-1].isalnum() or paragraph[-1][-1] == ","):
                yield from ended()
            continue
        first = line[0]
        if first == "=" and (heading := _HEADING.match(line.rstrip(f"{GONE} \t"))):
            yield from ended()
            level = min(len(heading[1]), len(heading[3]))
            extra = len(heading[1]) - level, len(heading[3]) - level
            yield Block(("=" * extra[0] + heading[2] + "=" * extra[1]).strip(), level)
        elif first in "*#:;":
            if paragraph or code:
                yield from ended()
            items.add(line)
        elif line.startswith("----"):
            yield from ended()
            if rest := line.lstrip("-").strip():
                paragraph.append(rest)
        elif first == " " and not paragraph and KEPT not in line:
            if items.lines:
                yield from ended()
            code.append(line[1:].rstrip().replace("  ", HARD * 2))
        else:
            if items.lines or code:
                yield from ended()
            paragraph.append(stripped)
    yield from ended()


def _joined(lines: list[str]) -> str:
    """Return a paragraph's lines as one; Chinese and Japanese are not parted by a blank."""
    joined = lines[0]
    parts = [joined]
    for before, line in itertools.pairwise(lines):
        parts += ["" if _WIDE.match(before[-1]) and _WIDE.match(line[0]) else SOFT, line]
    return "".join(parts)


class _Items:
    """Items of lists that follow each other."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._numbers: dict[str, int] = {}

    def clear(self) -> None:
        self.lines, self._numbers = [], {}

    def add(self, line: str) -> None:
        found = _MARKS.match(line)
        assert found is not None
        marks, text = found[0], line[found.end() :].strip()
        # Deeper lists, and those of another kind, begin anew behind this item.
        self._numbers = {key: number for key, number in self._numbers.items() if marks.startswith(key)}
        deeper = "  " * min(sum(mark in "*#" for mark in marks[:-1]), _DEEPEST)
        kind = marks[-1]
        if kind == ";":
            term, colon, said = _term(text)
            self.lines.append(deeper + term)
            if colon and said:
                self.lines.append(deeper + said)
        elif kind == ":":
            if text:
                self.lines.append(deeper + text)
        elif kind == "*":
            self.lines.append(f"{deeper}- {text}")
        elif text.strip(GONE):
            number = self._numbers[marks] = self._numbers.get(marks, 0) + 1
            self.lines.append(f"{deeper}{number}. {text}")


def _term(text: str) -> tuple[str, str, str]:
    """Return a term and what is said of it in the same line, parted by a colon that is not in an address."""
    place = text.find(": ")
    return (text[:place].strip(), ":", text[place + 1 :].strip()) if place > 0 else (text, "", "")
