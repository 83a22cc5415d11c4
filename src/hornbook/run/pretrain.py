"""A run: recipe -> text -> tokens -> model -> training -> result, all in one directory.

Every stage leaves its result there (`hornbook.run.directory`) and is skipped when it is there already: resuming is
running again. What the stages hand on to each other is one value (`hornbook.run.context`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import shlex
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hornbook.artifacts import enlist, is_done, write_json
from hornbook.console import View, phase
from hornbook.corpus.readers.discovery import passed_over
from hornbook.errors import ResourceError, UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.locks import lock
from hornbook.objectives.base import tokens_per_row
from hornbook.prepare.clean import decided, kept_of
from hornbook.prepare.dataset import prepare
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import override
from hornbook.recipes.transferred import TRANSFER
from hornbook.run import directory as files
from hornbook.run import sealed
from hornbook.run.announce import announce
from hornbook.run.build import check_layout
from hornbook.run.context import RunContext
from hornbook.run.imported import bring
from hornbook.run.place import check_disk, note_machine
from hornbook.run.settle.calibrate import flops_per_step
from hornbook.run.settle.memory_fit import OutOfMemory, fitted, refuse_too_large
from hornbook.run.settle.resolve import Means, most_entries, resolve
from hornbook.run.status import Noting, noting
from hornbook.run.training import evaluated, is_measured, trained
from hornbook.run.warm_start import settled
from hornbook.signals import stoppable
from hornbook.train import machine
from hornbook.train.parallel import MeshConfig, arrange
from hornbook.train.processors import computing, cpus_at_hand, default_threads
from hornbook.train.trackers import find_trackers
from hornbook.train.world import World, together

_RECORDS = 1000


def pretrain(recipe: Recipe, directory: Path, *, plain: bool = False) -> Evaluation:
    """Train by the recipe in a new directory and return what was measured at the end; see `begin`."""
    return _at_the_end(begin(recipe, directory, plain=plain))


def begin(recipe: Recipe, directory: Path, *, until: int = 0, plain: bool = False) -> Evaluation | None:
    """Train by the recipe in a new directory and return what was measured at the end.

    With `until` it stops after so many steps, with a checkpoint, and returns None: `resume` goes on with it.

    Under torchrun all processes call this alike and train together, in the directory that the first of them names.

    Raises UserError when the directory holds a run already, or anything in the recipe or its text is wrong; Interrupted
    when a signal stopped it.
    """
    with together() as world:
        directory = Path(world.broadcast(lambda: str(directory)))
        with _claimed(directory) if world.is_main else contextlib.nullcontext():
            try:
                view = View(plain, silent=not world.is_main)
                if world.is_main:
                    recipe = begun(recipe, directory, view)
                return _run_stages(recipe, directory, view, world, until)
            except UserError as error:
                if world.is_main and not (directory / files.PLAN).exists() and (corpus := kept_of(directory)):
                    # The work of hours, perhaps.
                    raise UserError(f"{error} The cleaned text is kept: train on {corpus} instead.") from error
                raise


def begun(recipe: Recipe, directory: Path, view: View) -> Recipe:
    """Write a recipe into a new run's directory, with what is decided before its text is read; return it."""
    if recipe.model.task_head != "none":
        raise UserError("model.task_head is set by `hornbook transfer`: pre-training has no labels, leave it out.")
    recipe = replace(recipe, data=decided(recipe.data, view.say))
    if line := passed_over(recipe.data.paths):
        view.say(line)
    sealed.begin(recipe, directory)
    return recipe


@contextlib.contextmanager
def _claimed(directory: Path) -> Iterator[None]:
    """Hold a directory for a new run; where the run cannot begin, all that it left there is removed again.

    Raises UserError where there is a run already, or anything that a run would write over.
    """
    there = {path.name for path in directory.iterdir()} if directory.is_dir() else None
    taken = sorted(files.NAMES & (there or set()))
    if taken and not files.is_run(directory):
        raise UserError(f"{directory} already holds {taken[0]}, which a run would replace: choose another --out.")
    with lock(directory):
        if files.is_run(directory):
            command = f"hornbook pretrain --resume {shlex.quote(str(directory))}"
            raise UserError(f"{directory} already holds a run: continue it with `{command}`, or choose another --out.")
        try:
            yield
        except UserError:
            if not (directory / files.PLAN).exists() and not kept_of(directory):
                if there is None:
                    shutil.rmtree(directory, ignore_errors=True)
                else:
                    _remove(path for path in directory.iterdir() if path.name not in there)
            raise


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def resume(directory: Path, changes: Sequence[str] = (), *, plain: bool = False) -> Evaluation:
    """Go on with the run in `directory` to its end and return what was measured there; see `go_on`."""
    return _at_the_end(go_on(directory, changes, plain=plain))


def _at_the_end(found: Evaluation | None) -> Evaluation:
    assert found is not None  # only what stops at a step has none
    return found


def go_on(directory: Path, changes: Sequence[str] = (), *, until: int = 0, plain: bool = False) -> Evaluation | None:
    """Go on with the run in `directory` from its newest sound checkpoint, to the same result bit for bit.

    With `until` it stops after so many steps, as `begin` does.

    `changes` are settings, as name=value, that say nothing of what a step computes: those of `sealed.FLEXIBLE`.
    Another micro-batch, or number of threads, changes the order of additions, and so the last bits.
    """
    if extra := [item for item in changes if item.partition("=")[0] not in sealed.FLEXIBLE]:
        raise UserError(
            f"A resumed run keeps its settings: leave out {' '.join(extra)}, or start a new run from "
            f"{directory / files.RECIPE}."
        )
    with together() as world:
        files.recipe_of(directory)
        if (directory / files.RECORD).is_file():
            raise UserError(
                f"The model in {directory} was imported, so there is no training to resume: start a new run from it "
                f"with `hornbook pretrain --from {shlex.quote(str(directory))}`."
            )
        if (directory / TRANSFER).is_file():
            raise UserError(
                f"The run in {directory} is a finished transfer: there is no training to resume. Ask it with `hornbook "
                f"predict {shlex.quote(str(directory))} FILE`."
            )
        with lock(directory) if world.is_main else contextlib.nullcontext():
            view = View(plain, silent=not world.is_main)
            if changes and is_measured(directory):
                raise UserError(
                    f"The run in {directory} is finished: {' '.join(changes)} changes nothing, leave it out."
                )
            if world.is_main:
                sealed.adopt(directory, files.LISTED, view.say)
            return _run_stages(override(files.recipe_of(directory), changes), directory, view, world, until)


def _run_stages(recipe: Recipe, directory: Path, view: View, world: World, until: int) -> Evaluation | None:
    """Do every stage that is not done yet, and note in the run's status what it does and how it ends."""
    with noting(directory, world.is_main) as status:
        view.told = status.stage
        return _stages(recipe, directory, view, world, until, status)


def _stages(recipe: Recipe, directory: Path, view: View, world: World, until: int, status: Noting) -> Evaluation | None:
    """Do every stage that is not done yet; what needs only one process to do it, rank 0 does before the others.

    Where memory is too small, the error says which command continues the run.
    """
    chosen = recipe.training.micro_batch
    try:
        with (
            phase("preparing"),
            stoppable(f"Stopped. Continue with: hornbook pretrain --resume {shlex.quote(str(directory))}"),
            computing(recipe.training.threads or default_threads()),
        ):
            with world.main_process_first():
                run = replace(_settled(prepared_run(recipe, directory, view, world)), until=until)
                announce(run)
                if world.is_main:
                    check_disk(run)
            with computing(run.recipe.training.threads):
                status.state("training")
                done = trained(run, may_shrink=world.size == 1 and not chosen)
                if 0 < until < done.pace.timeline.steps:
                    stopped = f"stopped after step {until} of {done.pace.timeline.steps}, as asked"
                    view.say(stopped)
                    status.end("interrupted", f"It {stopped}.", 0)
                    return None
                status.state("measuring")
                return evaluated(done)
    except OutOfMemory as error:
        if not error.settings:  # going on would end here again
            raise
        command = f"hornbook pretrain --resume {shlex.quote(str(directory))} {error.settings}"
        raise ResourceError(f"{error} Continue with: {command}") from error


def prepared_run(recipe: Recipe, directory: Path, view: View, world: World) -> RunContext:
    """Return the run with its text as tokens, and its base model, if it is still to begin with one."""
    machine.keep_memory_blocks()
    device = world.device or machine.find_device()
    layout = arranged(recipe, world.size, world.rank)
    if world.is_main:
        find_trackers(recipe.logging.trackers)  # before hours of work
        note_machine(directory, machine.environment(device) | {"devices": world.size}, view.say)
        refuse_too_large(recipe, device)
    else:
        recipe = files.recipe_of(directory)  # as rank 0 settled it
    origin = None
    if recipe.start.path and not files.has_checkpoint(directory):
        with view.stage("reading the base model", "bytes"):
            brought = f"{files.ORIGIN}/{files.MANIFEST}"
            known = is_done(directory, brought)
            origin = bring(Path(recipe.start.path), directory)
        if world.is_main and not known:
            enlist(directory, brought)
        recipe = settled(recipe, origin.recipe.model)
    given, most = None if origin is None else origin.tokenizer, functools.partial(most_entries, recipe, device)
    prepared = prepare(recipe, directory, view, given, most)
    if origin is not None:
        entries = max(origin.recipe.model.vocab_size, prepared.tokenizer.vocab.size)
        recipe = replace(recipe, model=replace(recipe.model, vocab_size=entries))
    return RunContext(recipe, prepared, directory, view, device, world, layout, origin, time.monotonic())


def arranged(recipe: Recipe, devices: int, rank: int = 0) -> MeshConfig:
    """Return how the devices share the work, or refuse what they cannot share equally."""
    layout = arrange(devices, rank, recipe.training.shards, recipe.training.tensor_parallel)
    rows, shares = recipe.training.batch_rows, layout.data[1]
    if rows % shares:
        more = f" in groups of {layout.tensor}" if layout.tensor > 1 else ""
        raise UserError(
            f"{layout.size} devices{more} cannot share training.batch_rows {rows} equally: choose a multiple of "
            f"{shares}."
        )
    return layout


def _settled(run: RunContext) -> RunContext:
    """Return the run with every choice made and its plan written; an earlier start's choices stay, but for memory's."""
    directory, say, shares = run.directory, run.view.say, run.layout.data[1]
    if not is_done(directory, files.PLAN):
        with run.view.stage("measuring the machine", "steps") as update:
            begun = run.begun
            means = Means(run.prepared, run.device, say, shares, lambda: time.monotonic() - begun, update)
            found = resolve(run.recipe, means)
        run = replace(run, recipe=found.recipe)
        check_layout(run.recipe, run.layout)
        plan = plan_of(run)
        if found.deadline is not None:
            plan["deadline"] = dataclasses.asdict(found.deadline)
        sealed.keep(run.recipe, directory)
        write_json(directory / files.PLAN, plan)
        enlist(directory, files.PLAN)
    elif not is_measured(directory):
        rows, again = fitted(run.recipe, run.prepared, run.device, say, shares)
        training = replace(run.recipe.training, micro_batch=rows, checkpoint_activations=again)
        run = replace(run, recipe=replace(run.recipe, training=training))
        if run.world.is_main:  # before the other processes read it
            sealed.keep(run.recipe, directory)
        if run.device.type == "cpu" and training.threads > cpus_at_hand():
            say(
                f"The run computes with {training.threads} threads, but {cpus_at_hand()} CPUs are at hand: "
                f"training.threads={cpus_at_hand()} may be faster, and changes the last bits."
            )
    return run


def plan_of(run: RunContext) -> dict[str, Any]:
    """Return what is derived from the recipe and the text, or measured, before the first step; see `Plan`."""
    recipe, training, steps = run.recipe, run.recipe.training, run.recipe.budget.steps
    average = replace(run.loader, share=(0, 1)).step(steps // 2)  # of a schedule
    kind = torch.bfloat16 if training.precision == "bf16" else torch.float32
    return {
        "tokens_per_step": round(training.batch_rows * tokens_per_row(run.prepared.objective, run.prepared.row_length)),
        "flops_per_step": flops_per_step(recipe, run.prepared, average),
        "matmul_flops": machine.matmul_flops(run.device, kind),
        "record_every": max(1, steps // _RECORDS),
        **run.prepared.row_sizes,
    }
