"""Readers that a recipe names: kinds and files of one's own, their settings, and what they leave out."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_readers import Starred

from hornbook.corpus.build.build import build, build_recipe
from hornbook.corpus.build.chosen import describe, from_table, to_table
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.build.recipe import CorpusRecipe, dumps, load
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.readers.catalogue import FORMATS
from hornbook.corpus.readers.record import Chosen
from hornbook.errors import UserError

TEXT = "One text.\n***\nTwo.\n***\n\n***\nThe third text.\n"


def test_a_reader_of_ones_own_file_reads_by_pattern_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.stars").write_text(TEXT)
    (tmp_path / "in/b.txt").write_text("Plain *** text.\n")
    (tmp_path / "in/c.stars").write_text("none\n")
    (tmp_path / "mine.py").write_text((Path(__file__).parents[2] / "support/tiny_readers.py").read_text())
    recipe = tmp_path / "recipe.toml"
    kind = (tmp_path / "mine.py").as_posix() + ":Starred"
    recipe.write_text(
        f"paths = ['{(tmp_path / 'in').as_posix()}']\n[[readers]]\nkind = '{kind}'\nfiles = '*.stars'\nleast = 5\n"
    )
    out = tmp_path / "corpus"
    ledger = build_recipe(load(recipe), out, Engine(workers=1))
    found = [(document.text, document.id.rpartition("/")[2]) for document in documents(open_corpus(out))]
    assert found == [("One text.", "a.stars#1"), ("The third text.", "a.stars#4"), ("Plain *** text.\n", "b.txt#1")]
    assert ledger["passed_over"] == {"records": 2, "reasons": {"too short a text": 2}}
    assert ledger["unread"]["reasons"] == {"no stars": 1}
    assert "too short a text" in (out / "report.html").read_text()
    assert load(out / "recipe.toml").readers == load(recipe).readers  # so the same command goes on
    assert build_recipe(load(recipe), out, Engine(workers=1)) == ledger


def test_readers_are_given_from_python_too(tmp_path: Path) -> None:
    (tmp_path / "a.stars").write_text(TEXT)
    chosen = [Chosen("*.stars", Starred())]
    ledger = build([], [str(tmp_path / "a.stars")], tmp_path / "out", readers=chosen, engine=Engine(workers=1))
    assert ledger["kept"]["documents"] == 3
    assert ledger["sources"][str(tmp_path / "a.stars")]["passed_over"] == {"too short a text": 1}


def test_a_chosen_reader_is_read_as_it_was_written(tmp_path: Path) -> None:
    readers = tuple(Chosen(f"*{number}", item.reader()) for number, item in enumerate(FORMATS))
    recipe = CorpusRecipe(paths=("a",), readers=(*readers, Chosen("*.stars", Starred(3))))
    path = tmp_path / "recipe.toml"
    path.write_text(dumps(recipe), encoding="utf-8")
    assert load(path) == recipe
    assert to_table(recipe.readers[-1]) == {"kind": "tiny_readers:Starred", "files": "*.stars", "least": 3}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "mediwiki"}, "There is no reader 'mediwiki'"),
        ({"kind": "jsonl"}, "There is no reader 'jsonl'. Did you mean"),
        ({"files": "*"}, r"readers\[1\] has no kind"),
        ({"kind": "zip", "files": ""}, r"readers\[1\].files must be a pattern"),
        ({"kind": "zip", "file": "*"}, r"readers\[1\] \(zip\) has no setting 'file'"),
        ({"kind": "tiny_readers:Starred", "lest": 3}, "no setting 'lest'. Did you mean 'least'"),
        ({"kind": "tiny_readers:Starred", "least": "x"}, r"readers\[1\].least must be a whole number"),
        ({"kind": "pathlib:Path"}, "is no dataclass"),
        ("zip", r"readers\[1\] must be a table \(\[\[readers\]\]"),
    ],
)
def test_a_wrong_table_is_named(table: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        from_table(table, "readers[1]")  # type: ignore[arg-type]


def test_every_reader_is_described() -> None:
    lines = describe()
    assert {line.name for line in lines if line.type == "reader"} == {item.kind for item in FORMATS}
    assert all(line.help for line in lines), [line.name for line in lines if not line.help]
    assert not [line.name for line in lines if "\n" in line.default]
