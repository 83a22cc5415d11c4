"""A pilot: the candidates for a task, tried on the user's own text within given minutes, the worse ones stopped early.

    first/    every candidate, one seed, short runs             -> the better two by their numbers, no verdict
    second/   these two, three seeds if there is time (or two)  -> a verdict

Both are studies (`hornbook.study`): equal text and vocabulary, each objective with its default learning rates. A task
with examples is measured as `hornbook transfer` does, on a part of them; otherwise by the text itself. What a run of
the first round takes beside its training is measured, and the second round is planned into what is left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hornbook.advice.evidence import best_of, fits
from hornbook.advice.rules import TaskKind
from hornbook.errors import UserError
from hornbook.study.design import ArmSettings, BudgetSettings, Study, TransferSettings, new_study
from hornbook.study.layout import begin
from hornbook.study.report import report_study
from hornbook.study.running import run_study
from hornbook.study.yardsticks import Yardstick
from hornbook.train.processors import default_threads
from hornbook.transfer.data import read_data
from hornbook.transfer.request import Request

_KEPT, _SEEDS = 2, (3, 2)  # arms of the second round, and how many seeds it tries to have
_USABLE, _FIRST = 0.9, 0.3  # shares of the minutes: for all, and of that for the first round
_BESIDE, _SHORTEST = 8.0, 3.0  # seconds of a run beside its training, before any was timed; and of its training
_SHOTS, _EPOCHS = 256, 10.0  # examples that are learned from, and how often each is read
_RATES = (3e-4, 1e-3)  # the middle two of those that `transfer` tries
_EXAMPLES = "examples"  # what a study's transfer is called
_MARGIN = 0.01
_EVALUATED, _LEAST, _MOST = 50, 500, 5000  # held-out tokens of a measurement for each second of training


@dataclass(frozen=True)
class Examples:
    """Files of a task's examples, as `hornbook transfer` takes them; dev may be empty."""

    train: str
    test: str
    dev: str = ""


@dataclass(frozen=True)
class Pilot:
    """What a pilot found.

    first    the numbers of all candidates, each of one seed: no verdict
    second   those of the two that went on, with their verdicts; None where no time was left for it
    seeds    of the second round
    best     objectives that no other is better than, where the verdict tells the two apart; else empty
    minutes  that were given, and what it took
    """

    directory: str
    first: Yardstick
    second: Yardstick | None
    seeds: int
    best: tuple[str, ...]
    minutes: float
    took: float


def run_pilot(
    kind: TaskKind, objectives: Sequence[str], text: Sequence[str], minutes: float, examples: Examples | None,
    directory: Path, plain: bool = False,
) -> Pilot:  # fmt: skip
    """Do a pilot in a new directory. Raises UserError, before anything runs, where it cannot tell anything."""
    start, usable = time.monotonic(), _USABLE * 60 * minutes
    a_run = _refuse_nothing(kind, objectives, text, minutes, examples)
    asked = None if examples is None else _transfer(kind, examples)
    first = _round(kind, objectives, text, a_run, 1, asked, directory / "first", plain)
    beside = max(0.0, (time.monotonic() - start) / len(objectives) - a_run)
    kept = _ahead(first)
    second, seeds = None, 1
    for seeds in _SEEDS:
        left = (usable - (time.monotonic() - start)) / (len(kept) * seeds) - beside
        if left >= (a_run if seeds > min(_SEEDS) else _SHORTEST):
            second = _round(kind, kept, text, left, seeds, asked, directory / "second", plain)
            break
    best = () if second is None else best_of(second)
    took = (time.monotonic() - start) / 60
    return Pilot(str(directory), first, second, 1 if second is None else seeds, best, minutes, took)


def _refuse_nothing(
    kind: TaskKind, objectives: Sequence[str], text: Sequence[str], minutes: float, examples: Examples | None
) -> float:
    """Return the seconds that each run of the first round trains; raises UserError where a pilot tells nothing."""
    if not text:
        raise UserError("A pilot trains on your text: name it, as in `hornbook advise generation BOOK.txt --pilot`.")
    if examples is None and "bits per byte" not in kind.judged:
        raise UserError(
            f"A pilot for {kind.name} needs examples of the task: --train FILE --test FILE, as `hornbook transfer` "
            "takes them. What a text alone tells does not measure it."
        )
    a_run = _FIRST * _USABLE * 60 * minutes / len(objectives) - _BESIDE
    if a_run < _SHORTEST:
        needed = (_SHORTEST + _BESIDE) * len(objectives) / (_FIRST * _USABLE * 60)
        raise UserError(
            f"A pilot of {len(objectives)} objectives needs {math.ceil(10 * needed) / 10:g} minutes at least, not "
            f"{minutes:g}: raise --minutes."
        )
    return a_run


def _transfer(kind: TaskKind, examples: Examples) -> TransferSettings:
    """Return how runs are fine-tuned on the examples; raises UserError for files that are none of the task."""
    data = read_data(Request("", examples.train, examples.dev, examples.test))
    if data.train.task != kind.name and not (kind.name == "embeddings" and data.train.task == "classify"):
        raise UserError(f"{examples.train} has examples of the task {data.train.task}, not of {kind.name}.")
    shots = _SHOTS if len(data.train) > _SHOTS else 0
    return TransferSettings(examples.train, examples.test, examples.dev, shots=(shots,), epochs=_EPOCHS, rates=_RATES)


def _round(
    kind: TaskKind, objectives: Sequence[str], text: Sequence[str], seconds: float, seeds: int,
    asked: TransferSettings | None, directory: Path, plain: bool,
) -> Yardstick:  # fmt: skip
    """Return the yardstick of the task after runs of so many seconds of training each."""
    begin(_study(objectives, text, seconds, seeds, asked), directory)
    run_study(directory, plain)
    found = report_study(directory).yardsticks
    fitting = [one for one in found if fits(one, kind) or (asked is not None and one.name.startswith(_EXAMPLES))]
    if not fitting:
        raise UserError(f"The runs in {directory} have no number in common that measures {kind.name}.")
    return fitting[0]


def _study(
    objectives: Sequence[str], text: Sequence[str], seconds: float, seeds: int, asked: TransferSettings | None
) -> Study:
    made = new_study(text, objectives, BudgetSettings(minutes=seconds / 60), seeds)
    tokens = round(min(_MOST, max(_LEAST, _EVALUATED * seconds)))
    settings = (f"training.evaluate_tokens={tokens}", "training.samples=0")
    arms = {name: ArmSettings(name, settings=settings) for name in objectives}
    transfers = {} if asked is None else {_EXAMPLES: asked}
    return replace(made, arms=arms, trials=1, margin=_MARGIN, transfer=transfers, threads=default_threads())


def _ahead(yardstick: Yardstick) -> tuple[str, ...]:
    """Return the arms that go on: the best by their numbers, and beside each other whatever these are made of."""
    lower = yardstick.unit != "share"
    ordered = sorted(yardstick.arms, key=lambda arm: arm.value if lower else -arm.value)
    return tuple(arm.arm for arm in ordered[:_KEPT])
