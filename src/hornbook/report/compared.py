"""Several runs: what may be said of their differences, by the rules that studies have.

arms      runs that differ in their seed alone; `hornbook.study.compare` judges arms with two seeds or more
weights   two runs, whatever they are: the interval of their difference over the documents that both were measured on,
          by a paired bootstrap. It is of these two weights; how far another seed would have come, it does not know
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from hornbook.console import quantity
from hornbook.errors import HornbookError
from hornbook.evaluate.numbers import Number
from hornbook.evaluate.statistics import Estimate, bca, difference
from hornbook.recipes.settings import to_dict, written
from hornbook.report.facts import RunFacts
from hornbook.report.private import base_names, without_paths
from hornbook.run.sealed import flat
from hornbook.study.compare import Comparison, compare
from hornbook.study.verdicts import tells_nothing, unlike
from hornbook.study.yardsticks import Measured, measured

_MOST_DRAWN = 2_000  # documents that are drawn again; of more, Student's interval is the same and quick
_MOST_PAIRED = 4  # runs of which every two are compared


@dataclass(frozen=True)
class Weights:
    """Two runs on one yardstick.

    winner     the better one's name; "" where the interval holds 0, or where the numbers may not be compared
    estimate   one minus other, over documents or items; None where they may not be compared
    """

    one: str
    other: str
    yardstick: str
    winner: str
    estimate: Estimate | None
    sentence: str

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        found = self.estimate
        ends = (
            None
            if found is None
            else {"value": found.value, "low": found.low, "high": found.high, "items": found.draws}
        )
        return {
            "one": self.one, "other": self.other, "yardstick": self.yardstick, "winner": self.winner,
            "difference": ends, "sentence": self.sentence,
        }  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """What may be said of several runs.

    by_arms    the verdicts of studies; None where `refused` says why there are none
    weights    of every two runs
    budgets    (what, equal, the value of each run) of what the runs spent
    settings   (setting, its value in each run), of those that differ
    """

    by_arms: Comparison | None
    refused: str
    weights: tuple[Weights, ...]
    budgets: tuple[tuple[str, bool, tuple[str, ...]], ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        return () if self.by_arms is None else self.by_arms.left_out


def compared(runs: Sequence[RunFacts], *, full_paths: bool = False) -> Compared:
    """Return what may be said of runs; finished ones alone are compared."""
    finished = [run for run in runs if run.result is not None]
    directories, places = [run.directory for run in finished], [place for run in runs for place in run.places]
    by_arms, refused = None, ""
    try:
        by_arms = _private(compare(directories), places) if len(finished) > 1 else None
        refused = "" if by_arms else "One run at most is finished, so there is nothing to compare."
    except HornbookError as error:
        refused = without_paths(str(error), *map(str, directories), *places)
    except (KeyError, TypeError, ValueError) as error:  # of records that hold other than they should
        refused = f"The records of these runs cannot be compared ({type(error).__name__})."
    few = finished if len(finished) <= _MOST_PAIRED else []
    yardsticks = {run.name: _measured(run) for run in few}
    yardsticks = {name: [_shown(one, places) for one in found] for name, found in yardsticks.items()}
    weights = [found for one, other in combinations(few, 2) for found in _weights(one.name, other.name, yardsticks)]
    return Compared(by_arms, refused, tuple(weights), _budgets(runs), _settings(runs, full_paths))


def _private(found: Comparison, places: Sequence[str]) -> Comparison:
    """Return a comparison whose sentences and names hold no paths but base names; `places` empty = as it is."""
    if not places:
        return found
    yardsticks = tuple(
        replace(
            one, name=without_paths(one.name, *places),
            verdicts=tuple(replace(v, sentence=without_paths(v.sentence, *places)) for v in one.verdicts),
        )
        for one in found.yardsticks
    )  # fmt: skip
    left_out = tuple(without_paths(sentence, *places) for sentence in found.left_out)
    return replace(found, yardsticks=yardsticks, left_out=left_out)


def _shown(found: Measured, places: Sequence[str]) -> Measured:
    return replace(found, name=without_paths(found.name, *places)) if places else found


def _measured(run: RunFacts) -> list[Measured]:
    try:
        return measured(run.directory)
    except (HornbookError, KeyError, TypeError, ValueError):
        return []


def _weights(one: str, other: str, yardsticks: Mapping[str, Sequence[Measured]]) -> list[Weights]:
    """Return the difference of two runs on each yardstick that both have, of the same items."""
    theirs = {found.name: found for found in yardsticks[other]}
    both = [(mine, theirs[mine.name]) for mine in yardsticks[one] if mine.name in theirs]
    return [_pair(one, other, mine, found) for mine, found in both if mine.data == found.data]


def _pair(one: str, other: str, mine: Measured, theirs: Measured) -> Weights:
    if mine.shares.keys() != theirs.shares.keys():
        numbers = f"{len(mine.shares):,} and {len(theirs.shares):,}"
        why = f"{mine.name}: no verdict on {one} and {other}. They were scored on unlike parts, {numbers} items."
        return Weights(one, other, mine.name, "", None, why)
    return weights_of(one, other, mine, theirs)


def weights_of(one: str, other: str, mine: Measured, theirs: Measured) -> Weights:
    """Return what may be said of two runs that were measured on the same items."""
    name = mine.name
    if unlike(mine.kind, theirs.kind):
        why = f"{name}: {one} and {other} are not comparable, a {mine.kind} and a {theirs.kind} score."
        return Weights(one, other, name, "", None, why)
    items = sorted(mine.shares)
    apart = np.array([mine.shares[item] - theirs.shares[item] for item in items])
    found = _interval(apart, np.array([theirs.shares[item] for item in items]))
    unit = Number("", 0.0, mine.unit, "")
    ends = f"{unit.written(found.value)} (95 %: {unit.written(found.low)} to {unit.written(found.high)})"
    what = "documents" if mine.lower_is_better else "items"
    of = f"{one} minus {other} is {ends} over the same {found.draws:,} {what}"
    if not apart.any():
        same = f"{name}: no difference. {one} and {other} have the same number of each of {len(items):,} {what}."
        return Weights(one, other, name, "", found, same)
    if len(items) < 2:
        why = f"{name}: no verdict on {one} and {other}. They share one {what[:-1]}, and an interval takes two."
        return Weights(one, other, name, "", None, why)
    if not found.excludes(0):
        return Weights(one, other, name, "", found, f"{name}: no difference can be told. {of}.")
    better, worse = (
        ((one, mine), (other, theirs)) if (found.value < 0) == mine.lower_is_better else ((other, theirs), (one, mine))
    )
    if mine.lower_is_better and tells_nothing(better[1].kind, worse[1].kind):
        told = f"{name}: nothing follows. {of}, but {worse[0]}'s number is an upper bound of its own."
        return Weights(one, other, name, "", found, told)
    told = (
        f"{name}: {better[0]} is better than {worse[0]}. {of}. That is of these two weights: another seed may differ."
    )
    return Weights(one, other, name, better[0], found, told)


def _interval(apart: np.ndarray, theirs: np.ndarray) -> Estimate:
    """Return the mean of paired differences with its interval over the items."""
    if 1 < len(apart) <= _MOST_DRAWN:
        return bca(lambda drawn: float(apart[drawn].mean()), len(apart), seed=0)
    return difference(apart + theirs, theirs)


def _budgets(runs: Sequence[RunFacts]) -> tuple[tuple[str, bool, tuple[str, ...]], ...]:
    """Return what each run spent, and whether that was equal."""
    flops = [run.step * float(run.plan.get("flops_per_step") or 0) for run in runs]
    scored = [run.train[-1].get("scored") if run.train else run.counts.get("scored") for run in runs]
    seconds = [None if run.result is None else run.result.seconds for run in runs]
    found = []
    for name, values, alike in (
        ("parameters", [run.parameters for run in runs], 0.02),
        ("steps", [run.step for run in runs], 0.0),
        ("tokens read", [run.tokens_read for run in runs], 0.01),
        ("targets scored", scored, 0.01),
        ("FLOPs", flops, 0.02),
        ("seconds", seconds, 0.05),
    ):
        told = tuple(
            "not recorded" if not value else f"{value:.3g}" if name == "FLOPs" else quantity(value) for value in values
        )
        known = [float(value) for value in values if isinstance(value, int | float) and value]
        equal = len(known) == len(runs) and max(known) - min(known) <= alike * max(known)
        found.append((name, equal, told))
    return tuple(found)


def _settings(runs: Sequence[RunFacts], full_paths: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the settings in which runs differ, with the value of each."""
    settings = [to_dict(run.recipe) if full_paths else base_names(to_dict(run.recipe)) for run in runs]
    tables = [{name: written(value) for name, value in flat(one).items()} for one in settings]
    names = dict.fromkeys(name for table in tables for name in table)
    return tuple(
        (name, tuple(table.get(name, "") for table in tables))
        for name in names
        if len({table.get(name, "") for table in tables}) > 1 and name != "budget.corrections"
    )
