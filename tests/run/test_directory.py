"""A run's directory: a fact stands in one file, and nothing is there that no name is known for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hornbook.artifacts import read_json, write_json
from hornbook.errors import UserError
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run import directory as files
from hornbook.run.pretrain import pretrain

TINY = [
    "data.clean=none", "budget.steps=3", "model.width=16", "model.layers=1", "model.heads=1", "model.max_length=32",
    "training.batch_rows=2", "training.clip=0.5", "training.compile=no", "tokenizer.size=300",
]  # fmt: skip


def test_a_plan_holds_what_was_measured_or_derived_and_the_recipe_the_rest(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("\n\n".join(f"The {number}th cat sees fish." for number in range(300)))
    run = tmp_path / "run"
    with pytest.raises(UserError, match="There is no run"):
        files.recipe_of(run)
    pretrain(override(default("causal"), [f"data.paths={tmp_path / 'book.txt'}", *TINY]), run, plain=True)
    kept = read_json(run / files.PLAN, "plan")
    derived = {"tokens_per_step", "flops_per_step", "row_positions", "row_targets"}
    assert set(kept) == derived | {"matmul_flops", "record_every"}
    plan = files.read_plan(run, files.recipe_of(run))
    assert (plan.clip, plan.evaluate_every, plan.tokens_per_step) == (0.5, 1, 64)
    assert files.is_run(run) and files.has_text(run) and files.has_checkpoint(run) and files.origin_of(run) is None
    others = {"tensorboard", ".lock", "tokenizer_config.json"}
    names = {getattr(files, name) for name in files.__all__ if name.isupper()}
    assert {path.name for path in run.iterdir()} <= names | others
    (run / files.MANIFEST).unlink()  # as an earlier version left it, with a plan that repeats some of the recipe
    shutil.rmtree(run / files.CHECKPOINTS)
    write_json(run / files.PLAN, {**kept, "steps": 9, "clip": 9.0, "matrix_rate": kept.pop("matmul_flops")})
    assert files.read_plan(run, files.recipe_of(run)) == plan
