"""JATS, the XML of PubMed Central and of many publishers -> a record an article (Z39.96, NISO; older: NLM's DTD).

Title, abstract and body in order, then acknowledgments and appendices; the list of references is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.facts import date_of, known, language, spdx
from hornbook.corpus.readers.packed import Place
from hornbook.corpus.readers.papers.inline import inline
from hornbook.corpus.readers.record import Part, Reading, Record
from hornbook.corpus.readers.xml import events

_DEEPEST = 60  # elements inside each other whose order is kept; what lies deeper is text alone
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_LINK = "{http://www.w3.org/1999/xlink}href"
_LICENSE = "{http://www.niso.org/schemas/ali/1.0/}license_ref"
_SIGN = re.compile(rb"//(?:NLM|NISO)//DTD|<article-meta|<journal-meta|<front[\s/>]|JATS|dtd-version=|<pmc-articleset")
_OUT = {
    "ref-list", "fn-group", "glossary", "bio", "notes", "front", "sub-article", "response", "label", "title", "graphic",
    "media", "object-id", "supplementary-material", "sec-meta", "permissions", "alt-text", "long-desc", "index", "toc",
}  # fmt: skip
_ABSTRACTS = {None, "structured", "summary", "executive-summary", "plain-language-summary", "lay-summary"}


def begins(start: bytes) -> bool:
    """Say whether XML begins as an article of JATS does, and not as one of DocBook."""
    return (b"<article" in start or b"<pmc-articleset" in start) and _SIGN.search(start) is not None


@dataclass(frozen=True)
class Jats:
    """Articles in the XML of journals (JATS), as PubMed Central has them.

    captions    keep the captions of figures
    """

    captions: bool = True

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of each article of a file."""
        for number, article in enumerate(events(place, ("article",)), start=1):
            blocks: list[str] = []
            title = article.find("front/article-meta/title-group/article-title")
            sections: list[str] = []
            heading = inline(title) if title is not None else ""
            if heading:
                blocks.append(heading)
            for abstract in article.findall("front/article-meta/abstract"):
                if abstract.get("abstract-type") in _ABSTRACTS:
                    given = abstract.find("title")
                    blocks.append((inline(given) if given is not None else "") or "Abstract")
                    self._walk(abstract, blocks, [], 1)
            if others := len(article.findall("sub-article")) + len(article.findall("response")):
                reading.pass_over("article within another, such as a review or a translation", count=others)
            for name in ("body", "back", "floats-group"):
                for element in article.findall(name):
                    self._walk(element, blocks, sections, 1)
            facts = known(title=heading, **_facts(article), sections=sections)
            yield Record(number, "\n\n".join(block for block in blocks if block), facts)

    def _walk(self, element: Element, blocks: list[str], sections: list[str], depth: int) -> None:
        """Append the blocks of an element in order."""
        if depth > _DEEPEST:
            blocks.append(" ".join("".join(element.itertext()).split()))
            return
        for child in element:
            tag = child.tag
            if tag in ("sec", "app", "ack"):
                title = child.find("title")
                heading = inline(title) if title is not None else "Acknowledgments" if tag == "ack" else ""
                if heading:
                    blocks.append(heading)
                    sections.append(heading)
                self._walk(child, blocks, sections, depth + 1)
            elif tag in ("p", "attrib", "speaker"):
                self._paragraph(child, blocks, sections, depth)
            elif tag in _OUT:
                continue
            elif not self._block(child, blocks, sections, depth):
                self._walk(child, blocks, sections, depth + 1)

    def _block(self, element: Element, blocks: list[str], sections: list[str], depth: int) -> bool:
        """Append what stands on lines of its own; False where the element is no such thing."""
        match element.tag:
            case "list":
                blocks.append("\n".join(_items(element, depth)))
            case "def-list":
                blocks.append("\n".join(_definitions(element)))
            case "table-wrap" | "table-wrap-group":
                blocks.append(_caption(element))
                blocks += ["\n".join(_rows(table)) for table in element.iter("table")]
                blocks += [inline(foot) for foot in element.findall("table-wrap-foot")]
            case "table":
                blocks.append("\n".join(_rows(element)))
            case "fig" | "fig-group":
                blocks += [
                    _caption(figure) for figure in element.iter() if figure.tag in ("fig", "fig-group")
                ] * self.captions
            case "code" | "preformat":
                blocks.append("\n".join(line.rstrip() for line in "".join(element.itertext()).split("\n")).strip("\n"))
            case "disp-formula" | "disp-formula-group":
                blocks.append(inline(element).strip())
            case "verse-group":
                blocks.append("\n".join(inline(line) for line in element.iter("verse-line")))
            case "statement" | "boxed-text":
                heads = [
                    inline(head)
                    for head in (element.find("label"), element.find("title"), element.find("caption/title"))
                    if head is not None
                ]
                blocks.append(". ".join(head for head in heads if head))
                self._walk(element, blocks, sections, depth + 1)
            case _:
                return False
        return True

    def _paragraph(self, element: Element, blocks: list[str], sections: list[str], depth: int) -> None:
        """Append a paragraph, cut where it holds what stands on lines of its own; a formula stays in it."""
        running = Element("p")
        running.text = element.text
        for child in element:
            if child.tag in _BLOCKS:
                blocks.append(inline(running))
                if not self._block(child, blocks, sections, depth + 1):
                    self._walk(child, blocks, sections, depth + 1)
                running = Element("p")
                running.text = child.tail
            else:
                running.append(child)
        blocks.append(inline(running))


_BLOCKS = {
    "list", "def-list", "table-wrap", "table-wrap-group", "fig", "fig-group", "code", "preformat", "verse-group",
    "statement", "boxed-text", "disp-quote", "table", "p", "supplementary-material",
}  # fmt: skip


def _items(element: Element, depth: int, indent: str = "") -> Iterator[str]:
    """Yield the lines of a list: `- ` or a number, an inner list two blanks further in."""
    numbered = element.get("list-type") in ("order", "number", "arabic", "roman-lower", "roman-upper", "alpha-lower")
    for number, item in enumerate(element.findall("list-item"), start=1):
        texts = [inline(child, without=("list",)) for child in item if child.tag not in ("list", "label")]
        yield f"{indent}{f'{number}.' if numbered else '-'} {' '.join(text for text in texts if text)}".rstrip()
        for inner in (child for part in item for child in ([part] if part.tag == "list" else part.findall("list"))):
            if len(indent) < _DEEPEST:
                yield from _items(inner, depth, indent + "  ")


def _definitions(element: Element) -> Iterator[str]:
    for item in element.iter("def-item"):
        term, meaning = item.find("term"), item.find("def")
        texts = [inline(part) for part in (term, meaning) if part is not None]
        yield "- " + ": ".join(text for text in texts if text)


def _caption(element: Element) -> str:
    """Return the label and the caption of a figure or table."""
    label, caption = element.find("label"), element.find("caption")
    texts = [inline(part) for part in (label, caption) if part is not None]
    return ": ".join(text.rstrip(":") if text is texts[0] and len(texts) > 1 else text for text in texts if text)


def _rows(table: Element) -> Iterator[str]:
    for row in table.iter("tr"):
        cells = [inline(cell) for cell in row if cell.tag in ("td", "th")]
        if any(cells):
            yield " | ".join(cells).rstrip()


def _facts(article: Element) -> dict[str, Any]:
    """Return what an article's front tells."""
    front = article.find("front/article-meta")
    if front is None:
        return {"language": language(article.get(_LANGUAGE, ""))}
    ids = {item.get("pub-id-type", ""): (item.text or "").strip() for item in front.findall("article-id")}
    number = (ids.get("pmcid") or ids.get("pmc") or ids.get("pmcaid") or "").removeprefix("PMC")
    journal = article.find("front/journal-meta//journal-title")
    url = f"https://pmc.ncbi.nlm.nih.gov/articles/PMC{number}/" if number else ""
    return {
        "authors": _authors(front),
        "date": _date(front),
        "language": language(article.get(_LANGUAGE, "")),
        "license": _license(front),
        "url": url or (f"https://doi.org/{ids['doi']}" if ids.get("doi") else ""),
        "tags": list(dict.fromkeys(filter(None, (inline(item) for item in front.iter("kwd"))))),
        "journal": inline(journal) if journal is not None else "",
        "doi": ids.get("doi", ""),
        "pmcid": f"PMC{number}" if number else "",
        "pmid": ids.get("pmid", ""),
    }


def _authors(front: Element) -> list[str]:
    names = []
    for person in front.iter("contrib"):
        if person.get("contrib-type", "author") != "author":
            continue
        name, group = person.find(".//name"), person.find(".//collab")
        if name is not None:
            parts = [inline(part) for tag in ("given-names", "surname", "suffix") for part in name.findall(tag)]
            names.append(" ".join(part for part in parts if part))
        elif group is not None:
            names.append(" ".join((group.text or "".join(group.itertext())).split()))
        elif (whole := person.find(".//string-name")) is not None:
            names.append(inline(whole))
    return list(dict.fromkeys(filter(None, names)))


def _date(front: Element) -> str:
    """Return when an article came out: the most exact date of publication, of these the first."""
    dates = [
        date_of(*(item.findtext(part) or "" for part in ("year", "month", "day")))
        for item in front.findall("pub-date")
        if item.get("pub-type") not in ("pmc-release", "nihms-submitted") and item.get("date-type") != "pmc-release"
    ]
    return min((date for date in dates if date), key=lambda date: (-len(date), date), default="")


def _license(front: Element) -> str:
    """Return the licence: by its address, else by its name, else in the first of its words."""
    told = [(item.text or "").strip() for item in front.iter(_LICENSE)]
    for item in front.iter("license"):
        told += [item.get(_LINK, ""), *(link.get(_LINK, "") for link in item.iter("ext-link"))]
        told += ["".join(item.itertext())[:2_000]]
    told = [text for text in told if text.strip()]
    named = next((spdx(text) for text in told if "creativecommons.org" in text.lower()), "")
    return named if named.startswith("CC") else spdx(named or told[0])[:300] if told else ""
