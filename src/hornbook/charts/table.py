"""The table beside a chart: the same numbers, for those who read rather than look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of text below the names of their columns; the first column names, the others are numbers."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return it as Markdown."""

        def line(cells: Sequence[str]) -> str:
            return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        return "\n".join([line(self.columns), line(rule), *map(line, self.rows)]) + "\n"
