"""S2ORC, unarXive and arXiv's metadata, in the shapes in which they are published."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.build.build import build_recipe
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.build.recipe import CorpusRecipe
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.readers.formats import format_of, records
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.papers.lines import keys
from hornbook.corpus.readers.record import Reading, Record

LONG = "word " * 2_000
PARSED: dict[str, Any] = {
    "paper_id": "77", "_pdf_hash": "ab", "abstract": [{"section": "Abstract", "text": LONG.strip(), "cite_spans": []}],
    "body_text": [
        {"section": "1 Start", "text": "First.", "cite_spans": []}, {"section": "1 Start", "text": "Second."},
        {"section": "2 End", "text": "Third."}, {"section": "", "text": "Fourth."},
    ],
    "bib_entries": {}, "ref_entries": {"FIGREF0": {"text": "A figure.", "type": "figure"}},
}  # fmt: skip
PARSED_TEXT = f"Abstract\n\n{LONG.strip()}\n\n1 Start\n\nFirst.\n\nSecond.\n\n2 End\n\nThird.\n\nFourth."
FIRST = {
    "paper_id": "9", "metadata": {
        "title": "T", "authors": [{"first": "A", "middle": ["B"], "last": "C", "suffix": ""}], "abstract": "In short.",
        "year": "2017", "doi": "10.1/z", "pmc_id": None, "journal": "J"},
    "s2_pdf_hash": "x", "grobid_parse": {"abstract": [], "body_text": [{"section": [["1", "Intro"]], "text": "Body."}]},
    "latex_parse": None,
}  # fmt: skip
BODY = "A Title\nSome One\nIn short.\nIntro\nFirst part.\nSecond part.\nRefs"


def spans(*texts: str) -> str:
    return json.dumps([{"start": BODY.index(text), "end": BODY.index(text) + len(text)} for text in texts])


PLACED = {
    "corpusid": 5, "externalids": {"arxiv": "2301.00001", "doi": None}, "content": {
        "source": {"pdfurls": None, "oainfo": {"license": "CCBY", "status": "GOLD"}}, "text": BODY,
        "annotations": {"abstract": spans("In short."), "title": spans("A Title"), "sectionheader": spans("Intro"),
                        "paragraph": spans("First part.", "Second part."), "bibentry": None}},
    "updated": "2023-01-01",
}  # fmt: skip
SECOND = {
    "corpusid": 6, "openaccessinfo": {"license": None, "externalids": {"DOI": "10.1/w"}}, "title": "A Title",
    "authors": [{"authorid": "1", "name": "Some One"}],
    "body": {"text": BODY, "annotations": PLACED["content"]["annotations"]},  # type: ignore[index]
}  # fmt: skip
LATEX = "{{formula:7fd88bcd-9013-433d-9756-b874472530d9}}"
UNARXIVE = {
    "paper_id": "2105.05862", "_pdf_hash": None, "_source_hash": "b7", "_source_name": "2105.05862.gz",
    "metadata": {"id": "2105.05862", "title": "Waves\n  of all", "authors": "A B", "categories": "gr-qc hep-th",
                 "authors_parsed": [["B", "A", ""], ["Euler", "L.", "Jr"]], "license": None,
                 "versions": [{"version": "v1", "created": "Wed, 12 May 2021 18:00:00 GMT"}]},
    "discipline": "Physics", "abstract": {"section": "Abstract", "text": "  We look\nat waves.\n"},
    "body_text": [
        {"section": "Intro", "text": f"The tensor {LATEX} , see {{{{cite:80db}}}}, {{{{cite:90db}}}}.\n"},
        {"section": "Intro", "text": "In Figure {{figure:f1}} and again {{figure:f1}} it is."},
    ],
    "bib_entries": {}, "ref_entries": {
        "7fd88bcd-9013-433d-9756-b874472530d9": {"latex": "S_{\\mu  \\nu }", "type": "formula"},
        "f1": {"type": "figure", "caption": f"A wave {LATEX}."}},
}  # fmt: skip
UNARXIVE_TEXT = """Waves of all

Abstract

We look at waves.

Intro

The tensor $S_{\\mu \\nu }$, see.

In Figure and again it is.

Figure: A wave $S_{\\mu \\nu }$."""
LISTED = {
    "id": "0704.0001", "submitter": "P N", "authors": "C. Bal, E. Ber", "title": "Calculation of\n  things",
    "doi": "10.1/q", "categories": "hep-ph", "license": "http://creativecommons.org/licenses/by/4.0/",
    "abstract": "  A fully differential\ncalculation.\n  It has two paragraphs.\n",
    "versions": [{"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"}], "update_date": "2008-11-26",
    "authors_parsed": [["Bal", "C.", ""], ["Ber", "E.", ""]],
}  # fmt: skip


def read(path: Path, field: str = "text") -> tuple[list[Record], list[str], list[str]]:
    bad: list[BadRecord] = []
    passed: list[str] = []
    found = list(records(path, Reading(field, bad.append, lambda reason, count: passed.append(reason))))
    return found, passed, [error.reason for error in bad]


def written(path: Path, *values: object) -> Path:
    data = "".join(json.dumps(value) + "\n" for value in values).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_s2orc_of_2020(tmp_path: Path) -> None:
    path = written(
        tmp_path / "pdf_parses_0.jsonl.gz", PARSED, {**PARSED, "body_text": []}, "none", {**PARSED, "body_text": 3}
    )
    assert format_of(path).kind == "s2orc"
    found, passed, bad = read(path)
    assert [(record.number, record.text) for record in found] == [(1, PARSED_TEXT)]
    assert dict(found[0].meta) == {"paper_id": "77", "sections": ["1 Start", "2 End"]}
    assert passed == ["no full text"]
    assert bad == ["not an object", "not of the shape that its kind has"]


def test_s2orc_of_2019_has_its_metadata(tmp_path: Path) -> None:
    (record,), _, _ = read(written(tmp_path / "a.jsonl", FIRST))
    assert record.text == "T\n\nAbstract\n\nIn short.\n\nIntro\n\nBody."
    assert dict(record.meta) == {
        "title": "T", "authors": ["A B C"], "date": "2017", "journal": "J", "paper_id": "9", "doi": "10.1/z",
        "sections": ["Intro"],
    }  # fmt: skip


@pytest.mark.parametrize("paper", [PLACED, SECOND])
def test_s2orc_since_2023_is_cut_at_its_places(tmp_path: Path, paper: dict[str, Any]) -> None:
    path = written(tmp_path / "a.jsonl.gz", paper)
    assert format_of(path).kind == "s2orc"
    (record,), _, _ = read(path)
    assert record.text == "A Title\n\nAbstract\n\nIn short.\n\nIntro\n\nFirst part.\n\nSecond part."
    assert record.meta["sections"] == ["Intro"]
    assert record.meta["url"] == f"https://api.semanticscholar.org/CorpusID:{paper['corpusid']}"
    ids = (
        {"arxiv_id": "2301.00001", "license": "CCBY"} if paper is PLACED else {"doi": "10.1/w", "authors": ["Some One"]}
    )
    assert {name: record.meta[name] for name in ids} == ids


def test_a_paper_that_fills_a_file_over_many_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**PARSED, "metadata": {"title": "T", "authors": []}}, indent=2))
    assert format_of(path).kind == "s2orc"
    assert [record.text for record in read(path)[0]] == [f"T\n\n{PARSED_TEXT}"]


def test_unarxive_gets_its_formulas_back(tmp_path: Path) -> None:
    path = written(tmp_path / "arXiv_src_2105_034.jsonl", UNARXIVE)
    assert format_of(path).kind == "unarxive"
    (record,), _, bad = read(path)
    assert record.text == UNARXIVE_TEXT
    assert dict(record.meta) == {
        "title": "Waves of all", "authors": ["A B", "L. Euler Jr"], "date": "2021-05-12", "arxiv_id": "2105.05862",
        "url": "https://arxiv.org/abs/2105.05862", "tags": ["gr-qc", "hep-th"], "sections": ["Intro"],
    }  # fmt: skip
    assert bad == []


def test_arxivs_list_is_titles_and_abstracts(tmp_path: Path) -> None:
    path = written(tmp_path / "arxiv-metadata-oai-snapshot.json", LISTED, {**LISTED, "abstract": ""})
    assert format_of(path).kind == "arxiv-metadata"
    (record,), passed, _ = read(path)
    assert record.text == "Calculation of things\n\nA fully differential calculation.\n\nIt has two paragraphs."
    assert dict(record.meta) == {
        "title": "Calculation of things", "authors": ["C. Bal", "E. Ber"], "date": "2007-04-02", "license": "CC-BY-4.0",
        "url": "https://arxiv.org/abs/0704.0001", "tags": ["hep-ph"], "arxiv_id": "0704.0001", "doi": "10.1/q",
    }  # fmt: skip
    assert passed == ["no abstract"]


def test_a_field_that_is_named_is_read_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "arxiv-metadata-oai-snapshot.json", LISTED)
    assert [record.text for record in read(path, "submitter")[0]] == ["P N"]


def test_files_with_a_field_of_text_are_read_as_ever(tmp_path: Path) -> None:
    """peS2o and all others: the field `text` stands in the record."""
    for name, value in {
        "a.json": {
            "id": "1",
            "text": "T",
            "source": "s2orc/train",
            "added": "2023",
            "created": "2001",
            "version": "v3",
        },
        "b.jsonl": {"paper_id": "1", "metadata": {"a": 1}, "text": "T"},
        "c.jsonl": {"id": "1", "submitter": "x", "title": "y", "text": "T"},
    }.items():
        path = written(tmp_path / name, value)
        assert format_of(path).kind in ("json", "json-lines")
        assert [record.text for record in read(path)[0]] == ["T"]


def test_a_big_file_is_read_in_parts_to_the_same_corpus(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *({**PARSED, "paper_id": str(number)} for number in range(30)))
    one = build_recipe(CorpusRecipe(paths=(str(path),)), tmp_path / "one", Engine(workers=1))
    two = build_recipe(CorpusRecipe(paths=(str(path),), block=1 << 16), tmp_path / "two", Engine(workers=1))
    assert one["kept"]["documents"] == two["kept"]["documents"] == 30
    texts = [[(item.id, item.text) for item in documents(open_corpus(tmp_path / name))] for name in ("one", "two")]
    assert texts[0] == texts[1]


@given(st.binary(max_size=300))
def test_any_bytes_have_keys(data: bytes) -> None:
    assert isinstance(keys(data), set)


@settings(max_examples=50)
@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.integers() | st.text() | st.lists(st.text()))
)
def test_keys_are_those_of_the_object(value: dict[str, object]) -> None:
    found = keys(json.dumps(value, ensure_ascii=False).encode())
    plain = {name for name in value if '"' not in name and "\\" not in name and name.isprintable()}
    assert plain <= found and len(found) == len({json.dumps(name, ensure_ascii=False) for name in value})


@given(st.integers(0, 400))
def test_a_cut_object_has_the_keys_before_the_cut(length: int) -> None:
    data = json.dumps(UNARXIVE).encode()
    assert keys(data[:length]) <= set(UNARXIVE)
