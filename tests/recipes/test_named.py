"""Named recipes: each builds, saves and differs from the default in what it says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from hornbook.errors import UserError
from hornbook.generate.infill import fill_text
from hornbook.model.config import modern
from hornbook.model.electra import discriminator_config
from hornbook.model.sizes import SIZES
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.recipes import named as recipes
from hornbook.recipes import settings
from hornbook.recipes.describe import describe_recipes
from hornbook.recipes.sections import Budget
from hornbook.run.directory import open_run
from hornbook.run.export import export, exportable
from hornbook.run.pretrain import pretrain
from hornbook.scaling.count import parameters

SMALL = ["data.clean=none", "model.width=32", "model.layers=2", "model.heads=2"]
CLASSES = {
    "gpt": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "bert": "BertForMaskedLM",
    "modernbert": "ModernBertForMaskedLM",
    "bart": "BartForConditionalGeneration",
    "roberta": "RobertaForMaskedLM",
    "albert": "AlbertForPreTraining",
    "electra": "ElectraForPreTraining",
}


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
    small = [*SMALL, "model.max_length=32", "training.batch_rows=4"]
    recipe = settings.override(
        recipes.named(name), [*small, f"data.paths={tmp_path / 'book.txt'}", "budget.steps=2", "training.compile=no"]
    )
    found = pretrain(recipe, tmp_path / "run", plain=True)
    assert 0.0 < found.loss < 20.0
    out = export(open_run(tmp_path / "run"), tmp_path / "out")
    assert exportable(recipe) and (out / "model.safetensors").is_file()
    if name in CLASSES:
        assert json.loads((out / "config.json").read_text())["architectures"] == [CLASSES[name]]
    assert (out / "generator" / "model.safetensors").is_file() == (name == "electra")


def test_bert_with_next_sentences_is_exported_with_both_heads(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("\n\n".join(f"One dog runs. Two cats sit, {i} birds fly." for i in range(400)))
    small = [*SMALL, "model.max_length=32", "training.batch_rows=4"]
    given = [*small, f"data.paths={tmp_path / 'book.txt'}", "budget.steps=2", "training.compile=no"]
    pretrain(settings.override(recipes.named("bert"), ["objective.kind=nsp", *given]), tmp_path / "run", plain=True)
    out = export(open_run(tmp_path / "run"))
    assert json.loads((out / "config.json").read_text())["architectures"] == ["BertForPreTraining"]
    assert "AutoModelForPreTraining" in (out / "README.md").read_text()


def test_an_electra_is_exported_as_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("\n\n".join(f"One dog runs. Two cats sit, {i} birds fly." for i in range(400)))
    small = [*SMALL, "model.max_length=32", "training.batch_rows=4"]
    given = [*small, f"data.paths={tmp_path / 'book.txt'}", "budget.steps=2", "training.compile=no"]
    pretrain(settings.override(recipes.named("electra"), given), tmp_path / "run", plain=True)
    run = open_run(tmp_path / "run")
    with pytest.raises(UserError, match="cannot be exported as bert: leave out --as"):
        export(run, family="bert")
    out = export(run, family="electra")
    card, beside = ((place / "README.md").read_text() for place in (out, out / "generator"))
    assert "AutoModelForPreTraining" in card and "fill-mask" not in card
    assert "AutoModelForMaskedLM" in beside and 'pipeline_tag: "fill-mask"' in beside
    assert f"| Parameters | {parameters(discriminator_config(run.recipe.model)):,} |" in card
    with pytest.raises(UserError, match="generates no text"):
        fill_text(run, "One ___ runs.")
    modern = settings.override(recipes.default("replaced"), given)
    assert not exportable(modern)


@pytest.mark.parametrize("kind", sorted(CATALOGUE))
def test_the_default_of_an_objective_is_its_modern_block(kind: str) -> None:
    recipe = recipes.default(kind, ["a.txt"], Budget(steps=3))
    block = modern(recipe.objective.topology)
    plain = dataclasses.replace(recipe.model, dropout=0.0, token_types=0, pair_head=False, max_length=block.max_length)
    assert plain == block
    assert recipe.model.dropout == -1.0 and recipe.model.pair_head == (kind in ("nsp", "sop"))
    longest = 512 if block.topology == "decoder" else 256
    assert recipe.model.max_length == (128 if kind in ("nsp", "sop") else longest)
    assert (settings.kind_of(recipe.objective), recipe.data.paths, recipe.budget.steps) == (kind, ("a.txt",), 3)


@pytest.mark.parametrize("name", sorted(SIZES))
def test_a_named_size_has_the_published_shape_and_a_class_of_transformers(name: str, tmp_path: Path) -> None:
    recipe = recipes.named(name)
    settings.save_recipe(recipe, tmp_path / "recipe.toml")
    assert settings.load_recipe(tmp_path / "recipe.toml") == recipe
    for size in ("width", "layers", "heads", "kv_heads", "mlp_width", "embedding_width", "window"):
        assert getattr(recipe.model, size) == getattr(SIZES[name], size)
    assert recipe.model.vocab_size == 0 and recipe.model.max_length <= 2048
    assert exportable(recipe)


def test_a_size_keeps_its_layers_under_another_objective() -> None:
    recipe = settings.override(recipes.named("mini"), ["objective.kind=span"])
    assert recipe.model == dataclasses.replace(recipes.default("span").model, width=384, layers=6, heads=6)


def test_the_list_of_recipes_has_every_name_once_with_its_parameters() -> None:
    lines = describe_recipes()
    assert [line.name for line in lines] == [*recipes.RECIPES, *SIZES]
    assert {line.name: line.parameters for line in lines}["electra-small"] == 13_549_057


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'bert'"):
        recipes.named("bort")
    with pytest.raises(UserError, match="Did you mean 'causal'"):
        recipes.default("casual")
    with pytest.raises(UserError, match=r"'electra' is a recipe: use --recipe electra, or its objective 'replaced'\."):
        recipes.default("electra")
