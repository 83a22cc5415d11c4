"""What a study found so far: numbers of each arm on common yardsticks, verdicts, and what they are worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.artifacts import is_done
from hornbook.console import quantity
from hornbook.errors import UserError
from hornbook.run.sealed import RESULT
from hornbook.study.curricula import reading_notes
from hornbook.study.design import load_study
from hornbook.study.gains import gain_notes
from hornbook.study.layout import RUNS, ArmPlan, diverged, is_planned, read_plan
from hornbook.study.yardsticks import Yardstick, judged


@dataclass(frozen=True)
class StudyReport:
    """Yardsticks with their verdicts; `plans` are what the arms cost, `notes` what the verdicts are worth."""

    yardsticks: tuple[Yardstick, ...]
    plans: Mapping[str, ArmPlan]
    notes: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return dataclasses.asdict(self)


def report_study(directory: Path) -> StudyReport:
    """Return what a study found; raises UserError where none of its runs is done."""
    study = load_study(directory)
    plans = read_plan(directory) if is_planned(directory) else {}
    finished: dict[str, list[Path]] = {name: [] for name in plans}
    lost: dict[str, int] = dict.fromkeys(plans, 0)
    gone = diverged(directory)
    for name in plans:
        for seed in range(study.seeds):
            place = directory / RUNS / f"{name}.{seed}"
            lost[name] += f"{RUNS}/{place.name}" in gone
            if (place / RESULT).is_file() and is_done(place, RESULT):
                finished[name].append(place)
    if not any(finished.values()):
        raise UserError(f"No run of the study in {directory} is done: `hornbook study run {directory}` does them.")
    by_length = study.curriculum is not None and study.curriculum.by == "length"
    found = judged({name: runs for name, runs in finished.items() if runs}, study.margin, lost, by_length=by_length)
    open_runs = len(plans) * study.seeds - sum(map(len, finished.values())) - sum(lost.values())
    of_text = all(any(item.startswith("mix.") for item in arm.settings) for arm in list(study.arms.values())[1:])
    gains = gain_notes(found, next(iter(plans)), finished) if of_text else []
    return StudyReport(
        tuple(found), plans, (*_notes(plans, lost, open_runs, study.seeds), *reading_notes(directory), *gains)
    )


def _notes(plans: Mapping[str, ArmPlan], lost: Mapping[str, int], open_runs: int, seeds: int) -> Sequence[str]:
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
