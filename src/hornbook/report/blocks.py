"""What a report is made of, before it is a page or Markdown: both are written from these blocks and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hornbook.charts.chart import Chart
from hornbook.charts.forest import Forest
from hornbook.charts.table import Table
from hornbook.report.ledger import Line
from hornbook.report.verdicts import Rule


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `lead` is one that a hasty reader reads alone."""

    text: str
    lead: bool = False


@dataclass(frozen=True)
class Tiles:
    """The few numbers that one remembers: (what, value, note)."""

    numbers: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table; `words` are the columns that hold words, beside the first, which names."""

    table: Table
    words: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Figure:
    """A chart with its caption, and its numbers as a table; `name` is that of its file, where it has one."""

    chart: Chart | Forest
    table: Table
    name: str = ""


@dataclass(frozen=True)
class Rules:
    """Rules with what they found."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Account:
    """Lines of the ledger."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Listing:
    """Text as it stands in a file or is typed."""

    text: str


@dataclass(frozen=True)
class Said:
    """What a model said of one text: what it was asked, and (step, what it said) in turn."""

    asked: str
    said: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Fold:
    """Blocks that only those open who want them."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Part:
    """Blocks of one run."""

    title: str
    blocks: tuple[Block, ...]


Block = Paragraph | Tiles | Points | Grid | Figure | Rules | Account | Listing | Said | Fold | Part


@dataclass(frozen=True)
class Section:
    """A numbered section; `name` is its anchor."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A report: `subtitle` says what it is of, `left_out` what was asked for and is not in it, and why.

    plain   the same as values, for scripts
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    left_out: tuple[str, ...] = ()
    plain: dict[str, object] = field(default_factory=dict)


def grid(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int] = ()) -> Grid:
    """Return a table of texts; `words` are the columns of words."""
    return Grid(Table(caption, tuple(columns), tuple(tuple(row) for row in rows)), frozenset(words))


def by_run(parts: Sequence[tuple[str, Sequence[Block]]]) -> tuple[Block, ...]:
    """Return the blocks of runs, each under its name where there are several."""
    if len(parts) == 1:
        return tuple(parts[0][1])
    return tuple(Part(name, tuple(blocks)) for name, blocks in parts)
