"""Settings: the round trip, the refusals, the overrides."""

from __future__ import annotations

import dataclasses
import string
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hornbook import schema
from hornbook.errors import UserError
from hornbook.model.config import modern
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.catalogue import CATALOGUE, build
from hornbook.objectives.diffusion import MaskedDiffusion
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.recipes import settings
from hornbook.recipes.describe import describe_settings
from hornbook.recipes.named import named
from hornbook.recipes.recipe import Recipe, default_model
from hornbook.recipes.sections import Budget, DataSettings, TokenizerSettings, TrainingSettings
from hornbook.vocab import EMPTY

positive = st.floats(1e-12, 1e12)
share = st.floats(0.0, 1.0)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    objective = build(draw(st.sampled_from(sorted(CATALOGUE))), {}, EMPTY)
    heads = draw(st.integers(1, 8))
    budget = draw(st.sampled_from(["steps", "tokens", "epochs", "minutes"]))
    amount = draw(st.integers(1, 10**15)) if budget in ("steps", "tokens") else draw(positive)
    return Recipe(
        objective=objective,
        data=DataSettings(tuple(draw(st.lists(texts, min_size=1, max_size=3))), draw(st.floats(1e-9, 0.5))),
        tokenizer=TokenizerSettings(
            draw(st.sampled_from(["bpe", "wordpiece", "unigram"])), draw(st.integers(0, 10**6)), draw(texts)
        ),
        model=dataclasses.replace(
            default_model(objective),
            heads=heads,
            width=64 * heads,
            biases=draw(st.booleans()),
            rotary_base=draw(positive),
        ),
        training=TrainingSettings(learning_rate=draw(positive), decay=draw(share), workers=draw(st.integers(0, 9))),
        budget=Budget(**{budget: amount}),
        seed=draw(st.integers(0, 2**63 - 1)),
    )


@hypothesis_settings(deadline=None, max_examples=60)
@given(recipes())
def test_a_recipe_survives_as_plain_values(recipe: Recipe) -> None:
    assert settings.from_dict(settings.to_dict(recipe)) == recipe


@hypothesis_settings(deadline=None, max_examples=60)
@given(recipes())
def test_a_recipe_survives_as_a_file(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    path = tmp_path_factory.mktemp("recipes") / "recipe.toml"
    settings.save_recipe(recipe, path)
    assert settings.load_recipe(path) == recipe


@hypothesis_settings(deadline=None, max_examples=30)
@given(recipes())
def test_every_plain_value_may_also_come_as_an_override(recipe: Recipe) -> None:
    plain = settings.to_dict(recipe)
    spoken = [f"seed={plain['seed']}"]
    for section, values in plain.items():
        if isinstance(values, dict):
            for name, value in values.items():
                text = value if isinstance(value, str) else repr(value)
                if isinstance(value, str | int | float) and text == text.strip():
                    spoken.append(f"{section}.{name}={text}")
    spoken = [item for item in spoken if not (item.startswith("budget.") and float(item.partition("=")[2]) == 0)]
    base = dataclasses.replace(recipe, seed=0, training=TrainingSettings(), budget=Budget(steps=7))
    assert settings.override(base, spoken) == recipe


def test_the_file_shows_every_setting(tmp_path: Path) -> None:
    settings.save_recipe(Recipe(), tmp_path / "recipe.toml")
    lines = (tmp_path / "recipe.toml").read_text().splitlines()
    written = {line.partition(" = ")[0] for line in lines}
    names = {line.name for line in describe_settings() if not line.name.startswith("objective.")}
    assert lines[0].endswith("Repeat it: hornbook pretrain recipe.toml")
    assert {name.rpartition(".")[2] for name in names} <= written


@pytest.mark.parametrize(
    ("data", "key", "advice"),
    [
        ({"sede": 1}, "'sede'", "'seed'"),
        ({"trainig": {"clip": 1.0}}, "'trainig'", "'training'"),
        ({"data": {"pahts": ["a"]}}, "'data.pahts'", "'data.paths'"),
        ({"tokenizer": {"sise": 1}}, "'tokenizer.sise'", "'tokenizer.size'"),
        ({"model": {"widht": 64}}, "'model.widht'", "'model.width'"),
        ({"training": {"learning_rat": 1.0}}, "'training.learning_rat'", "'training.learning_rate'"),
        ({"training": {"width": 64}}, "'training.width'", "'model.width'"),
        ({"budget": {"step": 1}}, "'budget.step'", "'budget.steps'"),
        ({"objective": {"kind": "masked", "vocab": "x"}}, "'objective.vocab'", "objective."),
        ({"objective": {"kind": "masqued"}}, "'masqued'", "'masked'"),
    ],
)
def test_an_unknown_key_is_refused_at_every_level(data: dict[str, Any], key: str, advice: str) -> None:
    with pytest.raises(UserError) as caught:
        settings.from_dict(data)
    assert key in str(caught.value)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"training": {"batch_rows": True}}, "training.batch_rows must be a whole number of at least 0, not True."),
        ({"training": {"batch_rows": 2.5}}, "training.batch_rows must be a whole number of at least 0, not 2.5."),
        ({"training": {"batch_rows": "many"}}, "training.batch_rows must be a whole number of at least 0, not 'many'."),
        ({"training": {"clip": False}}, "training.clip must be a number of at least 0, not False."),
        ({"training": {"clip": float("nan")}}, "training.clip must be a number of at least 0, not nan."),
        ({"training": {"clip": "inf"}}, "training.clip must be a number of at least 0, not 'inf'."),
        ({"model": {"tied": 1}}, "model.tied must be true or false, not 1."),
        ({"tokenizer": {"file": 3}}, "tokenizer.file must be text, not 3."),
        ({"data": {"paths": 3}}, "data.paths must be a list of text, not 3."),
        ({"data": {"paths": ["a", 1]}}, "data.paths must be a list of text, not ['a', 1]."),
        (
            {"training": {"optimizer": "moun"}},
            "training.optimizer must be muon or adamw, not 'moun'. Did you mean 'muon'?",
        ),
        ({"seed": {"x": 1}}, "seed must be a whole number of at least 0, not a table."),
        ({"model": 3}, "model must be a table ([model] in a file), not 3."),
        ({"objective": {"kind": 3}}, "objective.kind must be text, not 3."),
    ],
)
def test_a_wrong_type_is_told_with_key_value_and_type(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        settings.from_dict(data)
    assert str(caught.value) == sentence


def test_numbers_may_be_whole_or_written_as_text() -> None:
    assert settings.from_dict({"data": {"paths": "a.txt, b.txt"}}).data.paths == ("a.txt", "b.txt")
    recipe = settings.from_dict({"training": {"learning_rate": "3e-4", "clip": 2}})
    assert (recipe.training.learning_rate, recipe.training.clip) == (3e-4, 2.0)
    assert isinstance(recipe.training.clip, float)


def test_an_absent_model_is_the_modern_block_of_the_objective() -> None:
    for kind in CATALOGUE:
        recipe = settings.from_dict({"objective": {"kind": kind}, "model": {"max_length": 99}})
        assert recipe.model == dataclasses.replace(default_model(recipe.objective), max_length=99)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"seed = = 1", "line 1"),
        (b"seed = '\xff'", "not UTF-8"),
        (b"[model]\nwidht = 1", "model.widht"),
        (None, "no recipe"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        settings.load_recipe(path)
    assert str(path) in str(caught.value)


def test_overrides_change_what_they_name_and_later_ones_win() -> None:
    recipe = settings.override(
        Recipe(), ["model.width=512", "data.paths=a.txt, b.txt", "seed=3", "model.tied=false", "seed=4"]
    )
    assert (recipe.model.width, recipe.data.paths, recipe.seed, recipe.model.tied) == (
        512,
        ("a.txt", "b.txt"),
        4,
        False,
    )
    assert recipe.training == Recipe().training


def test_one_budget_replaces_another() -> None:
    assert settings.override(Recipe(), ["budget.steps=9"]).budget == Budget(steps=9)
    with pytest.raises(UserError, match="exactly one"):
        settings.override(Recipe(), ["budget.steps=9", "budget.minutes=1"])


def test_another_objective_brings_its_topology_and_keeps_the_size() -> None:
    base = settings.override(Recipe(), ["model.width=512", "model.norm=layer", "model.vocab_size=700"])
    recipe = settings.override(base, ["objective.kind=masked", "model.layers=3"])
    assert recipe.model == dataclasses.replace(modern("encoder"), width=512, layers=3, dropout=-1.0)
    assert recipe.objective == build("masked", {}, EMPTY)


def test_a_topology_that_does_not_fit_the_objective_is_refused() -> None:
    with pytest.raises(UserError, match=r"model\.topology"):
        settings.override(Recipe(), ["model.topology=encoder"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("width=1", "model.width"),
        ("model.widht=1", "model.width"),
        ("modle.width=1", "model.width"),
        ("nonsense.thing=1", "Choose from"),
        ("seed", "name=value"),
        ("objective.kind=mask", "masked"),
    ],
)
def test_a_wrong_override_is_told(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        settings.override(Recipe(), [text])


@pytest.mark.parametrize("text", ["lr=1", "training.lr=1", "model.learning_rate.lr=1"])
def test_a_name_from_elsewhere_leads_to_ours(text: str) -> None:
    with pytest.raises(UserError, match=r"; it is called 'training\.learning_rate' here\."):
        settings.override(Recipe(), [text])
    assert set(settings.ALIASES.values()) <= {line.name for line in describe_settings()}
    with pytest.raises(UserError, match=r"'max_steps'; it is called 'budget\.steps' here"):
        settings.from_dict({"max_steps": 3})


def test_every_setting_has_help_and_a_default_that_it_accepts() -> None:
    lines = describe_settings()
    recipe = settings.to_dict(Recipe())
    leaves = {"seed"} | {f"{s}.{n}" for s, values in recipe.items() if isinstance(values, dict) for n in values}
    assert leaves <= {line.name for line in lines}
    for line in lines:
        assert line.help.strip(string.punctuation + " "), line
        default = line.default.partition(";")[0]
        if line.name == "budget.minutes" or not line.name.startswith(("objective.", "budget.")):
            settings.override(Recipe(), [f"{line.name}={default}"])


def test_a_default_that_depends_on_the_topology_says_so() -> None:
    norm = next(line for line in describe_settings() if line.name == "model.norm")
    assert (norm.type, norm.default) == ("rms | layer", "rms; encoder: layer")


def test_none_is_written_as_a_word() -> None:
    assert schema.leaf(int | None, "none", "x") is None
    assert schema.leaf(int | None, "3", "x") == 3
    assert settings.plain((None, 1)) == ["none", 1]
    assert schema.type_name(int | None) == "whole number or none"
    assert schema.type_name(Literal["a", "b"]) == "a | b"


def test_objectives_within_objectives_are_tables_in_the_file(tmp_path: Path) -> None:
    inner = {"kind": "span", "density": 0.5}
    data = {"objective": {"kind": "mixture", "objectives": [{"kind": "joined", "objective": inner}], "weights": [2]}}
    recipe = settings.from_dict(data)
    assert recipe.objective == Mixture((Joined(SpanCorruption(0.5)),), (2.0,))
    settings.save_recipe(recipe, tmp_path / "recipe.toml")
    assert settings.load_recipe(tmp_path / "recipe.toml") == recipe


def test_a_setting_of_an_objective_inside_another_has_a_dotted_name() -> None:
    base = settings.override(Recipe(), ["objective.kind=nsp", "objective.objective.rate=0.3"])
    assert base.objective == SentencePairs(Masked(rate=0.3))
    assert (base.model.token_types, base.model.pair_head, base.model.max_length) == (2, True, 128)
    assert settings.override(base, ["objective.kind=sop", "model.max_length=99"]).model.max_length == 99
    longer = settings.override(Recipe(), ["model.max_length=600"])
    assert settings.override(longer, ["objective.kind=nsp"]).model.max_length == 600
    assert settings.override(base, ["objective.short=0"]).objective == SentencePairs(Masked(rate=0.3), short=0.0)
    other = settings.override(base, ["objective.objective.kind=diffusion", "objective.objective.weighting=mdlm"])
    assert other.objective == SentencePairs(MaskedDiffusion("mdlm"))
    back = settings.override(base, ["objective.kind=masked"]).model
    assert (back.topology, back.token_types, back.pair_head, back.max_length) == ("encoder", 0, False, 256)
    parts = settings.override(Recipe(), ["objective.kind=mixture", "objective.objectives=span,bart"])
    assert parts.objective == Mixture((SpanCorruption(), BARTDenoising()))
    for text, words in (
        ("objective.objective.rat=0.3", "'objective.objective.rat'.*objective.objective.rate"),
        ("objective.objective.kind=maskd", "'maskd'.*'masked'"),
        ("objective.inner.kind=masked", "no setting 'objective.inner'"),
    ):
        with pytest.raises(UserError, match=words):
            settings.override(base, [text])
    with pytest.raises(UserError, match=r"objective\.objective\.rat"):
        settings.from_dict({"objective": {"kind": "nsp", "objective": {"kind": "masked", "rat": 1}}})


def test_a_block_of_one_s_own_gets_and_loses_the_head_for_pairs() -> None:
    bert = named("bert")
    pairs = settings.override(bert, ["objective.kind=nsp"])
    assert pairs.model == dataclasses.replace(bert.model, pair_head=True, max_length=128)
    assert settings.override(pairs, ["objective.kind=masked"]).model == bert.model
    roberta = settings.override(named("roberta"), ["objective.kind=sop"])
    assert (roberta.model.token_types, roberta.model.position_offset) == (2, 1)
    assert settings.override(bert, ["objective.kind=causal"]).model.norm == "rms"


def test_a_judge_is_trained_by_replaced_tokens_alone() -> None:
    model = {"rtd_head": True, "head_transform": False, "head_bias": False}
    assert settings.from_dict({"objective": {"kind": "replaced"}, "model": model}).model.rtd_head
    with pytest.raises(UserError, match="needs the objective 'replaced'"):
        settings.from_dict({"objective": {"kind": "masked"}, "model": model})


def test_a_model_has_a_head_for_pairs_where_the_objective_has_pairs() -> None:
    with pytest.raises(UserError, match=r"needs model\.pair_head=true"):
        settings.from_dict({"objective": {"kind": "sop"}, "model": {"pair_head": False}})
    with pytest.raises(UserError, match=r"needs model\.pair_head=false"):
        settings.from_dict({"objective": {"kind": "masked"}, "model": {"pair_head": True}})
    with pytest.raises(UserError, match=r"need model\.token_types=2"):
        settings.from_dict({"objective": {"kind": "nsp"}, "model": {"token_types": 0}})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("LR=1", "it is called 'training.learning_rate' here"),
        ("training.batch_size=8", "it is called 'training.batch_rows' here"),
        ("epochs=1", "it is called 'budget.epochs' here"),
        ("wd=1", "it is called 'training.weight_decay' here"),
        ("bf16=true", "it is called 'training.precision' here"),
        ("vocab_size=8000", "it is called 'tokenizer.size' here"),
        ("tokenizer=bpe", "it is called 'tokenizer.kind' here"),
        ("mlm_probability=0.2", "it is called 'objective.rate' and belongs to the objectives fim, masked, replaced"),
        ("model=bert", "use the option --recipe NAME"),
        ("out=x", "use the option --out DIRECTORY"),
        ("lerning_rate=1", "Did you mean 'training.learning_rate'?"),
        ("zzz=1", "`hornbook settings` lists all"),
    ],
)
def test_what_others_call_a_setting_is_told_by_our_name(text: str, words: str) -> None:
    with pytest.raises(UserError) as told:
        settings.override(named("gpt"), [text])
    assert words in str(told.value)
