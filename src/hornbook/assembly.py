"""Recipe + tokens -> model, optimizers, batches: the parts of a run, each built from the recipe alone."""

from __future__ import annotations

import functools

import torch

from hornbook.model.electra import Electra
from hornbook.model.initialise import deviation
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.replaced import ReplacedToken
from hornbook.prepare import Prepared
from hornbook.recipe import Recipe, TrainingSettings
from hornbook.tokens.loader import Loader
from hornbook.train.optimizers import TABLE, Optimizers

Model = Transformer | Electra


def build_model(recipe: Recipe, device: torch.device, *, compiled: bool) -> Model:
    """Return the recipe's model with its initial weights, which depend on the recipe alone."""
    config, objective = recipe.model, recipe.objective
    model: Model
    if isinstance(objective, ReplacedToken):
        model = Electra(config, objective.generator_width, objective.discriminator_weight)
    else:
        model = Transformer(config)
    model.initialise(recipe.seed)
    model.to(device)
    if compiled:
        model.compile_layers()
    return model


def build_optimizers(model: Model, training: TrainingSettings) -> Optimizers:
    """Return the optimizers of the recipe over the model's parameters."""
    return Optimizers(
        model.named_parameters(),
        kind=training.optimizer,
        learning_rate=training.learning_rate,
        matrix_rate=training.matrix_rate,
        embedding_rate=training.embedding_rate * deviation(TABLE, model.config) or training.learning_rate,
        weight_decay=training.weight_decay,
        betas=(training.beta1, training.beta2),
        epsilon=training.epsilon,
        bf16=training.precision == "bf16",
    )


def build_loader(recipe: Recipe, prepared: Prepared, device: torch.device) -> Loader[Tensors]:
    """Return the source of training batches."""
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
    )
