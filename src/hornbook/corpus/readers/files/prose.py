"""The plain text of a document, block by block, in the form that all sources share.

paragraphs parted by one blank line; a heading is a line of its own
- items of a list one below the other, those of an inner list two blanks further in
1. with their numbers where the list has some
cells of a table | beside each other, a row a line
verbatim text with its indents
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_TRAILING = re.compile(r"[^\S\n]+(?=\n|\Z)")
_PARTED = re.compile(r"\n(?:[ \t]*\n)+")
_FIGURES = "0123456789+-−=()n"
RAISED = str.maketrans(_FIGURES, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LETTER = re.compile(r"[-+−]?[a-z]")
_BASE = re.compile(r"(?:\d|\)|(?<![^\W\d_])[^\W\d_])\Z")
_ORDINAL = re.compile(r"[a-zª-º]{1,3}", re.IGNORECASE)
_ROMAN = [(1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i")]  # fmt: skip


class Block(NamedTuple):
    """One block; `kind` is "paragraph", "heading", "item", "table", "verbatim", or "list" for a list's first item."""

    kind: str
    text: str


class Prose:
    """Blocks of a document in order; `write` adds to the block that is open, and `end` closes it."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._open: list[str] = []
        self._label = ""
        self._kind = "item"  # of the next item

    def write(self, text: str) -> None:
        """Add text to the block that is open; a line feed is a line of its own within it."""
        if text:
            self._open.append(text)

    @property
    def mark(self) -> int:
        """How many pieces the open block has; `since` and `cut` take it."""
        return len(self._open)

    def since(self, mark: int) -> str:
        """Return what was written into the open block since the mark."""
        return "".join(self._open[mark:])

    def cut(self, mark: int) -> str:
        """Take out of the open block what was written since the mark, and return it."""
        text = self.since(mark)
        del self._open[mark:]
        return text

    def end(self, kind: str = "paragraph") -> None:
        """Close the open block. Two line feeds part it into two; the first after `item` is that item."""
        if not self._open:
            return
        text = "".join(self._open)
        self._open.clear()
        for part in _PARTED.split(text) if "\n" in text else (text,):
            if not (part := tidy(part)):
                continue
            if kind == "heading":
                part = " ".join(part.split())
            self.blocks.append(Block(self._kind, self._label + part) if self._label else Block(kind, part))
            self._kind = "item" if self._label else self._kind
            self._label = ""

    def begin_list(self) -> None:
        """Part the next item from items before it, which are of another list."""
        self.end()
        self._kind = "list"

    def item(self, label: str, depth: int = 0) -> None:
        """Let the next block be an item of a list with this label, such as "- " or "3. "; depth counts from 0."""
        self.end()
        self._label = "  " * depth + label

    def end_item(self) -> None:
        """Close an item; one without text is left out."""
        self.end()
        self._label = ""

    def verbatim(self, text: str) -> None:
        """Add a block that keeps its indents and its blank lines."""
        self.end()
        self._label = ""
        text = _TRAILING.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
        if text.strip():
            self.blocks.append(Block("verbatim", text))

    def table(self, rows: Sequence[Sequence[Prose]], layout: bool = True) -> None:
        """Add a table; with `layout` one of a single column is none, and its cells are blocks like others."""
        self.end()
        self._label = ""
        if layout and max(map(len, rows), default=0) < 2:
            self.blocks += [block for row in rows for cell in row for block in cell.closed()]
            return
        lines = [" | ".join(cell.line() for cell in row).rstrip() for row in rows]
        if text := "\n".join(line for line in lines if line.strip(" |")):
            self.blocks.append(Block("table", text))

    def closed(self) -> list[Block]:
        """Return the blocks, the open one closed."""
        self.end()
        return self.blocks

    def line(self) -> str:
        """Return all blocks in one line, as a cell of a table holds them."""
        return " ".join(" ".join(block.text.replace(" | ", " ") for block in self.closed()).split())

    @property
    def sections(self) -> list[str]:
        """The headings."""
        return [block.text for block in self.closed() if block.kind == "heading"]

    def text(self) -> str:
        """Return the document."""
        return "".join(self._joined())

    def _joined(self) -> Iterator[str]:
        before = ""
        for kind, text in self.closed():
            if before:
                yield "\n" if kind == "item" and before in ("item", "list") else "\n\n"
            yield text
            before = kind


def tidy(text: str) -> str:
    """Return text without blanks at line ends and around, and without soft hyphens."""
    text = text.replace("\u00ad", "") if "\u00ad" in text else text
    return (_TRAILING.sub("", text) if "\n" in text else text).strip()


def raised(text: str) -> str:
    """Return figures and signs that stand above the line in the characters that do; words stay as they are.

    >>> raised("-3"), raised("2+"), raised("st")
    ('⁻³', '²⁺', 'st')
    """
    return text if text.strip(_FIGURES) else text.translate(RAISED)


def superscript(before: str, text: str) -> str:
    """Return raised text behind `before`: `10⁶`, `word¹`, `1st`, and `x^k`, since few letters can stand above.

    Behind nothing it stays: the number of a note, before its text.
    """
    if not before.strip():
        return text
    is_power = _LETTER.fullmatch(text) and _BASE.search(before) and raised(text) == text
    is_ordinal = _ORDINAL.fullmatch(text) and before[-1:].isdigit()
    return f"^{text}" if is_power and not is_ordinal else raised(text)


def numeral(number: int, form: str) -> str:
    """Return a number of a list as it is shown: form is "1", "a", "A", "i" or "I"."""
    if form in ("a", "A") and 0 < number <= 26 * 30:  # z is followed by aa, bb
        text = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
    elif form in ("i", "I") and 0 < number < 4000:
        text, rest = "", number
        for value, letters in _ROMAN:
            text, rest = text + letters * (rest // value), rest % value
    else:
        return str(number)
    return text.upper() if form.isupper() else text
