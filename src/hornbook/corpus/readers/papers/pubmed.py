"""PubMed's yearly and daily files (`pubmedNNnNNNN.xml.gz`) -> a record an article: its title and its abstract.

https://www.nlm.nih.gov/bsd/licensee/data_elements_doc.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.facts import date_of, known, language
from hornbook.corpus.readers.packed import Place
from hornbook.corpus.readers.papers.inline import inline
from hornbook.corpus.readers.record import Part, Reading, Record
from hornbook.corpus.readers.xml import events


def begins(start: bytes) -> bool:
    """Say whether XML begins as PubMed's does."""
    return b"<PubmedArticleSet" in start or b"<!DOCTYPE PubmedArticleSet" in start


@dataclass(frozen=True)
class PubMed:
    """Titles and abstracts of PubMed.

    without_abstract  keep articles of which there is a title alone
    """

    without_abstract: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield each article; its number is its place in the file."""
        for number, article in enumerate(events(place, ("PubmedArticle",)), start=1):
            title = _text(article, "MedlineCitation/Article/ArticleTitle")
            paragraphs = [_labelled(item) for item in article.findall("MedlineCitation/Article/Abstract/AbstractText")]
            paragraphs = [text for text in paragraphs if text]
            if not paragraphs and not (self.without_abstract and title):
                reading.pass_over("no abstract")
                continue
            yield Record(number, "\n\n".join([title] * bool(title) + paragraphs), known(**_facts(article, title)))


def _labelled(item: Element) -> str:
    """Return a part of an abstract, with its label where it has one."""
    text, label = inline(item), item.get("Label", "").strip()
    return f"{label}: {text}" if label and text and label != "UNLABELLED" else text


def _text(element: Element, path: str) -> str:
    found = element.find(path)
    return inline(found) if found is not None else ""


def _facts(article: Element, title: str) -> dict[str, Any]:
    citation = article.find("MedlineCitation")
    ids = {
        item.get("IdType", ""): (item.text or "").strip()
        for item in article.findall("PubmedData/ArticleIdList/ArticleId")
    }
    number = _text(article, "MedlineCitation/PMID")
    dates = [item for path in ("Article/ArticleDate", "Article/Journal/JournalIssue/PubDate")
             for item in (citation.findall(path) if citation is not None else [])]  # fmt: skip
    told = [date_of(*(item.findtext(part) or "" for part in ("Year", "Month", "Day"))) for item in dates]
    told += [date_of((item.findtext("MedlineDate") or "")[:4]) for item in dates]
    return {
        "title": title,
        "authors": _authors(article),
        "date": next(filter(None, told), ""),
        "language": language(_text(article, "MedlineCitation/Article/Language")),
        "url": f"https://pubmed.ncbi.nlm.nih.gov/{number}/" if number else "",
        "tags": [inline(item) for item in article.findall("MedlineCitation/KeywordList/Keyword")],
        "journal": _text(article, "MedlineCitation/Article/Journal/Title"),
        "doi": ids.get("doi", ""),
        "pmid": number,
        "pmcid": ids.get("pmc", ""),
    }


def _authors(article: Element) -> list[str]:
    names = []
    for person in article.findall("MedlineCitation/Article/AuthorList/Author"):
        parts = [_text(person, tag) for tag in ("ForeName", "LastName", "Suffix")]
        names.append(" ".join(part for part in parts if part) or _text(person, "CollectiveName"))
    return [name for name in names if name]
