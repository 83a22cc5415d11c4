"""Rows of numbers, thinned where there are more than a picture has pixels: each part keeps its least and greatest.

No row is chosen by chance, so no spike is lost, and equal rows give equal pictures.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

Number = float | None
Columns = dict[str, list[Number]]
_MOST = 4096  # rows that are kept; beyond that each pair of parts becomes one
_DIGITS = 6  # of a number that is handed on


class Rows:
    """Rows of one kind of record: a step, the byte after its line, and a number for each name, or None.

    As long as there are few of them, they are as they came. Beyond `_MOST` rows, every `width` records become two
    rows: in each column the least and the greatest of them, in their order. Those of a part that is not whole yet are
    its tip.

    changes   how often rows that were there before became others
    last      the newest step; -1 = none
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.changes, self.last, self.width = 0, -1, 1
        self._rows = _empty(len(self.names))
        self._tip = _empty(len(self.names))

    def __len__(self) -> int:
        return len(self._rows[0])

    def add(self, end: int, step: int, values: Sequence[Number]) -> None:
        """Add a record: the byte after its line, its step, a number for each name."""
        self.last = step
        for column, value in zip(self._rows if self.width == 1 else self._tip, (step, end, *values), strict=True):
            column.append(value)
        if self.width > 1:
            if len(self._tip[0]) < self.width:
                return
            _append(self._rows, _pair(self._tip))
            self._tip = _empty(len(self.names))
        if len(self) > _MOST:
            self._halve()

    def _halve(self) -> None:
        """Make two rows of each four."""
        before, self._rows = self._rows, _empty(len(self.names))
        for start in range(0, len(before[0]), 4):
            _append(self._rows, _pair([column[start : start + 4] for column in before]))
        self.width = 4 if self.width == 1 else 2 * self.width
        self.changes += 1

    def since(self, offset: int, names: Sequence[str], most: int) -> tuple[Columns, Columns]:
        """Return the columns of these names, and `step`, of all rows that end behind an offset; and of the tip.

        There are about `most` rows, as in a thinned picture, and at most two of the tip.
        """
        first = bisect.bisect_right(self._rows[1], offset, key=lambda end: int(end or 0))
        rows, tip = [column[first:] for column in self._rows], self._tip
        if len(rows[0]) > most:
            width = 2 * -(-len(rows[0]) // max(most, 2))
            thin = _empty(len(self.names))
            for start in range(0, len(rows[0]), width):
                _append(thin, _pair([column[start : start + width] for column in rows]))
            rows = thin
        if len(tip[0]) > 2:
            tip = _pair(tip)
        places = {"step": 0, **{name: 2 + self.names.index(name) for name in names}}
        whole, rest = ({name: list(map(_short, part[place])) for name, place in places.items()} for part in (rows, tip))
        return whole, rest


def _short(value: Number) -> Number:
    """Return a number with no more digits than a picture shows; whole numbers stay."""
    return value if value is None or isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def _empty(names: int) -> list[list[Number]]:
    """Return columns without rows: step, end, and so many more."""
    return [[] for _ in range(2 + names)]


def _append(rows: list[list[Number]], more: Sequence[Sequence[Number]]) -> None:
    for column, values in zip(rows, more, strict=True):
        column += values


def _pair(rows: Sequence[Sequence[Number]]) -> list[list[Number]]:
    """Return two rows for many: from the first step to the last, with the extremes of each column."""
    steps, ends, *columns = rows
    return [[steps[0], steps[-1]], [ends[-1], ends[-1]], *map(extremes, columns)]


def extremes(values: Sequence[Number]) -> list[Number]:
    """Return the least and the greatest of some numbers in the order in which they stand; None where there is none.

    >>> extremes([3.0, None, 9.0, 1.0]), extremes([None, None]), extremes([2.0, 2.0])
    ([9.0, 1.0], [None, None], [2.0, 2.0])
    """
    known = [(value, place) for place, value in enumerate(values) if value is not None]
    if not known:
        return [None, None]
    low, high = min(known), max(known)
    return [low[0], high[0]] if low[1] <= high[1] else [high[0], low[0]]
