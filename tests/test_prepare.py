import json

import pytest
from pyarrow import parquet

from hornbook import settings
from hornbook.artifacts import read_json
from hornbook.console import View
from hornbook.errors import UserError
from hornbook.prepare import CLEAN, prepare
from hornbook.recipe import Budget
from hornbook.recipes import default


def recipe_of(path, *assignments):
    sizes = ["model.width=16", "model.layers=1", "model.heads=1", "model.max_length=32", "model.mlp_width=16"]
    return settings.override(default("causal", [str(path)], Budget(steps=1)), [*sizes, *assignments])


@pytest.fixture
def text(tmp_path):
    lines = [{"text": f"Text number {number} of some that are all different, " * 5} for number in range(20)]
    lines += [{"text": lines[0]["text"].upper()}, {"text": "caf\u00c3\u00a9 " * 9}]
    path = tmp_path / "text.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    return path


def test_text_is_cleaned_first_where_the_recipe_asks_for_it(text, tmp_path, capsys):
    directory = tmp_path / "run"
    directory.mkdir()
    prepared = prepare(recipe_of(text, "data.clean=default"), directory, View(plain=True))
    assert prepared.text.documents < 22
    assert "cleaned first, by repair, normalise, exact-duplicates, near-duplicates" in capsys.readouterr().out
    assert read_json(directory / CLEAN / "ledger.json", "ledger")
    kept = "".join(parquet.read_table(path)["text"].to_pylist()[-1] for path in (directory / CLEAN).rglob("*.parquet"))
    assert "caf\u00e9" in kept
    again = prepare(recipe_of(text, "data.clean=default"), directory, View(plain=True))
    assert again.store.hashes.tolist() == prepared.store.hashes.tolist()


def test_steps_of_a_recipe_are_taken_and_its_paths_are_not(text, tmp_path):
    recipe = tmp_path / "steps.toml"
    recipe.write_text('paths = ["elsewhere"]\n[[steps]]\nkind = "exact-duplicates"\n')
    directory = tmp_path / "run"
    directory.mkdir()
    prepared = prepare(recipe_of(text, f"data.clean={recipe}"), directory, View(plain=True))
    assert prepared.text.documents == 21


def test_as_it_is_a_broken_line_is_refused(text, tmp_path):
    with pytest.raises(UserError, match="line 23, is not valid JSON"):
        prepare(recipe_of(text), tmp_path, View(plain=True))
    with pytest.raises(UserError, match="no recipe at"):
        prepare(recipe_of(text, "data.clean=defualt"), tmp_path, View(plain=True))
