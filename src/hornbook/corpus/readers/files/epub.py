"""E-books (EPUB 2 and 3) -> their chapters in reading order. Contents, covers and page numbers are left out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.books.gutenberg import documents, of_pages
from hornbook.corpus.readers.books.hypertext import TooDeep
from hornbook.corpus.readers.facts import iso_date, known, language, spdx
from hornbook.corpus.readers.files.html_text import decoded_markup, html_prose
from hornbook.corpus.readers.files.package import Package, opened, resolved
from hornbook.corpus.readers.files.prose import Prose
from hornbook.corpus.readers.packed import BadRecord, Place
from hornbook.corpus.readers.record import Part, Reading, Record

_CONTAINER = "META-INF/container.xml"
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_NCX = "{http://www.daisy.org/z3986/2005/ncx/}"
_XHTML = "{http://www.w3.org/1999/xhtml}"
_TYPE = "{http://www.idpf.org/2007/ops}type"
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_LEFT_OUT = frozenset({"cover", "toc", "loi", "lot", "lov", "loa", "page-list", "landmarks"})
_BODY = re.compile(r"<body\b[^>]*\bepub:type=[\"']([^\"']*)[\"']", re.IGNORECASE)
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # mangled, which is no lock
_XML_ENC = "{http://www.w3.org/2001/04/xmlenc#}"


@dataclass(frozen=True)
class Epub:
    """Read .epub files.

    by       "chapter": a document for each file of the reading order; "book": one for the whole book
    """

    by: Literal["chapter", "book"] = "chapter"

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the chapters; the number counts the files of the reading order."""
        with opened(place) as package:
            opf = _package_file(package)
            root = package.xml(opf)
            facts = _facts(root)
            if "gutenberg.org/" in str(facts.get("url", "")):
                yield from self._gutenberg(facts, _pages(package, opf, root, reading), package.where)
                return
            whole: list[tuple[int, Prose]] = []
            labels = _labels(package, opf, root)
            for number, name, markup in _pages(package, opf, root, reading):
                prose = html_prose(markup, xhtml=True)
                if self.by == "book":
                    whole.append((number, prose))
                elif text := prose.text():
                    section = labels.get(name.lower()) or next(iter(prose.sections), "")
                    yield Record(number, text, {**facts, **known(section=section)})
            if text := "\n\n".join(text for _, prose in whole if (text := prose.text())):
                sections = [heading for _, prose in whole for heading in prose.sections]
                yield Record(1, text, {**facts, **known(sections=sections)})

    def _gutenberg(
        self, facts: dict[str, object], pages: Iterator[tuple[int, str, str]], where: str
    ) -> Iterator[Record]:
        """Yield the documents of a book of Project Gutenberg, without what it puts around its books."""
        try:
            said, parts = of_pages(markup for _, _, markup in pages)
        except TooDeep as error:
            raise BadRecord(f"{where} cannot be read ({error}).", str(error)) from error
        yield from documents({**facts, **said}, parts, self.by == "chapter")


def _pages(package: Package, opf: str, root: Element, reading: Reading) -> Iterator[tuple[int, str, str]]:
    """Yield the place in the spine, the name and the markup of each page that is text of the book."""
    for number, name in _reading_order(package, opf, root, reading):
        markup, _ = decoded_markup(package.read(name), f"{package.where}, part {name!a}", number)
        kinds = _BODY.search(markup)
        if not kinds or _LEFT_OUT.isdisjoint(kinds[1].split()):
            yield number, name, markup


def _package_file(package: Package) -> str:
    """Return the name of the part that describes the book. Raises BadRecord where the book is locked."""
    for part in _locked(package):
        if posixpath.splitext(part)[1].lower() in (".xhtml", ".html", ".htm", ".xml", ".opf"):
            message = f"{package.where} is locked by its seller (DRM), so its text cannot be read."
            raise BadRecord(message, "encrypted (DRM)")
    container = package.optional(_CONTAINER)
    for item in () if container is None else container.iter():
        if str(item.tag).endswith("}rootfile") and (name := item.get("full-path")):
            return name
    for name in package.names:
        if name.lower().endswith(".opf"):
            return name
    raise BadRecord(f"{package.where} is no e-book: it has no package file (.opf).", "no e-book")


def _locked(package: Package) -> Iterator[str]:
    root = package.optional("META-INF/encryption.xml")
    for item in () if root is None else root.iter(f"{_XML_ENC}EncryptedData"):
        method = item.find(f"{_XML_ENC}EncryptionMethod")
        if method is None or method.get("Algorithm") not in _FONTS:
            for reference in item.iter(f"{_XML_ENC}CipherReference"):
                yield reference.get("URI", "")


def _facts(root: Element) -> dict[str, object]:
    def texts(name: str) -> list[str]:
        return [text for item in root.iter(_DC + name) if (text := " ".join("".join(item.itertext()).split()))]

    roles = {
        item.get("refines", "").lstrip("#"): (item.text or "").strip()
        for item in root.iter(f"{_OPF}meta")
        if item.get("property") == "role"
    }
    authors = []
    for item in root.iter(f"{_DC}creator"):
        role = item.get(f"{_OPF}role") or roles.get(item.get("id", ""), "aut")
        if role == "aut" and (name := " ".join((item.text or "").split())):
            authors.append(name)
    dates = list(root.iter(f"{_DC}date"))
    published = [item for item in dates if item.get(f"{_OPF}event") == "publication"] or dates
    url = next((text for text in [*texts("source"), *texts("identifier")] if text.startswith(("http:", "https:"))), "")
    return known(
        title=next(iter(texts("title")), ""),
        authors=authors,
        date=iso_date(published[0].text or "") if published else "",
        language=language(next(iter(texts("language")), "")),
        license=spdx(next(iter(texts("rights")), "")),
        url=url,
        tags=texts("subject"),
        publisher=next(iter(texts("publisher")), ""),
    )


def _reading_order(package: Package, opf: str, root: Element, reading: Reading) -> Iterator[tuple[int, str]]:
    """Yield the place in the spine and the name of each part that is text; what is missing is told."""
    folder = posixpath.dirname(opf)
    items = {item.get("id", ""): item for item in root.iter(f"{_OPF}item")}
    guide = {
        resolved(folder, item.get("href", "")).lower()
        for item in root.iter(f"{_OPF}reference")
        if item.get("type", "").lower() in _LEFT_OUT
    }
    seen = set()
    for number, reference in enumerate(root.iter(f"{_OPF}itemref"), start=1):
        item = items.get(reference.get("idref", ""))
        if item is None or reference.get("linear") == "no" or item.get("media-type") not in _PAGES:
            continue
        name = resolved(folder, item.get("href", ""))
        if "nav" in item.get("properties", "").split() or name.lower() in guide or name in seen:
            continue
        seen.add(name)
        if name not in package:
            message = f"{package.where} names a chapter that it does not have ({name!a})."
            reading.refuse(BadRecord(message, "a chapter is missing", number))
            continue
        yield number, name


def _labels(package: Package, opf: str, root: Element) -> dict[str, str]:
    """Return the titles that the table of contents gives to files, by their names in small letters."""
    folder = posixpath.dirname(opf)
    found: dict[str, str] = {}
    for item in root.iter(f"{_OPF}item"):
        is_nav = "nav" in item.get("properties", "").split()
        if not is_nav and item.get("media-type") != "application/x-dtbncx+xml":
            continue
        name = resolved(folder, item.get("href", ""))
        contents = package.optional(name)
        inner = posixpath.dirname(name)
        for target, label in () if contents is None else _nav(contents) if is_nav else _ncx(contents):
            found.setdefault(resolved(inner, target).lower(), " ".join(label.split()))
    return found


def _nav(root: Element) -> Iterator[tuple[str, str]]:
    for nav in root.iter(f"{_XHTML}nav"):
        if "toc" in nav.get(_TYPE, "toc").split():
            for link in nav.iter(f"{_XHTML}a"):
                yield link.get("href", ""), "".join(link.itertext())


def _ncx(root: Element) -> Iterator[tuple[str, str]]:
    for point in root.iter(f"{_NCX}navPoint"):
        text, content = point.find(f"{_NCX}navLabel/{_NCX}text"), point.find(f"{_NCX}content")
        if text is not None and content is not None:
            yield content.get("src", ""), text.text or ""
