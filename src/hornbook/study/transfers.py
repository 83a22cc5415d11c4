"""Transfers of a study: every run is fine-tuned on the same examples, tries the same rates, and is asked the same test.

    STUDY/transfers/NAME-SHOTS/ARM.SEED/    what `hornbook transfer` leaves; SHOTS is "all" where every example is read

Of few shots each seed of an arm has a draw of its own, and the same one as that seed of every other arm: how much the
draw matters is within the deviation of the seeds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.artifacts import is_done
from hornbook.errors import UserError
from hornbook.evaluate.records import Records
from hornbook.recipes.transferred import TRANSFER, TRIALS
from hornbook.study.design import Study, recipe_of
from hornbook.study.layout import EVALUATIONS, RUNS, TRANSFERS, run_names
from hornbook.study.yardsticks import Measured
from hornbook.transfer import metrics
from hornbook.transfer.data import Data, read_data
from hornbook.transfer.request import ALL, REQUEST, Request

_TEST, _MODEL = "test.jsonl", "model"  # the records of a test, and what is called so in them


def wanted(study: Study, directory: Path, run: str) -> Iterator[tuple[Path, Request]]:
    """Yield the place and the request of each transfer of a run, which is named ARM.SEED."""
    seed = int(run.rpartition(".")[2])
    for name, asked in study.transfer.items():
        for shots in asked.shots:
            request = Request(
                str(directory / RUNS / run), asked.train, asked.dev, asked.test, asked.task, (shots,), asked.seeds,
                epochs=asked.epochs, rates=asked.rates, seed=seed, settings=(f"training.threads={study.threads}",),
            )  # fmt: skip
            yield directory / TRANSFERS / f"{name}-{shots or ALL}" / run, request


def check_examples(study: Study) -> dict[str, Data]:
    """Return the examples of each transfer; raises UserError for files that are none, or that an arm cannot do."""
    found = {}
    encoders = [name for name, arm in study.arms.items() if recipe_of(arm, name).objective.topology == "encoder"]
    for name, asked in study.transfer.items():
        try:
            data = read_data(Request("", asked.train, asked.dev, asked.test, asked.task))
            if data.train.task in ("write", "instruct") and encoders:
                raise UserError(f"{encoders[0]} writes no text: its model is an encoder.")
            for shots in asked.shots:
                if shots > len(data.train):
                    raise UserError(f"{shots} shots do not fit: there are {len(data.train)} examples to learn from.")
        except UserError as error:
            raise UserError(f"In the study, transfer.{name}: {error}") from error
        found[name] = data
    return found


def check_begun(study: Study, directory: Path) -> None:
    """Raise UserError where a transfer of an earlier run of the study was asked for otherwise."""
    for _, _, run in run_names(study):
        for place, request in wanted(study, directory, run):
            if (place / TRIALS / REQUEST).is_file():
                check_same(place, request)


def check_same(place: Path, request: Request) -> None:
    """Raise UserError where a transfer that has begun was asked for otherwise."""
    begun = Request.load(place / TRIALS)
    if dataclasses.replace(begun, model="") != dataclasses.replace(request, model=""):
        name = place.parent.name.rpartition("-")[0]
        raise UserError(
            f"In the study, transfer.{name} has changed since {place} was begun: give the new one another name."
        )


def is_transferred(place: Path) -> bool:
    """Say whether a transfer is done."""
    return (place / TRANSFER).is_file() and is_done(place, TRANSFER)


def measured_transfer(place: Path, request: Request) -> Measured | None:
    """Return what a transfer tells of its run; None where it is not done."""
    if not is_transferred(place):
        return None
    check_same(place, request)
    records = Records.load(place / EVALUATIONS / _TEST)
    task, shots = str(records.header["task"]), request.shots[0]
    said: dict[str, dict[int, list[Mapping[str, Any]]]] = {}
    for item in records.items:
        said.setdefault(item["by"], {}).setdefault(item["seed"], []).append(item)
    scores = {
        name: float(np.mean([metrics.score(task, lines) for lines in seeds.values()])) for name, seeds in said.items()
    }
    value = scores.pop(_MODEL)
    shares = np.mean([metrics.parts(task, lines) for lines in said[_MODEL].values()], 0)
    by_draw = {str(number): float(share) for number, share in enumerate(shares)}
    how = f"{metrics.HEADLINE[task]} after fine-tuning" + (f" on {shots} examples" if shots else "")
    name = place.parent.name.removesuffix(f"-{ALL}")
    return Measured(name, str(records.header["sha256"]), value, how, "exact", by_draw, "share", False, scores)
