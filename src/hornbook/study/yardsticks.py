"""Yardsticks: what runs of unlike arms may be measured by alike, read from the records that each run keeps.

    bits per byte    of the same held-out documents; exact, or an upper bound, by the objective; and of each domain
    tasks            the headline of each task that all runs were asked, each run in its own way
    transfers        the headline of each task that all runs were fine-tuned on, by `hornbook.study.transfers`

An arm's own loss is none: it is of other targets. Nothing is computed anew here, and nothing loads torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import UserError
from hornbook.evaluate import task_numbers
from hornbook.evaluate.numbers import Kind, Number
from hornbook.evaluate.records import Records
from hornbook.evaluate.statistics import parts_of_ratio
from hornbook.study.layout import EVALUATIONS
from hornbook.study.verdicts import Scores, Verdict, not_worse_than_the_best, verdicts

BITS = "bits per byte"
_HELD_OUT = "held_out.jsonl"
HELD_OUT_RECORDS = f"{EVALUATIONS}/{_HELD_OUT}"
_POINT = 0.01  # a difference of accuracies that would not matter


@dataclass(frozen=True)
class Measured:
    """One run on one yardstick.

    name    of the yardstick: equal names of equal data may be compared
    data    hash of what was asked
    value   the number, `how` it was asked, and its `kind`
    shares  each draw's part of the number, of a ratio its linear part: their mean is the number. A draw is an item, or
            where items come in groups (the pairs of a paradigm, the questions on a passage) a group
    beside  the same of models that are no arm's, by name
    """

    name: str
    data: str
    value: float
    how: str
    kind: Kind
    shares: Mapping[str, float]
    unit: str
    lower_is_better: bool
    beside: Mapping[str, float] = field(default_factory=dict)


def measured(run: Path, by_length: bool = False) -> list[Measured]:
    """Return what a run's records tell on common yardsticks; `by_length`: of short and long documents apart too."""
    found = []
    for path in sorted((run / EVALUATIONS).glob("*.jsonl")):
        records = Records.load(path)
        if path.name == _HELD_OUT:
            found += _bits_per_byte(records, by_length)
        elif "asks" in records.header:
            found.append(_task(records))
        elif records.header.get("text"):  # other text, by `hornbook evaluate --data`
            found += _bits_per_byte(records, False, f"{BITS} of the text {path.name.removesuffix('.jsonl')}")
    return found


def _bits_per_byte(records: Records, by_length: bool, name: str = BITS) -> list[Measured]:
    """Return the bits per byte of all documents, and of each domain and length among them."""
    items = [item for item in records.items if item.get("bytes_scored", 0) > 0]
    if records.header.get("text") is None or not items or not all(item["lossless"] for item in records.items):
        return []
    groups: dict[str, list[Mapping[str, Any]]] = {name: items}
    for item in items if len({item.get("domain") for item in items}) > 1 else []:
        groups.setdefault(f"{name} of {item['domain']}", []).append(item)
    whole, *domains = [_bits_of(title, records.header, some) for title, some in groups.items()]
    found = [whole, *_mean_of(name, domains, len(items)), *domains]
    if by_length:
        middle = int(np.median([item["bytes"] for item in items]))
        short = [item for item in items if item["bytes"] <= middle]
        found.append(_bits_of(f"{BITS} of documents up to {middle} bytes", records.header, short))
        if long := [item for item in items if item["bytes"] > middle]:
            found.append(_bits_of(f"{BITS} of longer documents", records.header, long))
    return found


def _mean_of(whole: str, domains: Sequence[Measured], items: int) -> list[Measured]:
    """Return the mean of the domains' bits per byte, each counting alike however large it is; nothing of one domain."""
    if len(domains) < 2:
        return []
    value = float(np.mean([one.value for one in domains]))
    shares: dict[str, float] = {}
    for one in domains:
        weight = items / len(domains) / len(one.shares)  # the mean over all items is the mean of the domains' means
        shares |= {name: value + weight * (share - one.value) for name, share in one.shares.items()}
    return [replace(domains[0], name=f"{whole}, mean of the domains", value=value, shares=shares)]


def _bits_of(name: str, header: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Measured:
    text = header["text"]
    bits = np.array([item["nats"] for item in items]) / math.log(2)
    size = np.array([item["bytes_scored"] for item in items], np.float64)
    value = float(bits.sum() / size.sum())
    shares = parts_of_ratio(bits, size)
    by_id = dict(zip([str(item["id"]) for item in items], shares.tolist(), strict=True))
    data, how = str(header["data"]), _how(text["way"], text["kind"], text["trained"])
    return Measured(name, data, value, how, text["kind"], by_id, BITS, True)


def _task(records: Records) -> Measured:
    header = records.header
    first: Number = task_numbers.numbers(records)[0]
    scores = [
        float(item["likely"]) if "likely" in item else task_numbers.score(item, header["headline"])
        for item in records.items
    ]
    shares = _shares(header["asks"], [(str(item["id"]), str(item["group"])) for item in records.items], scores)
    name = ".".join([header["task"], *header["part"]])
    how = f"{first.name} by {_how(header['way'], header['kind'], header['trained'])}"
    # An accuracy is one whatever it was decided by: what it was decided by stands beside it.
    return Measured(name, str(header["data"]), first.value, how, "exact", shares, "share", False)


def _shares(asks: str, items: Sequence[tuple[str, str]], scores: Sequence[float]) -> dict[str, float]:
    """Return the part of each draw; `items` are (id, group).

    Of pairs the number is the mean over their groups; of questions it is that over all, in clusters by their passage.
    """
    groups: dict[str, list[float]] = {}
    for (_, group), score in zip(items, scores, strict=True):
        groups.setdefault(group, []).append(score)
    if len(groups) < 2 or asks == "last word":
        return {item: score for (item, _), score in zip(items, scores, strict=True)}
    if asks == "pairs":
        return {group: float(np.mean(some)) for group, some in groups.items()}
    parts = parts_of_ratio([sum(some) for some in groups.values()], [len(some) for some in groups.values()])
    return dict(zip(groups, parts.tolist(), strict=True))


def _how(way: str, kind: str, trained: bool) -> str:
    """Return by which way a number was made, of which kind it is, and whether the model was trained so."""
    return ", ".join(dict.fromkeys([way, kind, *([] if trained else ["off its training"])]))


@dataclass(frozen=True)
class ArmNumber:
    """An arm on a yardstick: mean of its seeds, their number and standard deviation (NaN of one), and how."""

    arm: str
    value: float
    seeds: int
    deviation: float
    how: str
    unit: str

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        points = self.unit == "share"
        told = f"{self.value:.1%}" if points else f"{self.value:.4f}"
        spread = (
            "" if math.isnan(self.deviation) else f"{100 * self.deviation:.1f}" if points else f"{self.deviation:.4f}"
        )
        return self.arm, told, str(self.seeds), spread, self.how


@dataclass(frozen=True)
class Yardstick:
    """All arms on one yardstick, with the verdicts of each two, and those that no other is better than.

    beside   models that are no arm's on the same items: what is known without pre-training
    """

    name: str
    unit: str
    arms: tuple[ArmNumber, ...]
    verdicts: tuple[Verdict, ...]
    best: tuple[str, ...]
    beside: tuple[ArmNumber, ...] = ()


def judged(
    arms: Mapping[str, Sequence[Path]],
    margin: float,
    lost: Mapping[str, int] | None = None,
    more: Callable[[Path], Sequence[Measured]] = lambda run: (),
    *,
    by_length: bool = False,
    leave_out: Container[str] = (),
) -> list[Yardstick]:
    """Return every yardstick that runs of at least two arms have in common, with its verdicts.

    arms     finished runs of each arm, one for each seed
    margin   a difference in bits per byte that would not matter; of accuracies it is a point
    lost     how many further seeds of an arm diverged
    more     what else is known of a run than the records in it tell
    by_length  also of short and of long documents apart
    leave_out  names of yardsticks that nothing is to be said of
    """
    by_arm = {name: [[*measured(run, by_length), *more(run)] for run in runs] for name, runs in arms.items()}
    names = dict.fromkeys(one.name for runs in by_arm.values() for run in runs for one in run)
    names = {name: None for name in names if name not in leave_out}
    return [found for name in names if (found := _judged(name, by_arm, margin, lost or {})) is not None]


def _judged(
    name: str, by_arm: Mapping[str, list[list[Measured]]], margin: float, lost: Mapping[str, int]
) -> Yardstick | None:
    mine = {arm: [one for run in runs for one in run if one.name == name] for arm, runs in by_arm.items()}
    mine = {arm: found for arm, found in mine.items() if found}
    every = [one for found in mine.values() for one in found]
    if len({one.data for one in every}) > 1:
        raise UserError(f"The runs were not measured on the same items of {name}: measure all of them on one file.")
    unit, lower = every[0].unit, every[0].lower_is_better
    common = sorted(set.intersection(*(set(one.shares) for one in every)))
    whole = bool(common) and all(len(one.shares) == len(common) for one in every)
    scores, numbers = [], []
    for arm, found in mine.items():
        seeds = np.array([one.value for one in found])
        shares = np.mean([[one.shares[item] for item in common] for one in found], 0) if whole else None
        scores.append(Scores(arm, seeds, shares, found[0].kind, lost.get(arm, 0)))
        numbers.append(_number(arm, seeds, " / ".join(dict.fromkeys(one.how for one in found)), unit))
    first = next(iter(mine.values()))
    simple = [
        _number(name, np.array([one.beside[name] for one in first]), "not pre-trained", unit)
        for name in first[0].beside
        if all(name in one.beside for one in first)
    ]
    said = verdicts(scores, unit=unit, lower_is_better=lower, margin=_POINT if unit == "share" else margin)
    best = not_worse_than_the_best(scores, said, lower)
    return Yardstick(name, unit, tuple(numbers), tuple(said), tuple(best), tuple(simple))


def _number(arm: str, seeds: NDArray[np.float64], how: str, unit: str) -> ArmNumber:
    deviation = float(seeds.std(ddof=1)) if len(seeds) > 1 else math.nan
    return ArmNumber(arm, float(seeds.mean()), len(seeds), deviation, how, unit)
