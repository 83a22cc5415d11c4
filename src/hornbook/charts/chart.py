"""Charts of series over an axis: lines with bands, and points; lines are named at their ends.

No colour means anything alone: series have dashes or shapes of their own, and names beside them. A chart is drawn for
paper and for dark screens: the file asks the reader's scheme. Numbers are written with fixed digits, so that equal data
give equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hornbook.charts.drawing import HEIGHT, WIDTH, Drawing, style
from hornbook.charts.scales import Axis, Scale, limits, marks, usable
from hornbook.charts.table import Table

_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 150.0, 44.0, 52.0
_MOST_POINTS = 400  # of a line: more cannot be seen
_LINE = 15.0  # between two names at the ends of lines


@dataclass(frozen=True)
class Series:
    """One series: values y at places x; None or NaN in y is a gap.

    low, high   ends of a band, or of each point's interval; empty = none
    kind        line or points
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    kind: Literal["line", "points"] = "line"


@dataclass(frozen=True)
class Chart:
    """A chart with its caption; `svg()` draws it, `table()` has the same numbers."""

    title: str
    caption: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]

    def svg(self) -> str:
        """Return the drawing, a whole SVG file."""
        shown = [_seen(series, self.x.log, self.y.log) for series in self.series]
        across = Scale(
            *limits([x for one in shown for x in usable(one.x, self.x.log)], self.x.log),
            _LEFT, WIDTH - _RIGHT, self.x.log,
        )  # fmt: skip
        heights = [y for one in shown for values in (one.y, one.low, one.high) for y in usable(values, self.y.log)]
        up = Scale(*limits(heights, self.y.log), HEIGHT - _BOTTOM, _TOP, self.y.log)
        drawing = Drawing(self.title, self.caption, WIDTH, HEIGHT)
        drawing.text(self.title, _LEFT, 22, "title")
        self._axes(drawing, across, up)
        ends: list[tuple[float, str, int]] = []
        for number, one in enumerate(shown):
            _band(drawing, one, across, up, number)
            if one.kind == "line":
                drawing.polyline(_pieces(one.x, one.y, across, up), style(number))
            else:
                for x, y in zip(one.x, one.y, strict=True):
                    if y is not None:
                        drawing.mark(across(x), up(y), number)
            if last := [y for y in one.y if y is not None]:
                ends.append((up(last[-1]), one.name, number))
        for height, name, number in apart(ends, _LINE, _TOP + 6, HEIGHT - _BOTTOM):
            drawing.mark(WIDTH - _RIGHT + 12, height - 4, number)
            drawing.text(name, WIDTH - _RIGHT + 20, height, f"name {style(number)}", room=_RIGHT - 26)
        return drawing.whole()

    def _axes(self, drawing: Drawing, across: Scale, up: Scale) -> None:
        bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
        for value in marks(up.low, up.high, self.y.log):
            drawing.line(_LEFT, up(value), right, up(value), "grid")
            drawing.text(self.y.text(value), _LEFT - 6, up(value) + 4, "mark end")
        for value in marks(across.low, across.high, self.x.log):
            drawing.line(across(value), bottom, across(value), bottom + 4, "axis")
            drawing.text(self.x.text(value), across(value), bottom + 18, "mark middle")
        drawing.line(_LEFT, bottom, right, bottom, "axis")
        drawing.text(self.x.label, (_LEFT + right) / 2, HEIGHT - 12, "label middle")
        drawing.text(self.y.label, 4, _TOP - 8, "label")

    def table(self) -> Table:
        """Return the numbers of all series, a row for each point."""
        rows = []
        for one in self.series:
            low, high = one.low or [None] * len(one.x), one.high or [None] * len(one.x)
            for x, y, below, above in zip(one.x, one.y, low, high, strict=True):
                if y is not None and math.isfinite(y):
                    ends = "" if below is None or above is None else f"{self.y.text(below)} to {self.y.text(above)}"
                    rows.append((one.name, self.x.text(x), self.y.text(y), ends))
        columns, kept = ("series", self.x.label, self.y.label, "from, to"), 4 if any(row[3] for row in rows) else 3
        return Table(self.caption, columns[:kept], tuple(row[:kept] for row in rows))


def _seen(series: Series, log_x: bool, log_y: bool) -> Series:
    """Return a series with a gap where its axes cannot show a value, and a line with no more points than are seen."""

    def held(values: Sequence[float | None]) -> list[float | None]:
        return [None if value is None or not usable([value], log_y) else value for value in values]

    chosen = [place for place, x in enumerate(series.x) if usable([x], log_x)]
    if series.kind == "line" and len(chosen) > _MOST_POINTS:
        last = len(chosen) - 1
        chosen = [chosen[round(number * last / (_MOST_POINTS - 1))] for number in range(_MOST_POINTS)]
    y, low, high = (held(values) for values in (series.y, series.low, series.high))

    def take(values: list[float | None]) -> list[float | None]:
        return [values[place] for place in chosen] if values else []

    return Series(series.name, [series.x[place] for place in chosen], take(y), take(low), take(high), series.kind)


def _pieces(x: Sequence[float], y: Sequence[float | None], across: Scale, up: Scale) -> list[list[tuple[float, float]]]:
    """Return the parts of a line between its gaps, in places of the drawing."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for at, value in zip(x, y, strict=True):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((across(at), up(value)))
    return [piece for piece in pieces if piece]


def _band(drawing: Drawing, series: Series, across: Scale, up: Scale, number: int) -> None:
    """Draw a band of a line, or an interval of each point."""
    if not series.low or not series.high:
        return
    ends = [
        (across(x), up(low), up(high))
        for x, low, high in zip(series.x, series.low, series.high, strict=True)
        if low is not None and high is not None
    ]
    if series.kind == "points":
        for x, low, high in ends:
            drawing.line(x, low, x, high, style(number))
    elif ends:
        drawing.area([(x, low) for x, low, _ in ends] + [(x, high) for x, _, high in reversed(ends)], number)


def apart(
    ends: Sequence[tuple[float, str, int]], distance: float, top: float, bottom: float
) -> list[tuple[float, str, int]]:
    """Return names with heights that are at least `distance` apart, as near to their own as that allows.

    >>> apart([(50, "a", 0), (52, "b", 1)], 10, 0, 100)
    [(46.0, 'a', 0), (56.0, 'b', 1)]
    """
    groups: list[list[tuple[float, str, int]]] = []
    middles: list[float] = []

    def half(group: Sequence[object]) -> float:
        return distance * (len(group) - 1) / 2

    for item in sorted(ends):
        groups.append([item])
        middles.append(item[0])
        while True:
            middles[-1] = min(max(middles[-1], top + half(groups[-1])), max(top, bottom) - half(groups[-1]))
            if len(groups) < 2 or middles[-1] - half(groups[-1]) - middles[-2] - half(groups[-2]) >= distance:
                break
            last = groups.pop()
            groups[-1].extend(last)
            middles[-2:] = [sum(height for height, _, _ in groups[-1]) / len(groups[-1])]
    return [
        (middle - half(group) + distance * place, name, number)
        for group, middle in zip(groups, middles, strict=True)
        for place, (_, name, number) in enumerate(group)
    ]
