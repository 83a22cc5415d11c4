"""What is told of a transfer: what it begins with, its numbers with their intervals, and what these allow to say.

Two things are random: which seed trained a model, and which examples the test happens to have. Their intervals are told
apart, and a comparison counts both. One seed never makes a verdict.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hornbook.evaluate import statistics
from hornbook.evaluate.numbers import Number
from hornbook.evaluate.records import Records
from hornbook.run.transferred import Transferred
from hornbook.transfer import metrics
from hornbook.transfer.finetune import Outcome, Trial

if TYPE_CHECKING:
    from hornbook.run.directory import OpenRun
    from hornbook.transfer.request import Request
    from hornbook.transfer.search import Data
    from hornbook.transfer.task import Task

Made = Sequence[tuple[int, Trial, Outcome]]
Lines = Sequence[Mapping[str, Any]]


def opening(request: Request, data: Data, task: Task, base: OpenRun) -> list[str]:
    """Return what is said before the first training."""
    from hornbook.objectives.catalogue import kind_of

    sets = f"{len(data.train):,} examples to learn from, {len(data.dev):,} to choose by"
    sets += f", {len(data.test):,} to test" if data.tested else ""
    lines = [
        f"task: {task.name}, {sets}" + (f"; {len(task.labels)} labels" if task.labels else ""),
        f"model: {request.model}, step {base.step:,}, objective {kind_of(base.recipe.objective)}"
        + (", its body frozen" if request.probe else "")
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
    for name, examples in (("learn from", data.train), ("test", data.test)):
        cut = len({row.item for row in task.rows(examples.items) if row.cut})
        if cut:
            lines.append(
                f"{cut:,} of {len(examples):,} examples to {name} are longer than the model's {task.layout.positions} "
                "positions: their end is not read."
            )
    return [*data.train.notes, *lines]


def record_of(
    request: Request, data: Data, task: Task, base: OpenRun, tried: Sequence[tuple[Trial, Outcome]], final: Made,
    records: Records, others: Mapping[str, Lines] | None = None,
) -> Transferred:  # fmt: skip
    """Return the record of a finished transfer; its numbers follow from the records alone."""
    from hornbook.objectives.catalogue import kind_of

    found = numbers(task.name, records, others or {})
    most = max(shots or len(data.train) for shots, _, _ in final)
    first_shots, first, outcome = next(one for one in final if (one[0] or len(data.train)) == most)
    training = {
        "examples": len(first.chosen), "rate": first.rate, "epoch": outcome.epoch, "step": outcome.step,
        "seeds": request.seeds, "seed": first.seed,
        "tried": [{"name": trial.name, "rate": trial.rate, **dataclasses.asdict(one)} for trial, one in tried],
        "final": [
            {"shots": shots, "name": trial.name, "rate": trial.rate, "seed": trial.seed, **dataclasses.asdict(one)}
            for shots, trial, one in final
        ],
    }  # fmt: skip
    return Transferred(
        task.name, task.labels, task.layout.sight, request.probe, task.none, task.longest,
        base={"name": request.model, "step": base.step, "objective": kind_of(base.recipe.objective)},
        data={
            "train": [request.train, len(data.train)], "dev": [request.dev, len(data.dev)],
            "test": [request.test, len(data.test) if data.tested else 0], "seen": data.seen,
        },
        training=training,
        numbers=tuple({"shots": shots, **dataclasses.asdict(one)} for shots, some in found.items() for one in some),
        sentences=tuple(sentences(task.name, records, found, final, others or {}, first_shots)),
    )  # fmt: skip


def numbers(task: str, records: Records, others: Mapping[str, Lines]) -> dict[int, list[Number]]:
    """Return the numbers for each number of shots.

    Each measure is the mean over the seeds, with the interval over examples: the mean of the seeds' own ones, since
    they share the examples. The headline is there once more with its interval over seeds.
    """
    found: dict[int, list[Number]] = {}
    for shots in dict.fromkeys(item["shots"] for item in records.items):
        of_seeds = [metrics.measure(task, lines, others) for lines in seeds_of(records, shots)]
        found[shots] = [_over_examples([one[place] for one in of_seeds]) for place in range(len(of_seeds[0]))]
        headline = [one[0] for one in of_seeds]
        if len(headline) > 1:
            found[shots].insert(1, _over_seeds(headline))
    return found


def seeds_of(records: Records, shots: int) -> list[Lines]:
    """Return the records of each seed's training on so many shots."""
    parts: dict[int, list[Mapping[str, Any]]] = {}
    for item in records.items:
        if item["shots"] == shots:
            parts.setdefault(item["seed"], []).append(item)
    return list(parts.values())


def _over_examples(of_seeds: Sequence[Number]) -> Number:
    """Return the mean of one measure over the seeds, with the mean of the intervals over examples."""
    known = [one for one in of_seeds if one.low is not None and one.high is not None]
    low = float(np.mean([one.low for one in known])) if len(known) == len(of_seeds) else None
    high = float(np.mean([one.high for one in known])) if len(known) == len(of_seeds) else None
    first, more = of_seeds[0], f"; mean of {len(of_seeds)} seeds" if len(of_seeds) > 1 else ""
    return dataclasses.replace(
        first,
        value=float(np.mean([one.value for one in of_seeds])),
        low=low,
        high=high,
        meaning=f"{first.meaning}{more}; interval over other examples",
    )


def _over_seeds(of_seeds: Sequence[Number]) -> Number:
    estimate = statistics.mean([one.value for one in of_seeds])
    values = ", ".join(one.written(one.value) for one in of_seeds)
    return Number(
        f"{of_seeds[0].name} of seeds", estimate.value, of_seeds[0].unit,
        f"the same; interval over other seeds of training, from {values}", estimate.low, estimate.high,
        len(of_seeds), len(of_seeds), of_seeds[0].baselines,
    )  # fmt: skip


def sentences(
    task: str, records: Records, found: Mapping[int, Sequence[Number]], final: Made, others: Mapping[str, Lines],
    shots: int,
) -> list[str]:  # fmt: skip
    """Return what is to be said of the numbers."""
    said = []
    ended = [one for _, _, one in final if one.diverged]
    if ended:
        said.append(f"{len(ended)} of {len(final)} trainings diverged; they count with what they had learned before.")
    alike = sum(
        len({str(item["said"]) for item in lines}) == 1 and len({str(item.get("answer")) for item in lines}) > 1
        for number in found
        for lines in seeds_of(records, number)
    )
    if alike and task in ("classify", "pairs"):
        said.append(f"{alike} of {len(final)} trainings give every example the same class: they learned nothing.")
    for name, lines in others.items():
        said.append(verdict(task, name, seeds_of(records, shots), lines))
    return said


def verdict(task: str, name: str, of_seeds: Sequence[Lines], other: Lines) -> str:
    """Return what the numbers say of a model and a simple one beside it; of one seed, that it is no verdict."""
    ours = [metrics.score(task, lines) for lines in of_seeds]
    theirs, mean = metrics.score(task, other), float(np.mean(ours))
    values = f"{name} {theirs:.1%}, this model {mean:.1%}"
    if len(ours) < 2:
        return f"{values}: not tested, one seed makes no verdict. --seeds 5 makes one."
    low, high = difference(task, of_seeds, other)
    if low > 0:
        return f"The model is better than {name} by {mean - theirs:.1%} ({low:.1%} to {high:.1%}): {values}."
    if high < 0:
        return f"{name[:1].upper()}{name[1:]} does better by {theirs - mean:.1%} ({-high:.1%} to {-low:.1%}): {values}."
    return f"Not distinguishable from {name} ({low:+.1%} to {high:+.1%}): {values}."


def difference(task: str, of_seeds: Sequence[Lines], other: Lines) -> tuple[float, float]:
    """Return the interval of 95 % of the mean difference to a model that has no seeds, over seeds and examples.

    Var = s^2 / k over the seeds + the mean of the seeds' variances over examples, paired; Satterthwaite's degrees.
    """
    paired = [metrics.advantage(task, lines, other) for lines in of_seeds]
    values = np.array([one.value for one in paired])
    by_seeds = float(values.var(ddof=1)) / len(values)
    errors = [one.error for one in paired if math.isfinite(one.error)]
    variance = by_seeds + (float(np.mean(np.square(errors))) if errors else 0.0)
    degrees = variance**2 / (by_seeds**2 / (len(values) - 1)) if by_seeds else math.inf
    half = statistics.t_quantile(0.5 + statistics.CONFIDENCE / 2, degrees) * math.sqrt(variance)
    return float(values.mean()) - half, float(values.mean()) + half
