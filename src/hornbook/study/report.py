"""What a study found so far: numbers of each arm on common yardsticks, verdicts, and what they are worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.artifacts import is_done
from hornbook.console import quantity
from hornbook.errors import UserError
from hornbook.run.sealed import RESULT
from hornbook.study.design import load_study
from hornbook.study.halving import Rung, rungs, still_there, told
from hornbook.study.layout import RUNS, TRANSFERS, ArmPlan, diverged, is_planned, read_plan, run_names
from hornbook.study.orders.curricula import reading_notes
from hornbook.study.orders.gains import gain_notes
from hornbook.study.transfers import measured_transfer, wanted
from hornbook.study.yardsticks import Measured, Yardstick, judged


@dataclass(frozen=True)
class StudyReport:
    """Yardsticks with their verdicts; `plans` are what the arms cost, `notes` what the verdicts are worth.

    halving   which arms stopped before their end, and where they stood then
    """

    yardsticks: tuple[Yardstick, ...]
    plans: Mapping[str, ArmPlan]
    notes: tuple[str, ...]
    halving: tuple[Rung, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return dataclasses.asdict(self)


def report_study(directory: Path) -> StudyReport:
    """Return what a study found; raises UserError where none of its runs is done."""
    study = load_study(directory)
    plans = read_plan(directory) if is_planned(directory) else {}
    finished, gone = finished_runs(directory), diverged(directory)
    lost: dict[str, int] = dict.fromkeys(plans, 0)
    for name, _, run in run_names(study) if plans else ():
        lost[name] += f"{RUNS}/{run}" in gone
    if not any(finished.values()):
        raise UserError(f"No run of the study in {directory} is done: `hornbook study run {directory}` does them.")

    def transfers(run: Path) -> list[Measured]:
        found = (measured_transfer(place, request) for place, request in wanted(study, directory, run.name))
        return [one for one in found if one is not None]

    by_length = study.curriculum is not None and study.curriculum.by == "length"
    found = judged(
        {name: runs for name, runs in finished.items() if runs}, study.margin, lost, transfers, by_length=by_length
    )
    going_on, seeds = still_there(directory, plans), len(study.seed_list)
    open_runs = sum(seeds - len(finished[name]) - lost[name] for name in going_on)
    notes = [*_notes(plans, lost, open_runs, seeds), *told(directory, plans, seeds)]
    notes += [f"{name}: the fine-tuning diverged." for name in sorted(gone) if name.startswith(f"{TRANSFERS}/")]
    notes += reading_notes(directory)
    if all(any(item.startswith("mix.") for item in arm.settings) for arm in list(study.arms.values())[1:]):
        notes += gain_notes(found, next(iter(plans)), finished)
    return StudyReport(tuple(found), plans, tuple(notes), tuple(rungs(directory)))


def finished_runs(directory: Path) -> dict[str, list[Path]]:
    """Return the finished runs of each arm of a study; of none where its runs are not settled."""
    found: dict[str, list[Path]] = {name: [] for name in read_plan(directory)} if is_planned(directory) else {}
    for name, _, run in run_names(load_study(directory)) if found else ():
        place = directory / RUNS / run
        if (place / RESULT).is_file() and is_done(place, RESULT):
            found[name].append(place)
    return found


def _notes(plans: Mapping[str, ArmPlan], lost: Mapping[str, int], open_runs: int, seeds: int) -> list[str]:
    sizes = [plan.parameters for plan in plans.values()]
    reads = [plan.tokens for plan in plans.values()]
    span = quantity(min(sizes)) if min(sizes) == max(sizes) else f"{quantity(min(sizes))} to {quantity(max(sizes))}"
    notes = [
        f"This is of models of {span} parameters that read {quantity(max(reads))} tokens of this text, {seeds} seeds "
        "each: it says nothing of other sizes and texts."
    ]
    notes += [f"{name}: training diverged with {number} of {seeds} seeds." for name, number in lost.items() if number]
    if open_runs:
        notes.append(f"{open_runs} runs are not done yet.")
    return notes
