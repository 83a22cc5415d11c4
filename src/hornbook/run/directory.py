"""A run's directory: the names in it, and how a run in it is opened."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from hornbook.console import View
from hornbook.errors import UserError
from hornbook.model.electra import Model
from hornbook.recipe.recipe import Recipe
from hornbook.recipe.settings import RECIPE, load_recipe
from hornbook.run.build import build_model
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, load_tokenizer
from hornbook.train import machine
from hornbook.train.checkpoints import newest
from hornbook.train.loop import MODEL

PLAN, RESULT, ENVIRONMENT = "plan.json", "result.json", "environment.json"


@dataclass(frozen=True)
class Run:
    """A trained (or partly trained) model with all that belongs to it."""

    directory: Path
    recipe: Recipe
    tokenizer: Tokenizer
    model: Model
    device: torch.device
    step: int


def open_run(directory: Path) -> Run:
    """Return the model of a run at its newest sound checkpoint, ready for use, in fp32."""
    recipe = recipe_of(directory)
    found = newest(directory / "checkpoints", lambda text: View().say(text))
    if found is None:
        raise UserError(f"The run in {directory} has no checkpoint yet; resume it first.")
    manifest, tensors = found
    tokenizer = load_tokenizer(directory / "tokenizer.json")
    recipe = dataclasses.replace(recipe, objective=dataclasses.replace(recipe.objective, vocab=tokenizer.vocab))  # type: ignore[type-var]
    device = machine.find_device()
    model = build_model(recipe, device, compiled=False)
    model.load_state_dict(
        {name.removeprefix(MODEL): value for name, value in tensors.items() if name.startswith(MODEL)}
    )
    return Run(directory, recipe, tokenizer, model.eval(), device, int(manifest["step"]))


def recipe_of(directory: Path) -> Recipe:
    if not (directory / RECIPE).is_file():
        raise UserError(f"There is no run in {directory} (it has no {RECIPE}).")
    return load_recipe(directory / RECIPE)
