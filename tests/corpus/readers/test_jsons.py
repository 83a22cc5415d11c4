"""JSON files in odd forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from corpus_reading import read_all, reasons

from hornbook.corpus.readers.formats import records
from hornbook.errors import UserError


def test_lines_that_end_in_carriage_returns_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\r{"text": "two"}\r{broken\r{"text": "four"}\r')
    items, bad = read_all(path)
    assert [(item.text, item.id) for item in items] == [
        ("one", f"{path}#1"),
        ("two", f"{path}#2"),
        ("four", f"{path}#4"),
    ]
    assert reasons(bad) == [(3, "not valid JSON")]
    path.write_bytes(b'{"text":\r "one"}\r\n{"text": "two"}\n')
    assert [item.text for item in read_all(path)[0]] == ["one", "two"]


def test_what_stands_behind_an_array_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"text": "in"}] \n' + " " * (3 << 20) + '{"text": "behind"}')
    items, bad = read_all(path)
    assert [item.text for item in items] == ["in"] and reasons(bad) == [(2, "more behind a JSON array")]
    with pytest.raises(UserError, match="more behind its array"):
        list(records(path))
    path.write_text('[{"text": "in"}] \n' + " " * (3 << 20))
    items, bad = read_all(path)
    assert [item.text for item in items] == ["in"] and not bad


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "NaN Infinity", "a": NaN, "b": [-Infinity, 1e999, 2], "c": "NaN"}\n')
    items, bad = read_all(path)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert [json.loads(item.meta, parse_constant=refuse) for item in items] == [
        {"a": None, "b": [None, None, 2], "c": "NaN"}
    ]
    assert not bad
