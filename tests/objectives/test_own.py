"""Objectives of a person's own: found by name, saved with the hash of their source, refused in words."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from small_vocab import vocabulary

from hornbook import api
from hornbook.errors import Notice, UserError
from hornbook.objectives.catalogue import build, class_of, kind_of, settings
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.recipes.named import default
from hornbook.recipes.settings import load_recipe, override, save_recipe, to_dict
from hornbook.vocab import EMPTY

# An encoder's objective with the name of one of ours, and an encoder-decoder's.
SOURCE = """
from __future__ import annotations
from dataclasses import dataclass
from hornbook.objectives import masked, span_corruption

@dataclass(frozen=True)
class Masked(masked.Masked):
    often: int = 2

@dataclass(frozen=True)
class Spans(span_corruption.SpanCorruption):
    pass
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of objectives in the current folder, of which nothing is left afterwards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "masked.py").write_text(SOURCE)
    yield tmp_path / "masked.py"
    for name in [name for name in sys.modules if name.endswith(".py") or name == "beside"]:
        del sys.modules[name]


def test_its_name_is_kept_even_if_it_is_called_like_one_of_ours(own):
    built = build("masked.py:Masked", {"often": "5", "rate": 0.3}, vocabulary())
    assert type(built) is class_of("masked.py:Masked") is not Masked
    assert (built.often, built.rate, kind_of(built)) == (5, 0.3, "masked.py:Masked")
    assert settings(built)["source"].startswith("sha256:")
    assert build(kind_of(built), settings(built), vocabulary()) == built
    assert kind_of(Masked()) == "masked"


def test_a_module_is_found_from_the_current_folder(own):
    own.rename("beside.py")
    assert kind_of(build("beside:Masked", {}, EMPTY)) == "beside:Masked"


def test_it_stands_inside_others(own):
    recipe = override(default("nsp"), ["objective.objective=masked.py:Masked", "objective.objective.often=3"])
    assert isinstance(recipe.objective, SentencePairs) and recipe.objective.objective.often == 3
    assert (
        override(default("nsp"), ["objective.objective.kind=masked.py:Masked", "objective.objective.often=3"]) == recipe
    )
    assert to_dict(recipe)["objective"]["objective"]["source"].startswith("sha256:")
    assert isinstance(build("joined", {"objective": "masked.py:Spans"}, EMPTY), Joined)
    mixed = build("mixture", {"objectives": "masked.py:Masked,masked"}, EMPTY)
    assert isinstance(mixed, Mixture) and mixed.objectives[1] == Masked()
    assert build("mixture", settings(mixed), EMPTY) == mixed


def test_a_recipe_has_its_name_and_hash_and_a_changed_source_is_told_once(own, tmp_path):
    recipe = override(default("masked.py:Masked"), ["objective.often=7"])
    save_recipe(recipe, tmp_path / "recipe.toml")
    assert '[objective]\nkind = "masked.py:Masked"\nsource = "sha256:' in (tmp_path / "recipe.toml").read_text()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_recipe(tmp_path / "recipe.toml") == recipe
    own.write_text(SOURCE + "# changed\n")
    with pytest.warns(Notice, match=r"The source of masked.py:Masked has changed since it was saved") as told:
        again = load_recipe(tmp_path / "recipe.toml")
    assert len(told) == 1 and again.objective.often == 7
    assert settings(recipe.objective)["source"] != settings(again.objective)["source"], "each has that of its own class"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            settings(override(again, ["objective.often=8"]).objective)["source"] == settings(again.objective)["source"]
        )


def test_a_missing_file_is_told_with_the_place(own, tmp_path):
    save_recipe(default("masked.py:Masked"), tmp_path / "recipe.toml")
    own.unlink()
    with pytest.raises(
        UserError, match=rf"recipe.toml: masked.py, which .* names, cannot be read \(.*{tmp_path}/masked"
    ):
        load_recipe(tmp_path / "recipe.toml")


def test_an_instance_serves_the_front_door_if_its_class_is_at_the_top_of_a_file(own):
    built = replace(class_of("masked.py:Masked")(), often=9)
    assert api.recipe(objective=built).objective == built
    assert api.default_directory(api.recipe(objective=built)).name.endswith("-Masked")
    assert api.objective("masked.py:Masked", often=9) == built

    @dataclass(frozen=True)
    class Mine(Masked):
        pass

    with pytest.raises(UserError, match=r"The class Mine is not at the top of a file, .* my\.py:Mine"):
        api.recipe(objective=Mine())
    with pytest.raises(UserError, match="The class Mine is not at the top of a file"):
        api.recipe(objective=SentencePairs(Mine()))


def test_a_class_of_a_notebook_is_refused(own):
    cell: dict[str, object] = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(sys.modules["__main__"], "__file__", raising=False)
        exec(SOURCE, cell)
        with pytest.raises(UserError, match="The class Spans is not at the top of a file"):
            api.recipe(objective=cell["Spans"]())


def test_a_script_that_is_running_is_named_by_its_path_and_not_run_again(own):
    main = sys.modules["__main__"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "__file__", str(own), raising=False)
        exec(SOURCE.replace("from __future__ import annotations", ""), vars(main))
        own.write_text("raise SystemExit('it was run again')")
        recipe = api.recipe(objective=main.Masked(often=4))
        assert kind_of(recipe.objective) == "masked.py:Masked"
        assert class_of("masked.py:Masked") is main.Masked
        del main.Masked, main.Spans


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("class Mine: ...", "is no objective: it lacks @dataclass(frozen=True), vocab, topology, heads,"),
        (
            "from hornbook.objectives.causal import Causal\nfrom dataclasses import dataclass, field\n"
            "@dataclass(frozen=True)\nclass Mine:\n  often: int\n  vocab: object = None\n"
            "  topology = heads = prompting = overlap = noise_period = boundary_tokens = None\n"
            "  requirements = target_length = check = Causal.check\n",
            "is no objective: it lacks row_length, __call__, a default of often.",
        ),
        (
            "from hornbook.objectives.causal import Causal\nfrom dataclasses import dataclass\n"
            "@dataclass(frozen=True)\nclass Mine(Causal):\n  kind: int = 3\n",
            "has a setting 'kind', which is a word of recipes",
        ),
        (
            "from hornbook.objectives.causal import Causal\nfrom dataclasses import dataclass\n"
            "@dataclass(frozen=True)\nclass Mine(Causal):\n  often: 'Count' = 3\n",
            "The types of the settings of my.py:Mine cannot be read: name 'Count' is not defined",
        ),
    ],
)
def test_what_is_no_objective_is_told_what_it_lacks(own, source, says):
    Path("my.py").write_text(source)
    with pytest.raises(UserError) as caught:
        default("my.py:Mine")
    assert says in str(caught.value)
