"""Tables: rows of cells that stand under each other, written as rows joined by " | "."""

from __future__ import annotations

from hornbook.corpus.readers.files.pdf_lines import Cell, Line
from hornbook.corpus.readers.files.pdf_words import MONO

_ALIGNED = 0.6  # of the size of type
_APART = 3.0  # of the size of type: rows farther apart are no rows of one table


def table_rows(lines: list[Line]) -> dict[int, tuple[int, str]]:
    """Return, by the index of a table's first line, the index after its last and its text.

    A table is two lines or more, each of two cells or more, of which some but the first stand under each other.
    """
    found: dict[int, tuple[int, str]] = {}
    start = 0
    while start < len(lines):
        stop = start + 1
        if _is_row(lines[start]):
            while stop < len(lines) and _is_row(lines[stop]) and _fit(lines[stop - 1], lines[stop]):
                stop += 1
            if stop - start >= 2:
                rows = [" | ".join(cell.text for cell in line.cells) for line in lines[start:stop]]
                found[start] = stop, "\n".join(rows)
        start = stop
    return found


def _is_row(line: Line) -> bool:
    return len(line.cells) > 1 and not line.style & MONO


def _fit(before: Line, line: Line) -> bool:
    """Say whether two rows are near each other and some of their cells, but the first, are aligned."""
    if not 0 < line.base - before.base < _APART * line.size:
        return False
    room = _ALIGNED * line.size
    pairs = [(a, b) for a in before.cells[1:] for b in line.cells[1:]]
    return any(_aligned(a, b, room) for a, b in pairs)


def _aligned(a: Cell, b: Cell, room: float) -> bool:
    middle = abs(a.left + a.right - b.left - b.right) / 2
    return min(abs(a.left - b.left), abs(a.right - b.right), middle) < room
