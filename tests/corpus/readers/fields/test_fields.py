"""Which field is the text and which others are kept, in every format that has fields."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from corpus_reading import read_all
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from hornbook.corpus.build.build import build_recipe
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.build.recipe import CorpusRecipe
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.read import read
from hornbook.corpus.readers.fields.choose import at, kept, pattern_of, taken
from hornbook.errors import UserError

ROWS = [
    {"title": "One", "body": "First words.", "url": "http://a/1", "more": {"text": "Inner.", "n": 1}},
    {"title": None, "body": "Second words.", "url": "http://a/2", "more": {"text": "Other.", "n": 2}},
]
FLAT = [{name: value for name, value in row.items() if name != "more"} for row in ROWS]


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def array(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(rows))


def separated(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def columns(path: Path, rows: list[dict[str, Any]]) -> None:
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def arrow(path: Path, rows: list[dict[str, Any]]) -> None:
    table = pyarrow.Table.from_pylist(rows)
    with ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    "a.jsonl": lines, "a.json": array, "a.csv": separated, "a.parquet": columns, "a.arrow": arrow,
}  # fmt: skip
NESTED = ["a.jsonl", "a.json", "a.parquet", "a.arrow"]


def both(path: Path, field: str, fields: tuple[str, ...] = ()) -> list[list[tuple[str, dict[str, Any]]]]:
    """Return texts and fields as they are read strictly, and by a build."""
    strict = [(item.text, dict(item.meta)) for item in read([str(path)], field, fields=fields)]
    items, bad = read_all(path, field=field, fields=fields)
    assert bad == []
    return [strict, [(item.text, json.loads(item.meta)) for item in items]]


@pytest.mark.parametrize("name", WRITERS)
def test_a_field_of_another_name_is_the_text_and_others_are_kept(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, FLAT)
    empty = "" if name == "a.csv" else None
    for found in both(tmp_path / name, "body", ("url", "title")):
        assert found == [
            ("First words.", {"url": "http://a/1", "title": "One"}),
            ("Second words.", {"url": "http://a/2", "title": empty}),
        ]


@pytest.mark.parametrize("name", WRITERS)
def test_fields_are_joined_by_a_pattern(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, FLAT)
    for field in ("{title}\n\n{body}", "{title}\\n\\n{body}"):
        for found in both(tmp_path / name, field, ("url", "title")):
            assert [text for text, _ in found] == ["One\n\nFirst words.", "Second words."]
            assert found[0][1] == {"url": "http://a/1", "title": "One"}
    items, _ = read_all(tmp_path / name, field="{title}: {body}")
    assert json.loads(items[0].meta) == {"url": "http://a/1"}  # what became text is no longer a field


@pytest.mark.parametrize("name", NESTED)
def test_a_field_inside_another_is_the_text(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, ROWS)
    for found in both(tmp_path / name, "more.text", ("more.n", "title")):
        assert found == [("Inner.", {"more.n": 1, "title": "One"}), ("Other.", {"more.n": 2, "title": None})]
    items, _ = read_all(tmp_path / name, field="more.text")
    assert json.loads(items[0].meta)["more"] == {"n": 1}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("field", ["boddy", "{title} {boddy}"])
def test_an_unknown_field_of_the_text_says_which_there_are(tmp_path: Path, name: str, field: str) -> None:
    WRITERS[name](tmp_path / name, FLAT)
    told = r'has no (field|column) "boddy" \(its (fields|columns): title, body, url\)\. Did you mean \'body\'\?'
    with pytest.raises(UserError, match=told):
        list(read([str(tmp_path / name)], field))
    items, bad = read_all(tmp_path / name, field=field)
    assert (
        not items and all(item.reason.endswith(' "boddy"') for item in bad) and bad[0].detail.count("Did you mean") == 1
    )


@pytest.mark.parametrize("name", WRITERS)
def test_an_unknown_field_to_be_kept_says_which_there_are(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, FLAT)
    told = r"has no field \"titel\" to be kept \(its fields: .*title.*\)\. Did you mean 'title'\?"
    with pytest.raises(UserError, match=told):
        list(read([str(tmp_path / name)], "body", fields=("url", "titel")))
    with pytest.raises(UserError, match=told):
        recipe = CorpusRecipe(paths=(str(tmp_path / name),), text="body", fields=("url", "titel"))
        build_recipe(recipe, tmp_path / "corpus", Engine(workers=1))
    # The same place takes the corrected recipe, and the text is never lost over a field that one file lacks.
    lines(tmp_path / "b.jsonl", [{"body": "Words without an address."}])
    paths = (str(tmp_path / name), str(tmp_path / "b.jsonl"))
    build_recipe(CorpusRecipe(paths=paths, text="body", fields=("url",)), tmp_path / "corpus", Engine(workers=1))
    found = [dict(item.meta) for item in documents(open_corpus(tmp_path / "corpus"))]
    assert found == [{"url": "http://a/1"}, {"url": "http://a/2"}, {}]


def test_parquet_reads_only_the_columns_that_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns(tmp_path / "a.parquet", ROWS)
    asked: list[list[str]] = []
    real = parquet.ParquetFile.iter_batches

    def watched(self: Any, *args: Any, columns: list[str], **more: Any) -> Any:
        asked.append(columns)
        return real(self, *args, columns=columns, **more)

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", watched)
    both(tmp_path / "a.parquet", "body", ("more.n",))
    list(read([str(tmp_path / "a.parquet")], "body"))
    assert asked == [["body", "more"], ["body", "more"], ["body"]]


@pytest.mark.parametrize("field", ["{title", "title}", "{}", "{title!r}", "{body:>10}", "{{title}}", "a {0} {}"])
def test_a_wrong_pattern_is_refused_before_anything_is_read(field: str) -> None:
    with pytest.raises(UserError, match="pattern"):
        CorpusRecipe(paths=("a.jsonl",), text=field)


def test_a_pattern_takes_numbers_and_names_what_is_no_text(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", [{"year": 1999, "body": "Words."}, {"year": [1], "body": "x"}])
    items, bad = read_all(tmp_path / "a.jsonl", field="{year}: {body}")
    assert [item.text for item in items] == ["1999: Words."]
    assert [item.reason for item in bad] == ['"{year}: {body}" holds list']


def test_a_name_with_dots_is_that_field_where_it_is_one() -> None:
    assert at({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert at({"a.b": {"c": 3}}, "a.b.c") == 3 and at({"a": '{"b": {"c": 4}}'}, "a.b.c") == 4
    assert taken({"a": '{"b": "Text.", "c": 1}'}, "a.b") == ("Text.", {"a": {"c": 1}})


_VALUES = st.none() | st.text(max_size=5) | st.integers(-5, 5) | st.dictionaries(st.text("ab.", max_size=3), st.text())


@given(
    st.dictionaries(st.text("ab.t", min_size=1, max_size=3), _VALUES, max_size=5),
    st.text("ab.t", min_size=1, max_size=4),
)
def test_what_is_taken_and_what_is_left_are_the_record(record: dict[str, Any], name: str) -> None:
    try:
        text, rest = taken(dict(record), name)
    except Exception as error:
        assert type(error).__name__ == "NoField"
        return
    assert text == at(record, name) and kept(rest, [name]) in ({}, {name: at(rest, name)})
    assert {key: value for key, value in rest.items() if key not in name} == {
        key: value for key, value in record.items() if key not in name
    }
    assert name not in rest


def test_a_pattern_has_its_parts() -> None:
    assert pattern_of("text") == () and pattern_of("{a}{b.c}!") == (("", "a"), ("", "b.c"), ("!", ""))
