"""Successive halving: all arms train to a part of their steps, the worse half stops there, the others go on.

    halving = 2        at a quarter of the steps, and again at half of them
    halving.json       what each rung found, and which arms went on

Every run has its whole schedule from the first step on, and goes on from its checkpoint: one that was never stopped is
the same, bit for bit (after Jamieson and Talwalkar 2016). Arms of one objective are judged by its loss on
the held-out text, unlike ones by bits per byte of that text, where an upper bound may rank an arm lower than it is.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hornbook.artifacts import read_json, write_json
from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.numbers import Kind
from hornbook.evaluate.records import Records
from hornbook.study.design import Study, recipe_of
from hornbook.study.layout import RUNS, ArmPlan, diverged, read_plan

HALVING = "halving.json"
Measure = Literal["bits per byte", "loss"]
_RECORDS = "evaluations/held_out.jsonl"


@dataclass(frozen=True)
class Standing:
    """An arm at a rung.

    step    of `steps` at which it was measured
    values  of its seeds; None = training diverged
    kind    what the values are made of
    """

    arm: str
    step: int
    steps: int
    values: tuple[float | None, ...]
    kind: Kind

    @property
    def mean(self) -> float:
        """Mean of the seeds; infinite where one diverged."""
        known = [value for value in self.values if value is not None]
        return sum(known) / len(known) if len(known) == len(self.values) else math.inf


@dataclass(frozen=True)
class Rung:
    """One halving: what arms were judged by, where each stood, best first, and how many of them went on."""

    measure: Measure
    arms: tuple[Standing, ...]
    kept: int

    @property
    def going_on(self) -> tuple[str, ...]:
        return tuple(one.arm for one in self.arms[: self.kept])

    @property
    def stopped(self) -> tuple[Standing, ...]:
        return self.arms[self.kept :]


def measure_of(study: Study) -> Measure:
    """Return what arms are judged by: the loss where all learn the same, otherwise bits per byte."""
    objectives = [recipe_of(arm, name).objective for name, arm in study.arms.items()]
    return "loss" if all(one == objectives[0] for one in objectives) else "bits per byte"


def rung_steps(study: Study, plans: Mapping[str, ArmPlan]) -> list[dict[str, int]]:
    """Return the step of each arm at each rung. Raises UserError where there are fewer steps than rungs."""
    parts = [2.0**-power for power in range(study.halving, 0, -1)]
    found = [{name: round(part * plan.steps) for name, plan in plans.items()} for part in parts]
    for name, plan in plans.items():
        if not all(
            before[name] < after[name] for before, after in itertools.pairwise([dict.fromkeys(plans, 0), *found])
        ):
            raise UserError(f"halving = {study.halving} needs more steps than the {plan.steps} of {name}: lower it.")
    return found


def rungs(directory: Path) -> list[Rung]:
    """Return the rungs that are decided."""
    path = directory / HALVING
    kept = read_json(path, "record of the halving") if path.is_file() else []
    return [
        Rung(
            one["measure"],
            tuple(Standing(**arm | {"values": tuple(arm["values"])}) for arm in one["arms"]),
            one["kept"],
        )
        for one in kept
    ]


def still_there(directory: Path, plans: Mapping[str, ArmPlan]) -> list[str]:
    """Return the arms that no rung has stopped, in the order of the study."""
    gone = {one.arm for rung in rungs(directory) for one in rung.stopped}
    return [name for name in plans if name not in gone]


def is_stopped(directory: Path, arm: str) -> bool:
    """Say whether a rung has stopped an arm."""
    return any(one.arm == arm for rung in rungs(directory) for one in rung.stopped)


def is_part_done(study: Study, directory: Path, arm: str, run: str, number: int) -> bool:
    """Say whether a run is measured at a rung, or need not be: what is decided stays, and stopped arms stay behind."""
    if len(rungs(directory)) > number or is_stopped(directory, arm) or f"{RUNS}/{run}" in diverged(directory):
        return True
    return _measured_at(directory / RUNS / run, rung_steps(study, read_plan(directory))[number][arm])


def decide(study: Study, directory: Path, plans: Mapping[str, ArmPlan], number: int) -> Rung:
    """Record which arms go on after a rung at which all their runs are measured; it follows from the runs alone."""
    measure, steps = measure_of(study), rung_steps(study, plans)[number]
    names = still_there(directory, plans)
    found = [_standing(directory, plans[name], steps[name], study.seed_list, measure) for name in names]
    decided = Rung(measure, tuple(sorted(found, key=lambda one: one.mean)), math.ceil(len(found) / 2))
    write_json(directory / HALVING, [dataclasses.asdict(one) for one in (*rungs(directory)[:number], decided)])
    return decided


def _measured_at(run: Path, step: int) -> bool:
    path = run / _RECORDS
    return path.is_file() and Records.load(path).header.get("step") == step


def _standing(directory: Path, plan: ArmPlan, step: int, seeds: Sequence[int], measure: Measure) -> Standing:
    values: list[float | None] = []
    kinds: list[Kind] = ["exact"]
    for seed in seeds:
        run = directory / RUNS / f"{plan.name}.{seed}"
        if not _measured_at(run, step):  # only what diverged is not
            values.append(None)
            continue
        number = Evaluation.of(Records.load(run / _RECORDS)).number(measure)
        if number is None:
            raise UserError(f"{plan.name} has no {measure}, so that its arms cannot be halved: leave out halving.")
        values.append(number.value)
        kinds.append(number.kind)
    return Standing(plan.name, step, plan.steps, tuple(values), kinds[-1])


def told(directory: Path, plans: Mapping[str, ArmPlan], seeds: int) -> list[str]:
    """Return in sentences which arms stopped where and by which numbers, and what that saved."""
    found, lines = rungs(directory), []
    for rung in found:
        for one in rung.stopped:
            kind = ", an upper bound" if one.kind == "bound" else ""
            lines.append(f"{one.arm} stopped at step {one.step} of {one.steps}: {rung.measure} {_number(one)}{kind}.")
        ahead = ", ".join(f"{one.arm} {_number(one)}" for one in rung.arms[: rung.kept])
        lines.append(f"Ahead of them were then: {ahead}. That is no verdict: there the runs were not at their end.")
        if len({one.kind for one in rung.arms}) > 1:
            lines.append("Upper bounds stood beside exact numbers: what was stopped by its bound may be no worse.")
    if found:
        whole = seeds * sum(plan.flops for plan in plans.values())
        saved = sum(seeds * plans[one.arm].flops * (1 - one.step / one.steps) for rung in found for one in rung.stopped)
        lines.append(f"Halving saved {saved / whole:.0%} of the FLOPs that all arms take to the end.")
    return lines


def _number(one: Standing) -> str:
    return "diverged" if math.isinf(one.mean) else f"{one.mean:.4f}"
