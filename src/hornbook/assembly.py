"""Recipe + tokens -> model, optimizers, batches: the parts of a run, each built from the recipe alone."""

from __future__ import annotations

import functools

import torch

from hornbook.model import tensor_parallel
from hornbook.model.electra import Electra
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.replaced import ReplacedToken
from hornbook.prepare import Prepared
from hornbook.recipe import Recipe, TrainingSettings
from hornbook.tokens.loader import Loader
from hornbook.train.optimizers import Optimizers
from hornbook.train.parallel import Layout, Parallel, make_mesh
from hornbook.train.world import World

Model = Transformer | Electra


def build_model(recipe: Recipe, device: torch.device, *, compiled: bool) -> Model:
    """Return the recipe's model with its initial weights, which depend on the recipe alone."""
    model = _model(recipe)
    model.initialise(recipe.seed)
    model.to(device)
    if compiled:
        model.compile_layers()
    return model


def _model(recipe: Recipe) -> Model:
    config, objective = recipe.model, recipe.objective
    if isinstance(objective, ReplacedToken):
        return Electra(config, objective.generator_width, objective.discriminator_weight)
    return Transformer(config)


def check_layout(recipe: Recipe, layout: Layout) -> None:
    """Raise UserError where the recipe's layers cannot be divided among a tensor group; allocates nothing."""
    with torch.device("meta"):
        tensor_parallel.check(_model(recipe), layout.tensor)


def spread_model(model: Model, recipe: Recipe, world: World, layout: Layout, device: torch.device) -> Parallel:
    """Spread a freshly built model, on the CPU and not compiled, over the devices of all processes, in place.

    A model alone is moved and compiled as it is.
    """
    divided: dict[str, int] = {}
    partial: frozenset[str] = frozenset()
    mesh = None if world.size == 1 else make_mesh(layout, device)
    if mesh is not None and layout.tensor > 1:
        divided, partial = tensor_parallel.split(model, mesh["tensor"].get_group())
    if layout.shards == 1:
        model.to(device)  # where weights are sharded each layer moves when its turn comes: the whole may be too large
    if recipe.training.compile == "yes":
        model.compile_layers()
    parallel = Parallel(model, world, layout)
    if mesh is not None:
        methods = [name for name in ("loss", "nats", "pair_nats", "judged") if hasattr(model, name)]
        parallel.spread(model, _layers(model), methods, divided, partial, mesh)
    return parallel


def _layers(model: Model) -> list[torch.nn.Module]:
    """Return what is gathered one at a time: every layer that computes once."""
    stacks = [model.encoder, model.generator.stack if isinstance(model, Electra) else model.decoder]
    return [layer for stack in stacks if stack is not None and stack.times == 1 for layer in stack.layers]


def build_optimizers(parallel: Parallel, training: TrainingSettings) -> Optimizers:
    """Return the optimizers of the recipe over what is here of the model's parameters."""
    return Optimizers(
        parallel.parameters.items(),
        kind=training.optimizer,
        learning_rate=training.learning_rate,
        matrix_rate=training.matrix_rate,
        weight_decay=training.weight_decay,
        betas=(training.beta1, training.beta2),
        epsilon=training.epsilon,
        parallel=parallel if parallel.world.size > 1 else None,
    )


def build_loader(
    recipe: Recipe, prepared: Prepared, device: torch.device, share: tuple[int, int] = (0, 1)
) -> Loader[Tensors]:
    """Return the source of training batches, or of one of several equal shares of each; see `Loader`."""
    training = recipe.training
    return Loader(
        prepared.training_rows(recipe.row_length),
        prepared.objective,
        recipe.seed,
        training.batch_rows,
        training.micro_batch or training.batch_rows,
        training.workers,
        functools.partial(to_tensors, device=device),
        recipe.budget.steps or 0,
        share,
    )
