"""HTML -> blocks of text: paragraphs, headings, list items, rows of tables, lines of verse, code as it stands.

For HTML that is text through and through: the body of a post, a book. (Pages of the web hide their text among menus;
these are for `pages.py`.) lxml parses, since it takes all that browsers take, is the fastest in reach, and bounds the
depth of what is nested. Nothing outside the document is looked at.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hornbook.corpus.readers.files.prose import RAISED
from hornbook.errors import needing

DEEPEST = 200  # elements within one another; libxml2 itself stops at 256
MOST = 1 << 21  # tags; the tree of so many takes some 300 MB
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_BREAK = "\0"  # stands for <br>: no text of HTML has it
_BREAKS = re.compile(r"[ \t\r\n\f]*\0[ \t\r\n\f]*")
_PARTS = ("thead", "tbody", "tfoot")
_CELLS = ("td", "th", "caption")
_TIGHT = frozenset(("item", "row", "line"))

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCK_NAMES = """
    address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer form
    header hr html legend li main menu nav ol p pre section summary table tbody td tfoot th thead title tr ul
"""
_UNSEEN_NAMES = """
    applet area audio base button canvas col colgroup datalist embed frame frameset head iframe img input link map meta
    noframes object param script select source style svg template textarea track video
"""
_BLOCKS, _UNSEEN = frozenset(_BLOCK_NAMES.split()), frozenset(_UNSEEN_NAMES.split())
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_SHIFTED = {"sup": (re.compile(r"[-−+]?[0-9n]+"), RAISED), "sub": (re.compile(r"[0-9]+"), _LOWERED)}


class Block(NamedTuple):
    """One piece of a text.

    kind    prose, heading, item (of a list), row (of a table), line (of verse), code
    text    without blanks at its ends, but for the indent of code and of items below items
    level   of a heading, 1 to 6
    first   whether it begins its list, table or stanza: a blank line stands before it
    """

    kind: str
    text: str
    level: int = 0
    first: bool = True


class TooDeep(ValueError):
    """Elements are nested deeper than DEEPEST, or there are more than MOST tags, whose tree would fill the memory."""


def joined(blocks: Iterable[Block]) -> str:
    """Return the text of blocks: a blank line between them, a line end between items, rows and lines of one kind."""
    parts: list[str] = []
    before = ""
    for block in blocks:
        if parts:
            tight = block.kind in _TIGHT and block.kind == before and not block.first
            parts.append("\n" if tight else "\n\n")
        parts.append(block.text)
        before = block.kind
    return "".join(parts)


@functools.cache
def _parser() -> tuple[Any, Any]:
    """Return lxml and a parser, which costs more to make than a post to parse."""
    with needing("Reading HTML", "sources"):
        from lxml import etree
    return etree, etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)


def parse(html: str) -> Any:
    """Return the root element of a document or of a piece of one, None where it has none. Raises TooDeep."""
    if not html.strip():
        return None
    if html.count("<") > MOST:
        raise TooDeep(f"more than {MOST:,} tags")
    etree, parser = _parser()
    root = etree.fromstring(html.encode("utf-8", "replace"), parser)
    deep = html.count("<") > DEEPEST and any("depth" in str(entry.message) for entry in parser.error_log)
    if deep:
        raise TooDeep("elements nested too deeply")
    return root


def blocks_of(
    root: Any, skipped: Callable[[Any], bool] | None = None, verse: Callable[[Any], int | None] | None = None
) -> list[Block]:
    """Return the blocks of an element, in order.

    skipped   says of an element that it is left out with all that is in it
    verse     returns the indent of an element that is a line of verse, else None
    """
    if root is None:
        return []
    walk = _Walk(skipped, verse)
    walk.element(root)
    walk.flush()
    return walk.blocks


@dataclass
class _Walk:
    """Where a walk over a tree stands: the blocks that are whole, and the one that is begun."""

    skipped: Callable[[Any], bool] | None
    verse: Callable[[Any], int | None] | None
    blocks: list[Block] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)  # of the block that is begun
    mark: str = ""  # of the list item that is begun and has no text yet
    begins: bool = False  # whether that item is the first of its list
    lists: int = 0  # around it
    depth: int = 0  # elements around it

    def flush(self, kind: str = "prose", level: int = 0) -> None:
        """End the block that is begun, if it has text."""
        raw = "".join(self.pieces)
        self.pieces.clear()
        if not raw or raw.isspace() or not (text := _inline(raw)):
            return
        if self.mark and kind == "prose":
            self.blocks.append(Block("item", self.mark + text, 0, self.begins))
            self.mark = ""
        else:
            self.blocks.append(Block(kind, text.replace("\n", " ") if kind == "heading" else text, level))

    def element(self, element: Any) -> None:
        """Take in an element, without what follows it."""
        tag = element.tag
        if not isinstance(tag, str) or tag in _UNSEEN or (self.skipped is not None and self.skipped(element)):
            return
        if self.verse is not None and (indent := self.verse(element)) is not None:
            self._line(element, indent)
        elif tag in _INLINE:
            _INLINE[tag](self, element)
        elif tag not in _BLOCKS and tag not in _HEADINGS:
            self._content(element)
        else:
            self.flush()
            _WALKS.get(tag, _Walk._block)(self, element)

    def _content(self, element: Any) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooDeep("elements nested too deeply")
        if element.text:
            self.pieces.append(element.text)
        for child in element:
            self.element(child)
            if child.tail:
                self.pieces.append(child.tail)
        self.depth -= 1

    def _block(self, element: Any) -> None:
        self._content(element)
        self.flush()

    def _break(self, _: Any) -> None:
        self.pieces.append(_BREAK)

    def _shifted(self, element: Any) -> None:
        """Raise or lower figures, so that 10<sup>3</sup> is not 103; words in small print stay as they are."""
        fits, table = _SHIFTED[element.tag]
        inner = "".join(element.itertext())
        if fits.fullmatch(inner) and not any(child.tag == "a" for child in element):
            self.pieces.append(inner.translate(table))
        else:
            self._content(element)

    def _heading(self, element: Any) -> None:
        self._content(element)
        self.flush("heading", _HEADINGS[element.tag])

    def _list(self, element: Any) -> None:
        ordered = element.tag == "ol"
        start = element.get("start", "1")
        number = int(start) if re.fullmatch(r"-?\d{1,9}", start) else 1
        begins = self.lists == 0
        self.lists += 1
        self.pieces.append(element.text or "")
        for child in element:
            if child.tag == "li":
                self.flush()
                self.mark = "  " * (self.lists - 1) + (f"{number}. " if ordered else "- ")
                self.begins, begins, number = begins, False, number + 1
                self._content(child)
                self.flush()
                self.mark = ""
            else:
                self.element(child)
            if child.tail:
                self.pieces.append(child.tail)
        self.lists -= 1
        self.flush()

    def _table(self, element: Any) -> None:
        rows = self._rows(element)  # what stands between rows and cells comes before the table, as in browsers
        self.flush()
        first = True
        for row in rows:
            cells = [self._cell(cell) for cell in ([row] if row.tag == "caption" else row) if cell.tag in _CELLS]
            while cells and not cells[-1]:
                cells.pop()
            if cells and row.tag == "caption":
                self.blocks.append(Block("prose", cells[0]))
            elif cells:
                self.blocks.append(Block("row", " | ".join(cells).strip(), 0, first))
                first = False

    def _rows(self, element: Any) -> list[Any]:
        """Return the rows of a table or of a part of one; take in all that is in none."""
        found = []
        self.pieces.append(element.text or "")
        for child in element:
            if child.tag in _PARTS:
                found += self._rows(child)
            elif child.tag in ("caption", "tr"):
                found.append(child)
                if child.tag == "tr":
                    self._loose(child)
            else:
                self.element(child)
            self.pieces.append(child.tail or "")
        return found

    def _loose(self, row: Any) -> None:
        """Take in what is in a row, but in no cell."""
        self.pieces.append(row.text or "")
        for child in row:
            if child.tag not in _CELLS:
                self.element(child)
            self.pieces.append(child.tail or "")

    def _cell(self, element: Any) -> str:
        """Return the text of a cell on one line."""
        walk = _Walk(self.skipped, self.verse, depth=self.depth)
        walk._content(element)
        walk.flush()
        return " ".join(_BLANKS.sub(" ", block.text).strip() for block in walk.blocks)

    def _code(self, element: Any) -> None:
        for line in element.iter("br"):
            line.text = "\n"
        code = "".join(element.itertext()).replace("\r\n", "\n").replace("\r", "\n")
        code = code.removeprefix("\n").rstrip()
        if code.strip():
            self.blocks.append(Block("code", code))

    def _line(self, element: Any, indent: int) -> None:
        self.flush()
        before = element.getprevious()
        while before is not None and before.tag == "br":
            before = before.getprevious()
        first = before is None or not self.blocks or self.blocks[-1].kind != "line"
        self._content(element)
        text = _inline("".join(self.pieces))
        self.pieces.clear()
        if text:
            self.blocks.append(Block("line", " " * indent + text, 0, first))


_INLINE: dict[str, Callable[[_Walk, Any], None]] = {"br": _Walk._break, "sup": _Walk._shifted, "sub": _Walk._shifted}
_WALKS: dict[str, Callable[[_Walk, Any], None]] = {
    **dict.fromkeys(_HEADINGS, _Walk._heading),
    **dict.fromkeys(("ul", "ol", "dir", "menu"), _Walk._list),
    "table": _Walk._table,
    "pre": _Walk._code,
}


def _inline(text: str) -> str:
    """Return text whose blanks are one each, and whose breaks are line ends."""
    if text.isascii() and _BREAK not in text:
        return " ".join(text.split())  # five times as fast
    if _BREAK in text:
        text = _BREAKS.sub(_BREAK, text)
    text = _BLANKS.sub(" ", text).strip(" \0")
    return re.sub("\0{2,}", "\n\n", text).replace(_BREAK, "\n") if _BREAK in text else text
