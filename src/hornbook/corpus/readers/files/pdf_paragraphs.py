"""The lines of a document -> its text: paragraphs, headings, lists, tables, code, notes.

A paragraph ends where the distance to the next line is larger than usual, where size or weight of type change, where
the next line is indented, and where a line is so short that the next word would have had room. A paragraph goes on in
the next column or on the next page if its last line is full and no sentence ends there; notes at the foot, captions
and tables that stand between come behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from typing import Literal

import numpy as np

from hornbook.corpus.readers.files.pdf_columns import CJK, usual
from hornbook.corpus.readers.files.pdf_furniture import without_furniture
from hornbook.corpus.readers.files.pdf_joins import Vocabulary, closed, joined, vocabulary
from hornbook.corpus.readers.files.pdf_lines import BULLET, MARKER, OPEN, Line
from hornbook.corpus.readers.files.pdf_tables import table_rows
from hornbook.corpus.readers.files.pdf_words import BOLD, MONO

_GAP = 1.3  # of the usual distance of lines
_OTHER_SIZE = 1.12
_INDENT, _DEEPEST = 0.7, 6.0  # of the size of type: what an indent is
_LINE = 12.0  # sizes of type: a shorter line is no full one
_NOTE = 0.93  # of the usual size: notes are smaller
_ALL_MONO = 0.7  # of a document: then it is a typescript, and what is of even width is no code
_ENDS = re.compile(r"[.!?:;。！？：؟۔…][\"'”’»)\]]*[⁰¹²³⁴⁵⁶⁷⁸⁹]*$")
_CAPTION = re.compile(
    r"^(?:fig(?:ure|\.)?|table|tab\.|abb(?:ildung|\.)|tabelle|tableau|figura|tabla|рис\.|табл\.|listing|algorithm)\s*\d",
    re.I,
)
_LEADER = re.compile(r" \.\.\. ?\w{1,6}$")  # and a number, in a list of contents
_NOTE_MARK = re.compile(r"^(?:[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[*†‡§¶]|\d{1,3}[ .)])")

Kind = Literal["text", "item", "table", "code", "note", "caption"]


@dataclass(frozen=True)
class Block:
    """A part of the text that stands by itself.

    lines   its first and last decide whether it goes on elsewhere
    full    whether its last line reaches the edge of its column
    inset   whether its first line is indented
    """

    kind: Kind
    text: str
    first: Line
    last: Line
    full: bool = False
    inset: bool = False


@dataclass
class _Column:
    """What is usual in a column: where lines begin and end (in the direction of reading), how far apart they are.

    pitch is in points; leading, in sizes of type, stands for it where a column has too few lines to tell.
    """

    lines: list[Line]
    size: float
    begin: float = 0.0
    end: float = 0.0
    pitch: float = 0.0
    leading: float = 1.25
    hanging: bool = False
    known: Vocabulary = field(repr=False, default_factory=lambda: vocabulary([]))

    def __post_init__(self) -> None:
        begins = sorted(_begin(line) for line in self.lines)
        ends = sorted(_end(line) for line in self.lines)
        often = [one for one, two in pairwise(begins) if two - one < 0.2 * self.size]
        self.begin = often[0] if often and len(begins) > 3 else begins[0]
        self.end = ends[-1 - len(ends) // 20]
        pairs = list(zip(self.lines, self.lines[1:], strict=False))
        steps = [
            b.base - a.base for a, b in pairs if abs(a.size - b.size) < 0.5 and 0.7 < (b.base - a.base) / a.size < 2.3
        ]
        eastern = sum(bool(CJK.match(line.text)) for line in self.lines) > len(self.lines) / 2
        self.leading = 1.7 if eastern else 1.25
        self.pitch = float(np.percentile(steps, 40)) if len(steps) > 2 else self.leading * self.size
        inset = [line for line in self.lines if _INDENT < (_begin(line) - self.begin) / line.size < 4]
        flush = [line for line in self.lines if _begin(line) - self.begin < 0.3 * line.size]
        self.hanging = len(self.lines) > 3 and len(inset) > len(flush) and bool(flush)


def _begin(line: Line) -> float:
    return -line.right if line.rtl else line.left


def _end(line: Line) -> float:
    return -line.left if line.rtl else line.right


def document_text(pages: Sequence[list[Line]]) -> str:
    """Return the text of a document, of the lines of its pages in reading order."""
    every = [line for lines in pages for line in lines]
    if not every:
        return ""
    size = usual([line.size for line in every], [len(line.text) for line in every])
    lines = [line for page in without_furniture(pages, size) for line in page]
    mono = sum(len(line.text) for line in lines if line.style & MONO)
    if mono > _ALL_MONO * sum(len(line.text) for line in lines):
        lines = [line._replace(style=line.style & ~MONO, text=" ".join(line.text.split())) for line in lines]
    known = vocabulary(line.text for line in lines)
    lines = [line._replace(text=closed(line.text, known)) if OPEN in line.text else line for line in lines]
    blocks: list[Block] = []
    for _, column in groupby(lines, key=lambda line: line.column):
        blocks += _blocks(list(column), size, known)
    return _written(_gone_on(blocks, size, known))


def _written(blocks: Sequence[Block]) -> str:
    parts: list[str] = []
    before: Kind = "text"
    for block in blocks:
        if parts:
            parts.append("\n" if block.kind == before == "item" else "\n\n")
        parts.append(block.text)
        before = block.kind
    return "".join(parts)


def _blocks(lines: list[Line], size: float, known: Vocabulary) -> list[Block]:
    """Return the blocks of one column."""
    column = _Column(lines, usual([line.size for line in lines], [len(line.text) for line in lines]), known=known)
    notes = _notes(lines, size)
    rows = table_rows(lines)
    blocks: list[Block] = []
    index = 0
    while index < len(lines):
        stop = index + 1
        if index in rows:
            stop = rows[index][0]
            blocks.append(Block("table", rows[index][1], lines[index], lines[stop - 1]))
        elif lines[index].style & MONO:
            while stop < len(lines) and lines[stop].style & MONO:
                stop += 1
            blocks.append(Block("code", _code(lines[index:stop]), lines[index], lines[stop - 1]))
        else:
            while stop < len(lines) and stop not in rows and not lines[stop].style & MONO and stop != notes:
                stop += 1
            found = [
                block
                for group in _groups(lines[index:stop], column)
                for block in _paragraphs(group, _own(group, column))
            ]
            blocks += [replace(block, kind="note") for block in found] if index >= notes else found
        index = stop
    return blocks


def _notes(lines: list[Line], size: float) -> int:
    """Return the index of the first of the notes at the foot of a column: smaller lines that begin with a mark."""
    start = len(lines)
    while start and lines[start - 1].size <= _NOTE * size:
        start -= 1
    while start < len(lines) and not _NOTE_MARK.match(lines[start].text):
        start += 1
    return start if start else len(lines)


def _code(lines: list[Line]) -> str:
    """Return lines of code with their breaks, their indents in characters, and blank lines."""
    width = float(np.median([(line.right - line.left) / len(line.text) for line in lines])) or 1.0
    edge = min(line.left for line in lines)
    steps = [b.base - a.base for a, b in pairwise(lines)]
    pitch = max(min((step for step in steps if step > 0), default=1.0), 0.9 * lines[0].size)
    text = ""
    for line, step in zip(lines, [pitch, *steps], strict=True):
        blanks = min(max(round(step / pitch) - 1, 0), 2)
        text += "\n" * (blanks + 1) + " " * round((line.left - edge) / width) + line.text
    return text.lstrip("\n")


def _groups(lines: list[Line], column: _Column) -> list[list[Line]]:
    """Part lines where their distance is larger than usual."""
    groups = [[lines[0]]]
    for before, line in pairwise(lines):
        if _apart(before, line, column):
            groups.append([])
        groups[-1].append(line)
    return groups


def _apart(before: Line, line: Line, column: _Column) -> bool:
    step, larger = line.base - before.base, max(line.size, before.size)
    pitch = column.pitch if abs(larger / column.size - 1) < 0.1 else column.leading * larger
    return step < -0.1 * larger or step > max(_GAP * pitch, 1.1 * larger)


def _own(group: list[Line], column: _Column) -> _Column:
    """Return what is usual in a group of lines, where it is set in on both sides, as abstracts and quotations are."""
    size = group[0].size
    ends = sorted(_end(line) for line in group)
    inset = min(_begin(line) for line in group) - column.begin > 0.8 * size and column.end - ends[-1] > 0.8 * size
    even = ends[-1] - ends[len(ends) // 2] < 0.5 * size
    return _Column(group, column.size, known=column.known) if len(group) > 2 and inset and even else column


def _paragraphs(lines: list[Line], column: _Column) -> list[Block]:
    blocks: list[Block] = []
    held: list[Line] = []
    text = part = ""
    for line in lines:
        part = _parted(held, line, column, part) if held else ""
        if part == "paragraph":
            blocks.append(_block(text, held, column))
            held, text = [], ""
        if not held:
            text = _marked(line)
        else:
            text = f"{text}\n{line.text}" if part == "line" else joined(text, line.text, column.known)
        held.append(line)
    return [*blocks, _block(text, held, column)]


def _block(text: str, held: list[Line], column: _Column) -> Block:
    first, last = held[0], held[-1]
    kind: Kind = "item" if _mark(first) else "caption" if _CAPTION.match(text) else "text"
    wide = last.right - last.left > _LINE * last.size
    full = (wide and column.end - _end(last) < 2 * last.size) or last.text.endswith("-")
    inset = _begin(first) - column.begin > _INDENT * first.size
    return Block(kind, text, first, last, full, inset)


def _mark(line: Line) -> str:
    """Return the bullet or number before an item of a list, "" where there is none."""
    word, _, rest = line.text.partition(" ")
    return word if rest and (BULLET.match(word) or MARKER.match(word)) else ""


def _marked(line: Line) -> str:
    """Return the text of a paragraph's first line, with "-" for all kinds of bullets."""
    mark = _mark(line)
    return "-" + line.text[len(mark) :] if mark and BULLET.match(mark) else line.text


def _parted(held: list[Line], line: Line, column: _Column, last: str) -> str:
    """Return what ends before a line: a "paragraph", a "line", or "" for nothing; `last` is what ended before."""
    before, first = held[-1], held[0]
    if _apart(before, line, column) or max(line.size, before.size) > _OTHER_SIZE * min(line.size, before.size):
        return "paragraph"
    if (line.style ^ before.style) & BOLD or line.rtl != before.rtl:
        return "paragraph"
    room = column.end - _end(before)
    centred = _centred(before, column) and _centred(line, column)
    short = not centred and room > line.first + 1.0 * line.size
    ends = bool(_ENDS.search(before.text))
    inset = (_begin(line) - _begin(before)) / line.size
    mark = _mark(line)
    if (
        mark
        and (BULLET.match(mark) or short or ends)
        and (not _mark(first) or _begin(line) - _begin(first) < 3 * line.size)
    ):
        return "paragraph"
    if _LEADER.search(before.text):
        return "line"
    if centred:
        return "" if line.size > _OTHER_SIZE * column.size or line.style & BOLD else "line"
    if _mark(first) or column.hanging:
        if _begin(line) - _begin(first) > 0.3 * line.size:
            return "line" if short and not ends and not _fits(line, column) else ""
        if (len(held) > 1 and inset < -0.5) or column.hanging:
            return "paragraph"
    if _INDENT < inset < _DEEPEST or (inset < -_INDENT and len(held) > 1):
        return "paragraph"
    if short:  # where the line before it was short too, these are lines: verses, an address
        return "paragraph" if ends and last != "line" else "line"
    return ""


def _fits(line: Line, column: _Column) -> bool:
    return column.end - _end(line) > line.size


def _centred(line: Line, column: _Column) -> bool:
    """Say whether a line stands in the middle of its column, with room on both sides."""
    before, behind = _begin(line) - column.begin, column.end - _end(line)
    return before > line.size and abs(before - behind) < 1.2 * line.size


def _gone_on(blocks: list[Block], size: float, known: Vocabulary) -> list[Block]:
    """Join paragraphs that go on in the next column or on the next page; what stands between comes behind them."""
    inset = sum(block.inset and block.kind == "text" for block in blocks) > max(len(blocks) // 20, 2)
    done = [False] * len(blocks)
    found: list[Block] = []
    for index, block in enumerate(blocks):
        if done[index]:
            continue
        at = index
        while (after := _next(blocks, at, done)) and _goes_on(block, blocks[after], inset):
            other = blocks[after]
            block = replace(block, text=joined(block.text, other.text, known), last=other.last, full=other.full)
            done[after] = True
            at = after
        found.append(block)
    return found


def _next(blocks: list[Block], index: int, done: list[bool]) -> int:
    """Return the next block of running text if it begins another column, else 0."""
    for after in range(index + 1, min(index + 12, len(blocks))):
        if blocks[after].kind in ("text", "item"):
            new = blocks[after].first.column != blocks[index].last.column
            return after if new and not done[after] and blocks[after].first.page - blocks[index].last.page < 3 else 0
    return 0


def _goes_on(block: Block, after: Block, inset: bool) -> bool:
    """Say whether a paragraph goes on in a block of the next column."""
    if block.kind not in ("text", "item") or after.kind != "text":
        return False
    a, b = block.last, after.first
    if max(a.size, b.size) > 1.05 * min(a.size, b.size) or (a.style ^ b.style) & BOLD:
        return False
    ends = bool(_ENDS.search(a.text))
    if b.text[:1].islower():
        return not ends and (block.full or len(block.text) > 200)
    if not block.full or after.inset:
        return False
    return inset if ends else True
