"""Every file format, whole and hostile."""

from __future__ import annotations

import gzip
import json
import sys
import tracemalloc
from pathlib import Path

import pytest

from hornbook.corpus.read import read
from hornbook.errors import UserError


def texts(path: Path) -> list[str]:
    return [document.text for document in read([str(path)])]


def json_lines(*values: object) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def compress(data: bytes, ending: str) -> bytes:
    if ending == ".gz":
        return gzip.compress(data)
    return pytest.importorskip("zstandard").ZstdCompressor().compress(data) if ending == ".zst" else data


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_text_and_json_lines_read_the_same_when_compressed(tmp_path: Path, ending: str) -> None:
    text = "Zwölf Boxkämpfer.\r\n\r\n" * 400
    book, lines = tmp_path / f"book.txt{ending}", tmp_path / f"lines.JSONL{ending}"
    book.write_bytes(compress(text.encode(), ending))
    lines.write_bytes(compress(json_lines({"text": "one"}, {"text": "two"}), ending))
    assert "".join(texts(book)) == text
    assert texts(lines) == ["one", "two"]


def test_a_text_file_s_sections_join_to_its_text_and_are_numbered(tmp_path: Path) -> None:
    text = "A paragraph.\r\n\r\n" * 1_000 + "\n" * 9_000 + "The end. 🂡"
    path = tmp_path / "book.rst"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    documents = list(read([str(path)]))
    assert "".join(document.text for document in documents) == text
    assert [document.id for document in documents] == [f"{path}#{n}" for n in range(1, len(documents) + 1)]
    assert {document.source for document in documents} == {str(path)}


def test_json_lines_keep_other_fields_and_pass_over_blank_lines_and_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"text": "one", "url": "u"}\r\n\r\n'
        b'{"text": " \\n"}\n{"text": null}\n{"text": "nul \\u0000 \\ud83c\\udca1"}'
    )
    first, last = read([str(path)])
    assert (first.text, first.id, dict(first.meta)) == ("one", f"{path}#1", {"url": "u"})
    assert (last.text, last.id) == ("nul \0 🂡", f"{path}#5")


def test_a_line_longer_than_a_block_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    long = "word " * 700_000
    path.write_bytes(gzip.compress(json_lines({"text": "short"}, {"text": long}, {"text": "short"})))
    assert texts(path) == ["short", long, "short"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "cut', "line 2, is not valid JSON"),
        (b"{'text': 'python'}", "line 2, is not valid JSON"),
        (b"[" * 200_000, "line 2, is not valid JSON"),
        (b'{"text": "\xff"}', "line 2, is not UTF-8"),
        (b'"text"', "line 2, is not an object"),
        (b'{"content": "a", "id": 1}', r'line 2, has no field "text" \(its fields: content, id\)'),
        (b"{}", r"its fields: none"),
        (b'{"text": ["a"]}', "line 2: .* holds list instead of a string"),
        (b'{"text": "half \\ud83d"}', r"line 2: .* surrogate pair \('\\ud83d'\)"),
    ],
)
def test_a_broken_json_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"text": "good"}\n' + line + b"\n")
    documents = read([str(path)])
    assert next(documents).text == "good"
    with pytest.raises(UserError, match=message) as caught:
        next(documents)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"text \0 text", "NUL bytes"),
        ("text".encode("utf-16"), "NUL bytes"),
        (b"line\nline\ncaf\xe9\n", r"not UTF-8 text \(line 3\)"),
        (b"ends inside a letter \xc3", r"not UTF-8 text \(line 1\)"),
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
    ],
)
def test_a_text_file_without_utf8_text_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        texts(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_cut_changed_or_misnamed_compression_is_refused(tmp_path: Path, name: str, ending: str) -> None:
    path = tmp_path / (name + ending)
    whole = compress(json_lines(*({"text": f"{number**9}"} for number in range(2_000))), ending)
    # Cut everywhere that matters: within the header, the data, the last byte of the checksum.
    for data in (whole[:3], whole[:9], whole[: len(whole) // 2], whole[:-1], b"plain text\n", whole + b"rest"):
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"gzip|zstd") as caught:
            texts(path)
        assert str(path) in str(caught.value)
    path.write_bytes(compress(b"", ending))
    with pytest.raises(UserError, match="is empty"):
        texts(path)


def test_several_compressed_members_are_one_file(tmp_path: Path) -> None:
    lines = [json_lines({"text": "one"}), json_lines({"text": "two"})]
    for ending in (".gz", ".zst"):
        path = tmp_path / f"a.jsonl{ending}"
        path.write_bytes(b"".join(compress(line, ending) for line in lines))
        assert texts(path) == ["one", "two"]


def test_parquet_reads_the_column_text(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    column = ["one", None, " ", "four"] * 300
    for kind in (arrow.string(), arrow.large_string(), arrow.dictionary(arrow.int32(), arrow.string())):
        table = arrow.table({"n": range(1_200), "text": arrow.array(column).cast(kind)})
        parquet.write_table(table, path, row_group_size=500)
        documents = list(read([str(path)]))
        assert [document.text for document in documents] == ["one", "four"] * 300
        assert [document.id for document in documents][:3] == [f"{path}#1", f"{path}#4", f"{path}#5"]


def test_broken_parquet_is_refused(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"

    def refused(message: str) -> None:
        with pytest.raises(UserError, match=message) as caught:
            texts(path)
        assert str(path) in str(caught.value)

    parquet.write_table(arrow.table({"text": ["one", "two"] * 500}), path)
    whole = path.read_bytes()
    for data in (whole[:-1], whole[: len(whole) // 2], b"", b"plain text", b"PAR1" + b"\xff" * 80 + b"PAR1"):
        path.write_bytes(data)
        refused("cannot be read as parquet")
    parquet.write_table(arrow.table({"content": ["one"], "id": [1]}), path)
    refused(r'no column "text" \(its columns: content, id\)')
    parquet.write_table(arrow.table({"text": [[1], [2]]}), path)
    refused("row 1: .* holds list instead of a string")
    offsets, letters = b"\0\0\0\0\4\0\0\0\x08\0\0\0", b"goodcaf\xe9"
    bad = arrow.StringArray.from_buffers(2, arrow.py_buffer(offsets), arrow.py_buffer(letters))
    parquet.write_table(arrow.table({"text": bad}), path)
    refused("not UTF-8")


@pytest.mark.parametrize(("name", "library"), [("a.parquet", "pyarrow"), ("a.txt.zst", "zstandard")])
def test_a_missing_library_names_the_pip_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=r"pip install 'hornbook\[(parquet|zstd)\]'"):
        texts(tmp_path / name)


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_memory_does_not_grow_with_json_lines(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(compress(json_lines({"text": "word " * 200}) * 20_000, ending))  # 20 MB unpacked
    tracemalloc.start()
    try:
        assert sum(1 for _ in read([str(path)])) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    table = arrow.table({"text": [f"{number}" * 500 for number in range(20_000)]})
    parquet.write_table(table, path, row_group_size=1_000, compression="none", use_dictionary=False)
    del table
    assert path.stat().st_size > 40e6
    before = arrow.total_allocated_bytes()
    assert max(arrow.total_allocated_bytes() - before for _ in read([str(path)])) < 12e6
