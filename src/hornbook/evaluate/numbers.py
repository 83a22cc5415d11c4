"""Number: one measured value as all readers see it: tables, cards, JSON, reports. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hornbook.evaluate.statistics import Estimate

# What a score of text is: an exact likelihood, an upper bound of its nats, or a number that is neither.
Kind = Literal["exact", "bound", "pseudo"]


@dataclass(frozen=True)
class Number:
    """One measured value.

    unit        "nats per token", "bits per byte", "share" (0 to 1), "count", "" for a plain number
    meaning     what it is, and what it may be compared with, in one sentence
    low, high   interval of 95 %; None where one draw, or a sum over all that there is, allows none
    items       numbers that the value is made of; draws = the independent ones among them
    baselines   the same measure of simple models or of guessing, by name
    kind        what the likelihoods are that it is made of
    """

    name: str
    value: float
    unit: str
    meaning: str
    low: float | None = None
    high: float | None = None
    items: int = 0
    draws: int = 0
    baselines: Mapping[str, float] = field(default_factory=dict)
    kind: Kind = "exact"

    @property
    def text(self) -> str:
        """The value, with its interval in brackets where it has one."""
        if self.low is None or self.high is None:
            return self.written(self.value)
        return f"{self.written(self.value)} ({self.written(self.low)} to {self.written(self.high)})"

    @property
    def account(self) -> str:
        """What the value is, its kind where it is no exact likelihood, and what simple models or guessing reach."""
        kind = {"exact": "", "bound": "; an upper bound", "pseudo": "; no likelihood of the text"}[self.kind]
        beside = ", ".join(f"{name} {self.written(value)}" for name, value in self.baselines.items())
        return f"{self.meaning}{kind}{f'; {beside}' if beside else ''}"

    def written(self, value: float) -> str:
        """Return a value of this measure as text: shares in percent, large numbers with two places, others with four.

        >>> Number("acc", 0.5, "share", "").written(0.125), Number("loss", 3.2, "nats per token", "").written(3.2)
        ('12.5%', '3.2000')
        """
        if self.unit == "share":
            return f"{value:.1%}"
        if self.unit == "count":
            return f"{value:,.0f}"
        return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.4f}"


def number(
    name: str,
    estimate: Estimate,
    unit: str,
    meaning: str,
    *,
    baselines: Mapping[str, float] | None = None,
    kind: Kind = "exact",
) -> Number:
    """Return a Number of an estimate; without an interval where its items allow none.

    Draws that are all alike allow none: an interval without width would say that others are known to be so too.
    """
    known = estimate.draws > 1 and estimate.low < estimate.high
    ends = (estimate.low, estimate.high) if known else (None, None)
    low, high = ends if all(end is not None and math.isfinite(end) for end in ends) else (None, None)
    return Number(
        name, estimate.value, unit, meaning, low, high, estimate.items, estimate.draws, dict(baselines or {}), kind
    )
