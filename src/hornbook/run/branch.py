"""A branch: a run that begins where another one, its trunk, was after some steps, and ends after another number.

Weights, the optimizers' state, the place in the data and the step come from the trunk's checkpoint; the recipe is the
trunk's but for its budget. A branch is what the same recipe gives when it is trained straight to its length, bit for
bit, or it is refused: what the trunk did in its first steps must not have depended on how long it was to be.

With schedule wsd and a warm-up in steps that is so until the decay begins, of the trunk and of the branch. Then runs of
D, 2 D, 4 D, 8 D cost 1.35 times the longest, instead of 1.9 times (Haegele et al. 2024, section 5).
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hornbook.artifacts import MANIFEST, enlist, is_done, write_directory
from hornbook.errors import UserError
from hornbook.prepare.dataset import open_prepared
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.recipes.transferred import TRANSFER
from hornbook.run import directory as files
from hornbook.run import sealed
from hornbook.run.build import build_loader
from hornbook.train import checkpoints
from hornbook.train.metrics import CHECKPOINTS
from hornbook.train.schedules import Schedule


def branched(recipe: Recipe, steps: int) -> Recipe:
    """Return the recipe of a branch of so many steps in all."""
    return replace(recipe, budget=Budget(steps=steps))


def steps_of(trunk: Path, tokens: int) -> int:
    """Return the steps in which a run like the trunk reads so many tokens."""
    return math.ceil(tokens / files.read_plan(trunk, files.recipe_of(trunk)).tokens_per_step)


def begin_branch(trunk: Path, step: int, directory: Path, steps: int) -> None:
    """Write a new run that begins at a step of the trunk and has `steps` in all; `resume` trains it.

    It is there whole or not at all. Files that never change are linked, not copied, where the disk can.

    Raises UserError where there is no such run or checkpoint, where the branch would not be what training straight to
    its length gives, and where the directory holds anything.
    """
    recipe = _trunk_recipe(trunk)
    state = _checkpoint(trunk, step)
    if steps <= step:
        raise UserError(
            f"A branch at step {step} needs more steps than {steps} in all: they count from the trunk's first."
        )
    if why := unlike(recipe, steps, step):
        raise UserError(f"A branch of {steps} steps at step {step} would not be a run of {steps} steps: {why}.")
    if _sees_its_length(recipe, trunk):
        raise UserError(
            "A branch would not be a run of its length: what the objective masks depends on the run's length."
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UserError(f"{directory} is not empty: choose another --out.")
    scratch = directory.with_name(f".{directory.name}.branch")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        _write(trunk, state, branched(recipe, steps), scratch)
        scratch.replace(directory)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _trunk_recipe(trunk: Path) -> Recipe:
    recipe = files.recipe_of(trunk)
    if (trunk / files.RECORD).is_file() or (trunk / TRANSFER).is_file() or not (trunk / files.PLAN).is_file():
        raise UserError(f"{trunk} holds no pre-training that can be branched: name a run of `hornbook pretrain`.")
    return recipe


def _checkpoint(trunk: Path, step: int) -> checkpoints.Reader:
    """Return the trunk's sound checkpoint of a step."""
    there = sorted(int(path.name.partition("-")[2]) for path in (trunk / CHECKPOINTS).glob("step-*") if path.is_dir())
    if step not in there:
        known = f"it has those of {', '.join(map(str, there))}" if there else "it has none"
        raise UserError(
            f"{trunk} has no checkpoint of step {step}; {known}. `hornbook pretrain ... --until {step}` stops there "
            "with one."
        )
    return checkpoints.Reader(trunk / CHECKPOINTS / f"step-{step:08d}")


def unlike(recipe: Recipe, steps: int, step: int) -> str:
    """Return why `step` steps of the recipe are not those of a run of `steps`, to end a sentence; "" = they are."""
    training, mix, timeline = recipe.training, recipe.mix, recipe.budget.timeline
    if mix.order != "shuffled" or mix.late or mix.rule == "unimax":
        name = "late" if mix.late else "rule" if mix.rule == "unimax" else "order"
        return f"mix.{name} depends on the length of the run"
    if training.schedule != "wsd":
        return f"the rates of schedule {training.schedule} depend on its length from the start; wsd can be branched"
    mine, longer = (
        Schedule(training.schedule, number, training.warmup, training.decay, training.final_rate)
        for number in (steps, timeline.planned)
    )
    if mine.warmup_steps != longer.warmup_steps:
        return (
            f"it would warm up for {mine.warmup_steps} steps, and the trunk did for {longer.warmup_steps}: train a "
            f"trunk with the warm-up in steps, such as training.warmup={max(1, mine.warmup_steps)}"
        )
    for number in range(step):
        here, there = mine(number), longer(number, timeline.place(number))
        if here != there:
            if longer(number) == there and here < there:
                return f"its learning rate falls from step {number} on: branch at step {number} at the latest"
            return f"the trunk's learning rate falls from step {number} on: branch at step {number} at the latest"
    return ""


def _sees_its_length(recipe: Recipe, trunk: Path) -> bool:
    """Say whether the objective makes other batches at the start of a run than at its end, of the same rows."""
    prepared = open_prepared(recipe, trunk)
    loader = replace(build_loader(recipe, prepared, torch.device("cpu")), workers=0)
    ends = [replace(loader, place=place).step(0) for place in (lambda step: 0.0, lambda step: float(loader.run_steps))]
    return any(
        not torch.equal(one.inputs, other.inputs) or not torch.equal(one.targets, other.targets)
        or not torch.equal(one.weights, other.weights)
        for one, other in zip(*ends, strict=True)
    )  # fmt: skip


def _write(trunk: Path, state: checkpoints.Reader, recipe: Recipe, scratch: Path) -> None:
    """Write the branch's directory: recipe, the trunk's text, tokens and records, and its first checkpoint."""
    names = [name for name in files.LISTED if name not in (files.PLAN, files.RESULT) and is_done(trunk, name)]
    scratch.mkdir(parents=True)
    sealed.begin(recipe, scratch)
    for name in names:
        part = Path(name)
        if part.name == MANIFEST:
            shutil.copytree(trunk / part.parent, scratch / part.parent, copy_function=_link)
        else:
            _link(trunk / name, scratch / name)
    enlist(scratch, *names)
    for name in (files.ENVIRONMENT, files.METRICS, files.SAMPLES):
        if (trunk / name).is_file():
            shutil.copyfile(trunk / name, scratch / name)  # records are cut after the step, and go on
    facts: Mapping[str, Any] = {name: value for name, value in state.manifest.items() if name not in ("kind", "files")}
    own = {**facts, "steps": recipe.budget.steps, **sealed.facts(scratch)}
    with write_directory(scratch / CHECKPOINTS / state.path.name, checkpoints.KIND, own) as place:
        for name in state.manifest["files"]:
            _link(state.path / name, place / name)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
