r"""The text that a paper becomes: paragraphs, headings, items, rows and code, in order.

letters ──write──> the running paragraph ──paragraph──> blocks ──text──> one text
A capture takes the letters of an argument, such as a caption, out of the running paragraph.
A float, such as a figure, waits until the paragraph around it ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

LINE, BLANK, DROPPED, DISPLAY = "\x01", "\x02", "\x03", "\x04"  # marks in running text: see `settled`
# Blanks and brackets that a citation leaves behind when it is dropped.
_LEFT = re.compile(rf" ?[(\[] ?{DROPPED}[ {DROPPED},;]*+[)\]]| ?{DROPPED}(?: ?[,;]? ?{DROPPED})*")
_WHITE = re.compile(r"[ \t\n]+")
_LINES = re.compile(rf" ?[{LINE}{DISPLAY}](?:[ {LINE}{DISPLAY}])*")


class Block(NamedTuple):
    """A piece of the text that stands on lines of its own; `kind` is text, heading, item, caption, table or code."""

    kind: str
    text: str


@dataclass
class ItemList:
    """A list that is open: what its items begin with, and how many there were."""

    numbered: bool
    count: int = 0


@dataclass
class Rows:
    """A table that is open: its rows of cells, and the letters around it."""

    outer: list[str]
    captures: int
    rows: list[list[str]] = field(default_factory=lambda: [[]])


@dataclass
class Layout:
    """The blocks so far, and what is open."""

    blocks: list[Block] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    prefix: str = ""
    captures: int = 0
    lists: list[ItemList] = field(default_factory=list)
    tables: list[Rows] = field(default_factory=list)
    floating: list[tuple[list[Block], list[str], str]] = field(default_factory=list)
    waiting: list[Block] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)

    def write(self, letters: str) -> None:
        self.letters.append(letters)

    def paragraph(self) -> None:
        """End the running paragraph; within an argument or a cell, that is a blank."""
        if self.captures or self.tables:
            self.letters.append(" ")
            return
        if self.letters:
            text = settled("".join(self.letters))
            self.letters.clear()
            if text:
                self.blocks.append(Block("item" if self.prefix else "text", self.prefix + text))
                self.prefix = ""
        if self.waiting and not self.floating:
            self.blocks += self.waiting
            self.waiting.clear()

    def add(self, kind: str, text: str) -> None:
        """Put a block of its own behind the running paragraph; within an argument it is part of it."""
        if self.captures or self.tables:
            self.letters += (" ", text, " ")
            return
        self.paragraph()
        if text:
            self.blocks.append(Block(kind, text))

    def heading(self, text: str) -> None:
        if text and not (self.captures or self.tables):
            self.sections.append(text)
        self.add("heading", text)

    def item(self, labelled: bool) -> None:
        """Begin an item of the innermost list, or of a list that nobody began; one with a label has no number."""
        self.paragraph()
        if self.captures or self.tables:
            return
        held = self.lists[-1] if self.lists else ItemList(False)
        held.count += 1
        indent = "  " * max(min(len(self.lists), 8) - 1, 0)
        self.prefix = indent + (f"{held.count}. " if held.numbered and not labelled else "- ")

    def begin_float(self) -> None:
        """Let what follows wait until the paragraph around it ends."""
        self.floating.append((self.blocks, self.letters, self.prefix))
        self.blocks, self.letters, self.prefix = [], [], ""

    def end_float(self, with_text: bool = True) -> list[Block]:
        """End a float and return its blocks; without its text these are captions, tables and code alone."""
        self.paragraph()
        inside = [block for block in self.blocks if with_text or block.kind not in ("text", "item")]
        self.blocks, self.letters, self.prefix = self.floating.pop()
        return inside

    def in_cell(self) -> bool:
        """Say whether letters go straight into a cell."""
        return bool(self.tables) and self.tables[-1].captures == self.captures

    def is_running(self) -> bool:
        """Say whether a paragraph has begun."""
        return bool(self.prefix) or any(not piece.isspace() for piece in self.letters if piece)

    def cell(self) -> None:
        """End a cell of the innermost table."""
        table = self.tables[-1]
        table.rows[-1].append(_WHITE.sub(" ", settled("".join(self.letters))).strip())
        self.letters.clear()

    def row(self) -> None:
        self.cell()
        self.tables[-1].rows.append([])

    def begin_table(self) -> None:
        self.tables.append(Rows(self.letters, self.captures))
        self.letters = []

    def end_table(self) -> None:
        """Put the rows of the innermost table on lines; a table within a cell is part of it."""
        self.cell()
        table = self.tables.pop()
        self.letters = table.outer
        rows = [" | ".join(cells).rstrip() for cells in table.rows if any(cells)]
        if rows:
            self.add("table", (" " if self.captures or self.tables else "\n").join(rows))

    def text(self) -> str:
        """Return the whole text: blocks parted by a blank line, items of a list by a line end."""
        held: list[str] = []
        before = ""
        for kind, text in self.blocks:
            held.append("" if not held else "\n" if kind == before == "item" else "\n\n")
            held.append(text)
            before = kind
        return "".join(held)


def settled(letters: str) -> str:
    """Return running text in its last form: one blank between words, lines where the source breaks them itself."""
    letters = _WHITE.sub(" ", letters)
    if DROPPED in letters:
        letters = _LEFT.sub("", letters)
    if LINE in letters or DISPLAY in letters:
        letters = _LINES.sub("\n", letters)
    return letters.strip(" \n").replace(BLANK, " ")
