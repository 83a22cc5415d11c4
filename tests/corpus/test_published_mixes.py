"""The mixes that papers disclose: one table, which rules and recipes read."""

from __future__ import annotations

import json
import tomllib
import typing
from pathlib import Path

import pytest

import hornbook as hb
from hornbook.corpus.build.build import build_recipe
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.build.recipe import load
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.mixes import MIXES, PUBLISHED
from hornbook.corpus.named_mixes import mix_of, recipe_of
from hornbook.corpus.weights import Rule, shares
from hornbook.errors import UserError

# What the weights of each mix add up to, as its source prints them.
SUMS = {
    "gpt3": 101, "llama1": 100, "pile": 100, "redpajama": 1210, "slimpajama": 100, "gopher": 100, "chinchilla": 100,
    "palm": 100, "falcon": 100, "dolma": 1714.35, "smollm2": 100, "bert": 3300, "roberta": 161, "t5": 100, "gpt2": 100,
    "bloom": 100, "llama3": 100, "starcoder": 100, "phi": 100,
}  # fmt: skip


def test_the_weights_are_those_that_are_printed() -> None:
    assert {name: pytest.approx(sum(weights.values())) for name, weights in PUBLISHED.items()} == SUMS
    assert PUBLISHED["gpt3"] == {"commoncrawl": 60, "webtext2": 22, "books1": 8, "books2": 8, "wikipedia": 3}
    assert mix_of("gpt3").domains[0].epochs == 0.44 and mix_of("gpt3").trained == 300


def test_passes_follow_from_weights_and_sizes_where_all_are_printed() -> None:
    """GPT-3's and Chinchilla's tables agree with themselves, within what they round."""
    for name in ("gpt3", "chinchilla"):
        mix = mix_of(name)
        for item in mix.domains:
            low, high = ((item.weight + d) / 100 * mix.trained / item.tokens for d in (-0.75, 0.75))
            # Chinchilla's Wikipedia has 4 billion tokens, rounded.
            assert low * 0.85 <= item.epochs <= high * 1.15, (name, item.name)


def test_every_disclosed_mix_is_a_rule_and_no_other() -> None:
    assert {*typing.get_args(Rule)} - {"as-is", "temperature", "unimax", "explicit"} == {*PUBLISHED}
    assert len({mix.name for mix in MIXES}) == len(MIXES)
    for mix in MIXES:
        assert mix.place and mix.undisclosed and len({item.name for item in mix.domains}) == len(mix.domains)


@pytest.mark.parametrize("name", ["llama2", "mistral", "qwen", "gemma", "gpt4"])
def test_what_was_not_disclosed_is_said_and_is_no_recipe(name: str) -> None:
    assert not mix_of(name).disclosed
    with pytest.raises(UserError, match="no domains were disclosed"):
        recipe_of(mix_of(name))


def test_a_wrong_name_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'chinchilla'"):
        mix_of("chinchila")


@pytest.mark.parametrize("mix", [mix for mix in MIXES if mix.domains], ids=lambda mix: mix.name)
def test_every_mix_is_a_recipe(mix: typing.Any, tmp_path: Path) -> None:
    text = recipe_of(mix)
    (tmp_path / "mix.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "mix.toml").paths == tuple(item.name for item in mix.domains)
    assert max(map(len, text.splitlines())) <= 120 and tomllib.loads(text)["steps"][-1] == {"kind": "near-duplicates"}


def test_a_recipe_runs_and_its_domains_get_their_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, item in enumerate(mix_of("gpt3").domains):
        Path(item.name).mkdir()
        Path(item.name, "a.txt").write_text(f"Text number {number} of the domain with a name of its own, {item.name}.")
    Path("gpt3.toml").write_text(recipe_of(mix_of("gpt3")), encoding="utf-8")
    build_recipe(load(Path("gpt3.toml")), Path("GPT3"), Engine(workers=1))
    sizes = {item.source: len(item.text) for item in documents(open_corpus(Path("GPT3")))}
    found = shares(sizes, "gpt3", weights={}, temperature=1.0, epochs=1.0, budget=1.0)
    assert found == {name: pytest.approx(weight / 101) for name, weight in PUBLISHED["gpt3"].items()}


def test_python_and_the_command_line_give_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    from hornbook.cli import main

    assert hb.corpus_recipes() == MIXES
    for arguments, told in ((["--json"], len(MIXES)), (["falcon", "--json"], 1)):
        with pytest.raises(SystemExit) as ended:
            main(["corpus", "recipes", *arguments])
        assert not ended.value.code and len(json.loads(capsys.readouterr().out)) == told
    with pytest.raises(SystemExit):
        main(["corpus", "recipes", "falcon"])
    assert capsys.readouterr().out == recipe_of(mix_of("falcon"))
