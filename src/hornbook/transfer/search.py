"""A transfer: base model and examples -> rates tried, seeds trained, test scored once -> a run that predicts.

    for each number of shots:  four trainings by one seed, one for each rate       the dev examples choose the rate
                               `seeds` trainings by other seeds at that rate       the dev examples choose the epoch
                               each of these says its test once                    never the best one alone is told

OUT/  the run of the first of these seeds, on the most examples
      recipe.toml  tokenizer.json  checkpoints/  metrics.jsonl  transfer.json  evaluations/test.jsonl
      trials/NAME/    what is left of each training; `--resume OUT` goes on from there
"""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import __version__, keys
from hornbook.artifacts import enlist, is_done, lock, read_json, write_json
from hornbook.console import View
from hornbook.errors import DivergedError, Interrupted, UserError
from hornbook.evaluate.records import Records
from hornbook.model.electra import Electra, discriminator_config, halves
from hornbook.objectives.catalogue import kind_of
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import DataSettings, StartSettings, TrainingSettings
from hornbook.recipes.settings import override
from hornbook.run import directory as files
from hornbook.run import sealed
from hornbook.run.build import build_model
from hornbook.run.imported import open_model
from hornbook.run.transferred import TRANSFER, TRIALS, Transferred, read_transfer
from hornbook.signals import stoppable
from hornbook.tokens.tokenizer.tokenizer import save_tokenizer
from hornbook.train import checkpoints, machine
from hornbook.train.loop import MODEL
from hornbook.train.metrics import METRICS
from hornbook.train.processors import computing, default_threads
from hornbook.train.world import World, together
from hornbook.transfer import report
from hornbook.transfer.examples import Classified, Examples, load_examples
from hornbook.transfer.finetune import (
    Outcome,
    Setting,
    Trial,
    batch_rows_of,
    best_weights,
    default_epochs,
    finetune,
    length_of,
    outcome_of,
    recipe_of,
)
from hornbook.transfer.request import REQUEST, Request
from hornbook.transfer.sets import check_labels, equal_texts, split
from hornbook.transfer.task import Prediction, Task, plan_task

_SAID = "said.json"
_DRAW = 0x73686F74  # stream of the keys


@dataclass(frozen=True)
class Data:
    """The examples of a transfer; `test` is `dev` where no test file was given."""

    train: Examples
    dev: Examples
    test: Examples
    seen: int

    @property
    def tested(self) -> bool:
        return self.test is not self.dev


def transfer(request: Request, directory: Path, *, plain: bool = False, silent: bool = False) -> Transferred:
    """Do what was asked for in a new directory and return what came of it.

    Raises UserError where something is wrong with the request or its files, DivergedError where no rate trains,
    Interrupted when a signal asked to stop; then `resume` goes on.
    """
    _refuse_taken(directory)
    return _going_on(request, directory, plain, silent)


def _going_on(request: Request, directory: Path, plain: bool, silent: bool) -> Transferred:
    with together() as world:
        view = View(plain, silent=silent or not world.is_main)
        command = f"hornbook transfer --resume {shlex.quote(str(directory))}"
        if is_done_run(directory):
            return read_transfer(directory)
        with _claimed(directory) if world.is_main else contextlib.nullcontext():
            try:
                with stoppable(""), computing(_threads(request)):
                    return _transferred(request, directory, view, world)
            except Interrupted as error:
                raise Interrupted(f"Stopped. Continue with: {command}", error.exit_code - 128) from error


@contextlib.contextmanager
def _claimed(directory: Path) -> Iterator[None]:
    """Hold the directory of a transfer; one in which nothing could begin is removed again."""
    new = not directory.exists()
    with lock(directory):
        try:
            yield
        except UserError:
            if new and not (directory / TRIALS / REQUEST).is_file():
                shutil.rmtree(directory, ignore_errors=True)
            raise


def resume(directory: Path, *, plain: bool = False, silent: bool = False) -> Transferred:
    """Go on with a transfer, to the same result bit for bit."""
    if not (directory / TRIALS / REQUEST).is_file():
        raise UserError(f"There is no transfer in {directory} to go on with.")
    return _going_on(Request.load(directory / TRIALS), directory, plain, silent)


def is_done_run(directory: Path) -> bool:
    return sealed.is_run(directory) and is_done(directory, TRANSFER)


def _threads(request: Request) -> int:
    chosen = [text for text in request.settings if text.startswith("training.threads=")]
    return int(chosen[-1].partition("=")[2]) if chosen else default_threads()


def _refuse_taken(directory: Path) -> None:
    """Raise UserError where a directory holds anything."""
    if (directory / TRIALS / REQUEST).is_file():
        command = f"hornbook transfer --resume {shlex.quote(str(directory))}"
        raise UserError(f"{directory} holds a transfer: continue it with `{command}`, or choose another --out.")
    taken = [path.name for path in directory.iterdir() if path.name != ".lock"] if directory.is_dir() else []
    if taken:
        raise UserError(f"{directory} already holds {min(taken)}: choose another --out.")


def read_data(request: Request) -> Data:
    """Return the examples, checked against each other."""
    train = load_examples(request.train, request.task)
    other = [load_examples(path, train.task) if path else None for path in (request.dev, request.test)]
    for examples in other:
        if examples is not None:
            check_labels(train, examples)
    dev, test = other
    seen = 0 if test is None else equal_texts(train, test)
    if dev is None:
        train, dev = split(train)
    return Data(train, dev, test or dev, seen)


def _transferred(request: Request, directory: Path, view: View, world: World) -> Transferred:
    machine.keep_memory_blocks()
    device = world.device or machine.find_device()
    data = read_data(request)
    base = open_model(Path(request.model))
    sight = None if request.sight == "auto" else request.sight
    task = plan_task(data.train, base.recipe.objective, base.tokenizer, base.recipe.model, sight)
    if request.probe and task.writes:
        raise UserError("--probe trains a new head alone, and a written text has none: leave it out.")
    recipe = _recipe(request, base, task, data)
    for number in request.shots:
        if number > len(data.train):
            raise UserError(
                f"--shots {number} does not fit: {data.train.path} has {len(data.train)} examples to learn from."
            )
    if world.is_main:
        (directory / TRIALS).mkdir(parents=True, exist_ok=True)
        request.save(directory / TRIALS)
    for line in report.opening(request, data, task, base):
        view.say(line)
    state = base.model.state_dict()
    if isinstance(base.model, Electra):
        state = halves(state)[0]
    setting = Setting(
        task, recipe, {name: value.cpu() for name, value in state.items()}, request.probe,
        data.train.items, data.dev.items, directory / TRIALS, device, world, view.say, lambda steps: None,
    )  # fmt: skip
    found = _search(setting, request, data, view)
    if world.is_main:
        _publish(setting, request, data, found, base, directory)
    world.all_reduce_max([0.0])
    return read_transfer(directory)


def _recipe(request: Request, base: files.OpenRun, task: Task, data: Data) -> Recipe:
    """Return the settings of all trainings: those of Mosbach et al. 2021, and what was asked for."""
    model = base.recipe.model
    if isinstance(base.model, Electra):
        model = discriminator_config(model)
    model = task.config(dataclasses.replace(model, dropout=0.0 if request.probe else 0.1))
    device = machine.find_device()
    training = TrainingSettings(
        batch_rows=16, optimizer="adamw", weight_decay=0.01, beta2=0.999, schedule="linear", warmup=0.1, clip=1.0,
        precision=machine.best_precision(device) if device.type == "cuda" else "fp32", compile="no",
        threads=default_threads(), workers=0, keep_checkpoints=1, checkpoint_activations="auto",
    )  # fmt: skip
    paths = DataSettings(paths=(request.train,))
    recipe = Recipe(base.recipe.objective, data=paths, start=StartSettings(), model=model, training=training)
    return override(recipe, request.settings) if request.settings else recipe


@dataclass(frozen=True)
class Final:
    """One training whose test was scored."""

    shots: int
    trial: Trial
    outcome: Outcome
    said: list[Prediction]


@dataclass(frozen=True)
class Found:
    """What a search found: the rates tried, each with its outcome, and the final trainings."""

    tried: list[tuple[Trial, Outcome]]
    final: list[Final]


def _search(setting: Setting, request: Request, data: Data, view: View) -> Found:
    """Do all trainings that are not done yet."""
    shots = request.shots or (0,)
    rates = request.rates_for(setting.recipe.model.width)
    dev_rows = setting.task.rows(data.dev.items)
    planned = [
        trial
        for number in shots
        for trial in (*_rates(request, data, number, rates), *_finals(request, data, number, rates[0]))
    ]
    total = sum(_steps(setting, trial) for trial in planned)
    tried: list[tuple[Trial, Outcome]] = []
    final: list[Final] = []
    with view.stage(
        f"{len(shots) * (len(rates) * (len(rates) > 1) + request.seeds)} trainings", "steps", total
    ) as tell:
        done = 0

        def update(steps: int) -> None:
            nonlocal done
            done += steps
            tell(done)

        setting = dataclasses.replace(setting, update=update)
        for number in shots:
            trials = _rates(request, data, number, rates)
            outcomes = [_done(setting, trial, dev_rows) for trial in trials]
            tried += zip(trials, outcomes, strict=True)
            rate = rates[0] if not trials else _best_rate(trials, outcomes)
            for trial in _finals(request, data, number, rate):
                outcome = _done(setting, trial, dev_rows)
                final.append(Final(number, trial, outcome, _said(setting, trial, data)))
    return Found(tried, final)


def _steps(setting: Setting, trial: Trial) -> int:
    return length_of(trial, len(trial.chosen), batch_rows_of(setting, len(trial.chosen)))


def _done(setting: Setting, trial: Trial, dev_rows: Sequence[Any]) -> Outcome:
    """Do a training; one that was done before counts as all of its steps."""
    known = outcome_of(setting.directory / trial.name)
    if known is not None:
        setting.update(_steps(setting, trial))
        return known
    return finetune(setting, trial, dev_rows)


def _best_rate(trials: Sequence[Trial], outcomes: Sequence[Outcome]) -> float:
    """Return the rate whose dev score is the best, of equal ones that with fewer nats."""
    sound = [(one.score, -one.nats, trial.rate) for trial, one in zip(trials, outcomes, strict=True) if one.step]
    if not sound:
        raise DivergedError("Every rate diverged before the first measurement: give lower ones with transfer.rates=...")
    return max(sound)[2]


def _rates(request: Request, data: Data, shots: int, rates: Sequence[float]) -> list[Trial]:
    """Return the trainings that choose a rate; none where there is no choice."""
    seed = request.seed
    chosen = _drawn(len(data.train), shots, seed, 0)
    epochs = request.epochs or default_epochs(len(chosen))
    named = [(rate, f"{_name(shots)}-rate-{rate:g}") for rate in rates] if len(rates) > 1 else []
    return [Trial(name, chosen, rate, _seed(seed, 0), epochs, final=False) for rate, name in named]


def _finals(request: Request, data: Data, shots: int, rate: float) -> list[Trial]:
    found = []
    for number in range(1, request.seeds + 1):
        chosen = _drawn(len(data.train), shots, request.seed, number)
        epochs = request.epochs or default_epochs(len(chosen))
        name = f"{_name(shots)}-seed-{number}"
        found.append(Trial(name, chosen, rate, _seed(request.seed, number), epochs, final=True))
    return found


def _name(shots: int) -> str:
    return f"{shots}-shots" if shots else "all"


def _seed(seed: int, number: int) -> int:
    return int(keys.fold(np.uint64(seed), number)) >> 1


def _drawn(size: int, shots: int, seed: int, number: int) -> tuple[int, ...]:
    """Return which examples a training learns from: all, or plain draws by key, balanced by nothing."""
    if not shots:
        return tuple(range(size))
    found = keys.permute(np.arange(shots), size, keys.fold(np.uint64(seed), number, _DRAW))
    return tuple(sorted(found.tolist()))


def _said(setting: Setting, trial: Trial, data: Data) -> list[Prediction]:
    """Return what a final training says of the test examples; it says it once."""
    place = setting.directory / trial.name / _SAID
    if place.is_file():
        return list(read_json(place, "predictions"))
    weights = best_weights(setting, trial)
    if weights is None:
        labels = [item.label for item in data.train.items if isinstance(item, Classified)]
        most = max(sorted(set(labels)), key=labels.count) if labels else ""  # type: ignore[type-var]
        said = setting.task.nothing(data.test.items, most or "")
    else:
        model = build_model(setting.recipe, setting.device)
        model.load_state_dict(weights)
        said = setting.task.predict(model.eval(), data.test.items, setting.device)  # type: ignore[arg-type]
    if setting.world.is_main:
        write_json(place, said)
    return said


def _publish(
    setting: Setting, request: Request, data: Data, found: Found, base: files.OpenRun, directory: Path
) -> None:
    """Write the run of the first seed on the most examples, and what all seeds said; see the module."""
    most = max((one.shots or len(data.train)) for one in found.final)
    first = next(one for one in found.final if (one.shots or len(data.train)) == most)
    weights = best_weights(setting, first.trial)
    if weights is None:
        raise DivergedError(
            f"The first training diverged before it was measured ({first.outcome.diverged}): give lower rates with "
            "transfer.rates=..., or another --seed."
        )
    trial = setting.directory / first.trial.name
    size = batch_rows_of(setting, len(first.trial.chosen))
    recipe = recipe_of(setting, first.trial, size, length_of(first.trial, len(first.trial.chosen), size))
    recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, micro_batch=size))
    save_tokenizer(base.tokenizer, directory)
    shutil.copyfile(trial / METRICS, directory / METRICS)
    header = {
        "name": "test" if data.tested else "dev", "task": setting.task.name, "labels": list(setting.task.labels),
        "model": request.model, "objective": kind_of(base.recipe.objective), "step": base.step,
        "data": str(data.test.path), "examples": len(data.test), "hornbook": __version__,
    }  # fmt: skip
    lines = [
        {"shots": one.shots, "seed": number, **record}
        for number, one in _numbered(found.final)
        for record in setting.task.records(one.said, data.test.items)
    ]
    name = f"{files.EVALUATIONS}/{header['name']}.jsonl"
    records = Records(header, tuple(lines))
    records.save(directory / name)
    made = report.record_of(
        request,
        data,
        setting.task,
        base,
        found.tried,
        [(one.shots, one.trial, one.outcome) for one in found.final],
        records,
    )
    sealed.begin(recipe, directory)
    made.save(directory)
    enlist(directory, files.TOKENIZER, "tokenizer_config.json")
    step = first.outcome.step
    facts = sealed.facts(directory)
    checkpoints.save(
        directory / files.CHECKPOINTS, step, {f"{MODEL}{name}": value for name, value in weights.items()}, facts, keep=1
    )
    enlist(directory, TRANSFER)  # last: with it the run is done


def _numbered(final: Sequence[Final]) -> Iterator[tuple[int, Final]]:
    counts: dict[int, int] = {}
    for one in final:
        counts[one.shots] = counts.get(one.shots, 0) + 1
        yield counts[one.shots], one
