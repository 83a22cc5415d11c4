"""Points of a scaling law from finished runs: sizes in three conventions, tokens, exact FLOPs, the own loss.

params            multiplied for each token: the layers and the output head
params_all        every parameter, both networks of an ELECTRA
params_no_embed   the layers alone: without embedding tables and the output head over the vocabulary
tokens            positions that the run computed; unique = those of its text, read once
flops             by `hornbook.scaling.count`; flops_6nd = 6 params tokens
loss              the objective's own on held-out text, in nats per scored target
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from hornbook.artifacts import is_done, write_file
from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.dataset import open_prepared
from hornbook.recipes.recipe import Recipe
from hornbook.run.build import draft_model
from hornbook.run.directory import RESULT, is_run, read_plan, recipe_of
from hornbook.study.layout import RUNS

POINTS = "points.csv"
COLUMNS = (
    "run", "objective", "width", "layers", "params", "params_all", "params_no_embed", "tokens", "unique", "epochs",
    "flops", "flops_6nd", "loss", "bits_per_byte", "seed",
)  # fmt: skip
_TABLES = ("tokens.weight", "positions.weight", "types.weight")  # of an embedding


def points_file(path: Path) -> Path:
    """Return the file of points that a path means: itself, or that of the finished runs of a study or a sweep.

    The latter is written anew. Raises UserError where there are no finished runs, or runs of several objectives.
    """
    if not path.is_dir():
        return path
    if not (path / RUNS).is_dir():
        raise UserError(f"{path} holds no sweep and no study: name one, or a CSV file.")
    return write_points(path)


def write_points(directory: Path) -> Path:
    """Write the points of the finished runs of a sweep or a study; return the file."""
    rows = [point(run) for run in sorted((directory / RUNS).iterdir()) if _is_finished(run)]
    if not rows:
        raise UserError(f"No run in {directory} is done yet: there are no points.")
    kinds = sorted({row["objective"] for row in rows})
    if len(kinds) > 1:
        raise UserError(f"The runs in {directory} have the objectives {', '.join(kinds)}: a law is of one.")
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: (row["flops"], row["run"])))
    write_file(directory / POINTS, text.getvalue())
    return directory / POINTS


def _is_finished(run: Path) -> bool:
    return is_run(run) and (run / RESULT).is_file() and is_done(run, RESULT)


def point(run: Path) -> dict[str, Any]:
    """Return what a finished run is as a point."""
    recipe, result = recipe_of(run), Evaluation.load(run / RESULT)
    plan, prepared = read_plan(run, recipe), open_prepared(recipe, run)
    sizes = sizes_of(recipe)
    assert result.steps is not None  # a run's own result has them
    tokens = result.steps * plan.tokens_per_step
    epochs = result.steps * recipe.training.batch_rows / len(prepared.training_rows)
    bits = result.number("bits per byte")
    return {
        "run": run.name, "objective": kind_of(recipe.objective), "width": recipe.model.width,
        "layers": recipe.model.layers, **sizes, "tokens": tokens, "unique": tokens / epochs, "epochs": epochs,
        "flops": result.steps * plan.flops_per_step, "flops_6nd": 6.0 * sizes["params"] * tokens,
        "loss": result.loss, "bits_per_byte": "" if bits is None else bits.value, "seed": recipe.seed,
    }  # fmt: skip


def sizes_of(recipe: Recipe) -> dict[str, int]:
    """Return a recipe's parameters in the three conventions."""
    sizes = {name: value.numel() for name, value in draft_model(recipe).named_parameters()}
    tables = sum(size for name, size in sizes.items() if name.endswith(_TABLES))
    every, head = sum(sizes.values()), sizes.get("head.output.weight", 0)
    # A tied head is the table, and is multiplied like one of its own.
    multiplied = every - tables + (sizes["embed.tokens.weight"] if recipe.model.tied else 0)
    return {"params": multiplied, "params_all": every, "params_no_embed": every - tables - head}
