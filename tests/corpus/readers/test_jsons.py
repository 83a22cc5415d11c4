"""JSON files in odd forms."""

from __future__ import annotations

import gzip
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


def test_a_value_beside_the_text_costs_no_record(tmp_path: Path) -> None:
    deep = "[" * 900 + "]" * 900
    lines = [
        '{"text": "a", "n": ' + "9" * 5_000 + "}",
        '{"text": "b", "half": "x\\ud800"}',
        f'{{"text": "c", "deep": {deep}}}',
    ]
    lines += ['{"text": "d", "n": NaN, "m": [Infinity]}', '{"text": "e", "n": 1, "n": 2}']
    for name, content in (("a.jsonl", "\n".join(lines)), ("b.json", f"[{','.join(lines)}]")):
        (tmp_path / name).write_text(content)
        items, bad = read_all(tmp_path / name)
        assert [item.text for item in items] == list("abcde") and not bad
        metas = [json.loads(item.meta) for item in items]
        assert metas[0] == {"n": "9" * 5_000} and metas[1] == {"half": "x?"}
        assert metas[3] == {"n": None, "m": [None]} and metas[4] == {"n": 2}


@pytest.mark.parametrize("start", [b"\x7fELF\x02\x01\x01" + bytes(9), b"\x89PNG\r\n\x1a\n", bytes(range(16)) * 3])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt", "a.jsonl.gz"])
def test_a_binary_file_under_an_ending_of_text_is_named_once(tmp_path: Path, start: bytes, name: str) -> None:
    data = start + bytes([*range(256), 10]) * 200
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    items, bad = read_all(tmp_path / name, unit=1000)
    assert not items and [item.line for item in bad] == [0]
    assert bad[0].reason.endswith(" data under another ending")
    with pytest.raises(UserError, match="which its ending does not say"):
        list(records(tmp_path / name))
