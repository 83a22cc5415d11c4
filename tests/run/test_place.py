"""A disk that is too small for a run's checkpoints is noticed before the first step."""

import shutil
from collections import namedtuple

import pytest
from stories import story

from hornbook.errors import ResourceError
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.run.pretrain import pretrain, resume

TINY = [
    "data.clean=none", "budget.steps=2", "model.width=32", "model.layers=1", "model.heads=2", "model.max_length=32",
    "training.batch_rows=4", "training.precision=fp32", "training.compile=no", "training.evaluate_tokens=200",
    "training.keep_checkpoints=5", "tokenizer.size=300",
]  # fmt: skip


def test_a_run_whose_checkpoints_do_not_fit_ends_before_its_first_step_and_goes_on_with_fewer(tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text(story(400), encoding="utf-8")
    run, usage = tmp_path / "run", namedtuple("usage", "total used free")
    recipe = settings.override(default("causal"), [f"data.paths={tmp_path / 'book.txt'}", *TINY])
    free = [10_000]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 0, free[0]))
    with pytest.raises(ResourceError, match=r"too small: .* keeps 5 checkpoints of .* 10\.0kB are free: free some"):
        pretrain(recipe, run, plain=True)
    free[0] = 1_400_000
    with pytest.raises(ResourceError, match=r"set training\.keep_checkpoints=3, or free some space, and continue with"):
        resume(run, plain=True)
    assert not (run / "metrics.jsonl").exists()
    resume(run, ["training.keep_checkpoints=3"], plain=True)
    assert (run / "result.json").exists()
    free[0] = 0
    resume(run, plain=True)  # nothing is left to write
