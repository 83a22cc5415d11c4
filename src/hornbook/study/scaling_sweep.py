"""A scaling sweep, run: a grid that fits into a time, trunks and branches, points.

    SWEEP/
        sweep.json               what was asked for and planned: sizes, steps, what a step takes
        text/                    the cleaned text, where it was raw, and the one tokenizer
        prepared/                the text as tokens, on which steps are timed
        runs/SIZE.STEPS.SEED/    the runs: of each size and seed the longest is the trunk, the others branch from it
        points.csv               the finished ones, as `scaling fit` reads them

What is there is not done again: a sweep that was stopped or killed goes on to the same points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from hornbook.artifacts import is_done, write_json
from hornbook.console import View
from hornbook.errors import DivergedError, UserError
from hornbook.locks import lock
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import says_every_token, tokens_per_row
from hornbook.prepare.dataset import Prepared, prepare
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings, TokenizerSettings
from hornbook.recipes.settings import override
from hornbook.run.branch import begin_branch
from hornbook.run.build import build_loader
from hornbook.run.directory import RESULT, is_run
from hornbook.run.pretrain import begin, go_on, resume
from hornbook.run.settle.calibrate import flops_per_step, seconds_per_step
from hornbook.run.settle.resolve import Means, resolve
from hornbook.scaling.defaults import EXPECTED_SHARE, default_dropout, heads_of, step_rows
from hornbook.study.grid import (
    DECAY,
    FACTORS,
    LADDER,
    NUMBER,
    SWEEP,
    WARMUP,
    Asked,
    Grid,
    Size,
    checked,
    fork,
    lengths,
    load_grid,
    longest,
    save_grid,
)
from hornbook.study.layout import DIVERGED, RUNS, diverged
from hornbook.study.points import sizes_of, write_points
from hornbook.study.text import common_text, common_vocabulary, tokenizer_of
from hornbook.train.machine import find_device, matmul_flops

_RESERVED = ("seed", "budget.", "tokenizer.file", "data.", "model.width", "model.layers", "model.heads",
             "training.schedule", "training.warmup", "training.decay")  # fmt: skip
_TOKENS_EACH = 2.0  # tokens of the longest runs for each parameter of the largest size, at least
_PROBE = 1000  # steps of a recipe whose length says nothing
_TIMED, _MOST_TIMED = 0.01, 5.0  # of the time, and seconds, that each size is timed
# (FLOPs of the whole sweep up to which, entries of the vocabulary): a larger table would outweigh the layers.
_ENTRIES = ((1e15, 1024), (1e17, 4096), (math.inf, 0))
_EVALUATED = 5000  # tokens of a measurement; the one at the end, which is the point, reads 20 times as many


def plan_sweep(asked: Asked, directory: Path, view: View) -> Grid:
    """Return the grid of a sweep, planned anew or as it was planned before; times the sizes in the first case.

    Raises UserError where the text, the objective or a setting is wrong, where the directory holds something else,
    and where the time is too short.
    """
    if (directory / SWEEP).is_file():
        return load_grid(directory, asked)
    if taken := [item for item in asked.settings if item.startswith(_RESERVED)]:
        raise UserError(f"{taken[0]} is the sweep's to say: leave it out.")
    recipe = override(override(default("causal"), [f"objective.kind={asked.objective}"]), asked.settings)
    if directory.exists() and any(path.name not in ("text", "prepared", ".lock") for path in directory.iterdir()):
        raise UserError(f"{directory} holds something else: choose another --out.")
    with lock(directory):
        device = find_device()
        flops = 60 * asked.minutes * EXPECTED_SHARE * matmul_flops(device, torch.float32)
        paths = common_text(asked.text, directory, view)
        entries = recipe.tokenizer.size or next(size for most, size in _ENTRIES if flops <= most)
        common_vocabulary([recipe], paths, directory, view, entries)
        recipe = replace(
            recipe,
            data=DataSettings(paths=paths, clean="none"),
            tokenizer=TokenizerSettings(file=str(tokenizer_of(directory, recipe))),
        )
        prepared = prepare(recipe, directory / "prepared", view)
        tokens = math.sqrt(flops / 6) / FACTORS[1]  # of a run in the middle of the grid, roughly
        rows = recipe.training.batch_rows or step_rows(LADDER[2][0], recipe.row_length, planned=tokens)
        recipe = replace(recipe, training=replace(recipe.training, batch_rows=rows))
        grid = checked(_chosen(asked, recipe, prepared, device, view))
        save_grid(grid, directory)
    return grid


def _chosen(asked: Asked, recipe: Recipe, prepared: Prepared, device: torch.device, view: View) -> Grid:
    """Return the grid of the largest sizes whose longest runs still have enough tokens for each parameter."""
    per_step = recipe.training.batch_rows * tokens_per_row(prepared.objective, prepared.row_length)
    timed: list[Size] = []
    found: tuple[list[Size], float] | None = None
    with view.stage("timing sizes", "sizes", NUMBER) as update:
        for number, (width, layers) in enumerate(LADDER):
            timed.append(_timed(asked, _shaped(recipe, width, layers, prepared), prepared, device))
            update(number + 1)
            if len(timed) < NUMBER:
                continue
            steps = longest(timed[-NUMBER:], asked.minutes)
            if found is None or steps * per_step >= _TOKENS_EACH * timed[-1].params:
                found = timed[-NUMBER:], steps
            if steps * per_step < _TOKENS_EACH * timed[-1].params:
                break
    assert found is not None  # the ladder has more rungs
    reached = lengths(found[1])
    warmup = max(2, round(WARMUP * reached[0]))
    unique = len(prepared.training_rows) * per_step / recipe.training.batch_rows
    return Grid(
        asked, recipe.data.paths, tuple(found[0]), reached, warmup, recipe.training.batch_rows, per_step, unique
    )


def _shaped(recipe: Recipe, width: int, layers: int, prepared: Prepared) -> Recipe:
    shape: ModelConfig = replace(
        recipe.model, width=width, layers=layers, heads=heads_of(width), vocab_size=prepared.tokenizer.vocab.size
    )
    return replace(recipe, model=shape)


def _timed(asked: Asked, recipe: Recipe, prepared: Prepared, device: torch.device) -> Size:
    """Return what a step of a size takes."""
    means = Means(prepared, device, lambda text: None)
    draft = resolve(replace(_quiet(recipe, device), budget=Budget(steps=_PROBE)), means).recipe
    enough = min(_MOST_TIMED, _TIMED * 60 * asked.minutes)
    seconds = seconds_per_step(draft, prepared, device, (0, 1), enough)
    flops = flops_per_step(draft, prepared, build_loader(draft, prepared, device).step(_PROBE // 2))
    return Size(draft.model.width, draft.model.layers, sizes_of(draft)["params"], seconds, flops)


def _quiet(recipe: Recipe, device: torch.device) -> Recipe:
    """Return the recipe without what costs a short run more than it is worth: compiling on a CPU, samples."""
    training = recipe.training
    compiled = "no" if training.compile == "auto" and device.type == "cpu" else training.compile
    return replace(
        recipe,
        training=replace(training, compile=compiled, samples=0, keep_checkpoints=1, evaluate_tokens=_EVALUATED),
    )


def recipe_of_size(grid: Grid, size: Size, seed: int, directory: Path) -> Recipe:
    """Return the recipe of a size's longest run; all else of the grid branches from it."""
    asked = grid.asked
    recipe = override(override(default("causal"), [f"objective.kind={asked.objective}"]), asked.settings)
    epochs = grid.steps[-1] * grid.tokens_per_step / grid.unique
    model, steps = recipe.model, grid.steps[-1]
    dropout, noisy = model.dropout, not says_every_token(recipe.objective)
    if dropout < 0:  # one for all lengths
        dropout = default_dropout(epochs, size.params, grid.unique, noisy=noisy)
    recipe = _quiet(recipe, find_device())
    return replace(
        recipe,
        data=DataSettings(paths=grid.paths, clean="none"),
        tokenizer=TokenizerSettings(file=str(tokenizer_of(directory, recipe))),
        model=replace(model, width=size.width, layers=size.layers, heads=heads_of(size.width), dropout=dropout),
        training=replace(
            recipe.training, batch_rows=grid.rows, schedule="wsd", warmup=float(grid.warmup), decay=DECAY,
            evaluate_every=steps,
        ),
        budget=Budget(steps=steps),
        seed=seed,
    )  # fmt: skip


def run_sweep(directory: Path, plain: bool = False) -> Path:
    """Do all runs of a planned sweep that are not done yet, and return its file of points.

    A signal ends it as it ends a run, and the same call goes on. A run that diverges is told and is no point.
    """
    grid = load_grid(directory)
    first, last = grid.sizes[0], grid.sizes[-1]
    with lock(directory):
        for size in grid.sizes:
            _lengths_of(grid, size, 0, grid.steps, directory, plain)
        _lengths_of(grid, first, 1, grid.steps, directory, plain)
        _lengths_of(grid, last, 1, grid.steps[:1], directory, plain)
        return write_points(directory)


def _lengths_of(grid: Grid, size: Size, seed: int, steps: Sequence[int], directory: Path, plain: bool) -> None:
    """Train one size and seed to each length; the longest is the trunk of the others."""
    recipe = recipe_of_size(grid, size, seed, directory)
    recipe = replace(recipe, budget=Budget(steps=steps[-1]))
    trunk = _place(directory, size, steps[-1], seed)
    if _is_settled(directory, trunk):
        return
    try:
        for number in steps[:-1]:
            out = _place(directory, size, number, seed)
            if not is_run(out):
                at = fork(number)
                _ = (
                    go_on(trunk, until=at, plain=plain)
                    if is_run(trunk)
                    else begin(recipe, trunk, until=at, plain=plain)
                )
                begin_branch(trunk, at, out, number)
            _to_the_end(directory, out, recipe, plain)
    except DivergedError:
        _lost(directory, trunk)
        return
    _to_the_end(directory, trunk, recipe, plain)


def _place(directory: Path, size: Size, steps: int, seed: int) -> Path:
    return directory / RUNS / f"{size.name}.{steps}.{seed}"


def _is_settled(directory: Path, run: Path) -> bool:
    done = is_run(run) and (run / RESULT).is_file() and is_done(run, RESULT)
    return done or f"{RUNS}/{run.name}" in diverged(directory)


def _to_the_end(directory: Path, run: Path, recipe: Recipe, plain: bool) -> None:
    if _is_settled(directory, run):
        return
    try:
        _ = resume(run, plain=plain) if is_run(run) else begin(recipe, run, plain=plain)
    except DivergedError:
        _lost(directory, run)


def _lost(directory: Path, run: Path) -> None:
    write_json(directory / DIVERGED, [*diverged(directory), f"{RUNS}/{run.name}"])
