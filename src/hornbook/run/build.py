"""Recipe + tokens -> model, optimizers, batches: the parts of a run, each built from the recipe alone."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch

from hornbook.batch import Batch
from hornbook.errors import reason_of
from hornbook.model import tensor_parallel
from hornbook.model.electra import Electra, Model
from hornbook.model.initialise import deviation
from hornbook.model.inputs import CopyStream, Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.prepare.dataset import Prepared
from hornbook.prepare.mixing import order_of
from hornbook.recipes.recipe import Recipe
from hornbook.scaling.defaults import default_learning_rate, default_muon_learning_rate
from hornbook.tokens.loader import Loader, unchanged
from hornbook.train.muon import MOMENTUM
from hornbook.train.optimizers import TABLE, Optimizers
from hornbook.train.parallel import MeshConfig, Parallel, make_mesh
from hornbook.train.step import precision
from hornbook.train.world import World


def _shape(recipe: Recipe) -> Model:
    config, heads = recipe.model, recipe.objective.heads
    if heads.generator_width and config.task_head == "none":
        return Electra(config, heads.generator_width, heads.discriminator_weight)
    return Transformer(config)


def draft_model(recipe: Recipe) -> Model:
    """Return the recipe's model without values: its names and shapes, in no memory."""
    with torch.device("meta"):
        return _shape(recipe)


def build_model(recipe: Recipe, device: torch.device) -> Model:
    """Return the recipe's model with its initial weights, which depend on the recipe alone; it is not compiled."""
    model = _shape(recipe)
    model.initialise(recipe.seed)
    model.to(device)
    if recipe.training.checkpoint_activations == "layers":
        model.recompute_layers()
    return model


def build_compiled(recipe: Recipe, device: torch.device, loader: Loader[Tensors], say: Callable[[str], None]) -> Model:
    """Return the recipe's model compiled, where the recipe wants it, for the loader's batches; say how that went.

    Where it fails, the model is as it is.
    """
    model = build_model(recipe, device)
    if recipe.training.compile != "yes":
        return model
    batch, start = loader.step(0)[0], time.monotonic()
    model.compile_layers()
    try:
        with precision(recipe.training.precision == "bf16", device):
            nats = model.loss(batch)
        nats.backward()  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever a compiler or its tools do not manage: the run does not need them
        say(f"Compiling the layers failed ({reason_of(error)[:120]}); training continues uncompiled, which is slower.")
        return build_model(recipe, device)
    model.zero_grad(set_to_none=True)
    say(f"compilation: the layers took {time.monotonic() - start:.0f} s")
    return model


def check_layout(recipe: Recipe, layout: MeshConfig) -> None:
    """Raise UserError where the recipe's layers cannot be divided among a tensor group; allocates nothing."""
    tensor_parallel.check(draft_model(recipe), layout.tensor)


def spread_model(model: Model, recipe: Recipe, world: World, layout: MeshConfig, device: torch.device) -> Parallel:
    """Spread a freshly built model over the devices of all processes, in place.

    A model alone stays as it is; where there are several, it comes on the CPU and not compiled.
    """
    if world.size == 1:
        return Parallel(model, world, layout)
    divided: dict[str, int] = {}
    partial: frozenset[str] = frozenset()
    mesh = make_mesh(layout, device)
    if layout.tensor > 1:
        divided, partial = tensor_parallel.split(model, mesh["tensor"].get_group())
    if layout.shards == 1:
        model.to(device)  # where weights are sharded each layer moves when its turn comes: the whole may be too large
    if recipe.training.compile == "yes":
        model.compile_layers()
    parallel = Parallel(model, world, layout)
    methods = [
        name for name in ("loss", "nats", "pair_nats", "judged", "task_logits", "task_nats") if hasattr(model, name)
    ]
    once = [layer for stack in model.stacks if stack.times == 1 for layer in stack.layers]
    parallel.spread(model, once, methods, divided, partial, mesh)
    return parallel


def build_optimizers(parallel: Parallel, recipe: Recipe) -> Optimizers:
    """Return the optimizers of the recipe over what is here of the model's parameters."""
    training = recipe.training
    rate = training.learning_rate or default_learning_rate(recipe.model, training.optimizer)
    return Optimizers(
        parallel.parameters.items(), kind=training.optimizer, learning_rate=rate,
        muon_learning_rate=training.muon_learning_rate or default_muon_learning_rate(recipe.model.width),
        embedding_rate=training.embedding_rate * deviation(TABLE, recipe.model) or rate,
        weight_decay=training.weight_decay, betas=(training.beta1, training.beta2), epsilon=training.epsilon,
        bf16=training.precision == "bf16", momentum=training.muon_momentum or MOMENTUM,
        parallel=parallel if parallel.world.size > 1 else None,
    )  # fmt: skip


def build_loader(
    recipe: Recipe, prepared: Prepared, device: torch.device, share: tuple[int, int] = (0, 1)
) -> Loader[Tensors]:
    """Return the source of training batches, or of one of several equal shares of each; see `Loader`."""
    training = recipe.training
    prepare: Callable[[Batch], Any] = functools.partial(to_tensors, device=device)
    receive: Callable[[Any], Tensors] = unchanged
    if device.type == "cuda":
        stream = CopyStream(device)
        prepare, receive = stream.send, stream.receive
    order, micro_batch = order_of(recipe, prepared), training.micro_batch or training.batch_rows
    timeline = recipe.budget.timeline
    return Loader(
        prepared.training_rows, order, prepared.objective, recipe.seed, training.batch_rows, micro_batch,
        training.workers, prepare, timeline.planned, share, receive, timeline.place,
    )  # fmt: skip
