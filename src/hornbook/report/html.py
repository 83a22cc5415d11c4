"""A report as one page of HTML that needs nothing else: no script, no network; for light and dark screens and paper."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from hornbook import __version__
from hornbook.charts.table import Table
from hornbook.report.blocks import Figure, Report
from hornbook.report.private import visible

_CODE = re.compile(r"`([^`]+)`")
_HERE = Path(__file__).parent
_WHOLE = 1e15  # beyond it a floating-point number is told with its exponent


def html(report: Report) -> str:
    """Return a report as a page; equal reports give equal bytes."""
    return _template().render(
        report=report, style=Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        generator=f"Hornbook {__version__}", of_what=report.title.removeprefix("Report: "),
    )  # fmt: skip


def amount(value: float) -> str:
    """Return a number of the ledger, whole where it is whole.

    >>> amount(1234567), amount(4637614080.0000005), amount(0.5), amount(3.2e20)
    ('1,234,567', '4,637,614,080', '0.5', '3.2e+20')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if 1 <= abs(value) < _WHOLE else f"{value:.6g}"


@functools.cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_finalized
    )
    environment.globals |= {
        "name_of": lambda block: type(block).__name__, "amount": amount, "untitled": _untitled, "listing": _listing,
        "picture": _picture,
    }  # fmt: skip
    environment.filters["prose"] = _prose
    return environment.from_string((_HERE / "page.html.jinja").read_text(encoding="utf-8"))


def _finalized(value: object) -> object:
    """Show what cannot be seen, in every text that comes into the page."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _prose(text: str) -> Markup:
    """Return a sentence; what stands in it between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))


def _picture(block: Figure) -> str:
    """Return a chart as an address that is the drawing itself: it follows the reader's scheme, and asks for nothing."""
    return "data:image/svg+xml," + quote(block.chart.svg(), safe=" =:/,;.()!*-_{}+")


def _listing(text: str) -> Markup:
    """Return text line by line: the ends of its lines are the only signs that stay what they are."""
    return Markup("\n").join(visible(line) for line in text.split("\n"))


def _untitled(table: Table) -> Table:
    return replace(table, caption="")
