"""What the documents of Office have in common: their main part, their facts, their diagrams."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.facts import iso_date, known, language
from hornbook.corpus.readers.files.package import Package, Relation
from hornbook.corpus.readers.packed import BadRecord

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_CORE = "{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_POINT = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}pt"
# The names of the strict form of the standard -> those of the usual one.
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_NO_TITLE = re.compile(r"(?:Microsoft (?:Word|PowerPoint) - .*|(?:PowerPoint|Word) Presentation|\S+\.(?:docx?|pptx?))")
_NAMES = 50  # of authors or keywords


def office_xml(package: Package, name: str, optional: bool = False) -> Element:
    """Return the root of a part, the strict form of the standard made the usual one.

    `optional` gives an empty element for a part that is missing or not sound. Raises BadRecord otherwise.
    """
    try:
        data = package.read(name)
        data = _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", data) if b"purl.oclc.org" in data else data
        return package.parsed(data, name)
    except BadRecord as error:
        if optional and error.reason in ("a part is missing", "not sound XML"):
            return Element("none")
        raise


def main_part(package: Package, otherwise: str) -> str:
    """Return the name of the part that the file is about."""
    for item in package.relations("").values():
        if item.kind == "officeDocument" and item.name in package:
            return item.name
    return otherwise


def document_facts(package: Package) -> dict[str, object]:
    """Return title, authors, date and tags of a document as its properties have them."""
    name = next((item.name for item in package.relations("").values() if item.kind == "core-properties"), "")
    root = office_xml(package, name or "docProps/core.xml", optional=True)

    def text(tag: str) -> str:
        return " ".join((root.findtext(tag) or "").split())

    title = text(f"{_DC}title")
    return known(
        title="" if _NO_TITLE.fullmatch(title) else title,
        authors=_list(text(f"{_DC}creator")),
        date=iso_date(text(f"{_TERMS}created")) or iso_date(text(f"{_TERMS}modified")),
        language=language(text(f"{_DC}language")),
        tags=_list(text(f"{_CORE}keywords").replace(",", ";")),
    )


def _list(text: str) -> list[str]:
    return [name for part in text.split(";")[:_NAMES] if (name := part.strip())]


def diagram(package: Package, related: Mapping[str, Relation], name: str) -> list[str]:
    """Return the texts of a diagram (SmartArt), whose data the relation of this name leads to."""
    if name not in related:
        return []
    root = office_xml(package, related[name].name, optional=True)
    texts = []
    for point in root.iter(_POINT):
        lines = ["".join(run.text or "" for run in paragraph.iter(f"{A}t")) for paragraph in point.iter(f"{A}p")]
        texts += [" ".join(line.split()) for line in lines if line.strip()]
    return texts
