"""Hostile files: sound documents come through once and unchanged, everything else is named with its reason."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from corpus_reading import UNIT, read_all, reasons
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from hornbook.corpus.readers.reading import read_unit
from hornbook.corpus.readers.units import discover, group
from hornbook.errors import UserError

# Long and different, so that a file that is cut has many of them before the cut.
TEXTS = [f"Document {number}: {os.urandom(60).hex()} äöü 木 <|endoftext|> [MASK] </s>" for number in range(400)]


def lines(texts: list[str]) -> bytes:
    return b"".join(json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n" for text in texts)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_files_that_are_cut_give_what_stands_before_the_cut(tmp_path: Path, ending: str) -> None:
    pack = PACKERS[ending]
    whole = tmp_path / f"whole.jsonl{ending}"
    whole.write_bytes(pack(lines(TEXTS[:200])) + pack(lines(TEXTS[200:])))
    assert [item.text for item in read_all(whole)[0]] == TEXTS
    cut = tmp_path / f"cut.jsonl{ending}"
    cut.write_bytes(pack(lines(TEXTS[:200])) + pack(lines(TEXTS[200:]))[:-300])
    items, bad = read_all(cut)
    assert 200 <= len(items) < 400 and [item.text for item in items] == TEXTS[: len(items)]
    assert "data is cut or changed" in bad[-1].reason and bad[-1].file == str(cut)
    misnamed = tmp_path / f"plain.jsonl{ending}"
    misnamed.write_bytes(lines(TEXTS))
    items, bad = read_all(misnamed)
    assert not items and len(bad) == 1 and bad[0].reason.startswith("not a whole")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_zeros_behind_a_packed_file_are_padding_and_other_bytes_are_named(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / ("a.jsonl.gz" if pack is gzip.compress else "a.jsonl.bz2")
    path.write_bytes(pack(lines(TEXTS)) + b"\0" * 100)
    assert [item.text for item in read_all(path)[0]] == TEXTS and not read_all(path)[1]
    path.write_bytes(pack(lines(TEXTS)) + b"more")
    items, bad = read_all(path)
    assert [item.text for item in items] == TEXTS and "not a whole" in bad[0].reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "not valid JSON"),
        (b"[1, 2]", "not an object"),
        (b'{"other": "x"}', 'no field "text"'),
        (b'{"text": 3}', '"text" holds int'),
        (b'{"text": null}', "blank text"),
        (b'{"text": " \\n "}', "blank text"),
        (b'{"text": "\\ud800"}', "half of a surrogate pair"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"text": "x\0y"}', "not valid JSON"),
        (b'{"text": "\xff\xfe\x81\x8d\x9d"}', "unknown encoding"),
    ],
    ids=str,
)
def test_a_broken_line_is_named_and_its_neighbours_come_through(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(TEXTS[:2]) + line + b"\n" + lines(TEXTS[2:4]))
    items, bad = read_all(path)
    assert [item.text for item in items] == TEXTS[:4]
    assert [item.id for item in items] == [f"{path}#{number}" for number in (1, 2, 4, 5)]
    assert [(item.line, item.file, item.source) for item in bad] == [(3, str(path), str(path))]
    assert bad[0].reason.startswith(reason)


def test_line_ends_marks_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + lines(TEXTS[:3]).replace(b"\n", b"\r\n\r\n"))
    items, bad = read_all(path)
    assert [item.text for item in items] == TEXTS[:3] and not bad
    for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        path.write_bytes(lines(TEXTS[:3]).decode().encode(codec))
        if codec != "utf-16-be":
            assert [item.text for item in read_all(path)[0]] == TEXTS[:3], codec


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_texts_in_other_unicode_encodings_are_read(tmp_path: Path, codec: str) -> None:
    text = "A line of plain English words, and some in German: Wörter für alle.\r\n" * 20
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(codec))
    items, bad = read_all(path)
    assert "".join(item.text for item in items) == text and not bad


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1252", "Le café était fermé, mais l’élève français a mangé une crêpe à côté de la forêt. "),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy, a děkuji vám za vaši milou návštěvu. "),
        ("cp1251", "Съешь же ещё этих мягких французских булок, да выпей чаю. Москва столица России. "),
        ("koi8-r", "Съешь же ещё этих мягких французских булок, да выпей чаю. Москва столица России. "),
        ("cp932", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"),
        ("gb18030", "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。"),
        ("big5", "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心。"),
        ("cp949", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다."),
    ],
)
def test_old_encodings_are_repaired_with_a_stated_confidence(tmp_path: Path, codec: str, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((text * 3).encode(codec))
    items, bad = read_all(path)
    assert "".join(item.text for item in items) == text * 3 and not bad
    note = json.loads(items[0].meta)["encoding"]
    assert re.fullmatch(r"\w+(, unsure)?, confidence 0\.\d\d( \(or [\w-]+\))?", note.replace("koi8-r", "koi8_r"))


def test_damaged_utf8_loses_the_broken_bytes_only_and_says_so(tmp_path: Path) -> None:
    text = "Sätze über Bücher und Häuser, für alle Größen. " * 100
    data = bytearray(text.encode())
    data[len(data) // 2 : len(data) // 2] = b"\xff"
    (tmp_path / "a.txt").write_bytes(bytes(data))
    items, _ = read_all(tmp_path / "a.txt")
    joined = "".join(item.text for item in items)
    assert joined.count("\ufffd") == 1 and joined.replace("\ufffd", "") == text
    assert "broken bytes replaced" in json.loads(items[0].meta)["encoding"]


def test_binary_and_empty_files_are_named_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"some \0 words")
    (tmp_path / "b.txt").write_bytes(bytes(range(1, 256)) * 20)
    (tmp_path / "c.txt").write_bytes(b"")
    (tmp_path / "d.jsonl").write_bytes(b"")
    (tmp_path / "e.parquet").write_bytes(b"PAR1 not at all")
    (tmp_path / "f.arrow").write_bytes(b"ARROW1")
    (tmp_path / "g.html").write_bytes(b"")
    items, bad = read_all(tmp_path)
    assert not items
    assert [Path(item.file).name for item in bad] == ["a.txt", "b.txt", "e.parquet", "f.arrow"]
    assert bad[0].reason == "NUL bytes, so not a text"


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt", "a.html"])
@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_packed_files_under_another_ending_are_named_once(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / name).write_bytes(pack(lines(TEXTS)))
    items, bad = read_all(tmp_path / name, unit=1000)
    assert not items and [item.reason.partition(" ")[2] for item in bad] == ["data under another ending"]


def test_files_of_other_endings_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(TEXTS[:2]))
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    (tmp_path / os.fsdecode(b"c\xff")).write_bytes(b"words")
    items, bad = read_all(tmp_path)
    assert [item.text for item in items] == [*TEXTS[:2], "words"]
    assert [item.reason for item in bad] == ["no known ending (.png)"]
    (tmp_path / "a.jsonl").unlink()
    items, bad = read_all(tmp_path)
    assert [item.text for item in items] == ["words"] and [Path(item.file).name for item in bad] == ["b.png"]


def test_links_in_circles_and_to_nothing_end(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "below").mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(lines(TEXTS[:2]))
    (folder / "below/up").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "gone.jsonl").symlink_to("nowhere.jsonl")
    os.mkfifo(folder / "pipe.jsonl")
    items, bad = read_all(folder)
    assert [item.text for item in items] == TEXTS[:2]
    assert [(Path(item.file).name, item.reason) for item in bad] == [
        ("gone.jsonl", "cannot be read"),
        ("self", "no known ending (none)"),
    ]


def test_a_line_of_64_mib_comes_through_and_one_beyond_the_limit_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as stream:
        stream.write(lines(TEXTS[:1]) + b'{"text": "')
        for _ in range(64):
            stream.write(b"x" * ((1 << 20) - 1) + b" ")
        stream.write(b'"}\n' + lines(TEXTS[1:2]))
    items, bad = read_all(path, unit=1 << 22)
    assert [len(item.text) for item in items] == [len(TEXTS[0]), 64 << 20, len(TEXTS[1])] and not bad
    monkeypatch.setattr("hornbook.corpus.readers.jsons.LONGEST", 1 << 20)
    items, bad = read_all(path, unit=1 << 22)
    assert [item.text for item in items] == TEXTS[:2] and reasons(bad) == [(2, "too long a line")]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.one_of(st.sampled_from([b"\n", b"", b"{}", b'{"text": "a"}', b"\xff", b"x" * 3000]), st.binary(max_size=40))
    ),
    st.integers(100, 2000),
)
def test_units_cut_anywhere_give_every_record_once(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], unit: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.jsonl"
    path.write_bytes(b"\n".join(parts) + lines(TEXTS[:5]))
    whole, cut = read_all(path, unit=1 << 30), read_all(path, unit=unit)
    assert [item.text for item in whole[0]] == [item.text for item in cut[0]]
    assert [item.reason for item in whole[1]] == [item.reason for item in cut[1]]


def test_json_files_are_arrays_lines_or_one_object(tmp_path: Path) -> None:
    objects = [{"text": text, "n": number} for number, text in enumerate(TEXTS)]
    (tmp_path / "array.json").write_text(json.dumps(objects, indent=2))
    (tmp_path / "tight.json").write_text(json.dumps(objects))
    (tmp_path / "lines.json").write_bytes(lines(TEXTS))
    (tmp_path / "one.json").write_text(json.dumps(objects[0], indent=2))
    for name, expected in (("array", TEXTS), ("tight", TEXTS), ("lines", TEXTS), ("one", TEXTS[:1])):
        items, bad = read_all(tmp_path / f"{name}.json")
        assert [item.text for item in items] == expected and not bad, name
    assert json.loads(read_all(tmp_path / "array.json")[0][3].meta) == {"n": 3}
    (tmp_path / "cut.json").write_text(json.dumps(objects)[:-2000])
    items, bad = read_all(tmp_path / "cut.json")
    assert [item.text for item in items] == TEXTS[: len(items)] and len(items) > 300
    assert bad[0].reason == "not valid JSON, with all that follows" and bad[0].line == len(items) + 1
    (tmp_path / "mixed.json").write_text('[{"text": "first"}, 3, {"other": 1}, {"text": "last"}]')
    items, bad = read_all(tmp_path / "mixed.json")
    assert [item.text for item in items] == ["first", "last"]
    assert reasons(bad) == [(2, "not an object"), (3, 'no field "text"')]


def test_csv_and_tsv_give_their_rows(tmp_path: Path) -> None:
    texts = ['with "quotes", commas\nand lines', "plain", "木"]
    stream = io.StringIO()
    csv.writer(stream).writerows([["id", "text"], *([str(number), text] for number, text in enumerate(texts))])
    (tmp_path / "a.csv").write_text(stream.getvalue() + "1,2,3\n", newline="")
    items, bad = read_all(tmp_path / "a.csv")
    assert [item.text for item in items] == texts and [json.loads(item.meta)["id"] for item in items] == ["0", "1", "2"]
    assert [item.reason for item in bad] == ["another number of columns"]
    (tmp_path / "b.tsv").write_text('id\ttext\n1\tan "odd quote\n2\tlast\n')
    assert [item.text for item in read_all(tmp_path / "b.tsv")[0]] == ['an "odd quote', "last"]
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    assert reasons(read_all(tmp_path / "c.csv")[1]) == [(1, 'no column "text"')]


def test_parquet_keeps_other_columns_and_survives_a_damaged_row_group(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [*TEXTS, None], "url": [f"u{number}" for number in range(401)], "raw": [b"x"] * 401})
    parquet.write_table(table, path, row_group_size=100, use_dictionary=False)
    items, bad = read_all(path, unit=100)
    assert [item.text for item in items] == TEXTS and json.loads(items[7].meta) == {"url": "u7"}
    assert [item.id for item in items] == [f"{path}#{number}" for number in range(1, 401)]
    assert reasons(bad) == [(401, "blank text")]
    facts = parquet.read_metadata(path).row_group(1).column(0)
    data = bytearray(path.read_bytes())
    data[facts.data_page_offset : facts.data_page_offset + facts.total_compressed_size] = (
        b"\xff" * facts.total_compressed_size
    )
    path.write_bytes(bytes(data))
    items, bad = read_all(path)
    assert [item.text for item in items] == TEXTS[:100] + TEXTS[200:]
    assert [item.id for item in items[99:101]] == [f"{path}#100", f"{path}#201"]
    assert reasons(bad) == [(101, "damaged parquet"), (401, "blank text")]


def test_a_dataset_that_was_saved_to_disk_is_its_arrow_files(tmp_path: Path) -> None:
    table = pa.table({"text": TEXTS, "n": range(400)})
    for number, part in enumerate((table[:250], table[250:])):
        with ipc.new_stream(tmp_path / f"data-0000{number}-of-00002.arrow", table.schema) as writer:
            writer.write_table(part, max_chunksize=50)
    (tmp_path / "state.json").write_text("{}")
    (tmp_path / "dataset_info.json").write_text("{}")
    items, bad = read_all(tmp_path)
    assert [item.text for item in items] == TEXTS and not bad
    path = tmp_path / "data-00001-of-00002.arrow"
    path.write_bytes(path.read_bytes()[:-8000])
    items, bad = read_all(tmp_path)
    assert 250 <= len(items) < 400 and [item.reason for item in bad] == ["damaged Arrow file"]


def test_another_field_holds_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"content": "words", "text": 3}\n')
    items, _ = read_all(tmp_path / "a.jsonl", field="content")
    assert [(item.text, json.loads(item.meta)) for item in items] == [("words", {"text": 3})]


def test_files_of_one_folder_come_once_and_places_do_not_depend_on_grouping(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02d}.jsonl").write_bytes(lines(TEXTS[number * 10 : number * 10 + 10]))
    items, _ = read_all(tmp_path, tmp_path / "03.jsonl", unit=3000)
    assert [item.text for item in items] == TEXTS[:300]


def test_a_file_that_changes_under_the_reader_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(TEXTS))
    units = list(group(discover([str(path)], UNIT), UNIT))
    path.write_bytes(lines(TEXTS[:3]))
    with pytest.raises(UserError, match="has changed since the build began"):
        list(read_unit(units[0], "text", lambda item: None))


def test_a_path_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file or folder"):
        discover([str(tmp_path / "nothing")], UNIT)
    with pytest.raises(UserError, match="No text was named"):
        discover([], UNIT)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.txt", "a.csv"])
@pytest.mark.parametrize("kind", ["parquet", "Arrow"])
def test_a_table_under_another_ending_is_named_once_by_its_first_bytes(tmp_path: Path, name: str, kind: str) -> None:
    path, table = tmp_path / name, pa.table({"text": TEXTS})
    if kind == "parquet":
        parquet.write_table(table, path)
    else:
        with ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    items, bad = read_all(path)
    assert not items and [(item.line, item.reason) for item in bad] == [(0, f"{kind} data under another ending")]
    assert f"holds {kind} data, which its ending does not say. Rename it" in bad[0].detail


def test_text_that_begins_with_the_letters_of_parquet_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("PAR1S is a typing error of some length, and this is no table.")
    items, bad = read_all(tmp_path / "a.txt")
    assert len(items) == 1 and not bad
