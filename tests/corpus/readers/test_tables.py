"""Rows of tables in odd forms."""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa
import pytest
from corpus_reading import read_all, reasons
from pyarrow import ipc, parquet

from hornbook.corpus.readers.formats import records
from hornbook.errors import UserError


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_lines_that_end_in_carriage_returns_alone(tmp_path: Path, name: str) -> None:
    between = "," if name == "a.csv" else "\t"
    (tmp_path / name).write_bytes(f"id{between}text\r1{between}one\r2{between}two\r3\r".encode())
    items, bad = read_all(tmp_path / name)
    assert [item.text for item in items] == ["one", "two"] and reasons(bad) == [(4, "another number of columns")]


def test_an_open_quote_is_named_with_the_line_it_stands_in(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,text\n1,"two\nlines"\n2,"open\n3,c\n4,d\n')
    items, bad = read_all(tmp_path / "a.csv")
    assert [item.text for item in items] == ["two\nlines"] and reasons(bad) == [(4, "not valid CSV")]


def test_two_columns_of_the_name_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,text\none,two\n")
    table = pa.Table.from_arrays([pa.array(["one"]), pa.array(["two"])], names=["text", "text"])
    parquet.write_table(table, tmp_path / "b.parquet")
    items, bad = read_all(tmp_path)
    assert not items and [item.reason for item in bad] == ['several columns "text"'] * 2
    with pytest.raises(UserError, match="several columns"):
        list(records(tmp_path / "a.csv"))


def test_a_column_of_bytes_is_no_text(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": [b"bytes", b"more"]}), tmp_path / "a.parquet")
    items, bad = read_all(tmp_path / "a.parquet")
    assert not items and [item.reason for item in bad] == ['"text" holds bytes']


def test_a_row_that_is_no_utf8_costs_that_row_alone(tmp_path: Path) -> None:
    broken = pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("<ii", 0, 4)), pa.py_buffer(b"\xff\xfeab"))
    table = pa.table({"text": pa.concat_arrays([pa.array(["one", "two"]), broken, pa.array(["four"])])})
    parquet.write_table(table, tmp_path / "a.parquet")
    with ipc.new_file(tmp_path / "b.arrow", table.schema) as writer:
        writer.write_table(table)
    for name in ("a.parquet", "b.arrow"):
        items, bad = read_all(tmp_path / name)
        assert [(item.text, item.id.rpartition("#")[2]) for item in items] == [
            ("one", "1"),
            ("two", "2"),
            ("four", "4"),
        ]
        assert reasons(bad) == [(3, "not UTF-8")]
        with pytest.raises(UserError, match="row 3 is not UTF-8"):
            list(records(tmp_path / name))
