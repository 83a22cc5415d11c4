"""A run: recipe -> text -> tokens -> model -> training -> result, all in one directory.

    runs/NAME/  recipe.toml  environment.json  corpus/  corpus.json  tokenizer.json  tokens/  plan.json
                metrics.jsonl  checkpoints/  result.json  export/

Every stage leaves its result there and is skipped when it is there already: resuming is running again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from hornbook.artifacts import lock, read_json, write_json
from hornbook.console import View, quantity
from hornbook.corpus.readers.discovery import passed_over
from hornbook.errors import ResourceError, UserError
from hornbook.evaluate.evaluation import Evaluation, final_evaluation
from hornbook.evaluate.perplexity import measure
from hornbook.model.electra import Model
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.objectives.base import cycle_of, tokens_per_row
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.clean import decided, kept_of
from hornbook.prepare.dataset import Prepared, prepare, spellings
from hornbook.prepare.mixing import readings
from hornbook.recipe.recipe import Recipe
from hornbook.recipe.settings import RECIPE, load_recipe, override, save_recipe, to_dict
from hornbook.run.build import build_compiled, build_loader, build_model, build_optimizers, check_layout, spread_model
from hornbook.run.directory import ENVIRONMENT, PLAN, RESULT, recipe_of
from hornbook.run.imported import RECORD, BaseModel, bring
from hornbook.run.memory_fit import OutOfMemory, fitted, predicted, shrinking
from hornbook.run.resolve import resolve
from hornbook.run.warm_start import adopt, settled
from hornbook.scaling.count import flops_per_token, parameters
from hornbook.scaling.memory import Memory
from hornbook.signals import SignalHandler, stoppable
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.train import machine
from hornbook.train.loop import Loop, Plan
from hornbook.train.metrics import Sink
from hornbook.train.parallel import MeshConfig, Parallel, arrange
from hornbook.train.schedules import Schedule
from hornbook.train.trackers import find_trackers, open_sinks
from hornbook.train.world import World, together

# What may be set anew when a run goes on.
FLEXIBLE = ("training.micro_batch", "training.checkpoint_activations", "logging.trackers")
_RECORDS = 1000


def pretrain(recipe: Recipe, directory: Path, *, plain: bool = False) -> Evaluation:
    """Train by the recipe in a new directory and return what was measured at the end.

    Under torchrun all processes call this alike and train together, in the directory that the first of them names.

    Raises UserError when the directory holds a run already, or anything in the recipe or its text is wrong; Interrupted
    when a signal stopped it.
    """
    with together() as world:
        directory = Path(world.broadcast(lambda: str(directory)))
        fresh = world.is_main and not directory.exists()
        with _held(directory, world):
            if world.is_main and (directory / RECIPE).exists():
                raise UserError(
                    f"{directory} holds a run already; go on with `hornbook pretrain --resume {directory}`, "
                    "or choose another --out."
                )
            try:
                view = View(plain, silent=not world.is_main)
                if world.is_main:
                    recipe = dataclasses.replace(recipe, data=decided(recipe.data, view.say))
                    if line := passed_over(recipe.data.paths):
                        view.say(line)
                    save_recipe(recipe, directory / RECIPE)
                return _within_memory(recipe, directory, view, world)
            except UserError as error:
                if fresh and not (directory / PLAN).exists():
                    if corpus := kept_of(directory):  # the work of hours, perhaps
                        raise UserError(f"{error} The text that was cleaned is kept: train on {corpus} now.") from error
                    shutil.rmtree(directory, ignore_errors=True)  # nothing has begun: leave nothing behind
                raise


def resume(directory: Path, changes: Sequence[str] = (), *, plain: bool = False) -> Evaluation:
    """Go on with the run in `directory` from its newest sound checkpoint, to the same result bit for bit.

    `changes` are settings, as name=value, that say nothing of what a step computes: those of FLEXIBLE.
    Another micro-batch changes the order of additions, and so the last bits.
    """
    if extra := [item for item in changes if item.partition("=")[0] not in FLEXIBLE]:
        raise UserError(
            f"A resumed run keeps its recipe: leave out {' '.join(extra)}, or start a new run from "
            f"{directory / RECIPE}."
        )
    with together() as world:
        recipe = override(recipe_of(directory), changes)
        if (directory / RECORD).is_file():
            raise UserError(
                f"The model in {directory} was imported, so there is no training to resume: go on from it in a run of "
                f"its own, with `hornbook pretrain --from {directory}`."
            )
        with _held(directory, world):
            return _within_memory(recipe, directory, View(plain, silent=not world.is_main), world)


def _within_memory(recipe: Recipe, directory: Path, view: View, world: World) -> Evaluation:
    """Do every stage that is not done yet; where memory is too small, say with which command the run can go on."""
    try:
        with stoppable(f"Stopped; go on with: hornbook pretrain --resume {directory}"):
            return _go(recipe, directory, view, world)
    except OutOfMemory as error:
        command = f"hornbook pretrain --resume {directory} {error.settings}".strip()
        raise ResourceError(f"{error} Go on with: {command}") from error


@contextlib.contextmanager
def _held(directory: Path, world: World) -> Iterator[None]:
    """Hold the run's directory for the lead, on behalf of all processes."""
    with lock(directory) if world.is_main else contextlib.nullcontext():
        yield


def _go(recipe: Recipe, directory: Path, view: View, world: World) -> Evaluation:
    """Do every stage that is not done yet; what needs only one process to do it, the lead does before the others."""
    machine.keep_memory_blocks()
    chosen = recipe.training.micro_batch
    device = world.device or machine.find_device()
    layout = _arranged(recipe, world)
    with world.main_process_first():
        if world.is_main:
            find_trackers(recipe.logging.trackers)  # before hours of work
            write_json(directory / ENVIRONMENT, machine.environment(device) | {"devices": world.size})
        else:
            recipe = load_recipe(directory / RECIPE)  # as the lead settled it
        origin = _origin(recipe, directory, view)
        if origin is not None:
            recipe = settled(recipe, origin.recipe.model)
        prepared = prepare(recipe, directory, view, None if origin is None else origin.tokenizer)
        if origin is not None:
            entries = max(origin.recipe.model.vocab_size, prepared.tokenizer.vocab.size)
            recipe = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, vocab_size=entries))
        if not (directory / PLAN).is_file():
            with view.stage("measuring the machine", "steps"):
                recipe = resolve(recipe, prepared, device, view.say, layout.data[1])
            check_layout(recipe, layout)
            save_recipe(recipe, directory / RECIPE)
            write_json(directory / PLAN, dataclasses.asdict(_plan(recipe, prepared, device)))
        elif not (directory / RESULT).is_file():
            recipe = fitted(recipe, prepared, device, view.say, layout.data[1])
        kept = read_json(directory / PLAN, "plan")
        plan = Plan(**{"matmul_flops" if name == "matrix_rate" else name: value for name, value in kept.items()})
        _announce(recipe, prepared, directory, view)
        needed, free = predicted(recipe, prepared, device), machine.memory_free(device)
        view.say(f"memory: {_in_words(needed)}; {quantity(free)}B are free")

    def train(recipe: Recipe) -> tuple[Model, Parallel]:
        if world.is_main:
            save_recipe(recipe, directory / RECIPE)
        return _train(recipe, plan, prepared, directory, device, view, origin, world, layout)

    def may_shrink() -> bool:
        return world.size == 1 and not chosen and not any((directory / "checkpoints").glob("step-*"))

    recipe, (model, parallel) = shrinking(recipe, prepared, device, train, view.say, may_shrink)
    if world.broadcast(lambda: str((directory / RESULT).is_file())) == str(True):
        return Evaluation.load(directory / RESULT)
    with view.stage("last measurements", "tokens"):
        evaluation = final_evaluation(model, recipe, prepared, device, parallel)
    if world.is_main:
        evaluation.save(directory / RESULT)
    return evaluation


def _arranged(recipe: Recipe, world: World) -> MeshConfig:
    """Return how the devices share the work, or refuse what they cannot share equally."""
    layout = arrange(world.size, world.rank, recipe.training.shards, recipe.training.tensor_parallel)
    rows, shares = recipe.training.batch_rows, layout.data[1]
    if rows % shares:
        more = f" in groups of {layout.tensor}" if layout.tensor > 1 else ""
        raise UserError(
            f"The {rows} rows of a step (training.batch_rows) cannot be shared equally by {layout.size} devices{more}: "
            f"choose a multiple of {shares}."
        )
    return layout


def _origin(recipe: Recipe, directory: Path, view: View) -> BaseModel | None:
    """Return the model to go on from, or None where there is none or the run has a checkpoint already."""
    if not recipe.start.path or any((directory / "checkpoints").glob("step-*")):
        return None
    with view.stage("reading the model to go on from", "bytes"):
        return bring(Path(recipe.start.path), directory)


def _adopt(model: Model, origin: BaseModel, tokenizer: Tokenizer, recipe: Recipe, directory: Path, view: View) -> None:
    """Give a run its first weights and say what they are."""
    pieces, before, after = spellings(directory), origin.tokenizer.vocab.size, tokenizer.vocab.size
    found = adopt(model, origin, tokenizer, pieces, recipe.seed)
    view.say(f"weights: from {recipe.start.path}, step {origin.step:,}")
    for what, number, last in (
        ("pieces", len(pieces), before + len(pieces) - 1),
        ("special tokens", after - before - len(pieces), after - 1),
    ):
        if number:
            view.say(f"new {what}: {number:,}, the last of them {tokenizer.tokens([last])[0]}")
    if found.new:
        view.say(f"new weights, as in any run: {', '.join(found.new)}")
    if found.left:
        view.say(f"weights without use here: {', '.join(found.left)}")


def _plan(recipe: Recipe, prepared: Prepared, device: torch.device) -> Plan:
    training, model, objective = recipe.training, recipe.model, prepared.objective
    bf16 = training.precision == "bf16"
    reads, parts = recipe.row_length, cycle_of(objective)
    behind = [part.target_length(reads) if model.topology == "encoder-decoder" else 0 for part in parts]
    first = build_loader(recipe, prepared, torch.device("cpu")).step(recipe.budget.steps // 2)  # an average one
    scored = sum(batch.scored.numel() for batch in first) / sum(batch.targets.numel() for batch in first)
    return Plan(
        steps=recipe.budget.steps,
        tokens_per_step=round(training.batch_rows * tokens_per_row(objective, reads)),
        flops_per_step=training.batch_rows
        * sum(flops_per_token(model, reads, scored, says) * (reads + says) for says in behind)
        / len(parts),
        matmul_flops=machine.matmul_flops(device, torch.bfloat16 if bf16 else torch.float32),
        evaluate_every=training.evaluate_every,
        record_every=max(1, recipe.budget.steps // _RECORDS),
        checkpoint_minutes=training.checkpoint_minutes,
        keep_checkpoints=training.keep_checkpoints,
        clip=training.clip,
        bf16=bf16,
        seed=recipe.seed,
    )


def _announce(recipe: Recipe, prepared: Prepared, directory: Path, view: View) -> None:
    """Say what will be trained on what, before it begins."""
    text, model, budget = prepared.text, recipe.model, recipe.budget
    rows = prepared.training_rows(recipe.row_length)
    seen = budget.steps * recipe.training.batch_rows
    view.say(
        f"text: {text.documents:,} documents, {quantity(text.bytes)}B; {quantity(prepared.store.tokens)} tokens of "
        f"{prepared.tokenizer.vocab.size:,} kinds; {recipe.data.held_out:.0%} of the documents held out"
    )
    for reading in readings(recipe, prepared):
        view.say(f"  {reading.share:.1%} from {reading.domain}, read {reading.epochs:.2f} times")
    view.say(
        f"model: {model.topology} of {quantity(parameters(model))} parameters (width {model.width}, {model.layers} "
        f"layers), objective {kind_of(recipe.objective)}, rows of {recipe.row_length}"
    )
    compiled = "compiled" if recipe.training.compile == "yes" else "eager"
    view.say(
        f"training: {budget.steps:,} steps of {recipe.training.batch_rows} rows, {seen / max(1, len(rows)):.1f} "
        f"epochs, dropout {model.dropout:g}, {recipe.training.precision}, {compiled}, into {directory}"
    )


def _in_words(memory: Memory) -> str:
    """Return what a step needs and of what, in words."""
    parts = {name: getattr(memory, name) for name in ("weights", "gradients", "optimizer", "activations", "head")}
    listed = ", ".join(f"{name} {quantity(size)}B" for name, size in parts.items())
    return f"about {quantity(memory.peak)}B at the most ({listed})"


def _train(
    recipe: Recipe,
    plan: Plan,
    prepared: Prepared,
    directory: Path,
    device: torch.device,
    view: View,
    origin: BaseModel | None,
    world: World,
    layout: MeshConfig,
) -> tuple[Model, Parallel]:
    """Train to the end of the plan from wherever the run stands; return the model."""
    training = recipe.training
    machine.keep_memory_blocks(training.checkpoint_activations == "no")  # whoever computes layers again is short of it
    batches = build_loader(recipe, prepared, device, layout.data)
    alone = world.size == 1
    if alone and training.compile == "yes":
        model = build_compiled(recipe, device, batches.step(0)[0], view.say)
    else:
        model = build_model(recipe, device if alone else torch.device("cpu"), compiled=False)
    if origin is not None:
        _adopt(model, origin, prepared.tokenizer, recipe, directory, view)
    parallel = spread_model(model, recipe, world, layout, device)
    prepare_batch = functools.partial(to_tensors, device=device)
    part, part_bytes = prepared.held_out_rows(recipe.row_length, training.evaluate_tokens)

    def during() -> dict[str, float]:
        # Uncompiled: its batches have shapes of their own, and each would be compiled for a few seconds of work.
        compiled = training.compile == "yes"
        with torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext():
            found = measure(
                model, part, prepared.objective, prepare_batch,
                batch_rows=training.micro_batch, seed=recipe.seed, text_bytes=part_bytes, parallel=parallel,
            )  # fmt: skip
        return found.record()

    stopping = SignalHandler()
    loop: Loop[Tensors] = Loop(
        model=model,
        loss=model.loss,
        optimizers=build_optimizers(parallel, recipe),
        batches=batches,
        schedule=Schedule(training.schedule, plan.steps, training.warmup, training.decay, training.final_rate),
        plan=plan,
        device=device,
        directory=directory,
        measure=during,
        sinks=[],
        say=view.say,
        stopping=stopping,
        parallel=parallel,
    )
    done = loop.restore()
    if done:
        view.say(f"resumed at step {done} of {plan.steps}")
    if done < plan.steps:
        title = f"{kind_of(recipe.objective)} {quantity(parameters(recipe.model))}"
        with (
            stopping.listening(),
            _sinks(recipe, directory, done, view, world) as sinks,
            view.training(title, plan.steps, done, machine.memory_total(device), str(directory)) as panel,
        ):
            loop.sinks = [*sinks, panel]
            loop.run()
    return model.eval(), parallel


@contextlib.contextmanager
def _sinks(recipe: Recipe, directory: Path, done: int, view: View, world: World) -> Iterator[Sequence[Sink]]:
    """Yield where records go: the lead's are the run's, and the others' are none."""
    if not world.is_main:
        yield []
        return
    trackers = find_trackers(recipe.logging.trackers)
    with open_sinks(directory, done, trackers, to_dict(recipe), view.say) as sinks:
        yield sinks
