"""A chart of the page "watch" as an SVG file, drawn as those of reports are: lines named at their ends."""

from __future__ import annotations

from dataclasses import dataclass

from hornbook.app.serving.endpoints import Refused
from hornbook.charts.chart import Chart, Series
from hornbook.charts.scales import Axis


@dataclass(frozen=True)
class Line:
    """One line: its name, and its points; a None in ys is a gap."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float | None, ...]


@dataclass(frozen=True)
class Picture:
    """What is to be drawn: title and caption, what the places of its axis are, and lines."""

    title: str
    caption: str
    x: str
    lines: tuple[Line, ...]
    log_x: bool = False
    log_y: bool = False


def picture(asked: Picture) -> dict[str, str]:
    """Return {"svg": a whole file}. Raises Refused where there is nothing to draw."""
    if any(len(line.xs) != len(line.ys) for line in asked.lines):
        raise Refused("A line has not as many xs as ys.", "lines")
    shown = tuple(
        Series(line.name, line.xs, line.ys)
        for line in asked.lines
        if any(
            y is not None and (y > 0 or not asked.log_y) and (x > 0 or not asked.log_x)
            for x, y in zip(line.xs, line.ys, strict=True)
        )
    )
    if not shown:
        raise Refused("There is no value to draw yet.", "lines")
    axes = Axis(asked.x, asked.log_x), Axis("", asked.log_y)
    return {"svg": Chart(asked.title, asked.caption, *axes, shown).svg()}
