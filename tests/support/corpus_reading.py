"""Reading all that paths hold, and what could not be read."""

from __future__ import annotations

from pathlib import Path

from hornbook.corpus.readers.reading import Item, Unread, read_unit
from hornbook.corpus.readers.units import discover, group

UNIT = 1 << 20


def read_all(*paths: Path | str, unit: int = UNIT, field: str = "text") -> tuple[list[Item], list[Unread]]:
    """Read all units of the paths."""
    bad: list[Unread] = []
    items = [
        item
        for each in group(discover([str(path) for path in paths], unit), unit)
        for item in read_unit(each, field, bad.append)
    ]
    return items, bad


def reasons(bad: list[Unread]) -> list[tuple[int, str]]:
    return [(item.line, item.reason) for item in bad]
