"""Every name in a run's directory, and how a run in it is opened.

    recipe.toml  environment.json  plan.json  metrics.jsonl  tensorboard/  checkpoints/  result.json
    corpus/  corpus.json  traits.safetensors  tokenizer.json  new_pieces.json  tokens/     the text, by `prepare`
    origin/      the run that this one goes on from: recipe, tokenizer, weights and origin.json
    export/  model.gguf                                                                  by `hornbook export`

A room below names its own files, and they are handed on here. An imported model's run is a base model.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hornbook.artifacts import read_json
from hornbook.console import View
from hornbook.errors import UserError
from hornbook.model.electra import Model
from hornbook.objectives.base import with_vocab
from hornbook.prepare.clean import CLEAN
from hornbook.prepare.dataset import CORPUS, PIECES, TOKENS, TRAITS
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import RECIPE, load_recipe
from hornbook.run.build import build_model
from hornbook.tokens.tokenizer.tokenizer import TOKENIZER, Tokenizer, load_tokenizer
from hornbook.train import machine
from hornbook.train.checkpoints import CHECKPOINTS, newest
from hornbook.train.loop import MODEL, Plan
from hornbook.train.metrics import METRICS
from hornbook.train.pace import Deadline

ENVIRONMENT, PLAN, RESULT, EXPORT, GGUF = "environment.json", "plan.json", "result.json", "export", "model.gguf"
ORIGIN, RECORD = "origin", "origin.json"
__all__ = [
    "CHECKPOINTS", "CLEAN", "CORPUS", "ENVIRONMENT", "EXPORT", "GGUF", "METRICS", "ORIGIN", "PIECES", "PLAN", "RECIPE",
    "RECORD", "RESULT", "TOKENIZER", "TOKENS", "TRAITS", "BaseModel", "OpenRun", "has_checkpoint", "has_text", "is_run",
    "open_run", "origin_of", "read_deadline", "read_model", "read_plan", "recipe_of",
]  # fmt: skip


@dataclass(frozen=True)
class BaseModel:
    """A model to go on from: the recipe of its shape, its tokenizer, its weights on the CPU, and their step."""

    recipe: Recipe
    tokenizer: Tokenizer
    state: dict[str, Tensor]
    step: int


@dataclass(frozen=True)
class OpenRun:
    """A trained (or partly trained) model with all that belongs to it."""

    directory: Path
    recipe: Recipe
    tokenizer: Tokenizer
    model: Model
    device: torch.device
    step: int


def open_run(directory: Path) -> OpenRun:
    """Return the model of a run at its newest sound checkpoint, ready for use, in fp32."""
    return opened(directory, read_model(directory))


def opened(directory: Path, found: BaseModel) -> OpenRun:
    """Return a model that was read from a directory, ready for use, in fp32."""
    device = machine.find_device()
    recipe = dataclasses.replace(found.recipe, objective=with_vocab(found.recipe.objective, found.tokenizer.vocab))
    model = build_model(recipe, device)
    model.load_state_dict(found.state)
    return OpenRun(directory, recipe, found.tokenizer, model.eval(), device, found.step)


def read_model(directory: Path) -> BaseModel:
    """Return what a run has trained, at its newest sound checkpoint; builds no model."""
    recipe = recipe_of(directory)
    found = newest(directory / CHECKPOINTS, lambda text: View().say(text))
    if found is None:
        raise UserError(f"The run in {directory} has no checkpoint yet: train it with --resume first.")
    manifest, tensors = found
    state = {name.removeprefix(MODEL): value for name, value in tensors.items() if name.startswith(MODEL)}
    return BaseModel(recipe, load_tokenizer(directory / TOKENIZER), state, int(manifest["step"]))


def is_run(directory: Path) -> bool:
    """Say whether there is a run, rather than a model's folder or nothing."""
    return (directory / RECIPE).is_file()


def has_text(directory: Path) -> bool:
    """Say whether a run has text of its own: an imported one has none."""
    return (directory / CORPUS).is_file()


def has_checkpoint(directory: Path) -> bool:
    """Say whether a run has saved a state, sound or not."""
    return any((directory / CHECKPOINTS).glob("step-*"))


def recipe_of(directory: Path) -> Recipe:
    if not is_run(directory):
        raise UserError(f"There is no run in {directory}: it has no {RECIPE}.")
    return load_recipe(directory / RECIPE)


def read_plan(directory: Path, recipe: Recipe) -> Plan:
    """Return the numbers of a run's training: what its plan measured or derived, and what its recipe says.

    The plans of earlier versions repeat some of the recipe, and call matmul_flops matrix_rate.
    """
    kept, training = read_json(directory / PLAN, "plan"), recipe.training
    return Plan(
        tokens_per_step=kept["tokens_per_step"], flops_per_step=kept["flops_per_step"],
        matmul_flops=kept["matmul_flops"] if "matmul_flops" in kept else kept["matrix_rate"],
        record_every=kept["record_every"], evaluate_every=training.evaluate_every,
        checkpoint_minutes=training.checkpoint_minutes, keep_checkpoints=training.keep_checkpoints,
        clip=training.clip, bf16=training.precision == "bf16", seed=recipe.seed,
    )  # fmt: skip


def read_deadline(directory: Path) -> Deadline | None:
    """Return by when a run of minutes is to end, or None where its length is not by the clock."""
    kept = read_json(directory / PLAN, "plan").get("deadline")
    return None if kept is None else Deadline(**kept)


def origin_of(directory: Path) -> dict[str, Any] | None:
    """Return the record of where a run's first weights come from, or None where it started from nothing."""
    for path in (directory / RECORD, directory / ORIGIN / RECORD):
        if path.is_file():
            record: dict[str, Any] = read_json(path, "record of the base model")
            return record
    return None
