"""Verdicts: whether one arm of a study is better than another, by its seeds and its items.

    D    = mean over seeds of one arm - that of the other
    var  = s_A^2 / k_A + s_B^2 / k_B + (variance of the paired difference over items) / n
    Welch's t with Satterthwaite's degrees of freedom

Seeds tell how much a run varies when nothing is changed; items, how much it matters which documents or questions were
asked. A bootstrap over three seeds, or over items alone, covers far less than it says; this t covers 95 % from two
seeds on (tests/study/test_verdicts.py). Several pairs of arms share one error rate by Holm's rule.

Upper bounds of a loss tell in one direction only: where the bound of one arm is below the exact loss of the other, it
is better; the other way round nothing follows. Scores that are no likelihoods are compared with their own kind alone.

Shapes: k seeds, n items.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import UserError
from hornbook.evaluate.numbers import Kind
from hornbook.evaluate.statistics import Estimate, satterthwaite, t_below, t_quantile, welch

POWER, ERRORS = 0.8, 0.05
_MOST_SEEDS = 1000
_QUADRATURE = 400

Word = Literal["better", "worse", "equivalent", "not distinguishable", "not tested", "not comparable"]


@dataclass(frozen=True, eq=False)
class Scores:
    """One arm on one yardstick.

    seeds     float64[k]: the number of each finished seed
    items     float64[n] or None: each item's share of the number, averaged over seeds; of a ratio its linear part
    kind      what the numbers are made of; see `hornbook.evaluate.numbers`
    diverged  seeds that did not finish: a result of the arm, and no number
    """

    arm: str
    seeds: NDArray[np.float64]
    items: NDArray[np.float64] | None = None
    kind: Kind = "exact"
    diverged: int = 0


@dataclass(frozen=True)
class Verdict:
    """What may be said of two arms on one yardstick.

    word         of the first arm, compared with the second
    difference   first - second, with its interval; None where they may not be compared
    probability  of so large a difference between equal arms; None where nothing was tested
    sentence     the whole of it in words
    """

    one: str
    other: str
    word: Word
    difference: Estimate | None
    probability: float | None
    sentence: str


def verdict(one: Scores, other: Scores, *, unit: str, lower_is_better: bool, margin: float) -> Verdict:
    """Return what may be said of two arms.

    unit     of the yardstick, for the sentence; "share" is told in percent
    margin   a difference that would not matter: within it arms are equivalent
    """
    if unlike(one.kind, other.kind):
        why = f"a {one.kind} and a {other.kind} score are not comparable"
        return _told(one, other, "not comparable", None, None, why)
    if min(len(one.seeds), len(other.seeds)) < 2:
        few = f"{one.arm} has {len(one.seeds)} and {other.arm} {len(other.seeds)} finished seeds"
        return _told(one, other, "not tested", None, None, f"not tested, it takes two seeds of each: {few}")
    more, degrees = _variance_of_items(one, other)
    found = welch(one.seeds, other.seeds, more_variance=more, more_degrees=degrees)
    probability = _probability(one, other, found, more, degrees)
    inner = welch(one.seeds, other.seeds, confidence=1 - 2 * ERRORS, more_variance=more, more_degrees=degrees)
    better = (found.value < 0) == lower_is_better
    if found.excludes(0) and not (margin and -margin < inner.low and inner.high < margin):
        winner, loser = (one, other) if better else (other, one)
        if lower_is_better and tells_nothing(winner.kind, loser.kind):
            why = f"{loser.arm}'s number is an upper bound, so that {winner.arm}'s lower one proves nothing"
            return _told(one, other, "not comparable", found, None, why)
        told = f"{winner.arm} is better than {loser.arm} by {_interval(found, unit)}"
        return _told(one, other, "better" if better else "worse", found, probability, told)
    if margin and -margin < inner.low and inner.high < margin:
        told = f"{one.arm} and {other.arm} are equivalent within {_amount(margin, unit)}: {_interval(found, unit)}"
        return _told(one, other, "equivalent", found, probability, told)
    told = f"{one.arm} and {other.arm} are not distinguishable: {_interval(found, unit)}"
    if margin and (seeds := _seeds_for(one, other, margin, more)):
        told += f"; about {seeds} seeds of each would tell {_amount(margin, unit)} apart"
    return _told(one, other, "not distinguishable", found, probability, told)


def unlike(one: Kind, other: Kind) -> bool:
    """Say whether two scores are of kinds that may not be compared: one of them is no likelihood."""
    return "pseudo" in (one, other) and one != other


def tells_nothing(better: Kind, worse: Kind) -> bool:
    """Say whether a lower score proves nothing: the higher one is an upper bound of what may be lower still."""
    return better == "exact" and worse == "bound"


def verdicts(arms: Sequence[Scores], *, unit: str, lower_is_better: bool, margin: float) -> list[Verdict]:
    """Return the verdicts of all pairs of arms, which together err in 5 % of such studies (Holm 1979)."""
    found = [
        verdict(one, other, unit=unit, lower_is_better=lower_is_better, margin=margin)
        for one, other in itertools.combinations(arms, 2)
    ]
    tested = sorted((v.probability, place) for place, v in enumerate(found) if v.probability is not None)
    holds = True
    for rank, (probability, place) in enumerate(tested):
        holds = holds and probability <= ERRORS / (len(tested) - rank)
        if not holds and found[place].word in ("better", "worse"):
            said = found[place].sentence.removesuffix(".")
            told = f"{said}; alone that would count, but not among {len(tested)} comparisons."
            found[place] = replace(found[place], word="not distinguishable", sentence=told)
    return found


def not_worse_than_the_best(arms: Sequence[Scores], found: Sequence[Verdict], lower_is_better: bool) -> list[str]:
    """Return the arms that no other one is better than: the set that may hold the best."""
    beaten = {v.other if v.word == "better" else v.one for v in found if v.word in ("better", "worse")}
    order = sorted(arms, key=lambda arm: float(arm.seeds.mean()) if len(arm.seeds) else math.inf)
    names = [arm.arm for arm in (order if lower_is_better else reversed(order)) if len(arm.seeds)]
    return [name for name in names if name not in beaten]


def smallest_effect(seeds: int, deviation: float = 1.0) -> float:
    """Return the smallest difference that so many seeds of each arm find with 80 % power.

    deviation   of one arm's seeds; items are taken as many. Infinite for one seed.

    >>> round(smallest_effect(3), 1), round(smallest_effect(10), 1)
    (3.1, 1.3)
    """
    if seeds < 2:
        return math.inf
    degrees = 2 * (seeds - 1)
    low, high = 0.0, 100.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle, degrees) < POWER else (low, middle)
    return deviation * high * math.sqrt(2 / seeds)


def smallest_paired_difference(items: int, discordant: float) -> float:
    """Return the smallest difference of two accuracies on the same items that 80 % power finds.

    discordant   share of the items of which one model is right and the other wrong; from 0 to 1

    >>> round(smallest_paired_difference(872, 0.1), 3)
    0.03
    """
    return 2.80 * math.sqrt(discordant / items)


def _told(
    one: Scores, other: Scores, word: Word, difference: Estimate | None, probability: float | None, sentence: str
) -> Verdict:
    lost = [f"{arm.arm} diverged with {arm.diverged} more" for arm in (one, other) if arm.diverged]
    whole = sentence[0].upper() + sentence[1:] if sentence.startswith("a ") else sentence
    return Verdict(one.arm, other.arm, word, difference, probability, "; ".join([whole, *lost]) + ".")


def _variance_of_items(one: Scores, other: Scores) -> tuple[float, float]:
    """Return the variance of the difference over items, and its degrees of freedom; (0, inf) where there are none."""
    if one.items is None or other.items is None:
        return 0.0, math.inf
    number = len(one.items)
    if number != len(other.items):
        raise UserError(f"{one.arm} and {other.arm} were not asked the same items.")
    return (float((one.items - other.items).var(ddof=1)) / number, number - 1) if number > 1 else (0.0, math.inf)


def _probability(one: Scores, other: Scores, found: Estimate, more: float, degrees: float) -> float:
    """Return the two-sided probability of Welch's t."""
    if found.error == 0:
        return float(found.value == 0)
    by_seeds = [(float(arm.seeds.var(ddof=1)) / len(arm.seeds), len(arm.seeds) - 1) for arm in (one, other)]
    return 2 * (1 - t_below(abs(found.value) / found.error, satterthwaite([*by_seeds, (more, degrees)])))


def _seeds_for(one: Scores, other: Scores, margin: float, more: float) -> int:
    """Return how many seeds of each would find a difference of the margin; 0 where no number would."""
    deviation = math.sqrt((float(one.seeds.var(ddof=1)) + float(other.seeds.var(ddof=1))) / 2)
    left = margin**2 - (2.80 * math.sqrt(more)) ** 2  # what the items alone already blur
    if left <= 0:
        return 0
    for seeds in itertools.chain(range(2, 50), range(50, _MOST_SEEDS, 10)):
        if smallest_effect(seeds, deviation) <= math.sqrt(left):
            return seeds
    return 0


@functools.lru_cache(4096)
def _power(effect: float, degrees: int) -> float:
    """Return the probability that a noncentral t is beyond the two-sided bound, by quadrature over its denominator."""
    bound = t_quantile(1 - ERRORS / 2, degrees)
    # s = sqrt(chi^2 / degrees) has the density below; its quantiles lie well within 0 and 4
    s = (np.arange(_QUADRATURE) + 0.5) * 4 / _QUADRATURE
    logs = (degrees - 1) * np.log(s) - degrees * s * s / 2
    weights = np.exp(logs - logs.max())
    above = np.array([_normal_above(bound * value - effect) for value in s])
    return float((weights * above).sum() / weights.sum())


def _normal_above(value: float) -> float:
    return 0.5 * math.erfc(value / math.sqrt(2))


def _interval(found: Estimate, unit: str) -> str:
    low, high = sorted((abs(found.low), abs(found.high))) if found.excludes(0) else (found.low, found.high)
    value = abs(found.value) if found.excludes(0) else found.value
    bare = _amount(low, unit).removesuffix(f" {unit}").removesuffix(" points")
    return f"{_amount(value, unit)} (95 %: {bare} to {_amount(high, unit).removesuffix(f' {unit}')})"


def _amount(value: float, unit: str) -> str:
    """Return a difference with its unit.

    >>> _amount(0.031, "bits per byte"), _amount(0.02, "share")
    ('0.0310 bits per byte', '2.0 points')
    """
    return f"{100 * value:.1f} points" if unit == "share" else f"{value:.4f} {unit}".rstrip()
