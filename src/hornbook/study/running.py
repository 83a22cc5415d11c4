"""A study, run: what its file asks for becomes jobs, and every process that runs it takes the next one that is free.

    STUDY/
        study.toml        what was asked for
        text/ arms/ plan.json       by `hornbook.study.settle`
        trials/NAME.N/    runs of a quarter of the budget, with a seed that no other run has
        runs/NAME.SEED/   the runs that are judged; the answers to tasks are in them
        transfers/        by `hornbook.study.transfers`
        jobs/             the lock of each job, and how long it took
        logs/             what processes say that were started by others
        diverged.json     the trials, runs and transfers whose training diverged

What is there already is not done again, and each run resumes to the same bits, so a study that was killed goes on to
the same result, whoever does which part of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hornbook.artifacts import is_done, write_json
from hornbook.console import View
from hornbook.errors import DivergedError, Interrupted, UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.tasks import Task
from hornbook.locks import claimed
from hornbook.recipes import transferred
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.recipes.settings import load_recipe
from hornbook.run.answer import Asking, answer_task, read_task
from hornbook.run.directory import RESULT, is_run, open_run
from hornbook.run.measure import evaluate
from hornbook.run.pretrain import begin, go_on, pretrain, resume
from hornbook.signals import stoppable
from hornbook.study.design import Study, load_study
from hornbook.study.halving import decide, rung_steps
from hornbook.study.jobs import Board, Job, missing_tasks
from hornbook.study.layout import ARMS, DIVERGED, JOBS, PAUSE, RUNS, TRIALS, diverged, read_plan, run_names, stopped
from hornbook.study.settle import plan_study
from hornbook.study.transfers import check_begun, check_examples, wanted
from hornbook.transfer import search
from hornbook.transfer.request import REQUEST

_TRIAL_SEED, TRIAL_SHARE = 1_000_003, 0.25
_RATES = (1.0, 1 / 3, 3.0, 1 / 9, 9.0, 1 / 27, 27.0, 1 / 81, 81.0)


def run_study(directory: Path, plain: bool = False) -> None:
    """Do all jobs of a study that are not done yet, together with whoever else runs it.

    Raises UserError, before anything runs, where the study's file or one that it names is wrong; Interrupted when a
    signal asked to stop: then the same call goes on.
    """
    study = load_study(directory)
    tasks = read_tasks(study)
    check_examples(study)
    check_begun(study, directory)
    view = View(plain)
    rung_steps(study, plan_study(study, directory, view))  # refuses more rungs than steps
    board = Board(study, directory, tasks)
    with stoppable(stopped(directory)):
        while board.left():
            if not _take(board, study, directory, tasks, view):
                time.sleep(PAUSE)
            for line in board.news():
                view.say(line)


def read_tasks(study: Study) -> list[Task]:
    """Return the tasks that a study asks; raises UserError for a file that is none."""
    try:
        return [read_task(name, Asking(few=study.few)) for name in study.tasks]
    except UserError as error:
        raise UserError(f"In the study, tasks: {error}") from error


def arm_recipe(directory: Path, name: str) -> Recipe:
    """Return the settled recipe of an arm."""
    return load_recipe(directory / ARMS / name / "recipe.toml")


def _take(board: Board, study: Study, directory: Path, tasks: Sequence[Task], view: View) -> bool:
    """Do the first job that is ready and that no other process does; say whether there was one."""
    for job in board.left():
        if board.is_ready(job):
            with claimed(directory / JOBS / f"{job.file}.lock") as free:
                if free and not board.is_done(job):
                    begun = time.monotonic()
                    try:
                        _DO[job.kind](job, study, directory, tasks, view)
                    except Interrupted as error:
                        raise Interrupted(stopped(directory), error.exit_code - 128) from error
                    board.keep_time(job, time.monotonic() - begun)
                    return True
    return False


def _try(job: Job, study: Study, directory: Path, tasks: Sequence[Task], view: View) -> None:
    """Do a trial of a learning rate."""
    recipe = arm_recipe(directory, job.arm)
    steps = max(1, round(TRIAL_SHARE * recipe.budget.steps))
    shorter = replace(_with_rates(recipe, _RATES[job.number]), budget=Budget(steps=steps))
    _run(shorter, _TRIAL_SEED, directory, job.name, view.plain)


def _train_part(job: Job, study: Study, directory: Path, tasks: Sequence[Task], view: View) -> None:
    """Train a run until a rung of the halving, and measure it there."""
    place, step = directory / RUNS / job.run, rung_steps(study, read_plan(directory))[job.number][job.arm]
    seed = next(seed for _, seed, run in run_names(study) if run == job.run)
    recipe = _with_rates(arm_recipe(directory, job.arm), _best_rate(job.arm, study, directory))
    try:
        if is_run(place):
            go_on(place, until=step, plain=view.plain)
        else:
            begin(replace(recipe, seed=seed), place, until=step, plain=view.plain)
        with view.stage(f"measuring {job.run} at step {step}", "tokens") as update:
            evaluate(open_run(place), progress=update)
    except DivergedError:
        _note_diverged(directory, f"{RUNS}/{job.run}")


def _halve(job: Job, study: Study, directory: Path, tasks: Sequence[Task], view: View) -> None:
    """Stop the worse half of the arms."""
    rung = decide(study, directory, read_plan(directory), job.number)
    view.say(f"{', '.join(one.arm for one in rung.stopped)} stopped; {', '.join(rung.going_on)} go on")


def _train(job: Job, study: Study, directory: Path, tasks: Sequence[Task], view: View) -> None:
    """Do a run, with the rates of the trial that ended with the lowest loss."""
    recipe = _with_rates(arm_recipe(directory, job.arm), _best_rate(job.arm, study, directory))
    _run(recipe, job.number, directory, job.name, view.plain)


def _ask(job: Job, study: Study, directory: Path, tasks: Sequence[Task], view: View) -> None:
    """Answer the tasks that a run has not answered yet, in the way that is the model's own."""
    place = directory / RUNS / job.run
    run = open_run(place)
    for task in missing_tasks(place, tasks):
        with view.stage(f"{job.run} answers {task.name}", "items") as update:
            answer_task(run, task, progress=update)


def _fine_tune(job: Job, study: Study, directory: Path, tasks: Sequence[Task], view: View) -> None:
    """Fine-tune a run on a task, and ask the task's test."""
    places = {str(place.relative_to(directory)): (place, asked) for place, asked in wanted(study, directory, job.run)}
    place, request = places[job.name]
    try:
        if (place / transferred.TRIALS / REQUEST).is_file():
            search.resume(place, plain=view.plain)
        else:
            search.transfer(request, place, plain=view.plain)
    except DivergedError:
        _note_diverged(directory, job.name)


_DO: Mapping[str, Callable[[Job, Study, Path, Sequence[Task], View], None]] = {
    "trial": _try, "part": _train_part, "halve": _halve, "run": _train, "ask": _ask, "transfer": _fine_tune,
}  # fmt: skip


def _best_rate(name: str, study: Study, directory: Path) -> float:
    """Return by what an arm's learning rates are multiplied: of those tried, what ended with the lowest loss."""
    losses = {}
    gone = diverged(directory)
    for number, factor in enumerate(_RATES[: study.trials] if study.trials > 1 else ()):
        trial = f"{TRIALS}/{name}.{number}"
        losses[factor] = math.inf if trial in gone else Evaluation.load(directory / trial / RESULT).loss
    return min(losses, key=lambda factor: losses[factor]) if losses else 1.0


def _with_rates(recipe: Recipe, factor: float) -> Recipe:
    training = recipe.training
    rates = ("learning_rate", "muon_learning_rate", "embedding_rate")
    return replace(recipe, training=replace(training, **{name: factor * getattr(training, name) for name in rates}))


def _run(recipe: Recipe, seed: int, directory: Path, name: str, plain: bool) -> None:
    """Do a run, or go on with it; one whose training diverges is noted."""
    place = directory / name
    try:
        if not ((place / RESULT).is_file() and is_done(place, RESULT)):
            resume(place, plain=plain) if is_run(place) else pretrain(replace(recipe, seed=seed), place, plain=plain)
    except DivergedError:
        _note_diverged(directory, name)


def _note_diverged(directory: Path, name: str) -> None:
    while True:
        with claimed(directory / JOBS / f"{DIVERGED}.lock") as free:  # others may note theirs at this moment
            if free:
                write_json(directory / DIVERGED, [*diverged(directory), name])
                return
        time.sleep(PAUSE)
