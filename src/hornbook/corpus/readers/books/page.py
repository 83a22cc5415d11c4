"""A book's HTML edition -> Parts: headings, paragraphs, verse line by line, tables; page numbers and notes left out."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Any

from hornbook.corpus.readers.books.frame import END, SMALL_END, START
from hornbook.corpus.readers.books.hypertext import Block, blocks_of, parse
from hornbook.corpus.readers.books.marks import cleaned
from hornbook.corpus.readers.books.parts import Part

_PAGED = re.compile(
    r"(?:^|[\s_-])(?:page-?num(?:ber)?s?|page-?no|pgnum\w*|page-?break|blank-?page|pagination|pb|pn|newpage)\b", re.I
)
_NUMBERS = re.compile(r"(?:[\[({]?\s*(?:pg|page|p|seite|s|blz)?\.?\s*(?:[ivxlcdm]+|\d+)[a-z]?\s*[\])}]?\s*)*", re.I)
_NOTED = re.compile(r"(?:^|[\s_-])(?:tnotes?|tn-?box|trans?-?notes?|transnote|tr-?note|mynote)\b|transcriber", re.I)
_VERSE = re.compile(r"(?:^|\s)(?:i|in|indent|line|verse|v)-?(\d{0,2})(?=\s|$)")
_STANZAS = re.compile(r"(?:^|[\s_-])(?:poem|poetry|stanza|verse|linegroup)", re.I)
_HIDDEN = re.compile(r"display\s*:\s*none", re.I)
_NAVIGATION = re.compile(r"\[?(?:toc|contents|top|back)\]?", re.I)
_LEADS = re.compile(r"#(?:f(?:oot)?n|note|end|ref|citation|fn|nanchor|linknote)", re.I)
_LINK = re.compile(r"\d{1,4}|[A-Za-z]|[*†‡§]{1,3}")
_FIRST = 200  # parts among which the mark of the start is
_FRAME = ("pg-header", "pg-footer", "pg-machine-header", "pg-start-separator", "pg-end-separator")
_NO_BREAK = re.compile("[ \xa0]*\xa0[ \xa0]*")


def paged(pages: Iterable[str]) -> tuple[str, list[Part]]:
    """Return the header of an edition in HTML as text, and its parts; an e-book has several pages. Raises TooDeep."""
    header = title = ""
    parts: list[Part] = []
    for root in filter(lambda root: root is not None, map(parse, pages)):
        header = header or _header(root)
        title = title or next((" ".join("".join(element.itertext()).split()) for element in root.iter("title")), "")
        _bracket_notes(root)
        parts += [_part(blocks, first) for blocks, first in _pairs(blocks_of(root, _is_left_out, _verse))]
    before, parts = _between(parts)
    return header or before or _titled(title), parts


def _bracket_notes(root: Any) -> None:
    """Put the numbers that lead to notes and back into brackets, as in text editions: in print they are raised."""
    for link in root.iter("a"):
        number = "".join(link.itertext()).strip()
        if link.get("href", "").startswith("#") and _NAVIGATION.fullmatch(number):
            link.text = ""
        if _LEADS.match(link.get("href", "")) and _LINK.fullmatch(number):
            for child in list(link):
                link.remove(child)
            link.text = f"[{number}]"


def _titled(title: str) -> str:
    """Return the title of a page as the first line of a header."""
    bare = re.sub(r"\s*\|\s*Project Gutenberg.*|^The Project Gutenberg e-?(?:book|text) of,? ", "", title, flags=re.I)
    return f"Project Gutenberg's {bare}" if bare else ""


def _header(root: Any) -> str:
    """Return the text of the header that newer editions mark, a line a paragraph."""
    for element in root.iter():
        if isinstance(element.tag, str) and element.get("id") in ("pg-header", "pg-machine-header"):
            return "\n".join(block.text.replace("\n", " ") for block in blocks_of(element))
    return ""


def _is_left_out(element: Any) -> bool:
    """Say whether an element is no text of the book."""
    if element.tag == "title" or element.get("id") in _FRAME or _HIDDEN.search(element.get("style", "")):
        return True
    name = f"{element.get('class', '')} {element.get('id', '')}"
    if name == " ":
        return False
    if "pg-boilerplate" in name or "pgheader" in name:
        return True
    if _PAGED.search(name) and element.tag not in ("div", "body", "section"):
        return _NUMBERS.fullmatch("".join(element.itertext()).strip()) is not None
    return bool(_NOTED.search(name)) and element.tag not in ("body", "a", "span")


def _verse(element: Any) -> int | None:
    """Return the indent of a line of verse: a `span` or a `div` of its own inside a poem."""
    if element.tag not in ("span", "div", "p"):
        return None
    found = _VERSE.findall(element.get("class", ""))
    if not found or any(child.tag in ("div", "p") for child in element):
        return None
    above = element.getparent()
    for _ in range(3):
        if above is None:
            return None
        if _STANZAS.search(above.get("class", "")):
            return max(int(indent or 0) for indent in found)
        above = above.getparent()
    return None


def _pairs(blocks: list[Block]) -> list[tuple[list[Block], Block]]:
    """Return blocks that belong together (items of a list, rows of a table, lines of a stanza), with the first."""
    found: list[tuple[list[Block], Block]] = []
    for block in blocks:
        if found and block.kind in ("item", "row", "line") and block.kind == found[-1][1].kind and not block.first:
            found[-1][0].append(block)
        else:
            found.append(([block], block))
    return found


def _part(blocks: list[Block], first: Block) -> Part:
    text = "\n".join(block.text for block in blocks)
    if first.kind == "code":
        return Part(textwrap.dedent("\n".join(line.rstrip() for line in text.split("\n"))), 1, "lines")
    text = "\n".join(_NO_BREAK.sub(" ", line).rstrip() for line in text.split("\n")).strip("\n")
    if first.kind == "heading":
        return Part(text, 3, "heading", first.level)
    return Part(text.strip() if first.kind == "prose" else text, 1, "lines" if "\n" in text else "prose")


def _between(parts: list[Part]) -> tuple[str, list[Part]]:
    """Return the header's text and the parts between the marks; what shares a part with a mark is kept."""
    header = ""
    mark = START if any(START.search(part.text) for part in parts[:_FIRST]) else SMALL_END  # of before 2003
    for number, part in enumerate(parts[:_FIRST]):
        if start := mark.search(part.text):
            before = [*(held.text for held in parts[:number]), part.text[: start.start()]]
            header = "\n\n".join(before)
            parts = [*_again(part.text[start.end() :]), *parts[number + 1 :]]
            break
    for number, part in enumerate(parts):
        if end := END.search(part.text):
            parts = [*parts[:number], *_again(part.text[: end.start()])]
            break
    found: list[Part] = []
    for part in parts:
        if not part.text.strip():
            continue
        if "[" not in part.text and "{" not in part.text:
            found.append(part)
        elif text := cleaned(part.text, whole=False).strip():
            found.append(part._replace(text="\n".join(filter(str.strip, text.split("\n"))) if "\n\n" in text else text))
    return header, found


def _again(text: str) -> list[Part]:
    """Return the paragraphs of preformatted text."""
    paragraphs = re.split(r"\n[ \t]*\n", text)
    return [Part(" ".join(paragraph.split())) for paragraph in paragraphs if paragraph.strip()]
