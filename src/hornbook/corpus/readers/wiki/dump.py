"""MediaWiki: a dump of a wiki -> its pages, each as one text with its facts."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from hornbook.corpus.readers.facts import known, spdx
from hornbook.corpus.readers.packed import BadRecord, Place, shown
from hornbook.corpus.readers.record import Cut, Part, Reading, Record
from hornbook.corpus.readers.wiki.export import LONGEST, RawPage, in_utf8, raw_pages, site
from hornbook.corpus.readers.wiki.page import Site
from hornbook.corpus.readers.wiki.streams import cuts, pieces
from hornbook.corpus.readers.wiki.text import PageText, plain_text
from hornbook.corpus.readers.wiki.words import DISAMBIGUATION_TITLES, REDIRECTS

_REDIRECT = re.compile(r"\s*[#＃]\s*([^\[\]\n:：]{2,40}?)\s*[:：]?\s*\[\[[^\[\]\n]+\]\]")
_IN_BRACKETS = re.compile(r"[(（]([^()（）]+)[)）]$")
# The licences that the wikis of Wikimedia state for their texts.
_LICENSES = {
    "wikipedia.org": "CC-BY-SA-4.0", "wiktionary.org": "CC-BY-SA-4.0", "wikibooks.org": "CC-BY-SA-4.0",
    "wikiquote.org": "CC-BY-SA-4.0", "wikisource.org": "CC-BY-SA-4.0", "wikiversity.org": "CC-BY-SA-4.0",
    "wikivoyage.org": "CC-BY-SA-4.0", "wikimedia.org": "CC-BY-SA-4.0", "mediawiki.org": "CC-BY-SA-4.0",
    "wikinews.org": "CC-BY-2.5", "wikidata.org": "CC0-1.0",
}  # fmt: skip
_DISAMBIGUATES = re.compile(r"disambiguation pages|begriffsklärung$", re.IGNORECASE)


@dataclass(frozen=True)
class MediaWiki:
    """Read the dump of a wiki, such as enwiki-latest-pages-articles-multistream.xml.bz2.

    namespaces   numbers of the namespaces whose pages are read; 0 is the articles
    tables       whether tables of data are kept, as rows
    link_lists   whether sections that hold lists of links, works and notes are kept, such as See also and References
    """

    namespaces: tuple[int, ...] = (0,)
    tables: bool = True
    link_lists: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the pages of a dump, or of a part of it."""
        wiki = site(place)
        name = shown(place)
        given = pieces(place, part)
        try:
            for raw in raw_pages(given if part.start or part.stop else in_utf8(given)):
                try:
                    record = self._record(raw, wiki, name, reading)
                except BadRecord as error:
                    reading.refuse(error)
                    continue
                if record is not None:
                    yield record
        except EOFError:
            message = f"{name} ends within a page. The pages before it are read; restore the file."
            reading.refuse(BadRecord(message, "file ends within a page"))

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of about `unit` bytes, in order; [] where the file has to be read in one piece."""
        return cuts(place, size, unit)

    def _record(self, raw: RawPage, wiki: Site, name: str, reading: Reading) -> Record | None:
        """Return a page; None where it is passed over."""
        where, number = f"{name}, page {raw.number}", raw.number
        space = raw.namespace if raw.namespace is not None else _space(raw.title, wiki)
        if space not in self.namespaces:
            reading.pass_over("another namespace")
            return None
        if raw.too_long:
            raise BadRecord(f"{where}, is longer than {LONGEST:,} bytes.", "too long a page", number)
        try:
            element = raw.element()
        except ParseError as error:
            raise BadRecord(f"{where}, is not sound XML ({error}).", "not sound XML", number) from error
        title = (element.findtext("title") or "").strip()
        if not number or not title:
            raise BadRecord(f"{where}, has no number or no title.", "page without number or title", number)
        revision = element.find("revision")
        source = (revision.findtext("text") if revision is not None else "") or ""
        if reason := _no_article(element, revision, source):
            reading.pass_over(reason)
            return None
        page = plain_text(source, title, wiki, tables=self.tables, link_lists=self.link_lists)
        if reason := _no_prose(title, page):
            reading.pass_over(reason)
            return None
        date = (revision.findtext("timestamp") if revision is not None else "") or ""
        return Record(number, f"{title}\n\n{page.text}", _facts(title, date.strip(), page, wiki))


def _space(title: str, wiki: Site) -> int:
    """Return the number of a page's namespace by its title, in an old dump that does not say it."""
    prefix, colon, _ = title.partition(":")
    named = prefix.strip().lower() if colon else ""
    return next((number for number, name in wiki.namespaces.items() if named and name.lower() == named), 0)


def _no_article(element: Element, revision: Element | None, source: str) -> str:
    """Return why a page is no text by what its dump says of it; empty where it is."""
    if element.find("redirect") is not None or is_redirect(source):
        return "redirect"
    model = (revision.findtext("model") if revision is not None else "") or "wikitext"
    if model not in ("wikitext", "proofread-page"):
        return f"content is {model}, not wikitext"
    return "" if source.strip() else "empty page"


def _no_prose(title: str, page: PageText) -> str:
    """Return why a page's text is none to be read; empty where it is."""
    bracketed = _IN_BRACKETS.search(title)
    if (
        page.disambiguation
        or (bracketed and bracketed[1].lower() in DISAMBIGUATION_TITLES)
        or any(_DISAMBIGUATES.search(name) for name in page.categories)
    ):
        return "disambiguation"
    return "" if page.text.strip() else "empty page"


def is_redirect(source: str) -> bool:
    """Say whether a page only leads to another: #REDIRECT [[Other]], in the words of any language."""
    found = _REDIRECT.match(source)
    if found is None:
        return False
    word = found[1].replace("_", " ").strip().lower()
    return word in REDIRECTS


def _facts(title: str, date: str, page: PageText, wiki: Site) -> dict[str, Any]:
    host = urllib.parse.urlsplit(wiki.base).hostname or ""
    site_name = ".".join(host.split(".")[-2:])
    return known(
        title=title,
        url=_address(title, wiki.base),
        language=wiki.language,
        date=date,
        license=spdx(wiki.rights) or _LICENSES.get(site_name, ""),
        tags=page.categories,
        sections=page.sections,
    )


def _address(title: str, base: str) -> str:
    """Return a page's address on its wiki, given that of the main page: .../wiki/Main_Page or ...?title=Main_Page."""
    if not base:
        return ""
    before, found, _ = base.partition("title=")
    start = before + found if found else base.rpartition("/")[0] + "/"
    return start + urllib.parse.quote(title.replace(" ", "_"), safe="/:@!$*',();~")
