"""The training step, timed: for a budget of minutes, and for `hornbook bench`."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from hornbook.model.electra import Model, discriminator_config, generator_config
from hornbook.model.inputs import Tensors
from hornbook.objectives.base import cycle_of
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.run.build import build_loader, build_model, build_optimizers
from hornbook.scaling.count import electra_flops_per_token, flops_per_token
from hornbook.train.machine import keep_memory_blocks, synchronise
from hornbook.train.parallel import Parallel
from hornbook.train.step import add_gradients, update

_MOST_STEPS = 20  # more say no more


def timed_steps(
    recipe: Recipe, model: Model, device: torch.device, batches: Callable[[int], Sequence[Tensors]]
) -> Iterator[tuple[float, float, float]]:
    """Yield the seconds of a step's batches, of its gradients and of its update, step after step, at a rate of 0.

    `batches` returns the micro-batches of a step.
    """
    parallel, bf16 = Parallel(model), recipe.training.precision == "bf16"
    optimizers = build_optimizers(parallel, recipe)
    model.train()
    for step in itertools.count():
        start = time.perf_counter()
        micro_batches = batches(step)
        made = time.perf_counter()
        add_gradients(model.loss, micro_batches, parallel, device, bf16=bf16, seed=recipe.seed, step=step)
        synchronise(device)
        computed = time.perf_counter()
        update(parallel, optimizers, recipe.training.clip, 0.0)
        synchronise(device)
        yield made - start, computed - made, time.perf_counter() - computed


def flops_per_position(recipe: Recipe, length: int, scored: float, behind: int) -> float:
    """Return the operations of training on one position of a recipe's rows, of both networks of an ELECTRA.

    scored, behind   as `scaling.count.flops_per_token` has them
    """
    model, share = recipe.model, recipe.objective.heads.generator_width
    if share and model.task_head == "none":
        generator = generator_config(model, share)
        return electra_flops_per_token(discriminator_config(model), generator, length, scored)
    return flops_per_token(model, length, scored, behind)


def flops_per_step(recipe: Recipe, prepared: Prepared, batches: Sequence[Tensors]) -> float:
    """Return the floating-point operations of a step; `batches` are its micro-batches, whose scored share counts."""
    model, reads, parts = recipe.model, prepared.row_length, cycle_of(prepared.objective)
    behind = [part.target_length(reads) if model.topology == "encoder-decoder" else 0 for part in parts]
    scored = sum(batch.scored.numel() for batch in batches) / sum(batch.targets.numel() for batch in batches)
    flops = sum(flops_per_position(recipe, reads, scored, says) * (reads + says) for says in behind)
    return recipe.training.batch_rows * flops / len(parts)


def seconds_per_step(
    recipe: Recipe,
    prepared: Prepared,
    device: torch.device,
    share: tuple[int, int],
    enough: float,
    update: Callable[[int], None] = lambda steps: None,
) -> float:
    """Return the median time of a training step, timed for `enough` seconds on a model that is then dropped."""
    return statistics.median(step_times(recipe, prepared, device, share, enough, update))


def step_times(
    recipe: Recipe,
    prepared: Prepared,
    device: torch.device,
    share: tuple[int, int],
    enough: float,
    update: Callable[[int], None] = lambda steps: None,
    most: int = _MOST_STEPS,
) -> list[float]:
    """Return the seconds of training steps, timed for `enough` seconds, or `most` steps, on a model that is dropped.

    It is not compiled: that costs more than it would tell, since training corrects the number of steps anyway. The
    first step, which is slower, counts only where it is the only one. `update` takes the number of steps done.
    """
    keep_memory_blocks(recipe.training.checkpoint_activations == "no")
    loader = build_loader(recipe, prepared, device, share)
    steps, times = timed_steps(recipe, build_model(recipe, device), device, loader.step), list[float]()
    while not times or (sum(times) < enough and len(times) < most):
        times.append(sum(next(steps)))
        update(len(times))
    return times[1:] or times
