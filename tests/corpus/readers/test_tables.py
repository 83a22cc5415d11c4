"""Rows of tables in odd forms."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

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
    assert bad[0].records == 3 and "lines 4 to 6, are not valid" in bad[0].detail


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


TEXTS = [f"words of row {number}" for number in range(600)]
NULLS = [None] * 600


def odd_columns() -> dict[str, Any]:
    """Return columns that each have a value at row 300 that Python cannot hold, or a type that is rare."""
    numbers = list(range(600))

    def at_300(value: int, kind: pa.DataType) -> pa.Array:
        return pa.array([value if number == 300 else 1 for number in numbers], pa.int64()).cast(kind)

    return {
        "far": at_300(2**62, pa.timestamp("us")),
        "fine": at_300(1_001, pa.timestamp("ns")),
        "day": pa.array([2**31 - 1 if number == 300 else 1 for number in numbers], pa.int32()).cast(pa.date32()),
        "clock": at_300(1_001, pa.time64("ns")),
        "span": at_300(2**62, pa.duration("s")),
        "nested": pa.StructArray.from_arrays([at_300(2**62, pa.timestamp("us"))], ["when"]),
        "exact": pa.array(numbers).cast(pa.decimal256(40, 2)),
        "named": pa.array(["a"] * 600).dictionary_encode(),
        "map": pa.array([[("k", 1)]] * 600, pa.map_(pa.string(), pa.int64())),
        "none": pa.nulls(600),
        "raw": pa.array([b"\xff"] * 600),
        "n": pa.array(numbers),
    }


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize("name", odd_columns())
def test_a_value_beside_the_text_costs_no_row(tmp_path: Path, ending: str, name: str) -> None:
    path = tmp_path / f"a.{ending}"
    table = pa.table({"text": TEXTS, name: odd_columns()[name], "last": range(600)})
    try:
        if ending == "parquet":
            parquet.write_table(table, path, version="2.6", coerce_timestamps=None)
        else:
            with ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pytest.skip("the format has no such column")
    items, bad = read_all(path)
    assert [item.text for item in items] == TEXTS and not bad
    assert [json.loads(item.meta)["last"] for item in items] == list(range(600))
    if name in ("far", "day"):
        assert json.loads(items[300].meta)[name] is None and json.loads(items[299].meta)[name]


@pytest.mark.parametrize("kind", ["large_string", "string_view", "dictionary", "run_end_encoded"])
def test_text_of_every_kind_of_string_is_read(tmp_path: Path, kind: str) -> None:
    column = pa.array(TEXTS)
    if kind == "run_end_encoded":
        column = pa.compute.run_end_encode(column)
    else:
        column = column.dictionary_encode() if kind == "dictionary" else column.cast(getattr(pa, kind)())
    with ipc.new_file(tmp_path / "a.arrow", pa.schema([("text", column.type)])) as writer:
        writer.write_table(pa.table({"text": column}))
    items, bad = read_all(tmp_path / "a.arrow")
    assert [item.text for item in items] == TEXTS and not bad


def test_a_damaged_column_beside_the_text_costs_that_column_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": TEXTS, "url": [f"u{number}" for number in range(600)], "n": range(600)})
    parquet.write_table(table, path, row_group_size=300, use_dictionary=False)
    facts = parquet.read_metadata(path).row_group(0).column(1)
    data = bytearray(path.read_bytes())
    data[facts.data_page_offset : facts.data_page_offset + facts.total_compressed_size] = (
        b"\xff" * facts.total_compressed_size
    )
    path.write_bytes(bytes(data))
    items, bad = read_all(path)
    assert [item.text for item in items] == TEXTS
    assert [(item.reason, item.records) for item in bad] == [("damaged column", 0)]
    assert json.loads(items[5].meta) == {"n": 5} and json.loads(items[305].meta) == {"url": "u305", "n": 305}


def test_a_damaged_row_group_counts_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": TEXTS}), path, row_group_size=300, use_dictionary=False)
    facts = parquet.read_metadata(path).row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[facts.data_page_offset : facts.data_page_offset + 50] = b"\xff" * 50
    path.write_bytes(bytes(data))
    items, bad = read_all(path)
    assert [item.text for item in items] == TEXTS[300:]
    assert [(item.line, item.records) for item in bad] == [(1, 300)] and "rows 1 to 300" in bad[0].detail


def test_columns_of_one_name_are_kept_apart_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("url,text,url,url_2\na,words,b,c\n")
    columns = [pa.array([value]) for value in ("a", "words", "b", "c")]
    parquet.write_table(pa.Table.from_arrays(columns, ["url", "text", "url", "url_2"]), tmp_path / "b.parquet")
    items, bad = read_all(tmp_path)
    assert [json.loads(item.meta) for item in items] == [{"url": "a", "url_3": "b", "url_2": "c"}] * 2
    assert [(item.reason, item.records) for item in bad] == [("several columns of one name", 0)] * 2


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_other_signs_between_columns(tmp_path: Path, sign: str) -> None:
    (tmp_path / "a.csv").write_text(f'\ufeffid{sign}text\n1{sign}"a, b"\n')
    items, bad = read_all(tmp_path / "a.csv")
    assert [item.text for item in items] == ["a, b"] and not bad


def test_a_file_without_the_column_names_those_it_has_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,body\n1,words\n")
    with pytest.raises(UserError, match=r'no column "text" \(its columns: id, body\).*data\.text=COLUMN'):
        list(records(tmp_path / "a.csv"))
