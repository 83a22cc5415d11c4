"""Runs that an earlier Hornbook made still open, go on and measure the same: fixtures made by the code of 2026-11-24.

`masked` was stopped at step 6 of 12; `span` is finished. What the old code found is in expected.json: the losses of all
12 steps, and the last measurements. Processors differ in the last bits, so numbers are compared to 1e-4.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hornbook.recipes.settings import load_recipe
from hornbook.run.directory import open_run
from hornbook.run.measure import evaluate
from hornbook.run.pretrain import resume

# Old names of settings are read, and warned of: once here is enough.
pytestmark = pytest.mark.filterwarnings("ignore:The setting:FutureWarning")
OLD = Path(__file__).parents[1] / "fixtures" / "old_runs"
EXPECTED: dict[str, Any] = json.loads((OLD / "expected.json").read_text())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "old"))


@pytest.mark.parametrize("name", ["masked", "span"])
def test_the_recipe_of_an_old_run_is_read_whole(name: str, old: Path) -> None:
    with pytest.warns(FutureWarning, match="matrix_rate is now called training.muon_learning_rate"):
        recipe = load_recipe(old / name / "recipe.toml")
    assert (recipe.training.learning_rate, recipe.training.muon_learning_rate) == (3e-3, 0.012)
    assert (recipe.model.token_types, recipe.model.rtd_head) == (0, False)


def test_an_old_run_opens_and_is_measured_as_before(old: Path) -> None:
    found, before = evaluate(open_run(old / "span")), EXPECTED["span"]["result"]
    for name in ("loss", "perplexity", "text_loss", "unigram"):
        assert getattr(found, name) == pytest.approx(before[name], rel=1e-4)
    assert (found.targets, found.text_bytes) == (before["targets"], before["text_bytes"])


def test_an_old_run_goes_on_to_the_same_end(old: Path) -> None:
    found, before = resume(old / "masked", plain=True), EXPECTED["masked"]
    assert found.loss == pytest.approx(before["result"]["loss"], rel=1e-4)
    assert found.pseudo_perplexity == pytest.approx(before["result"]["pseudo_perplexity"], rel=1e-4)
    records = [json.loads(line) for line in (old / "masked" / "metrics.jsonl").read_text().splitlines()]
    losses = [(record["kind"], record["step"], record["loss"]) for record in records]
    assert [item[:2] for item in losses] == [tuple(item[:2]) for item in before["losses"]]
    assert [item[2] for item in losses] == pytest.approx([item[2] for item in before["losses"]], rel=1e-4)
