"""What a study costs and which differences it can see, told before anything runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hornbook.artifacts import read_json
from hornbook.console import View, duration, quantity
from hornbook.study.design import Study, TransferSettings, load_study
from hornbook.study.layout import PLAN, ArmPlan
from hornbook.study.running import TRIAL_SHARE, read_tasks
from hornbook.study.settle import plan_study
from hornbook.study.transfers import check_examples
from hornbook.study.verdicts import smallest_paired_difference
from hornbook.transfer.data import Data
from hornbook.transfer.finetune import default_epochs
from hornbook.transfer.request import RATES
from hornbook.transfer.trials import FEWEST_STEPS

_DISCORDANT = 0.1  # share of items on which one of two models is right, the other wrong, for a power told beforehand
_EQUAL = 0.01  # budgets that are so near each other are equal
_BATCH = 16  # rows of a step of fine-tuning
_BYTES = 4  # of a token, about


@dataclass(frozen=True)
class Costs:
    """What is ahead.

    seconds_of_run    of each arm, by steps that were timed here when the runs were settled; 0 = not timed
    transfer_tokens   that one run of each transfer reads, about, padding and the choice of rates included
    power             sentences: which differences of accuracies are seen
    """

    plans: Mapping[str, ArmPlan]
    seconds_of_run: Mapping[str, float]
    transfer_tokens: Mapping[str, float]
    power: tuple[str, ...]

    def lines(self, study: Study, processes: int) -> list[str]:
        """Return what all runs cost together, and how equal they are."""
        runs = len(study.seed_list) + (study.trials * TRIAL_SHARE if study.trials > 1 else 0)
        flops = runs * sum(plan.flops for plan in self.plans.values())
        time = _time(runs * sum(self.seconds_of_run.values()), processes)
        told = [f"All runs and trials together: {flops:.2e} FLOPs{time}."]
        reads = sum(self.transfer_tokens.values())
        if reads:
            each = {name: self.seconds_of_run[name] / plan.tokens * reads for name, plan in self.plans.items()}
            number = sum(len(asked.shots) for asked in study.transfer.values()) * len(study.seed_list) * len(self.plans)
            told.append(
                f"{number} transfers, which read {quantity(reads)} tokens for each run"
                f"{_time(len(study.seed_list) * sum(each.values()), processes)}."
            )
        unit = {"minutes": "seconds", "epochs": "tokens"}.get(study.budget.unit, study.budget.unit)
        amounts = [getattr(plan, unit) for plan in self.plans.values()]
        apart = max(amounts) / min(amounts) - 1
        more = ", since a step is so large a part of the budget" if apart > _EQUAL else ""
        told.append(f"The arms' {unit} agree to {max(apart, 0.0001):.2%}{more}.")
        return told


def _time(seconds: float, processes: int) -> str:
    several = f" by {processes} processes" if processes > 1 else ""
    return f", about {duration(seconds / processes)}{several}" if seconds else ""


def costs_of(directory: Path, view: View) -> tuple[Study, Costs]:
    """Return a study and what it costs, its runs settled; raises UserError where a file that it names is wrong."""
    study = load_study(directory)
    tasks, examples = read_tasks(study), check_examples(study)
    plans = plan_study(study, directory, view)
    steps: Mapping[str, float] = read_json(directory / PLAN, "plan of the study").get("seconds_per_step", {})
    seconds = {name: steps.get(name, 0.0) * plan.steps for name, plan in plans.items()}
    reads = {name: _tokens_read(asked, examples[name]) for name, asked in study.transfer.items()}
    asked = {task.name: len(task.items) for task in tasks} | {name: len(data.test) for name, data in examples.items()}
    power = tuple(
        f"{name}: {items:,} items, so that differences from {100 * smallest_paired_difference(items, _DISCORDANT):.1f} "
        f"points on are seen where two models part on {_DISCORDANT:.0%} of them."
        for name, items in asked.items()
    )
    return study, Costs(plans, seconds, reads, power)


def _tokens_read(asked: TransferSettings, data: Data) -> float:
    """Return about how many tokens all trainings of one run on a task read."""
    length = np.mean([len(str(item)) for item in data.train.items[:1000]]) / _BYTES
    rates = len(asked.rates) or len(RATES)
    trainings = (rates if rates > 1 else 0) + asked.seeds
    total = 0.0
    for shots in asked.shots:
        examples = shots or len(data.train)
        epochs = asked.epochs or default_epochs(examples)
        least = 0 if asked.epochs else FEWEST_STEPS
        rows = min(_BATCH, examples)
        total += trainings * rows * max(least, math.ceil(epochs * examples / rows)) * float(length)
    return total
