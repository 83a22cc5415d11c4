"""Scales: where a value stands on an axis, and at which round values an axis has marks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LARGEST = 1e100
_MOST_DECADES = 6  # with marks at each; beyond, every second or third one has a mark


@dataclass(frozen=True)
class Axis:
    """What an axis shows.

    label   what its numbers are, with their unit
    log     each step is a factor; values must be above 0
    share   numbers are shown in percent
    """

    label: str
    log: bool = False
    share: bool = False

    def text(self, value: float) -> str:
        """Return a number as the axis writes it, as short as it can be.

        >>> Axis("x").text(0.25), Axis("x", share=True).text(0.25), Axis("x", log=True).text(3e6), Axis("x").text(-1e-9)
        ('0.25', '25%', '3M', '-1e-9')
        """
        if self.share:
            return f"{100 * value:.4g}%"
        return short(value)


def short(value: float) -> str:
    """Return a number in few characters.

    >>> [short(value) for value in (0, 1234, 1.5e6, 2e13, 0.00002, 999999, -3.25)]
    ['0', '1.23k', '1.5M', '2e13', '2e-5', '1M', '-3.25']
    """
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e13:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if float(f"{size:.3g}") >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.4g}"


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` onto places from `start` to `end`, straight or in logarithms."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log(number) if self.log else number for number in (self.low, self.high, value))
        return self.start + (at - low) / (high - low) * (self.end - self.start)


def usable(values: Iterable[float | None], log: bool) -> list[float]:
    """Return the values that an axis can show: neither infinite nor next to it, and above 0 in logarithms."""
    found = [value for value in values if value is not None and abs(value) <= _LARGEST]
    return [value for value in found if value >= 1 / _LARGEST] if log else found


def limits(values: Sequence[float], log: bool) -> tuple[float, float]:
    """Return the ends of an axis for values, with a little room beside them; (0, 1) or (1, 10) for none."""
    if not values:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = min(values), max(values)
    if log:
        room = max(math.log(high / low) * 0.04, 0.02)
        return low * math.exp(-room), high * math.exp(room)
    room = (high - low) * 0.05
    if room < 1e-9 * max(abs(low), abs(high)):  # too near each other for numbers between them
        room = max(abs(low), abs(high)) * 0.05
    return (low - room, high + room) if room else (-1.0, 1.0)


def marks(low: float, high: float, log: bool, wanted: int = 5) -> list[float]:
    """Return about `wanted` round values from low to high.

    >>> marks(0.13, 0.92, False), marks(3, 4000, True), marks(2, 7, True)
    ([0.2, 0.4, 0.6, 0.8], [10.0, 100.0, 1000.0], [2.0, 5.0])
    """
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if last - first >= 2:
            return [10.0**power for power in range(first, last + 1, 1 + (last - first) // _MOST_DECADES)]
        some = [digit * 10.0**power for power in range(first - 1, last + 1) for digit in (1, 2, 5)]
        if len(found := [value for value in some if low <= value <= high]) >= 2:
            return found
    least = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in _STEPS if factor * power >= least * 0.999)
    number = math.ceil(low / step - 1e-9)
    found = []
    while number * step <= high + 1e-9 * step:
        found.append(float(f"{number * step:.12g}"))
        number += 1
    return found
