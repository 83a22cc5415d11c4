"""The training and the measuring of a run that is settled: the model, its loop, its result."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hornbook.artifacts import enlist, is_done
from hornbook.console import quantity
from hornbook.convert.generation import beside_of
from hornbook.errors import UserError
from hornbook.evaluate.documents import scored_bytes
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.held_out import final_evaluation, held_out_text
from hornbook.evaluate.perplexity import measure
from hornbook.generate.samples import first_and_last, open_samples, steps_worth
from hornbook.model.electra import Model
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.dataset import spellings
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.recipes.settings import to_dict
from hornbook.run import directory as files
from hornbook.run import sealed
from hornbook.run.announce import announce_weights
from hornbook.run.build import build_compiled, build_model, build_optimizers, spread_model
from hornbook.run.context import RunContext
from hornbook.run.counted_start import start_from_counts
from hornbook.run.measure import keep_records, told_gain
from hornbook.run.settle.memory_fit import shrinking
from hornbook.run.warm_start import adopt
from hornbook.scaling.count import parameters
from hornbook.signals import SignalHandler
from hornbook.tokens.timeline import written
from hornbook.train import machine
from hornbook.train.loop import Loop, Plan
from hornbook.train.metrics import Samples, Sink, read_metrics
from hornbook.train.pace import Pace, Timeline
from hornbook.train.parallel import Parallel
from hornbook.train.schedules import Schedule
from hornbook.train.trackers import find_trackers, open_sinks


@dataclasses.dataclass(frozen=True)
class Trained:
    """A run at its last step: its length as it was corrected, and what training counted since the first step.

    pace     its clock
    counts   positions, padding and scored targets, as the records have them; empty where they are unknown
    """

    run: RunContext
    model: Model
    parallel: Parallel
    pace: Pace
    counts: Mapping[str, int]


def trained(run: RunContext, may_shrink: bool) -> Trained:
    """Train to the end, with fewer rows at once where memory runs out before a first checkpoint and they may change."""

    def train(recipe: Recipe) -> Trained:
        now = run if recipe is run.recipe else replace(run, recipe=recipe)
        if run.world.is_main:
            sealed.keep(recipe, run.directory)
        return _train(now)

    return shrinking(
        run.recipe, run.prepared, run.device, train, run.view.say,
        lambda: may_shrink and not files.has_checkpoint(run.directory),
    )  # fmt: skip


def _train(run: RunContext) -> Trained:
    """Train to the end of the plan from wherever the run stands; return the run with its length as it was corrected."""
    recipe, training, view, alone = run.recipe, run.recipe.training, run.view, run.world.size == 1
    machine.keep_memory_blocks(training.checkpoint_activations == "no")  # whoever computes layers again is short of it
    if alone:
        with view.stage("compiling the layers", "s") if training.compile == "yes" else contextlib.nullcontext():
            model = build_compiled(recipe, run.device, run.loader, view.say)
    else:
        model = build_model(recipe, torch.device("cpu"))
    if run.origin is not None:
        pieces = spellings(run.directory)
        announce_weights(run, run.origin, pieces, adopt(model, run.origin, run.prepared.tokenizer, pieces, recipe.seed))
    elif recipe.model.start == "counts" and not files.has_checkpoint(run.directory):
        with view.stage("counting pairs", "positions"):
            start_from_counts(model, recipe, run.prepared, view.say)
    parallel = spread_model(model, recipe, run.world, run.layout, run.device)
    stopping, plan = SignalHandler(), files.read_plan(run.directory, recipe)
    pace = Pace(recipe.budget.timeline, files.read_deadline(run.directory), begun=run.begun)
    planned = pace.timeline.planned
    schedule = Schedule(training.schedule, planned, training.warmup, training.decay, training.final_rate)
    loop: Loop[Tensors] = Loop(
        model=model, loss=model.loss, optimizers=build_optimizers(parallel, recipe), batches=run.loader.steps,
        schedule=schedule, pace=pace, plan=plan, device=run.device, directory=run.directory,
        measure=_measuring(run, model, parallel), sinks=[], say=view.say, stopping=stopping, parallel=parallel,
        facts=functools.partial(sealed.facts, run.directory), recast=functools.partial(_recast, run),
        until=run.until,
    )  # fmt: skip
    done = loop.restore()
    if done:
        view.say(f"resuming at step {done} of {loop.steps}")
    if 0 < run.until < done:
        raise UserError(f"The run is at step {done} already: it cannot stop at step {run.until}.")
    if done < min(loop.steps, run.until or loop.steps):
        title = f"{kind_of(recipe.objective)} {quantity(parameters(recipe.model))}"
        records: contextlib.AbstractContextManager[list[Sink]] = contextlib.nullcontext([])
        samples: contextlib.AbstractContextManager[Samples | None] = contextlib.nullcontext()
        if run.world.is_main:
            samples = _samples(run, model, done, plan)
            trackers = find_trackers(recipe.logging.trackers)
            records = open_sinks(run.directory, done, trackers, to_dict(recipe), view.say)
        with (
            stopping.listening(),
            records as sinks,
            samples as loop.samples,
            view.training(title, loop.steps, done, machine.memory_total(run.device), str(run.directory)) as panel,
        ):
            loop.sinks = [*sinks, panel]
            if run.origin is not None:
                loop.record_measurement()  # what going on improves on
                if loop.samples is not None:
                    loop.samples.write(0)
            loop.run()
        if run.world.is_main and (line := first_and_last(run.directory)):
            view.say(line)
    return Trained(_lasting(run, pace.timeline), model.eval(), parallel, pace, loop.counts())


def _samples(run: RunContext, model: Model, done: int, plan: Plan) -> contextlib.AbstractContextManager[Samples | None]:
    """Return what opens the samples of a model in training, on rank 0, with which the others have nothing to do."""
    if run.layout.shards * run.layout.tensor > 1:
        if run.recipe.training.samples:
            run.view.say("no samples while training: each device holds a part of the weights only")
        return contextlib.nullcontext()
    worth = steps_worth(run.recipe, run.prepared, run.device, plan.tokens_per_step)
    beside = beside_of(files.origin_of(run.directory))
    opened = files.OpenRun(run.directory, run.recipe, run.prepared.tokenizer, model, run.device, done, beside)
    return open_samples(opened, run.prepared, worth, done, run.view.say)


def _lasting(run: RunContext, timeline: Timeline) -> RunContext:
    """Return the run with its length in steps as it was corrected."""
    budget = Budget(steps=timeline.steps, corrections=written(timeline.foreseen))
    return run if budget == run.recipe.budget else replace(run, recipe=replace(run.recipe, budget=budget))


def _recast(run: RunContext, timeline: Timeline) -> Callable[[int, int], Iterator[list[Tensors]]]:
    """Record a run's corrected length in its recipe, whole or not at all; return its batches from then on.

    It stands there before the first step that depends on it: after a crash that step is done again with it.
    """
    now = _lasting(run, timeline)
    if run.world.is_main:
        sealed.keep(now.recipe, run.directory)
    return now.loader.steps


def _measuring(run: RunContext, model: Model, parallel: Parallel) -> Callable[[], dict[str, Any]]:
    """Return what measures the model on held-out text during training."""
    training, prepare_batch = run.recipe.training, functools.partial(to_tensors, device=run.device)
    asked = held_out_text(run.prepared, training.evaluate_tokens)
    rows = asked.rows
    size = int(scored_bytes(rows, run.prepared.objective).sum())

    def during() -> dict[str, Any]:
        # Uncompiled: its batches have shapes of their own, and each would be compiled for a few seconds of work.
        compiled = training.compile == "yes"
        with torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext():
            found = measure(
                model, rows, run.prepared.objective, prepare_batch,
                batch_rows=training.micro_batch, seed=run.recipe.seed, text_bytes=size, parallel=parallel,
            )  # fmt: skip
        return found.record(asked.domains)

    return during


def is_measured(directory: Path) -> bool:
    """Say whether a run has its result; whoever removes that has it measured again."""
    return (directory / files.RESULT).exists() and is_done(directory, files.RESULT)


def evaluated(done: Trained) -> Evaluation:
    """Return what is measured at the end, from the run's directory where it is there already."""
    run = done.run
    result = run.directory / files.RESULT
    if run.world.broadcast(lambda: str(is_measured(run.directory))) == str(True):
        return Evaluation.load(result)
    with run.view.stage("final evaluation", "tokens") as update:
        found = final_evaluation(done.model, run.recipe, run.prepared, run.device, done.parallel, update)
    steps, seconds = done.pace.timeline.steps, round(done.pace.elapsed, 3)
    tokens = steps * files.read_plan(run.directory, run.recipe).tokens_per_step
    evaluation = Evaluation.of(found, steps=steps, tokens=tokens, seconds=seconds)
    if run.world.is_main:
        if gain := told_gain(read_metrics(run.directory / files.METRICS)):
            evaluation = replace(evaluation, notes=(gain, *evaluation.notes))
        keep_records(found, run.directory, files.HELD_OUT, steps)
        evaluation.save(result, done.counts)
        enlist(run.directory, files.RESULT)
    return evaluation
