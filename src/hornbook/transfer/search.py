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
from pathlib import Path

from hornbook.artifacts import is_done
from hornbook.console import View
from hornbook.errors import DivergedError, Interrupted, UserError
from hornbook.locks import lock
from hornbook.model.electra import Electra, discriminator_config, halves
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import DataSettings, StartSettings, TrainingSettings
from hornbook.recipes.settings import override
from hornbook.recipes.transferred import TRANSFER, TRIALS, Transferred, read_transfer
from hornbook.run import directory as files
from hornbook.run import sealed
from hornbook.run.imported import open_model
from hornbook.signals import stoppable
from hornbook.train import machine
from hornbook.train.processors import computing, default_threads
from hornbook.train.world import World, together
from hornbook.transfer import report
from hornbook.transfer.data import Data, read_data
from hornbook.transfer.finetune import Outcome, Setting, Trial, batch_rows_of, finetune, length_of, outcome_of
from hornbook.transfer.publish import Final, Found, publish, said_of_test
from hornbook.transfer.request import REQUEST, Request
from hornbook.transfer.rows import Row
from hornbook.transfer.task import Task, plan_task
from hornbook.transfer.trials import final_trials, rate_trials


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


def _transferred(request: Request, directory: Path, view: View, world: World) -> Transferred:
    machine.keep_memory_blocks()
    device = world.device or machine.find_device()
    data = read_data(request)
    base = open_model(Path(request.model))
    sight = None if request.sight == "auto" else request.sight
    task = plan_task(data.train, base.recipe.objective, base.tokenizer, base.recipe.model, sight)
    _refuse(request, task, data)
    recipe = _recipe(request, base, task)
    if world.is_main:
        (directory / TRIALS).mkdir(parents=True, exist_ok=True)
        request.save(directory / TRIALS)
    for line in report.opening(request, data, task, base):
        view.say(line)
    state = base.model.state_dict()
    if isinstance(base.model, Electra):
        state = halves(state)[0]
    if request.scratch:
        state = {}  # each training keeps the first weights that its seed gives
    setting = Setting(
        task, recipe, {name: value.cpu() for name, value in state.items()}, request.probe,
        data.train.items, data.dev.items, directory / TRIALS, device, world, view.say, lambda steps: None,
    )  # fmt: skip
    found = _search(setting, request, data, view)
    if world.is_main:
        with view.stage("simple models and intervals", "examples"):
            publish(setting, request, data, found, base, directory)
    world.all_reduce_max([0.0])
    return read_transfer(directory)


def _refuse(request: Request, task: Task, data: Data) -> None:
    """Raise UserError for what cannot be done with this task and these examples."""
    if request.probe and request.scratch:
        raise UserError("--probe keeps the model's weights, and --scratch begins without them: choose one.")
    if request.probe and task.writes:
        raise UserError("--probe trains a new head alone, and a written text has none: leave it out.")
    for number in request.shots:
        if number > len(data.train):
            held = "" if request.dev else f" ({len(data.dev)} more are held out to choose by)"
            raise UserError(
                f"--shots {number} does not fit: {data.train.path} has {len(data.train)} examples to learn from{held}."
            )


def _recipe(request: Request, base: files.OpenRun, task: Task) -> Recipe:
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


def _search(setting: Setting, request: Request, data: Data, view: View) -> Found:
    """Do all trainings that are not done yet."""
    shots = request.shots or (0,)
    rates = request.rates_for(setting.recipe.model.width)
    dev_rows = setting.task.rows(data.dev.items)
    size = len(data.train)
    by_shots = [(number, rate_trials(request, size, number, rates)) for number in shots]
    planned = [
        trial for number, trials in by_shots for trial in (*trials, *final_trials(request, size, number, rates[0]))
    ]
    total = sum(_steps(setting, trial) for trial in planned)
    tried: list[tuple[Trial, Outcome]] = []
    final: list[Final] = []
    with view.stage(f"{len(planned)} trainings", "steps", total) as tell:
        done = 0

        def update(steps: int) -> None:
            nonlocal done
            done += steps
            tell(done)

        setting = dataclasses.replace(setting, update=update)
        for number, trials in by_shots:
            outcomes = [_done(setting, trial, dev_rows) for trial in trials]
            tried += zip(trials, outcomes, strict=True)
            rate = _best_rate(trials, outcomes) if trials else rates[0]
            for place, trial in enumerate(final_trials(request, size, number, rate), 1):
                outcome = _done(setting, trial, dev_rows)
                final.append(Final(number, place, trial, outcome, said_of_test(setting, trial, data)))
    return Found(tried, final)


def _steps(setting: Setting, trial: Trial) -> int:
    return length_of(trial, len(trial.chosen), batch_rows_of(setting, len(trial.chosen)))


def _done(setting: Setting, trial: Trial, dev_rows: Sequence[Row]) -> Outcome:
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
