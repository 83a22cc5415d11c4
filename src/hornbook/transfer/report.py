"""What is told of a transfer: what it begins with, its numbers with their intervals, and what these allow to say.

Two things are random: which seed trained a model, and which examples the test happens to have. Their intervals are told
apart, and a comparison counts both. One seed never makes a verdict.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hornbook.evaluate import statistics
from hornbook.evaluate.numbers import Number
from hornbook.evaluate.records import Records
from hornbook.objectives.catalogue import kind_of
from hornbook.run.directory import OpenRun
from hornbook.transfer import metrics
from hornbook.transfer.data import Data
from hornbook.transfer.finetune import Outcome
from hornbook.transfer.request import Request
from hornbook.transfer.task import Task

MODEL = "model"  # who said what, in the records, where it was no simple model
Lines = Sequence[Mapping[str, Any]]


def opening(request: Request, data: Data, task: Task, base: OpenRun) -> list[str]:
    """Return what is said before the first training."""
    sets = f"{len(data.train):,} examples to learn from, {len(data.dev):,} to choose by"
    sets += f", {len(data.test):,} to test" if data.tested else ""
    lines = [
        *data.train.notes,
        f"task: {task.name}, {sets}" + (f"; {len(task.labels)} labels" if task.labels else ""),
        f"model: {request.model}, step {base.step:,}, objective {kind_of(base.recipe.objective)}"
        + (", its body frozen" if request.probe else "")
        + (", begun again from first weights" if request.scratch else "")
        + (", sight on both sides" if task.layout.sight == "both" else ""),
    ]
    if not request.dev:
        lines.append(f"No --dev: {len(data.dev):,} examples of {request.train} are held out, chosen by a hash.")
    if data.seen:
        lines.append(
            f"{data.seen:,} of {len(data.test):,} test examples have a text that is in {request.train}, too: on them "
            "the test measures memory."
        )
    if not data.tested:
        lines.append("No --test: the numbers are of the examples that chose the rate and the epoch, so they flatter.")
    for name, examples in (("learn from", data.train), *((("test", data.test),) if data.tested else ())):
        cut = len({row.item for row in task.rows(examples.items) if row.cut})
        if cut:
            lines.append(
                f"{cut:,} of {len(examples):,} examples to {name} are longer than the model's {task.layout.positions} "
                "positions: their end is not read."
            )
    return lines


def numbers(records: Records) -> dict[int, list[Number]]:
    """Return the numbers for each number of shots.

    Each measure is the mean over the seeds, with the interval over examples: the mean of the seeds' own ones, since
    they share the examples. The headline is there once more with its interval over seeds.
    """
    task = str(records.header["task"])
    found: dict[int, list[Number]] = {}
    for shots in dict.fromkeys(item["shots"] for item in records.items):
        simple = {name: said_by(records, shots, name) for name in records.header["simple"]}
        of_seeds = [
            metrics.measure(task, lines, {name: each.get(seed, each.get(0, ())) for name, each in simple.items()})
            for seed, lines in said_by(records, shots, MODEL).items()
        ]
        found[shots] = [_over_examples([one[place] for one in of_seeds]) for place in range(len(of_seeds[0]))]
        headline = [one[0] for one in of_seeds]
        if len(headline) > 1:
            found[shots].insert(1, _over_seeds(headline))
    return found


def said_by(records: Records, shots: int, name: str) -> dict[int, Lines]:
    """Return, by seed, the records of one model on so many shots."""
    parts: dict[int, list[Mapping[str, Any]]] = {}
    for item in records.items:
        if item["shots"] == shots and item["by"] == name:
            parts.setdefault(item["seed"], []).append(item)
    return dict(parts)


def _over_examples(of_seeds: Sequence[Number]) -> Number:
    """Return the mean of one measure over the seeds, with the mean of the intervals over examples."""
    known = [(one.low, one.high) for one in of_seeds if one.low is not None and one.high is not None]
    low, high = np.mean(known, axis=0).tolist() if len(known) == len(of_seeds) else (None, None)
    first, more = of_seeds[0], f"; mean of {len(of_seeds)} seeds" if len(of_seeds) > 1 else ""
    return dataclasses.replace(
        first,
        value=float(np.mean([one.value for one in of_seeds])),
        low=low,
        high=high,
        meaning=f"{first.meaning}{more}" + ("" if low is None else "; interval over other examples"),
        baselines=_means(of_seeds),
    )


def _over_seeds(of_seeds: Sequence[Number]) -> Number:
    estimate = statistics.mean([one.value for one in of_seeds])
    values = ", ".join(one.written(one.value) for one in of_seeds)
    # Seeds that are all alike tell nothing of how much others would differ: no interval is without width.
    low, high = (estimate.low, estimate.high) if estimate.high > estimate.low else (None, None)
    return Number(
        f"{of_seeds[0].name} of seeds", estimate.value, of_seeds[0].unit,
        f"the same; interval over other seeds of training, from {values}", low, high,
        len(of_seeds), len(of_seeds), _means(of_seeds),
    )  # fmt: skip


def _means(of_seeds: Sequence[Number]) -> dict[str, float]:
    return {name: float(np.mean([one.baselines[name] for one in of_seeds])) for name in of_seeds[0].baselines}


def sentences(
    records: Records, found: Mapping[int, Sequence[Number]], outcomes: Sequence[Outcome], shots: int
) -> list[str]:
    """Return what is to be said of the numbers; the verdict is on so many shots."""
    said, task = [], str(records.header["task"])
    if ended := sum(bool(one.diverged) for one in outcomes):
        said.append(f"{ended} of {len(outcomes)} trainings diverged; they count, with what they had learned before.")
    every = [lines for number in found for lines in said_by(records, number, MODEL).values()]
    alike = sum(len({item["said"] for item in lines}) == 1 for lines in every) if task in ("classify", "pairs") else 0
    if alike and len({item["answer"] for item in every[0]}) > 1:
        said.append(f"{alike} of {len(every)} trainings give every example the same class: they learned nothing.")
    if simple := list(records.header["simple"]):
        said.append(verdict(records, shots, simple[-1]))
    return [*said, *([str(records.header["note"])] if records.header["note"] else [])]


def verdict(records: Records, shots: int, name: str) -> str:
    """Return what the records say of a model and a simple one beside it; of one seed, that it is no verdict."""
    task = str(records.header["task"])
    ours, simple = said_by(records, shots, MODEL), said_by(records, shots, name)
    theirs = [simple.get(seed, simple.get(0, ())) for seed in ours]
    mean, other = (float(np.mean([metrics.score(task, lines) for lines in each])) for each in (ours.values(), theirs))
    values = f"{name} has {other:.1%}, this model {mean:.1%}"
    if len(ours) < 2:
        return f"{values}: not tested, since one seed makes no verdict; --seeds 5 makes one."
    low, high = difference(task, list(ours.values()), theirs)
    if low > 0:
        return f"The model is better than {name} by {mean - other:.1%} ({low:.1%} to {high:.1%}): {values}."
    if high < 0:
        told = f"Counting words ({name})" if name == "TF-IDF" else f"The simple model ({name})"
        return f"{told} does better by {other - mean:.1%} ({-high:.1%} to {-low:.1%}): {values}."
    return f"Not distinguishable from {name} ({low:+.1%} to {high:+.1%}): {values}."


def difference(task: str, ours: Sequence[Lines], theirs: Sequence[Lines]) -> tuple[float, float]:
    """Return the interval of 95 % of the mean difference between seeds and what is beside them, over seeds and items.

    Var = s^2 / k over the k seeds + the mean of the seeds' paired variances over examples; Satterthwaite's degrees.
    """
    paired = [metrics.advantage(task, one, other) for one, other in zip(ours, theirs, strict=True)]
    values = np.array([one.value for one in paired])
    by_seeds = float(values.var(ddof=1)) / len(values)
    errors = [one.error for one in paired if math.isfinite(one.error)]
    variance = by_seeds + (float(np.mean(np.square(errors))) if errors else 0.0)
    degrees = variance**2 / (by_seeds**2 / (len(values) - 1)) if by_seeds else math.inf
    half = statistics.t_quantile(0.5 + statistics.CONFIDENCE / 2, degrees) * math.sqrt(variance)
    return float(values.mean()) - half, float(values.mean()) + half
