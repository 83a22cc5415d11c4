"""Recipes of corpora: what is written is what is read, and what is wrong is named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny_steps import Known, Repeats, Short, Without

from hornbook.corpus.build import catalogue
from hornbook.corpus.build.catalogue import from_table, to_table
from hornbook.corpus.build.recipe import CorpusRecipe, default_steps, dumps, from_dict, load
from hornbook.errors import UserError


def test_a_recipe_is_read_as_it_was_written(tmp_path: Path) -> None:
    steps = (Short(7), Repeats(), Without('odd "word"\n'), *default_steps())
    recipe = CorpusRecipe(paths=("a b", "s3://c/d"), text="content", block=123, steps=steps)
    path = tmp_path / "recipe.toml"
    path.write_text(dumps(recipe), encoding="utf-8")
    assert load(path) == recipe


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("paths = []\nx = = 3", r"not valid TOML.*line 2"),
        ("pathes = ['a']", r"no setting 'pathes'. Did you mean 'paths'\?"),
        ("text = 'x'", "paths is empty"),
        ("paths = 3", "paths must be a list of text"),
        ("paths = ['a']\nblock = 'much'", "block must be a whole number"),
        ("paths = ['a']\nblock = 0", "block must be a whole number of at least 1"),
        ("paths = ['a']\nsteps = 3", "steps must be a list of tables"),
        ("paths = ['a']\n[[steps]]\nleast = 3", r"steps\[1\] has no kind"),
        (
            "paths = ['a']\n[[steps]]\nkind = 'tiny_steps:Short'\nlest = 3",
            r"steps\[1\] .*no setting 'lest'. Did you mean 'least'",
        ),
        (
            "paths = ['a']\n[[steps]]\nkind = 'tiny_steps:Short'\nleast = 'x'",
            r"steps\[1\].least must be a whole number",
        ),
        ("paths = ['a']\n[[steps]]\nkind = 'nowhere:Short'", "cannot be imported"),
        ("paths = ['a']\n[[steps]]\nkind = 'pathlib:Path'", "is no dataclass"),
        ("paths = ['a']\n[[steps]]\nkind = 'tiny_steps:Known'", r"steps\[1\] \(tiny_steps:Known\) lacks the setting"),
        (
            "paths = ['a']\n[[steps]]\nkind = 'bad-words'",
            r"\(bad-words\) lacks the setting 'file', text: file with one word",
        ),
        (
            "paths = ['a']\n[[steps]]\nkind = 'gopher'\nmin_words = -2",
            r"min_words must be a whole number of at least 0, not -2",
        ),
        (
            "paths = ['a']\n[[steps]]\nkind = 'gopher'\nmax_repeated_lines = 3",
            "lines must be a number from 0 to 1, not 3",
        ),
        (
            "paths = ['a']\n[[steps]]\nkind = 'gopher'\nmin_words = 9\nmax_words = 8",
            "min_words 9 is above gopher.max_words 8: nothing",
        ),
        ("paths = ['a']\n[[steps]]\nkind = 'gopher'\nstop_words = []", "above 0, the number of gopher.stop_words"),
        (
            "paths = ['a']\n[[steps]]\nkind = 'c4'\nmin_sentences = -1",
            "sentences must be a whole number of at least 0",
        ),
        (
            "paths = ['a']\n[[steps]]\nkind = 'fineweb'\nmax_short_lines = 1.5",
            "short_lines must be a number from 0 to 1",
        ),
        ("paths = ['a']\n[[steps]]\nkind = 'boilerplate'\nmax_share = -0.1", "max_share must be a number from 0 to 1"),
        ("paths = ['a']\n[[steps]]\nkind = 'near-duplicates'\nbands = 0", "bands must be a whole number of at least 1"),
        ("paths = ['a']\n[[steps]]\nkind = 'unheard-of'", "There is no step 'unheard-of'"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no recipe at"):
        load(tmp_path / "none.toml")


def test_every_kind_of_the_catalogue_has_help_for_every_setting() -> None:
    for line in catalogue.describe():
        assert line.help, line.name
    for kind, cls in catalogue.CATALOGUE.items():
        assert catalogue.class_of(kind) is cls


@dataclass(frozen=True)
class Counts:
    """A step with a tuple and a path."""

    numbers: tuple[int, ...]
    file: Path


def test_what_a_survey_found_is_kept_without_pickle(tmp_path: Path) -> None:
    for step in (Known(tmp_path / "gone.txt"), Counts((1, 2), tmp_path)):
        kept = json.loads(json.dumps(to_table(step)))  # type: ignore[arg-type]
        assert from_table(kept, "step") == step


def test_steps_from_dict_and_defaults() -> None:
    recipe = from_dict({"paths": ["a"], "steps": [{"kind": "tiny_steps:Short"}]})
    assert recipe.steps == (Short(5),)
