"""Calibrate: the median time of a recipe's training step on this machine."""

from __future__ import annotations

import dataclasses
import math
import time

import torch

from hornbook.prepare.dataset import Prepared
from hornbook.recipe.recipe import Recipe
from hornbook.run.build import build_compiled, build_loader, build_model, build_optimizers
from hornbook.train.loop import precision
from hornbook.train.machine import keep_memory_blocks, synchronise
from hornbook.train.parallel import Parallel

_CALIBRATION_SECONDS = 3.0


def seconds_per_step(
    recipe: Recipe, prepared: Prepared, device: torch.device, share: tuple[int, int] = (0, 1)
) -> float:
    """Return the median time of a training step, measured on a model of the recipe that is then dropped."""
    if recipe.model.dropout < 0:  # not chosen yet, since it depends on what is measured here: time it with some
        recipe = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, dropout=0.1))
    keep_memory_blocks(recipe.training.checkpoint_activations == "no")
    loader = build_loader(recipe, prepared, device, share)
    if recipe.training.compile == "yes":
        model = build_compiled(recipe, device, loader.step(0)[0], lambda text: None)  # training will say it
    else:
        model = build_model(recipe, device, compiled=False)
    optimizers = build_optimizers(Parallel(model), recipe)
    bf16 = recipe.training.precision == "bf16"
    times: list[float] = []
    model.train()
    while len(times) < 5 or sum(times) < _CALIBRATION_SECONDS:
        start = time.perf_counter()
        for batch in loader.step(len(times)):
            with precision(bf16, device):
                nats = model.loss(batch)
            (nats / max(batch.count, 1.0)).backward()  # type: ignore[no-untyped-call]
            del nats  # as in the loop
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.training.clip or math.inf)
        optimizers.step(0.0)
        synchronise(device)
        times.append(time.perf_counter() - start)
        if len(times) == 2 and times[0] > _CALIBRATION_SECONDS:
            times = times[1:]  # the first step compiled; it says nothing of the others
    later = sorted(times[2:])
    return later[len(later) // 2]
