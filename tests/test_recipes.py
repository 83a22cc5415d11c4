"""Named recipes: each builds, saves and differs from the default in what it says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hornbook import recipes, settings
from hornbook.errors import UserError
from hornbook.model.config import modern
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.recipe import Budget
from hornbook.run import open_run, pretrain
from hornbook.use import export


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_a_named_recipe_can_be_saved_and_read(name: str, tmp_path: Path) -> None:
    recipe = recipes.named(name)
    settings.save_recipe(recipe, tmp_path / "recipe.toml")
    assert settings.load_recipe(tmp_path / "recipe.toml") == recipe
    assert recipes.RECIPES[name].__doc__


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_a_named_recipe_trains_and_exports(name: str, tmp_path: Path) -> None:
    words = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "runs", "away", "from", "it"]
    text = "\n\n".join(" ".join(words[i % 7 :] + words[: i % 11]) + f" {i}." for i in range(400))
    (tmp_path / "book.txt").write_text(text)
    small = ["model.width=32", "model.layers=2", "model.heads=2", "model.max_length=32", "training.batch_rows=4"]
    recipe = settings.override(
        recipes.named(name), [*small, f"data.paths={tmp_path / 'book.txt'}", "budget.steps=2", "training.compile=no"]
    )
    found = pretrain(recipe, tmp_path / "run", plain=True)
    assert 0.0 < found.loss < 20.0
    assert (export(open_run(tmp_path / "run"), tmp_path / "out") / "model.safetensors").is_file()


@pytest.mark.parametrize("kind", sorted(CATALOGUE))
def test_the_default_of_an_objective_is_its_modern_block(kind: str) -> None:
    recipe = recipes.default(kind, ["a.txt"], Budget(steps=3))
    plain = dataclasses.replace(recipe.model, dropout=0.0, types=0, pair_head=False)
    assert plain == modern(recipe.objective.topology)
    assert recipe.model.dropout == -1.0 and recipe.model.pair_head == (kind in ("nsp", "sop"))
    assert (settings.kind_of(recipe.objective), recipe.data.paths, recipe.budget.steps) == (kind, ("a.txt",), 3)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'bert'"):
        recipes.named("bort")
    with pytest.raises(UserError, match="Did you mean 'causal'"):
        recipes.default("casual")
