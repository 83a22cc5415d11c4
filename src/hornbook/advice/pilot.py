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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hornbook.advice.evidence import best_of, fits
from hornbook.advice.rules import TaskKind
from hornbook.artifacts import is_done
from hornbook.errors import DivergedError, UserError
from hornbook.evaluate.records import Records
from hornbook.run.directory import EVALUATIONS, RESULT, recipe_of
from hornbook.study.design import ArmSettings, BudgetSettings, Study, new_study
from hornbook.study.layout import RUNS, begin
from hornbook.study.report import report_study
from hornbook.study.running import run_study
from hornbook.study.verdicts import Scores, not_worse_than_the_best, verdicts
from hornbook.study.yardsticks import ArmNumber, Yardstick
from hornbook.transfer.data import read_data
from hornbook.transfer.report import MODEL
from hornbook.transfer.request import Request
from hornbook.transfer.search import transfer

_KEPT, _SEEDS = 2, (3, 2)  # arms of the second round, and how many seeds it tries to have
_USABLE, _FIRST = 0.9, 0.3  # shares of the minutes: for all, and of that for the first round
_BESIDE, _SHORTEST = 8.0, 3.0  # seconds of a run beside its training, before any was timed; and of its training
_SHOTS, _EPOCHS = 256, 10.0  # examples that are learned from, and how often each is read
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
    shots = 0 if examples is None else _shots(kind, examples)
    first = _round(kind, objectives, text, a_run, 1, examples, shots, directory / "first", plain)
    beside = max(0.0, (time.monotonic() - start) / len(objectives) - a_run)
    kept = _ahead(first)
    second, seeds = None, 1
    for seeds in _SEEDS:
        left = (usable - (time.monotonic() - start)) / (len(kept) * seeds) - beside
        if left >= (a_run if seeds > min(_SEEDS) else _SHORTEST):
            second = _round(kind, kept, text, left, seeds, examples, shots, directory / "second", plain)
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


def _shots(kind: TaskKind, examples: Examples) -> int:
    """Return how many examples are learned from, 0 = all; raises UserError for files that are none of the task."""
    data = read_data(Request("", examples.train, examples.dev, examples.test))
    if data.train.task != kind.name and not (kind.name == "embeddings" and data.train.task == "classify"):
        raise UserError(f"{examples.train} has examples of the task {data.train.task}, not of {kind.name}.")
    return _SHOTS if len(data.train) > _SHOTS else 0


def _round(
    kind: TaskKind, objectives: Sequence[str], text: Sequence[str], seconds: float, seeds: int,
    examples: Examples | None, shots: int, directory: Path, plain: bool,
) -> Yardstick:  # fmt: skip
    """Return the yardstick of the task after runs of so many seconds of training each."""
    begin(_study(objectives, text, seconds, seeds), directory)
    run_study(directory, plain)
    if examples is not None:
        return _fine_tuned(directory, objectives, seeds, examples, shots, plain)
    found = [one for one in report_study(directory).yardsticks if fits(one, kind)]
    if not found:
        raise UserError(f"The runs in {directory} have no number in common that measures {kind.name}.")
    return found[0]


def _study(objectives: Sequence[str], text: Sequence[str], seconds: float, seeds: int) -> Study:
    made = new_study(text, objectives, BudgetSettings(minutes=seconds / 60), seeds)
    tokens = round(min(_MOST, max(_LEAST, _EVALUATED * seconds)))
    settings = (f"training.evaluate_tokens={tokens}", "training.samples=0")
    arms = {name: ArmSettings(name, settings=settings) for name in objectives}
    return replace(made, arms=arms, trials=1, margin=_MARGIN)


def _ahead(yardstick: Yardstick) -> tuple[str, ...]:
    """Return the arms that go on: the best by their numbers, and beside each other whatever these are made of."""
    lower = yardstick.unit != "share"
    ordered = sorted(yardstick.arms, key=lambda arm: arm.value if lower else -arm.value)
    return tuple(arm.arm for arm in ordered[:_KEPT])


def _fine_tuned(
    directory: Path, objectives: Sequence[str], seeds: int, examples: Examples, shots: int, plain: bool
) -> Yardstick:
    """Return how right every run is on the examples after `hornbook transfer`, with the verdicts."""
    scores, numbers, name = [], [], ""
    for objective in objectives:
        said = [
            _transferred(directory, f"{objective}.{seed}", seed, examples, shots, plain) for seed in range(seeds)
        ]  # fmt: skip
        known = [one for one in said if one is not None]
        if not known:
            continue
        values = np.array([value for _, value, _ in known])
        items = [shares for _, _, shares in known if shares]
        whole = len(items) == len(known)
        mean = np.mean([list(shares.values()) for shares in items], 0) if whole else None
        scores.append(Scores(objective, values, mean, "exact", len(said) - len(known)))
        name = known[0][0]
        spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        how = f"{name} after fine-tuning on {shots or 'all'} examples"
        numbers.append(ArmNumber(objective, float(values.mean()), len(values), spread, how, "share"))
    if not scores:
        raise UserError(f"No run in {directory} could be fine-tuned: all trainings diverged.")
    told = verdicts(scores, unit="share", lower_is_better=False, margin=_MARGIN)
    best = not_worse_than_the_best(scores, told, False)
    return Yardstick(Path(examples.test).name, "share", tuple(numbers), tuple(told), tuple(best))


def _transferred(
    directory: Path, run: str, seed: int, examples: Examples, shots: int, plain: bool
) -> tuple[str, float, Mapping[str, float]] | None:
    """Return the headline's name and value of one run, and the share of each item where the headline is their mean.

    None where the run, or its fine-tuning, diverged.
    """
    model = directory / RUNS / run
    if not ((model / RESULT).is_file() and is_done(model, RESULT)):
        return None
    asked = Request(str(model), examples.train, examples.dev, examples.test, shots=(shots,), seeds=1, epochs=_EPOCHS)
    asked = replace(asked, seed=seed, rates=asked.rates_for(recipe_of(model).model.width)[1:3])
    place = directory / "transfers" / run
    try:
        headline = transfer(asked, place, plain=plain).numbers[0]
    except DivergedError:
        return None
    items = [item for item in Records.load(place / EVALUATIONS / "test.jsonl").items if item["by"] == MODEL]
    right = {str(item["id"]): float(item["said"] == item["answer"]) for item in items if "answer" in item}
    return str(headline["name"]), float(headline["value"]), right if headline["name"] == "accuracy" else {}
