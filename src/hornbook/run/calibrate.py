"""The training step, timed: for a budget of minutes, and for `hornbook bench`."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from hornbook.model.electra import Model
from hornbook.model.inputs import Tensors
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.run.build import build_compiled, build_loader, build_optimizers
from hornbook.train.machine import keep_memory_blocks, synchronise
from hornbook.train.parallel import Parallel
from hornbook.train.step import add_gradients, update

_CALIBRATION_SECONDS = 3.0


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


def seconds_per_step(
    recipe: Recipe, prepared: Prepared, device: torch.device, share: tuple[int, int] = (0, 1)
) -> float:
    """Return the median time of a training step, measured on a model of the recipe that is then dropped."""
    keep_memory_blocks(recipe.training.checkpoint_activations == "no")
    loader = build_loader(recipe, prepared, device, share)
    model = build_compiled(recipe, device, loader, lambda text: None)  # training will say it
    steps, times = timed_steps(recipe, model, device, loader.step), list[float]()
    while len(times) < 5 or sum(times) < _CALIBRATION_SECONDS:
        times.append(sum(next(steps)))
        if len(times) == 2 and times[0] > _CALIBRATION_SECONDS:
            times = times[1:]  # the first step compiled; it says nothing of the others
    return statistics.median_high(times[2:])
