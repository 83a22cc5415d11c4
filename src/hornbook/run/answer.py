"""Ask tasks of an opened run, and keep a record of every item in its directory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hornbook import __version__
from hornbook.errors import UserError
from hornbook.evaluate.answers import Answers, answer
from hornbook.evaluate.scorers import Scorer
from hornbook.evaluate.scoring.ways import chosen_way, ways
from hornbook.evaluate.task_files.fields import Wording
from hornbook.evaluate.task_files.read import load_task
from hornbook.evaluate.tasks import Task
from hornbook.objectives.catalogue import kind_of
from hornbook.run.directory import EVALUATIONS, OpenRun
from hornbook.run.measure import checkpoint_of
from hornbook.train.processors import computing


@dataclass(frozen=True)
class Asking:
    """What is asked of a task.

    few      a part of the task, chosen by key
    shots    answered items in front of each
    pool     the file that they are of; by default the task's own
    like     lm-eval: a blank before texts without context, as lm-evaluation-harness has it
    wording  another prompt, delimiter, headline, label words
    """

    few: bool = False
    shots: int = 0
    pool: str = ""
    like: str = ""
    wording: Wording = field(default_factory=Wording)


def scorer(run: OpenRun, way: str = "auto") -> Scorer:
    """Return what scores texts by a run's model. Raises UserError for a way that the model lacks."""
    objective = run.recipe.objective
    found = ways(objective, run.tokenizer.vocab, run.recipe.model.max_length)
    return Scorer(run.model, run.tokenizer, chosen_way(found, way, kind_of(objective)), run.device)


def read_task(name: str | Path, asking: Asking) -> Task:
    """Return a task as it is asked. Raises UserError for what is none, and for shots that it cannot have."""
    if asking.like not in ("", "lm-eval"):
        raise UserError(f"Tasks can be asked like lm-eval, not like {asking.like!r}.")
    task = load_task(name, asking.wording)
    pool = load_task(asking.pool, asking.wording) if asking.pool else None
    if pool is not None and not asking.shots:
        raise UserError("A pool is for shots: say how many with --shots.")
    task = task.with_shots(asking.shots, pool)
    task = task.few() if asking.few else task
    return task.with_blank() if asking.like else task


def answer_task(run: OpenRun, task: Task, way: str = "auto", progress: Callable[[int], None] | None = None) -> Answers:
    """Ask a task of a model, keep a record of every item in the run's directory, and return the answers.

    way       auto, one of `hornbook.evaluate.scoring.ways`, or exact, bound, pseudo: the model's first of the kind
    progress  is told the number of items that are done

    Raises UserError, with nothing written, for what cannot be asked.
    """
    asked = scorer(run, way)
    with computing(run.recipe.training.threads):
        found = answer(asked, task, progress)
    records = replace(found.records, header={**found.header, **facts(run)})
    found = Answers(records)
    found.save(run.directory / EVALUATIONS)
    return found


def facts(run: OpenRun) -> dict[str, Any]:
    """Return what a record says of a model: its name, the hash of its weights, its step, objective, versions."""
    checkpoint = checkpoint_of(run.directory) or weights_sha256(run.model)[:16]
    return {
        "model": run.directory.resolve().name, "checkpoint": checkpoint, "step": run.step,
        "objective": kind_of(run.recipe.objective),
        "versions": {"hornbook": __version__, "torch": torch.__version__, "numpy": np.__version__},
    }  # fmt: skip


def weights_sha256(model: torch.nn.Module) -> str:
    """Return the SHA-256 of a model's weights, with their names."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
