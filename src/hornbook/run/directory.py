"""Every name in a run's directory, and how a run in it is opened.

    manifest.json      the recipe's values, and the hash of each file that is done: `sealed`
    recipe.toml  environment.json  plan.json  metrics.jsonl  samples.jsonl  tensorboard/  checkpoints/  result.json
    status.json        what it is doing, or how it ended: `status`
    corpus/  corpus.json  traits.safetensors  tokenizer.json  new_pieces.json  tokens/     the text, by `prepare`
    origin/      the run that this one goes on from: recipe, tokenizer, weights and origin.json
    report.html  report.md       what all these say            by `hornbook pretrain`, `hornbook report`
    evaluations/ held_out.jsonl   of every held-out document what the model said        by `hornbook pretrain`
                 NAME.jsonl  NAME.WAY.jsonl   of other text's documents, of a task's items   by `hornbook evaluate`
    export/  model.gguf                                                                  by `hornbook export`

A room below names its own files, and they are handed on here. An imported model's run is a base model.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hornbook.artifacts import MANIFEST, read_json, verified
from hornbook.convert.generation import Beside, beside_of
from hornbook.errors import Notice, UserError
from hornbook.generate.samples import SAMPLES
from hornbook.model.electra import Model
from hornbook.objectives.base import with_vocab
from hornbook.prepare.clean import CLEAN
from hornbook.prepare.dataset import CORPUS, PIECES, TOKENS, TRAITS
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import RECIPE
from hornbook.run.build import build_model
from hornbook.run.sealed import ORIGIN, RECORD, RESULT, has_text, is_run, origin_of, recipe_of
from hornbook.run.status import STATUS
from hornbook.schema import Positive, PositiveCount, record
from hornbook.tokens.tokenizer.tokenizer import TOKENIZER, Tokenizer, load_tokenizer
from hornbook.train import machine
from hornbook.train.checkpoints import has_any, newest
from hornbook.train.loop import MODEL, Plan
from hornbook.train.metrics import CHECKPOINTS, METRICS
from hornbook.train.pace import Deadline

ENVIRONMENT, PLAN, EXPORT, GGUF = "environment.json", "plan.json", "export", "model.gguf"
EVALUATIONS = "evaluations"
REPORT, REPORT_TEXT = "report.html", "report.md"
HELD_OUT = "held_out"  # the evaluation of a run's own held-out text
# What a run's manifest lists, as far as the run has it.
LISTED = (
    PLAN, CORPUS, TRAITS, TOKENIZER, "tokenizer_config.json", PIECES, RESULT,
    *(f"{name}/{MANIFEST}" for name in (TOKENS, ORIGIN, CLEAN)),
)  # fmt: skip
__all__ = [
    "CHECKPOINTS", "CLEAN", "CORPUS", "ENVIRONMENT", "EVALUATIONS", "EXPORT", "GGUF", "HELD_OUT", "MANIFEST", "METRICS",
    "ORIGIN", "PIECES", "PLAN", "RECIPE", "RECORD", "RESULT", "SAMPLES", "STATUS", "TOKENIZER", "TOKENS", "TRAITS",
    "BaseModel", "OpenRun",
    "has_checkpoint", "has_text", "is_run", "open_run", "origin_of", "read_deadline", "read_model", "read_plan",
    "recipe_of",
]  # fmt: skip


# What no other run's or user's file in a new run's directory may be called.
NAMES = frozenset({
    RECIPE, PLAN, CORPUS, TRAITS, TOKENIZER, PIECES, RESULT, TOKENS, ORIGIN, RECORD, CLEAN, ENVIRONMENT, METRICS,
    SAMPLES, STATUS, CHECKPOINTS, MANIFEST, "tokenizer_config.json", f".{TOKENS}.parts", REPORT, REPORT_TEXT,
})  # fmt: skip


@dataclass(frozen=True)
class BaseModel:
    """A model to go on from: the recipe of its shape, its tokenizer, its weights on the CPU, and their step.

    beside   where it was imported: what its folder said beside its shape
    """

    recipe: Recipe
    tokenizer: Tokenizer
    state: dict[str, Tensor]
    step: int
    beside: Beside = field(default_factory=Beside)


@dataclass(frozen=True)
class OpenRun:
    """A trained (or partly trained) model with all that belongs to it."""

    directory: Path
    recipe: Recipe
    tokenizer: Tokenizer
    model: Model
    device: torch.device
    step: int
    beside: Beside = field(default_factory=Beside)


def open_run(directory: Path, device: torch.device | None = None, say: Callable[[str], None] | None = None) -> OpenRun:
    """Return the model of a run at its newest sound checkpoint, ready for use, in fp32.

    device   where the model lies; None = the best device at hand
    say      is told what is wrong with checkpoints that are passed over; None = a Notice for each
    """
    return opened(directory, read_model(directory, say), device)


def opened(directory: Path, found: BaseModel, device: torch.device | None = None) -> OpenRun:
    """Return a model that was read from a directory, ready for use, in fp32."""
    device = device or machine.find_device()
    recipe = dataclasses.replace(found.recipe, objective=with_vocab(found.recipe.objective, found.tokenizer.vocab))
    model = build_model(recipe, device)
    model.load_state_dict(found.state)
    return OpenRun(directory, recipe, found.tokenizer, model.eval(), device, found.step, found.beside)


def read_model(directory: Path, say: Callable[[str], None] | None = None) -> BaseModel:
    """Return what a run has trained, at its newest sound checkpoint; builds no model.

    A run that is training removes its older checkpoints. Where one vanishes while it is read, the run has a newer one,
    which is read instead.
    """
    say = say or (lambda text: warnings.warn(text, Notice, stacklevel=2))
    before = _checkpoints(directory)
    try:
        return _read_model(directory, say)
    except (UserError, OSError):
        if _checkpoints(directory) <= before:
            raise
    return _read_model(directory, say)


def _checkpoints(directory: Path) -> set[str]:
    return {path.name for path in (directory / CHECKPOINTS).glob("step-*")}


def _read_model(directory: Path, say: Callable[[str], None]) -> BaseModel:
    recipe = recipe_of(directory)
    found = newest(directory / CHECKPOINTS, say)
    if found is None:
        raise UserError(f"The run in {directory} has no checkpoint yet: train it with --resume first.")
    manifest, tensors = found
    state = {name.removeprefix(MODEL): value for name, value in tensors.items() if name.startswith(MODEL)}
    beside = beside_of(origin_of(directory))
    return BaseModel(recipe, load_tokenizer(_tokenizer_of(directory)), state, int(manifest["step"]), beside)


def _tokenizer_of(directory: Path) -> Path:
    verified(directory, "tokenizer_config.json")
    return verified(directory, TOKENIZER)


def has_checkpoint(directory: Path) -> bool:
    """Say whether a run has saved a state, sound or not."""
    return has_any(directory / CHECKPOINTS)


@dataclass(frozen=True)
class _PlanRecord:
    """plan.json: see `Plan`. Those of earlier versions call matmul_flops matrix_rate."""

    tokens_per_step: PositiveCount
    flops_per_step: Positive
    record_every: PositiveCount
    matmul_flops: Positive = 0.0
    matrix_rate: Positive = 0.0
    deadline: dict[str, Any] | None = None


def read_plan(directory: Path, recipe: Recipe) -> Plan:
    """Return the numbers of a run's training: what its plan measured or derived, and what its recipe says."""
    path, training = verified(directory, PLAN), recipe.training
    kept = record(_PlanRecord, read_json(path, "plan"), f"The plan {path}")
    return Plan(
        tokens_per_step=kept.tokens_per_step, flops_per_step=kept.flops_per_step,
        matmul_flops=kept.matmul_flops or kept.matrix_rate or 1.0,
        record_every=kept.record_every, evaluate_every=training.evaluate_every,
        checkpoint_minutes=training.checkpoint_minutes, keep_checkpoints=training.keep_checkpoints,
        clip=training.clip, bf16=training.precision == "bf16", seed=recipe.seed,
    )  # fmt: skip


def read_deadline(directory: Path) -> Deadline | None:
    """Return by when a run of minutes is to end, or None where its length is not by the clock."""
    path = verified(directory, PLAN)
    kept = record(_PlanRecord, read_json(path, "plan"), f"The plan {path}").deadline
    return None if kept is None else record(Deadline, kept, f"The deadline in {path}")
