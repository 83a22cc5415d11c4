"""`data.text` and `data.fields`: a run reads the same text from the same fields, cleaned or not."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from hornbook.console import View
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.read import read
from hornbook.errors import UserError
from hornbook.prepare.clean import CLEAN, cleaned
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.recipes.sections import Budget, DataSettings


def write(folder: Path) -> Path:
    rows = [
        {"title": f"Title {n}", "body": f"Body number {n} of several, {n * 7}.", "topic": "ab"[n % 2], "url": f"http://{n}"}
        for n in range(6)
    ]  # fmt: skip
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "a.parquet")
    return folder / "a.parquet"


def test_a_pattern_on_the_command_line_and_the_fields_that_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path)
    recipe = settings.override(
        default("causal", [str(path)], Budget(steps=1)),
        ["data.text={title}\\n\\n{body}", "data.fields=topic,url", "data.clean=default"],
    )
    assert recipe.data.fields == ("topic", "url")
    (corpus,) = cleaned(recipe.data, tmp_path / "run", View(plain=True))
    clean = [(item.text, dict(item.meta)) for item in read([corpus])]
    raw = [(item.text, dict(item.meta)) for item in read([str(path)], recipe.data.text, fields=recipe.data.fields)]
    assert clean == raw and raw[0] == ("Title 0\n\nBody number 0 of several, 0.", {"topic": "a", "url": "http://0"})


def test_a_clean_corpus_of_other_fields_is_not_taken_for_this_one(tmp_path: Path) -> None:
    path = write(tmp_path)
    data = DataSettings(paths=(str(path),), clean="default", text="body", fields=("topic",))
    cleaned(data, tmp_path / "run", View(plain=True))
    assert cleaned(data, tmp_path / "run", View(plain=True)) == (str(tmp_path / "run" / CLEAN),)
    with pytest.raises(UserError, match="another recipe built"):
        cleaned(DataSettings(paths=(str(path),), clean="default", text="title"), tmp_path / "run", View(plain=True))


def test_fields_of_a_recipe_of_cleaning_hold_unless_the_run_names_its_own(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "clean.toml").write_text('paths = ["x"]\ntext = "body"\nfields = ["url"]\n')
    for number, (fields, kept) in enumerate((((), {"url"}), (("topic",), {"topic"}))):
        data = DataSettings(paths=(str(path),), clean=str(tmp_path / "clean.toml"), fields=fields)
        (corpus,) = cleaned(data, tmp_path / str(number), View(plain=True))
        assert {*next(documents(open_corpus(Path(corpus)))).meta} == kept


@pytest.mark.parametrize("text", ["{title", "{}"])
def test_a_wrong_pattern_is_refused_by_a_run(text: str) -> None:
    with pytest.raises(UserError, match="pattern"):
        DataSettings(text=text)


def test_an_old_recipe_without_fields_is_read(tmp_path: Path) -> None:
    recipe = settings.to_dict(default("causal", ["a.txt"], Budget(steps=1)))
    del recipe["data"]["fields"]
    assert settings.from_dict(json.loads(json.dumps(recipe))).data.fields == ()
