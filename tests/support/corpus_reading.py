"""Reading all that paths hold, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hornbook.corpus.readers.reading import Item, Unread, read_unit
from hornbook.corpus.readers.record import Chosen
from hornbook.corpus.readers.units import discover, group

UNIT = 1 << 20


def read_all(
    *paths: Path | str,
    unit: int = UNIT,
    field: str = "text",
    readers: Sequence[Chosen] = (),
    root: str = "",
    passed: dict[str, int] | None = None,
    fields: tuple[str, ...] = (),
) -> tuple[list[Item], list[Unread]]:
    """Read all units of the paths; `passed` is filled with how many were passed over for each reason."""
    bad: list[Unread] = []

    def over(source: str, reason: str, count: int) -> None:
        if passed is not None:
            passed[reason] = passed.get(reason, 0) + count

    items = [
        item
        for each in group(discover([str(path) for path in paths], unit, readers, root), unit)
        for item in read_unit(each, field, bad.append, over, tuple(readers), fields)
    ]
    return items, bad


def reasons(bad: list[Unread]) -> list[tuple[int, str]]:
    return [(item.line, item.reason) for item in bad]
