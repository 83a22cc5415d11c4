"""Recipe + tokens -> model, optimizers, batches: the parts of a run, each built from the recipe alone."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import torch

from hornbook.mixing import order_of
from hornbook.model.electra import Electra
from hornbook.model.initialise import deviation
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.replaced import ReplacedToken
from hornbook.prepare import Prepared
from hornbook.recipe import Recipe, TrainingSettings
from hornbook.tokens.loader import Loader
from hornbook.train.loop import precision
from hornbook.train.optimizers import TABLE, Optimizers

Model = Transformer | Electra


def _shape(recipe: Recipe) -> Model:
    config, objective = recipe.model, recipe.objective
    if isinstance(objective, ReplacedToken):
        return Electra(config, objective.generator_width, objective.discriminator_weight)
    return Transformer(config)


def draft_model(recipe: Recipe) -> Model:
    """Return the recipe's model without values: its names and shapes, in no memory."""
    with torch.device("meta"):
        return _shape(recipe)


def build_model(recipe: Recipe, device: torch.device, *, compiled: bool) -> Model:
    """Return the recipe's model with its initial weights, which depend on the recipe alone."""
    model = _shape(recipe)
    model.initialise(recipe.seed)
    model.to(device)
    if recipe.training.checkpoint_activations == "layers":
        model.recompute_layers()
    if compiled:
        model.compile_layers()
    return model


def build_compiled(recipe: Recipe, device: torch.device, batch: Tensors, say: Callable[[str], None]) -> Model:
    """Return the recipe's model compiled for batches like this one, or, where that fails, as it is; say which."""
    start = time.monotonic()
    model = build_model(recipe, device, compiled=True)
    try:
        with precision(recipe.training.precision == "bf16", device):
            nats = model.loss(batch)
        nats.backward()  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever a compiler or its tools do not manage: the run does not need them
        say(f"The layers cannot be compiled here ({_first_line(error)}): training goes on without, only slower.")
        return build_model(recipe, device, compiled=False)
    model.zero_grad(set_to_none=True)
    say(f"compiling the layers took {time.monotonic() - start:.0f} s")
    return model


def _first_line(error: Exception) -> str:
    """Return what an error says, at most a line of it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:120]


def build_optimizers(model: Model, training: TrainingSettings) -> Optimizers:
    """Return the optimizers of the recipe over the model's parameters."""
    return Optimizers(
        model.named_parameters(),
        kind=training.optimizer,
        learning_rate=training.learning_rate,
        matrix_rate=training.matrix_rate,
        embedding_rate=training.embedding_rate * deviation(TABLE, model.config),
        weight_decay=training.weight_decay,
        betas=(training.beta1, training.beta2),
        epsilon=training.epsilon,
        bf16=training.precision == "bf16",
    )


def build_loader(recipe: Recipe, prepared: Prepared, device: torch.device) -> Loader[Tensors]:
    """Return the source of training batches."""
    training, rows = recipe.training, prepared.training_rows(recipe.row_length)
    return Loader(
        rows,
        order_of(recipe, prepared, rows),
        prepared.objective,
        recipe.seed,
        training.batch_rows,
        training.micro_batch or training.batch_rows,
        training.workers,
        functools.partial(to_tensors, device=device),
        recipe.budget.steps or 0,
    )
