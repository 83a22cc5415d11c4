"""unarXive, and arXiv's own list of metadata -> a record a paper.

unarXive (Saier et al. 2020, 2023) has the paragraphs of arXiv's papers, with a mark in braces for each citation,
formula, figure and table; formulas and captions stand beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from hornbook.corpus.readers.facts import known, spdx
from hornbook.corpus.readers.jsons import JsonLines
from hornbook.corpus.readers.packed import Place
from hornbook.corpus.readers.papers.latex.layout import DROPPED, settled
from hornbook.corpus.readers.papers.lines import keys, papers, text_of
from hornbook.corpus.readers.record import Cut, Part, Reading, Record

_MARK = re.compile(r"\{\{(cite|formula|figure|table|ref|section|[a-z]+):([\w-]+)\}\}")

_BEFORE_SIGN = re.compile(r"\}\}[ \t]+(?=[,.;:)])")  # blanks of unarXive's own, behind a formula


def begins(start: bytes) -> bool:
    """Say whether JSON begins as unarXive does."""
    return {"paper_id", "_source_hash"} <= keys(start)


def lists_arxiv(start: bytes) -> bool:
    """Say whether JSON begins as arXiv's list of metadata does (`arxiv-metadata-oai-snapshot.json`)."""
    found = keys(start)
    return {"id", "submitter", "title"} <= found and "text" not in found


@dataclass(frozen=True)
class UnarXive:
    """Papers of unarXive, with their formulas in their places.

    math        formulas: "latex" between dollars, or "drop"
    captions    keep the captions of figures and tables, behind the paragraph that names them first
    """

    math: Literal["latex", "drop"] = "latex"
    captions: bool = True

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of each paper."""
        return papers(place, reading, part, self._paper)

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of a big file, each from the start of a line."""
        return JsonLines().cuts(place, size, unit)

    def _paper(self, number: int, paper: dict[str, Any]) -> Record | str:
        told = paper.get("metadata") or {}
        title = " ".join((told.get("title") or "").split())
        abstract = (paper.get("abstract") or {}).get("text") or told.get("abstract") or ""
        parts = [title, *(["Abstract", *_paragraphs(abstract)] if abstract.strip() else [])]
        entries = paper.get("ref_entries") or {}
        sections: list[str] = []
        shown: set[str] = set()
        before = ""
        for item in paper.get("body_text") or []:
            section = (item.get("section") or "").strip()
            if section and section != before:
                sections.append(section)
                parts.append(section)
            before = section
            text, captions = self._resolved(item.get("text") or "", entries, shown)
            parts += [text, *captions]
        text = text_of(*parts)
        return (
            Record(number, text, known(**_facts(told), sections=sections)) if paper.get("body_text") else "no full text"
        )

    def _resolved(self, text: str, entries: Mapping[str, Any], shown: set[str]) -> tuple[str, list[str]]:
        """Return a paragraph with its formulas, and the captions that it names first."""
        captions: list[str] = []

        def put(found: re.Match[str]) -> str:
            kind, name = found[1], found[2]
            entry = entries.get(name) or {}
            if kind == "formula":
                latex = " ".join((entry.get("latex") or "").split())
                return f"${latex}$" if latex and self.math == "latex" else ""
            if kind in ("figure", "table") and name not in shown and self.captions:
                shown.add(name)
                caption = " ".join(_MARK.sub(put, entry.get("caption") or "").split())
                if caption and caption != "NO_CAPTION":
                    captions.append(f"{kind.capitalize()}: {caption}")
            return DROPPED

        text = _BEFORE_SIGN.sub("}}", text.replace(DROPPED, ""))
        return settled(_MARK.sub(put, text)), captions


@dataclass(frozen=True)
class ArxivMetadata:
    """Titles and abstracts of arXiv, from its list of metadata (`arxiv-metadata-oai-snapshot.json`)."""

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the title and the abstract of each paper."""
        return papers(place, reading, part, _listed)

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of a big file, each from the start of a line."""
        return JsonLines().cuts(place, size, unit)


def _listed(number: int, paper: dict[str, Any]) -> Record | str:
    abstract = _paragraphs(paper.get("abstract") or "")
    if not abstract:
        return "no abstract"
    return Record(number, text_of(" ".join((paper.get("title") or "").split()), *abstract), known(**_facts(paper)))


def _paragraphs(abstract: str) -> list[str]:
    """Return the paragraphs of an abstract of arXiv, in which a line that is indented begins a new one."""
    return [
        " ".join(part.split())
        for part in re.split(r"\n[ \t]*\n|\n(?=[ \t]{2,}\S)", abstract.strip("\n"))
        if part.strip()
    ]


def _facts(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what arXiv's metadata tells."""
    number = told.get("id") or ""
    versions = told.get("versions") or [{}]
    names = [
        " ".join(part for part in (*name[1:2], *name[:1], *name[2:3]) if part)
        for name in told.get("authors_parsed") or []
    ]
    return {
        "title": " ".join((told.get("title") or "").split()),
        "authors": names or ([told["authors"]] if told.get("authors") else []),
        "date": _date(versions[0].get("created") or "") or told.get("update_date") or "",
        "license": spdx(told.get("license") or ""),
        "url": f"https://arxiv.org/abs/{number}" if number else "",
        "tags": (told.get("categories") or "").split(),
        "arxiv_id": number,
        "doi": told.get("doi") or "",
        "journal": told.get("journal-ref") or "",
    }


def _date(created: str) -> str:
    try:
        return parsedate_to_datetime(created).date().isoformat()
    except (ValueError, TypeError, IndexError):
        return ""
