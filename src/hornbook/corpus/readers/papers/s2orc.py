"""S2ORC in the shapes in which it was published -> a record a paper: title, abstract and body in order.

2019 to 2021   parsed papers: `abstract` and `body_text`, lists of paragraphs with their section (Lo et al. 2020);
               so are the papers of doc2json and of CORD-19
since 2023     `content` (or `body`): one text, and places in it that are sections, paragraphs, abstract
               (https://api.semanticscholar.org/api-docs/datasets)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hornbook.corpus.readers.facts import known, spdx
from hornbook.corpus.readers.jsons import JsonLines
from hornbook.corpus.readers.packed import Place
from hornbook.corpus.readers.papers.lines import keys, papers, text_of
from hornbook.corpus.readers.record import Cut, Part, Reading, Record

_IDS = {"doi": "doi", "arxiv": "arxiv_id", "arxiv_id": "arxiv_id", "pubmed": "pmid", "pubmed_id": "pmid",
        "pubmedcentral": "pmcid", "pmc_id": "pmcid", "acl": "acl_id", "acl_id": "acl_id"}  # fmt: skip


def begins(start: bytes) -> bool:
    """Say whether JSON begins as S2ORC does: no field `text`, but those of one of its shapes."""
    found = keys(start)
    if "text" in found or "_source_hash" in found:
        return False
    parsed = "paper_id" in found and found & {
        "_pdf_hash",
        "s2_pdf_hash",
        "metadata",
        "header",
        "body_text",
        "pdf_parse",
    }
    return bool(parsed) or ("corpusid" in found and bool(found & {"content", "body", "externalids", "openaccessinfo"}))


@dataclass(frozen=True)
class S2Orc:
    """Parsed papers of S2ORC (Semantic Scholar), and those of doc2json and CORD-19.

    captions    keep the captions of figures and tables, behind the text
    """

    captions: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of each paper."""
        return papers(place, reading, part, self._paper)

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of a big file, each from the start of a line."""
        return JsonLines().cuts(place, size, unit)

    def _paper(self, number: int, paper: dict[str, Any]) -> Record | str:
        text, sections = _placed(paper) if "corpusid" in paper else self._parsed(paper)
        facts = known(**_facts(paper), sections=sections)
        return Record(number, text, facts) if text else "no full text"

    def _parsed(self, paper: Mapping[str, Any]) -> tuple[str, list[str]]:
        """Return the text of a paper that is parsed into paragraphs, and its sections."""
        parse = next((paper[name] for name in ("latex_parse", "grobid_parse", "pdf_parse") if paper.get(name)), paper)
        told = _metadata(paper)
        parts: list[str] = [told.get("title") or ""]
        abstract = _paragraphs(parse.get("abstract")) or _paragraphs(told.get("abstract"))
        if abstract:
            parts += ["Abstract", *(text for _, text in abstract)]
        sections: list[str] = []
        body = _paragraphs(parse.get("body_text")) + _paragraphs(parse.get("back_matter"))
        if not body:
            return "", []
        before = ""
        for section, text in body:
            if section and section != before:
                parts.append(section)
                sections.append(section)
            before = section
            parts.append(text)
        if self.captions:
            parts += [item.get("text") or "" for item in (parse.get("ref_entries") or {}).values()]
        return text_of(*parts), sections


def _paragraphs(given: Any) -> list[tuple[str, str]]:
    """Return pairs of a section and a paragraph in it."""
    if isinstance(given, str):
        return [("", given)] if given.strip() else []
    found = []
    for item in given or []:
        section = item.get("section") or ""
        if isinstance(section, Sequence) and not isinstance(section, str):  # the sections around it, the inmost last
            names = [name[-1] if isinstance(name, Sequence) and not isinstance(name, str) else name for name in section]
            section = str(names[-1]) if names else ""
        text = item.get("text") or ""
        if text.strip():
            found.append((str(section).strip(), text.strip()))
    return found


def _metadata(paper: Mapping[str, Any]) -> Mapping[str, Any]:
    found = paper.get("metadata")
    return found if isinstance(found, Mapping) else paper


def _placed(paper: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the text of a paper whose parts are told by their places, and its sections."""
    holder = paper.get("content") or paper.get("body") or {}
    text, notes = holder.get("text") or "", holder.get("annotations") or {}
    if not text.strip():
        return "", []

    def places(*names: str) -> list[tuple[int, int]]:
        given: Any = next((notes[name] for name in names if notes.get(name)), [])
        spans = json.loads(given) if isinstance(given, str) else given
        return [(int(span["start"]), int(span["end"])) for span in spans or []]

    title = paper.get("title") or " ".join(text[start:end] for start, end in places("title")[:1])
    abstract = places("abstract")
    inside = [
        (start, end, heading)
        for heading, names in ((True, ("sectionheader", "section_header")), (False, ("paragraph",)))
        for start, end in places(*names)
        if not any(first <= start < last for first, last in abstract)
    ]
    parts, sections = [" ".join(title.split())], []
    if abstract:
        parts += ["Abstract", *(text[start:end] for start, end in abstract)]
    for start, end, heading in sorted(inside):
        parts.append(text[start:end])
        if heading:
            sections.append(" ".join(text[start:end].split()))
    return (text_of(*parts), sections) if inside else (text.strip(), [])


def _facts(paper: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record tells of a paper: in its metadata, in its own fields, or in those of Semantic Scholar."""
    told = _metadata(paper)
    holder = paper.get("content") or {}
    open_access = paper.get("openaccessinfo") or (holder.get("source") or {}).get("oainfo") or {}
    outside = {**{name: told.get(name) for name in _IDS}, **(told.get("identifiers") or {})}
    outside |= paper.get("externalids") or open_access.get("externalids") or {}
    number = paper.get("corpusid")
    ids = {_IDS[name.lower()]: value for name, value in outside.items() if name.lower() in _IDS and value}
    year = str(told.get("year") or "")[:10]
    return {
        "title": " ".join(str(told.get("title") or "").split()),
        "authors": [_name(person) for person in told.get("authors") or [] if _name(person)],
        "date": year,
        "license": spdx(str(open_access.get("license") or told.get("license") or "")),
        "url": f"https://api.semanticscholar.org/CorpusID:{number}" if number else "",
        "tags": [str(tag) for tag in told.get("mag_field_of_study") or []],
        "journal": told.get("journal") or told.get("venue") or "",
        "paper_id": paper.get("paper_id") or "",
        **ids,
    }


def _name(person: Any) -> str:
    if not isinstance(person, Mapping):
        return str(person)
    if person.get("name"):
        return str(person["name"])
    parts = [person.get("first"), *(person.get("middle") or []), person.get("last"), person.get("suffix")]
    return " ".join(str(part) for part in parts if part)
