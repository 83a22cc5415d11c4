"""Data sets in the shapes in which they are published: the text is found without a setting, and facts get common names.

One record each, with the fields of the data set's card; the words are ours.
"""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import zstandard
from corpus_reading import read_all
from pyarrow import parquet

from hornbook.corpus.read import read
from hornbook.errors import UserError

TEXT = "Some words of a document."
WHEN = datetime.datetime(2013, 5, 18, 10, 42)
# The name of the file, a record, and the facts that are added to its fields.
SETS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "C4": (
        "c4-train.00000-of-01024.json.gz",
        {"text": TEXT, "timestamp": "2019-04-25T12:57:54Z", "url": "https://a.org/"},
        {"date": "2019-04-25T12:57:54Z"},
    ),
    "RefinedWeb": (
        "train-00000-of-05534.parquet",
        {"content": TEXT, "url": "http://a.org", "timestamp": WHEN, "dump": "CC",
         "segment": "1", "image_urls": []},
        {"date": "2013-05-18T10:42:00"},
    ),
    "FineWeb": (
        "000_00000.parquet",
        {
            "text": TEXT, "id": "<urn:uuid:1>", "dump": "CC", "url": "http://a.org",
            "date": "2013-05-18T10:42:00Z",
            "file_path": "s3://commoncrawl/x", "language": "en", "language_score": 0.9, "token_count": 5,
        },
        {},
    ),
    "Dolma": (
        "c4-0000.json.gz",
        {
            "id": "1", "text": TEXT, "source": "pes2o", "created": "2019-04-25T12:57:54.000Z",
            "added": "2023-01-01T00:00:00.000Z",
            "metadata": {"url": "http://a.org", "license": "CC-BY-4.0"},
        },
        {"domain": "pes2o", "date": "2019-04-25T12:57:54.000Z", "url": "http://a.org", "license": "CC-BY-4.0"},
    ),
    "RedPajama-1T": (
        "arxiv_0.jsonl",
        {"text": TEXT, "meta": {"url": "http://a.org", "timestamp": "2023-02-01T00:00:00", "language": "en"},
         "red_pajama_subset": "arxiv"},
        {"domain": "arxiv", "url": "http://a.org", "date": "2023-02-01T00:00:00", "language": "en"},
    ),
    "RedPajama-V2": (
        "sample.jsonl",
        {"raw_content": TEXT, "doc_id": "1",
         "meta": json.dumps({"url": "http://a.org", "source_domain": "a.org", "language": "en"}),
         "quality_signals": "{}"},
        {"url": "http://a.org", "language": "en", "domain": "a.org"},
    ),
    "The Pile": (
        "00.jsonl.zst",
        {"text": TEXT, "meta": {"pile_set_name": "Pile-CC"}},
        {"domain": "Pile-CC"},
    ),
    "SlimPajama": (
        "chunk1.jsonl.zst",
        {"text": TEXT, "meta": {"redpajama_set_name": "RedPajamaC4"}},
        {"domain": "RedPajamaC4"},
    ),
    "OSCAR": (
        "de_meta.jsonl",
        {
            "content": TEXT,
            "warc_headers": {"warc-target-uri": "http://a.org", "warc-date": "2021-09-16T22:35:14Z"},
            "metadata": {"identification": {"label": "de", "prob": 0.9}, "annotation": None},
        },
        {"url": "http://a.org", "date": "2021-09-16T22:35:14Z", "language": "de"},
    ),
    "CulturaX": (
        "de_part_00000.parquet",
        {"text": TEXT, "timestamp": "2019/04/25 12:57:54", "url": "http://a.org", "source": "mC4"},
        {"date": "2019/04/25 12:57:54"},
    ),
    "DCLM": (
        "shard_00000000_processed.jsonl.zst",
        {"text": TEXT, "url": "http://a.org", "warcinfo": "x",
         "metadata": {"WARC-Date": "2022-01-01T00:00:00Z", "Content-Type": "x"}},
        {"date": "2022-01-01T00:00:00Z"},
    ),
    "The Stack": (
        "data-00000-of-00144.parquet",
        {
            "hexsha": "0", "size": 5, "ext": "py", "lang": "Python", "max_stars_repo_name": "a/b",
            "max_stars_repo_path": "c.py",
            "max_stars_repo_licenses": ["MIT", "Apache-2.0"], "max_stars_count": 7, "content": TEXT,
        },
        {"programming_language": "Python", "license": "MIT, Apache-2.0",
         "repository": "a/b", "path": "c.py", "score": 7},
    ),
    "Gutenberg by sedthh": (
        "train-00000-of-00037.parquet",
        {"TEXT": TEXT, "SOURCE": "gutenberg",
         "METADATA": json.dumps({"title": "A", "authors": "B", "language": "en", "issued": "2004-01-01"})},
        {"title": "A", "authors": ["B"], "language": "en", "date": "2004-01-01"},
    ),
    "FineWeb-Edu": (  # without a date
        "train-00000-of-00014.parquet",
        {"text": TEXT, "id": "<urn:uuid:1>", "dump": "CC", "url": "http://a.org", "file_path": "s3://commoncrawl/x",
         "language": "en", "language_score": 0.9, "token_count": 5, "score": 3.5, "int_score": 4},
        {},
    ),
    "Common Pile": (
        "00000_stackexchange.jsonl.gz",
        {"id": "1", "text": TEXT, "source": "stackexchange", "created": "2019-04-25T12:57:54", "added": "2024-01-01",
         "metadata": {"license": "CC-BY-SA-4.0", "url": "http://a.org"}},
        {"domain": "stackexchange", "date": "2019-04-25T12:57:54", "url": "http://a.org", "license": "CC-BY-SA-4.0"},
    ),
    "Wikipedia": (
        "train-00000-of-00041.parquet",
        {"id": "12", "url": "https://en.wikipedia.org/wiki/A", "title": "A", "text": TEXT},
        {},
    ),
}  # fmt: skip


def write(path: Path, row: dict[str, Any]) -> Path:
    data = (json.dumps(row, default=str) + "\n").encode()
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist([row]), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(data))
    elif path.suffix == ".zst":
        path.write_bytes(zstandard.ZstdCompressor().compress(data))
    else:
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", SETS)
def test_a_published_set_is_read_without_a_setting(tmp_path: Path, name: str) -> None:
    file, row, facts = SETS[name]
    path = write(tmp_path / file, row)
    items, bad = read_all(tmp_path)
    assert bad == [] and [item.text for item in items] == [TEXT]
    field = next(key for key, value in row.items() if value == TEXT)
    own = {key: str(value) if value is WHEN else value for key, value in row.items() if key != field}
    assert json.loads(items[0].meta) == own | facts
    assert [item.text for item in read([str(path)])] == [TEXT]


BOOK = {
    "barcode_src": "1", "title_src": "A", "author_src": "B", "date1_src": "1880", "language_src": "eng",
    "text_by_page_src": ["One page", "", "and the next."], "text_by_page_gen": ["Corrected", "pages."],
    "hathitrust_data_ext": {"url": "http://a.org", "rights_code": "pd"},
}  # fmt: skip


@pytest.mark.parametrize("file", ["a.jsonl", "train-00000-of-09831.parquet"])
def test_a_book_of_pages_is_one_text(tmp_path: Path, file: str) -> None:
    path = write(tmp_path / file, BOOK)
    items, bad = read_all(tmp_path)
    assert bad == [] and [item.text for item in items] == ["One page\nand the next."]
    meta = json.loads(items[0].meta)
    assert (meta["title"], meta["authors"], meta["date"], meta["language"], meta["url"]) == (
        "A", ["B"], "1880", "eng", "http://a.org",
    )  # fmt: skip
    assert [item.text for item in read([str(path)], "text_by_page_gen")] == ["Corrected\npages."]


@pytest.mark.parametrize("name", ["RefinedWeb", "Dolma", "The Pile", "OSCAR"])
def test_facts_of_a_shape_can_be_the_fields_that_are_kept(tmp_path: Path, name: str) -> None:
    file, row, facts = SETS[name]
    first = next(iter(facts))
    items, bad = read_all(write(tmp_path / file, row), fields=(first,))
    assert bad == [] and json.loads(items[0].meta) == {first: facts[first]}


def test_a_domain_in_columns_is_kept_from_inside_one(tmp_path: Path) -> None:
    _, row, _ = SETS["The Pile"]
    items, bad = read_all(write(tmp_path / "a.parquet", row), fields=("domain",))
    assert bad == [] and json.loads(items[0].meta) == {"domain": "Pile-CC"}


def test_fields_keep_their_values_and_facts_come_only_where_a_name_is_free(tmp_path: Path) -> None:
    row = {**SETS["C4"][1], "date": "mine"}
    items, _ = read_all(write(tmp_path / "a.json", row))
    assert json.loads(items[0].meta)["date"] == "mine"
    row = {**SETS["C4"][1], "timestamp": 1_556_197_074}  # a number is no date
    assert "date" not in json.loads(read_all(write(tmp_path / "b.json", row))[0][0].meta)


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_an_unknown_shape_asks_for_the_field(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"content": TEXT, "url": "http://a.org"})
    with pytest.raises(UserError, match=r'has no (field|column) "text" \(its (fields|columns): content, url\)'):
        list(read([str(path)]))


def test_a_named_field_is_never_replaced_by_that_of_a_shape(tmp_path: Path) -> None:
    _, row, _ = SETS["RefinedWeb"]
    with pytest.raises(UserError, match='no column "body"'):
        list(read([str(write(tmp_path / "a.parquet", row))], "body"))
