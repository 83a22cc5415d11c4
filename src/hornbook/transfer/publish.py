"""What a transfer leaves: what every seed and every simple model said of the test, and the run of the first seed."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hornbook import __version__
from hornbook.artifacts import digest, enlist, read_json, write_json
from hornbook.errors import DivergedError
from hornbook.evaluate.records import Records
from hornbook.model.transformer import Transformer
from hornbook.objectives.catalogue import kind_of
from hornbook.recipes.transferred import TRANSFER, Transferred
from hornbook.run import directory as files
from hornbook.run import sealed
from hornbook.run.build import build_model
from hornbook.tokens.tokenizer.tokenizer import save_tokenizer
from hornbook.train import checkpoints
from hornbook.train.loop import MODEL
from hornbook.train.metrics import METRICS
from hornbook.transfer import metrics, report
from hornbook.transfer.baselines import learn_baselines
from hornbook.transfer.data import Data
from hornbook.transfer.examples import outcome
from hornbook.transfer.finetune import Outcome, Setting, Trial, batch_rows_of, best_weights, length_of, recipe_of
from hornbook.transfer.request import Request
from hornbook.transfer.task import Prediction

_SAID = "said.json"


@dataclass(frozen=True)
class Final:
    """One training whose test was scored; `seed` counts those of one number of shots from 1."""

    shots: int
    seed: int
    trial: Trial
    outcome: Outcome
    said: list[Prediction]


@dataclass(frozen=True)
class Found:
    """What a search found: the rates tried, each with its outcome, and the final trainings."""

    tried: list[tuple[Trial, Outcome]]
    final: list[Final]

    def first(self) -> Final:
        """Return the first training on the most examples."""
        most = max(len(one.trial.chosen) for one in self.final)
        return next(one for one in self.final if len(one.trial.chosen) == most)


def said_of_test(setting: Setting, trial: Trial, data: Data) -> list[Prediction]:
    """Return what a final training says of the test examples, which it is asked once.

    One that diverged before it was measured says what a model says that has learned nothing.
    """
    place = setting.directory / trial.name / _SAID
    if place.is_file():
        return list(read_json(place, "predictions"))
    weights = best_weights(setting, trial)
    if weights is None:
        answers = [outcome(data.train.items[number]) for number in trial.chosen]
        said = setting.task.nothing(data.test.items, answers)
    else:
        model = cast(Transformer, build_model(setting.recipe, setting.device))
        model.load_state_dict(weights)
        said = setting.task.predict(model.eval(), data.test.items, setting.device)
    if setting.world.is_main:
        write_json(place, said)
    return said


def publish(setting: Setting, request: Request, data: Data, found: Found, base: files.OpenRun, directory: Path) -> None:
    """Write the run of the first seed on the most examples, and beside it what all said; with transfer.json it is done.

    Raises DivergedError where that training diverged before it was measured.
    """
    first = found.first()
    weights = best_weights(setting, first.trial)
    if weights is None:
        raise DivergedError(
            f"The first training diverged before it was measured ({first.outcome.diverged}): give lower rates with "
            "transfer.rates=..., or another --seed."
        )
    records = _records(setting, request, data, found, base)
    records.save(directory / files.EVALUATIONS / f"{records.header['name']}.jsonl")
    made = _record(setting, request, data, found, base, records)
    size = batch_rows_of(setting, len(first.trial.chosen))
    recipe = recipe_of(setting, first.trial, size, length_of(first.trial, len(first.trial.chosen), size))
    recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, micro_batch=size))
    shutil.copyfile(setting.directory / first.trial.name / METRICS, directory / METRICS)
    save_tokenizer(base.tokenizer, directory)
    made.save(directory)
    sealed.begin(recipe, directory)
    enlist(directory, files.TOKENIZER, "tokenizer_config.json")
    named = {f"{MODEL}{name}": value for name, value in weights.items()}
    checkpoints.save(directory / files.CHECKPOINTS, first.outcome.step, named, sealed.facts(directory), keep=1)
    enlist(directory, TRANSFER)


def _records(setting: Setting, request: Request, data: Data, found: Found, base: files.OpenRun) -> Records:
    """Return what each seed, and each simple model trained on the same examples, said of each test example."""
    lines: list[dict[str, Any]] = []
    for one in found.final:
        of = setting.task.records(one.said, data.test.items)
        lines += [{"shots": one.shots, "seed": one.seed, "by": report.MODEL, **record} for record in of]
    note, names = "", dict[str, bool]()
    for shots, seed, chosen in _draws(found.final):
        simple, note = learn_baselines(data.train.take(chosen), data.dev)
        for each in simple:
            names[each.name] = each.strong
            for item, said in zip(data.test.items, each.answers(data.test.items), strict=True):
                lines.append({"shots": shots, "seed": seed, "by": each.name, **metrics.record(item, said)})
    header = {
        "name": "test" if data.tested else "dev", "task": setting.task.name, "labels": list(setting.task.labels),
        "simple": names, "note": note, "model": request.model, "objective": kind_of(base.recipe.objective),
        "step": base.step, "data": str(data.test.path), "examples": len(data.test),
        "sha256": digest({"items": [dataclasses.asdict(item) for item in data.test.items]}), "hornbook": __version__,
    }  # fmt: skip
    return Records(header, tuple(lines))


def _draws(final: Sequence[Final]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield each draw of examples: its shots, its seed (0 = all seeds have it), and the examples."""
    for one in final:
        if one.shots or one.seed == 1:
            yield one.shots, one.seed if one.shots else 0, one.trial.chosen


def _record(
    setting: Setting, request: Request, data: Data, found: Found, base: files.OpenRun, records: Records
) -> Transferred:
    """Return the record of a finished transfer; its numbers follow from the records alone."""
    task, first = setting.task, found.first()
    numbers = report.numbers(records)
    training = {
        "examples": len(first.trial.chosen), "rate": first.trial.rate, "epoch": first.outcome.epoch,
        "step": first.outcome.step, "seeds": request.seeds, "seed": first.trial.seed,
        "tried": [_facts(trial, one) for trial, one in found.tried],
        "final": [{"shots": one.shots, **_facts(one.trial, one.outcome)} for one in found.final],
    }  # fmt: skip
    return Transferred(
        task.name, task.labels, task.layout.sight, request.probe, task.none, task.longest,
        base={
            "name": request.model, "step": base.step, "objective": kind_of(base.recipe.objective),
            "vocabulary": base.tokenizer.vocab.fingerprint, "weights": _weights_digest(setting),
        },
        data={
            "train": [request.train, len(data.train)], "dev": [request.dev, len(data.dev)],
            "test": [request.test, len(data.test) if data.tested else 0], "seen": data.seen,
        },
        training=training,
        numbers=tuple({"shots": shots, **dataclasses.asdict(one)} for shots, some in numbers.items() for one in some),
        sentences=tuple(report.sentences(records, numbers, [one.outcome for one in found.final], first.shots)),
    )  # fmt: skip


def _facts(trial: Trial, one: Outcome) -> dict[str, Any]:
    return {"name": trial.name, "rate": trial.rate, "seed": trial.seed, **dataclasses.asdict(one)}


def _weights_digest(setting: Setting) -> str:
    """Return the SHA-256 of the base model's weights, by name."""
    found = hashlib.sha256()
    for name, value in sorted(setting.state.items()):
        found.update(name.encode())
        found.update(value.contiguous().numpy().tobytes())
    return found.hexdigest()
