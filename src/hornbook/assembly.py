"""Recipe + tokens -> model, optimizers, batches: the parts of a run, each built from the recipe alone."""

from __future__ import annotations

import functools

import torch

from hornbook.model.config import ModelConfig
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.prepare import Prepared
from hornbook.recipe import Recipe, TrainingSettings
from hornbook.tokens.loader import Loader
from hornbook.train.optimizers import Optimizers


def build_model(config: ModelConfig, seed: int, device: torch.device, *, compiled: bool) -> Transformer:
    """Return the model with its initial weights, which depend on (config, seed) alone."""
    model = Transformer(config)
    model.initialise(seed)
    model.to(device)
    if compiled:
        model.compile_layers()
    return model


def build_optimizers(model: Transformer, training: TrainingSettings) -> Optimizers:
    """Return the optimizers of the recipe over the model's parameters."""
    return Optimizers(
        model.named_parameters(),
        kind=training.optimizer,
        learning_rate=training.learning_rate,
        matrix_rate=training.matrix_rate,
        weight_decay=training.weight_decay,
        betas=(training.beta1, training.beta2),
        epsilon=training.epsilon,
    )


def build_loader(recipe: Recipe, prepared: Prepared, device: torch.device) -> Loader[Tensors]:
    """Return the source of training batches."""
    training = recipe.training
    return Loader(
        prepared.training_rows(recipe.model.max_length),
        prepared.objective,
        recipe.seed,
        training.batch_rows,
        training.micro_batch or training.batch_rows,
        training.workers,
        functools.partial(to_tensors, device=device),
    )
