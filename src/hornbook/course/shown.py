"""What chapters show beside printed text: charts, and what an objective makes of the reader's text."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hornbook.charts.table import Table
from hornbook.course.reader import text

_SHOWN = 120  # characters of a text that a picture is of


class Recorder(Protocol):
    """What takes parts of a cell's output, where a chapter runs in a process of its own."""

    def draw(self, svg: str, caption: str) -> None:
        """Take a drawing."""

    def end_part(self, here: bool = False) -> None:
        """End the part that was printed until now; `here` says that another machine would print another one."""


RECORDERS: list[Recorder] = []


class Drawable(Protocol):
    """A chart of the room charts."""

    @property
    def title(self) -> str: ...
    def svg(self) -> str: ...
    def table(self) -> Table: ...


@dataclass(frozen=True)
class Drawn:
    """A drawing that a notebook shows where it is a cell's last value."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


def draw(chart: Drawable) -> Drawn:
    """Print a chart's numbers, and return its drawing, which a notebook shows."""
    table = chart.table()
    widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
    print(chart.title)
    for row in (table.columns, *table.rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    svg = chart.svg()
    for recorder in RECORDERS:
        recorder.draw(svg, f"{chart.title}. {table.caption}")
    return Drawn(svg)


@contextlib.contextmanager
def here() -> Iterator[None]:
    """Print in the block what another machine would print otherwise: times, and what a trained model says.

    Elsewhere all numbers of a chapter are equal.
    """
    for recorder in RECORDERS:
        recorder.end_part()
    try:
        yield
    finally:
        for recorder in RECORDERS:
            recorder.end_part(here=True)


def picture(kind: str, words: str = "", **settings: object) -> None:
    """Print what an objective makes of words, by default the beginning of the reader's text: what is read and said.

    `kind` and the settings are those of `hornbook.objective`.
    """
    from hornbook.objectives import show
    from hornbook.objectives.catalogue import build
    from hornbook.prepare.preview import preview
    from hornbook.vocab import EMPTY

    print(show.text(preview(words or beginning(text()), build(kind, settings, EMPTY), None, 0)))


def beginning(words: str) -> str:
    """Return how a text begins: its first sentence if that is short, else as many whole words as are shown.

    >>> beginning("The cat sat. It slept.")
    'The cat sat.'
    """
    line = " ".join(words[: 10 * _SHOWN].split())
    first = re.match(r".+?[.!?](?= |$)", line)
    if first and len(first[0]) <= _SHOWN:
        return first[0]
    return line if len(line) <= _SHOWN else line[:_SHOWN].rpartition(" ")[0] or line[:_SHOWN]
