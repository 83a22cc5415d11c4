"""Forest plots: differences or numbers with their intervals, one below the other, beside a line at no difference."""

from __future__ import annotations

from dataclasses import dataclass

from hornbook.charts.drawing import WIDTH, Drawing
from hornbook.charts.scales import Axis, Scale, limits, marks
from hornbook.charts.table import Table

_TOP, _ROW, _BOTTOM, _RIGHT = 44.0, 24.0, 52.0, 24.0
_LETTER = 7.2  # width of one, about
_MOST_NAME, _MOST_NOTE = 230.0, 190.0


@dataclass(frozen=True)
class Row:
    """One number with its interval, and what is said of it; low and high None = no interval is known."""

    name: str
    value: float
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True)
class Forest:
    """Rows over one axis; `line` is the value of no difference, None = there is none."""

    title: str
    caption: str
    axis: Axis
    rows: tuple[Row, ...]
    line: float | None = 0.0

    def svg(self) -> str:
        """Return the drawing, a whole SVG file."""
        height = _TOP + _ROW * max(1, len(self.rows)) + _BOTTOM
        drawing = Drawing(self.title, self.caption, WIDTH, height)
        drawing.text(self.title, 4, 22, "title")
        left = 16 + min(_MOST_NAME, max((_LETTER * len(row.name) for row in self.rows), default=0.0))
        right = WIDTH - _RIGHT - min(_MOST_NOTE, max((_LETTER * len(row.note) for row in self.rows), default=0.0))
        values = [value for row in self.rows for value in (row.value, row.low, row.high) if value is not None]
        across = Scale(*limits([*values, *([] if self.line is None else [self.line])], self.axis.log), left, right)
        bottom = height - _BOTTOM
        for value in marks(across.low, across.high, self.axis.log):
            drawing.line(across(value), _TOP - 6, across(value), bottom, "grid")
            drawing.text(self.axis.text(value), across(value), bottom + 18, "mark middle")
        if self.line is not None:
            drawing.line(across(self.line), _TOP - 6, across(self.line), bottom, "axis")
        for number, row in enumerate(self.rows):
            at = _TOP + _ROW * (number + 0.5)
            drawing.text(row.name, 8, at + 4, "name ink", room=left - 16)
            if row.low is not None and row.high is not None:
                drawing.line(across(row.low), at, across(row.high), at, "s0 solid")
            drawing.mark(across(row.value), at, 0)
            drawing.text(row.note, right + 10, at + 4, "note", room=WIDTH - right - 12)
        drawing.line(left, bottom, right, bottom, "axis")
        drawing.text(self.axis.label, (left + right) / 2, height - 12, "label middle")
        return drawing.whole()

    def table(self) -> Table:
        """Return the numbers, a row for each."""
        rows = tuple((row.name, self.axis.text(row.value), self._ends(row), row.note) for row in self.rows)
        return Table(self.caption, ("what", self.axis.label, "interval", "verdict"), rows)

    def _ends(self, row: Row) -> str:
        if row.low is None or row.high is None:
            return ""
        return f"{self.axis.text(row.low)} to {self.axis.text(row.high)}"
