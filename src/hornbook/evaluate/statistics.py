"""Estimates with intervals from per-item records: means, ratios, paired differences, shares, and whatever else.

Every estimate treats its items as drawn from more of their kind. Items that belong together (the pairs of a paradigm,
the questions on one passage) are no independent draws: name their groups, and the groups are the draws. Intervals are
Student's t, with one degree of freedom less than there are independent draws; `share` is Wilson's, and `bca` resamples.
What is random comes from keys, so equal records give equal intervals.

Shapes: n items; groups are any n labels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hornbook import keys

CONFIDENCE = 0.95
_NORMAL = NormalDist()
_RESAMPLES = 2000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    low, high   ends of the interval; the value itself where a single draw allows none
    error       standard error; NaN where one draw, or a method without one, gives none
    items       numbers that it is made of
    draws       independent ones among them: groups, or items where there are no groups
    """

    value: float
    low: float
    high: float
    error: float
    items: int
    draws: int

    def excludes(self, value: float) -> bool:
        """Whether the interval does not hold a value: a difference whose interval excludes 0 is distinguishable."""
        return not self.low <= value <= self.high


def mean(scores: ArrayLike, groups: ArrayLike | None = None, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of n scores.

    Without groups the error is sd / sqrt(n), with n - 1. With groups it is the cluster sandwich of Miller 2024,
    sqrt(sum over groups of (sum of the group's deviations)^2) / n, times sqrt(G / (G - 1)) for G groups.
    """
    values = _floats(scores)
    return _linear(float(values.mean()), values - values.mean(), float(len(values)), groups, confidence)


def ratio(
    above: ArrayLike, below: ArrayLike, groups: ArrayLike | None = None, confidence: float = CONFIDENCE
) -> Estimate:
    """Return sum(above) / sum(below), such as bits per byte over documents.

    The error is the ratio estimator's, sqrt(n / (n - 1) sum (above_i - R below_i)^2) / sum(below).
    """
    upper, lower = _floats(above), _floats(below)
    if len(upper) != len(lower) or lower.sum() <= 0:
        raise ValueError("a ratio needs as many numbers below as above, with a positive sum")
    value = float(upper.sum() / lower.sum())
    return _linear(value, upper - value * lower, float(lower.sum()), groups, confidence)


def difference(
    scores: ArrayLike, others: ArrayLike, groups: ArrayLike | None = None, confidence: float = CONFIDENCE
) -> Estimate:
    """Return mean(scores - others) of two models on the same items, in the same order."""
    return mean(_floats(scores) - _floats(others), groups, confidence)


def share(hits: float, number: int, confidence: float = CONFIDENCE) -> Estimate:
    """Return hits / number of independent trials with Wilson's interval, which stays within 0 and 1.

    `hits` need not be whole: a tie among k counts as 1 / k.
    """
    if not 0 <= hits <= number or number < 1:
        raise ValueError(f"{hits} hits of {number}")
    p, z = hits / number, _NORMAL.inv_cdf(0.5 + confidence / 2)
    middle = (p + z * z / (2 * number)) / (1 + z * z / number)
    half = z / (1 + z * z / number) * math.sqrt(p * (1 - p) / number + z * z / (4 * number * number))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Estimate(p, low, high, math.sqrt(p * (1 - p) / number), number, number)


def parts_of_ratio(over: ArrayLike, under: ArrayLike) -> Floats:
    """Return each draw's linear part of sum(over) / sum(under): their mean is the ratio, their variance its own.

    Float64[n]; where the sum below is 0 all parts are 0.

    >>> parts_of_ratio([1.0, 0.0], [1.0, 3.0]).tolist()
    [0.625, -0.125]
    """
    x, b = _floats(over), _floats(under)
    if not b.sum():
        return np.zeros(len(b))
    value = x.sum() / b.sum()
    return np.asarray(value + (x - value * b) / b.mean())


def welch(
    one: ArrayLike,
    other: ArrayLike,
    confidence: float = CONFIDENCE,
    more_variance: float = 0.0,
    more_degrees: float = math.inf,
) -> Estimate:
    """Return mean(one) - mean(other) of two independent samples, such as the seeds of two arms.

    Welch's t. `more_variance` is that of the difference over items, of `more_degrees` degrees of freedom; it is added,
    and the degrees of the sum are Satterthwaite's.
    """
    a, b = _floats(one), _floats(other)
    value = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return Estimate(value, value, value, math.nan, len(a) + len(b), min(len(a), len(b)))
    parts = [float(each.var(ddof=1)) / len(each) for each in (a, b)]
    variance = sum(parts) + more_variance
    terms = [*zip(parts, (len(a) - 1, len(b) - 1), strict=True), (more_variance, more_degrees)]
    degrees = satterthwaite(terms)
    half = t_quantile(0.5 + confidence / 2, degrees) * math.sqrt(variance)
    return Estimate(value, value - half, value + half, math.sqrt(variance), len(a) + len(b), min(len(a), len(b)))


def satterthwaite(terms: Iterable[tuple[float, float]]) -> float:
    """Return the degrees of freedom of a sum of variances, each given as (variance, its degrees of freedom).

    >>> satterthwaite([(1.0, 4), (1.0, 4)]), satterthwaite([(0.0, 4)])
    (8.0, inf)
    """
    terms = list(terms)
    spread = sum(variance * variance / degrees for variance, degrees in terms)
    return sum(variance for variance, _ in terms) ** 2 / spread if spread else math.inf


def bca(
    statistic: Callable[[NDArray[np.int64]], float],
    number: int,
    seed: int,
    groups: ArrayLike | None = None,
    confidence: float = CONFIDENCE,
    resamples: int = _RESAMPLES,
) -> Estimate:
    """Return a statistic that is no mean (F1, a correlation) with the BCa interval of Efron 1987.

    statistic   what indices of items, int64[m] with repeats, give
    number      items; where there are groups, whole groups are drawn
    """
    members = _members(groups, number)
    everything = np.concatenate(members)
    value = statistic(everything)
    if len(members) < 2:
        return Estimate(value, value, value, math.nan, number, len(members))
    draws = keys.integers(keys.row_keys(seed, np.arange(resamples)), len(members), 0, len(members))
    if groups is None:  # the items themselves: no lists of arrays of one
        found = np.sort([statistic(draw) for draw in draws.astype(np.int64)])
        without = np.array([statistic(np.delete(everything, i)) for i in range(number)])
    else:
        found = np.sort([statistic(np.concatenate([members[group] for group in draw])) for draw in draws.tolist()])
        without = np.array([statistic(np.concatenate(members[:i] + members[i + 1 :])) for i in range(len(members))])
    pull = without.mean() - without
    spread = float((pull**2).sum())
    acceleration = float((pull**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    below = (np.count_nonzero(found < value) + np.count_nonzero(found <= value)) / 2 / resamples
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / resamples), 1 - 0.5 / resamples))

    def end(tail: float) -> float:
        shifted = bias + _NORMAL.inv_cdf(tail)
        return float(np.quantile(found, _NORMAL.cdf(bias + shifted / (1 - acceleration * shifted))))

    low, high = end(0.5 - confidence / 2), end(0.5 + confidence / 2)
    return Estimate(value, low, high, float(found.std(ddof=1)), number, len(members))


@functools.lru_cache(4096)
def t_quantile(share: float, degrees: float) -> float:
    """Return the value that Student's t with so many degrees of freedom stays below with probability `share`.

    >>> round(t_quantile(0.975, 2), 6), round(t_quantile(0.975, 10.5), 6)
    (4.302653, 2.21384)
    """
    if math.isinf(degrees):
        return _NORMAL.inv_cdf(share)
    if share < 0.5:
        return -t_quantile(1 - share, degrees)
    low, high = 0.0, 1.0
    while t_below(high, degrees) < share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_below(middle, degrees) < share else (low, middle)
    return (low + high) / 2


def t_below(value: float, degrees: float) -> float:
    """Return the probability that Student's t is below a value of at least 0."""
    square = value * value
    if square < degrees:  # near the middle the other form loses all digits
        return 0.5 + 0.5 * _incomplete_beta(square / (degrees + square), 0.5, degrees / 2)
    return 1 - 0.5 * _incomplete_beta(degrees / (degrees + square), degrees / 2, 0.5)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function for 0 <= x <= 1, by the continued fraction DLMF 8.17.22."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly
        return 1 - _incomplete_beta(1 - x, b, a)
    below = 1.0
    for m in range(40 + int(4 * math.sqrt(max(a, b))), 0, -1):  # more terms change no digit
        below = 1 + m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)) / below
        m -= 1
        below = 1 - (a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) / below
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / a / below


def _linear(value: float, deviations: Floats, size: float, groups: ArrayLike | None, confidence: float) -> Estimate:
    """Return an estimate whose error is that of sum(deviations) / size, the deviations being of sum 0."""
    sums = np.array([deviations[member].sum() for member in _members(groups, len(deviations))])
    draws = len(sums)
    if draws < 2:
        return Estimate(value, value, value, math.nan, len(deviations), draws)
    error = math.sqrt(draws / (draws - 1) * float((sums**2).sum())) / size
    half = t_quantile(0.5 + confidence / 2, draws - 1) * error
    return Estimate(value, value - half, value + half, error, len(deviations), draws)


def _members(groups: ArrayLike | None, number: int) -> list[NDArray[np.int64]]:
    """Return the items of each group; each item alone where there are no groups."""
    if groups is None:
        return list(np.arange(number)[:, None])
    labels: NDArray[Any] = np.asarray(groups)
    if len(labels) != number:
        raise ValueError(f"{len(labels)} groups for {number} items")
    _, of_item = np.unique(labels, return_inverse=True)
    order = np.argsort(of_item, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(of_item[order])) + 1)


def _floats(values: ArrayLike) -> Floats:
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        raise ValueError("statistics need at least one number, all of them finite, in one row")
    return found
