"""The ledger as one page of HTML that stands alone: no network, no script, everything of the texts escaped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def page(ledger: Mapping[str, Any]) -> str:
    """Return a ledger as an HTML page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(Path(__file__).with_name("report.html.jinja").read_text(encoding="utf-8"))
    lengths = {when: {_words(low): number for low, number in bins.items()} for when, bins in ledger["lengths"].items()}
    return template.render(ledger=ledger, measures=list(ledger["in"]), share=_share, lengths=lengths)


def _share(part: int, whole: int) -> float:
    """Return a part in percent, between 0 and 100."""
    return round(min(max(100 * part / whole, 0), 100), 2) if whole else 0.0


def _words(low: str) -> str:
    """Return the name of a bin that begins at `low`: "4" stands for 4 to 7."""
    number = int(low)
    return low if number < 2 else f"{number:,} to {2 * number - 1:,}"
