"""Files of a crawl -> records: the pages of WARC, the texts of WET; WAT tells of pages and has no text of its own.

    entries ──with what the next record tells of the page──> host, type, status, language ──> bytes ──> text and facts

All that a header tells is asked before a page is unpacked and parsed: a page that is passed over costs no extraction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from hornbook.corpus.readers.crawl import archive
from hornbook.corpus.readers.crawl.archive import Entry, Header, entries
from hornbook.corpus.readers.crawl.bodies import DamagedBody, body
from hornbook.corpus.readers.crawl.doubles import instead
from hornbook.corpus.readers.crawl.hosts import domains, host_of, is_among
from hornbook.corpus.readers.crawl.stated import Stated, facts_of, header_wishes, opt_outs, stated
from hornbook.corpus.readers.crawl.wat import beside, told_by
from hornbook.corpus.readers.crawl.web import NO_TEXT, page_text
from hornbook.corpus.readers.facts import main_language
from hornbook.corpus.readers.packed import BadRecord, Place, ending, shown
from hornbook.corpus.readers.record import LONGEST, Cut, Part, Reading, Record, noted

_PAGES = ("text/html", "application/xhtml+xml")
_WITH_TEXT = ("response", "conversion", "resource")


class _PassedOver(Exception):
    """A page is left out on purpose; the message is the reason."""


class _Http(NamedTuple):
    """A response of a server: its status, its header, and its body as it was sent."""

    status: str
    header: Header
    body: bytes


@dataclass(frozen=True)
class Warc:
    """The main text of each page of a WARC file, and the text of each page of a WET file.

    hosts      domains, or files with a domain a line: pages of all others are passed over; empty = none is
    not_hosts  domains, or files of them: pages of these, and of what is below them, are passed over
    languages  such as de, en: pages are passed over of which the crawl says that they are mostly in another language
    types      media types of the pages that are read, of text/html, application/xhtml+xml and text/plain
    opt_outs   respect: pages are passed over that state noai, noml or tdm-reservation; keep: they are read
    truncated  pages that the crawler cut: pass-over or keep
    prefer     which is read where a page is in a WARC file and in the WET file made of it: warc or wet
    wat        whether the WAT file beside a WET file is read for titles, licences, wishes and the number of links
    """

    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    types: tuple[str, ...] = (*_PAGES, "text/plain")
    opt_outs: Literal["respect", "keep"] = "respect"
    truncated: Literal["pass-over", "keep"] = "pass-over"
    prefer: Literal["warc", "wet"] = "warc"
    wat: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of each page; a page's number is the byte at which its record begins, where it has its own."""
        if ending(place) == ".wat":
            reading.pass_over("a WAT file, which has no text of its own")
            return
        about = told_by(beside(place), reading) if self.wat and ending(place) == ".wet" else {}
        for entry, languages in _with_languages(entries(place, part)):
            try:
                if isinstance(entry, BadRecord):
                    raise entry
                if entry.damage:
                    raise BadRecord(entry.damage, entry.reason, entry.number)
                record = self._record(entry, languages, about)
            except BadRecord as error:
                reading.refuse(error)
            except _PassedOver as passed:
                reading.pass_over(str(passed))
            else:
                if record is not None:
                    yield record

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of whole records, where each is packed by itself."""
        return archive.cuts(place, size, unit)

    def instead(self, place: Place, others: Collection[str]) -> str:
        """Return why a file is passed over beside others of these names, "" where it is read."""
        return instead(shown(place), others, self.prefer)

    def _record(self, entry: Entry, languages: list[str], about: dict[str, dict[str, Any]]) -> Record | None:
        """Return the text of one record; None where its kind holds none."""
        if entry.kind not in _WITH_TEXT:
            if entry.kind == "metadata" and entry.header.get("content-type", "").startswith("application/json"):
                raise _PassedOver("a record of WAT, which has no text of its own")
            if entry.kind == "revisit":
                raise _PassedOver("the same page as in an earlier crawl (revisit)")
            return None
        self._ask_header(entry, languages)
        http = _http(entry) if entry.kind == "response" else None
        header = http.header if http is not None else entry.header
        if http is not None and http.status != "200":
            raise _PassedOver("no page: its status")
        content, _, parameters = header.get("content-type", "").lower().partition(";")
        content = content.strip() or entry.header.get("warc-identified-payload-type", "")
        if content not in self.types or content not in (*_PAGES, "text/plain"):
            raise _PassedOver(f"no page: {content or 'no type'}")
        if http is not None and self.opt_outs == "respect" and (wishes := opt_outs(header_wishes(header))):
            raise _PassedOver(f"its owner opted out ({wishes[0]})")
        charset = parameters.partition("charset=")[2].partition(";")[0].strip(" \"'")
        page, encoding = page_text(self._content(entry, http), charset, entry.place, entry.number)
        is_page = content in _PAGES
        states = facts_of(stated(page, header)) if is_page else facts_of(Stated("", "", tuple(header_wishes(header))))
        states = {**about.get(entry.header.get("warc-refers-to", ""), {}), **states}
        if self.opt_outs == "respect" and (wishes := opt_outs(states.get("robots", "").split(", "))):
            raise _PassedOver(f"its owner opted out ({wishes[0]})")
        text = _main_text(page) if is_page else page
        if text is None:
            raise BadRecord(f"{entry.place}, has no main text.", NO_TEXT, entry.number)
        facts = {
            "url": entry.header.get("warc-target-uri", "").strip("<>"),
            "date": entry.header.get("warc-date", ""),
            "content_type": content,
            "language": languages[0] if languages else "",
            "languages": languages if len(languages) > 1 else "",
        }
        return noted(Record(entry.number, text, {k: v for k, v in facts.items() if v} | states), encoding)

    def _ask_header(self, entry: Entry, languages: list[str]) -> None:
        """Raise _PassedOver for a page that its header shows to be unwanted."""
        host = host_of(entry.header.get("warc-target-uri", "").strip("<>"))
        if self.hosts and not is_among(host, domains(self.hosts)):
            raise _PassedOver("its host is not among hosts")
        if self.not_hosts and is_among(host, domains(self.not_hosts)):
            raise _PassedOver("its host is among not_hosts")
        if self.languages and languages and languages[0] not in map(main_language, self.languages):
            raise _PassedOver(f"in another language ({languages[0]})")
        if self.truncated != "keep" and entry.header.get("warc-truncated"):
            raise _PassedOver("cut by the crawler")

    def _content(self, entry: Entry, http: _Http | None) -> bytes:
        """Return the content of a record's body, unpacked. Raises BadRecord where half of it is missing."""
        data = entry.block if http is None else http.body
        where, number, header = entry.place, entry.number, {} if http is None else http.header
        too_long = BadRecord(f"{where}, is longer than {LONGEST:,} bytes.", "too long a page", number)
        if len(data) > LONGEST:
            raise too_long
        said = header.get("content-length", "")
        codings, transfer = header.get("content-encoding", "").lower(), header.get("transfer-encoding", "").lower()
        whole = not entry.header.get("warc-truncated")
        if whole and said.isascii() and said.isdigit() and not codings and not transfer and len(data) < int(said):
            message = f"{where}, has {len(data):,} of the {int(said):,} bytes that its server announced."
            raise BadRecord(message, "page cut on its way", number)
        try:
            content = body(data, "chunked" in transfer, codings, LONGEST)
        except DamagedBody as error:
            raise BadRecord(f"{where}: {error}.", "damaged page", number) from error
        if len(content) > LONGEST:
            raise too_long
        return content


def _main_text(page: str) -> str | None:
    from hornbook.corpus.readers.crawl.pages import MainText  # it brings numpy, which a reader of paths does not need

    return MainText().extract(page.encode())[0]


def _http(entry: Entry) -> _Http:
    """Take apart a server's response. Raises BadRecord where it is none, _PassedOver where it is of another kind."""
    kind = entry.header.get("content-type", "application/http").lower()
    if not kind.startswith("application/http"):
        raise _PassedOver(f"no page: {kind.partition(';')[0].strip()}")
    ends = [(place, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (place := entry.block.find(mark)) >= 0]
    end, length = min(ends, default=(len(entry.block), 0))
    first, _, rest = entry.block[:end].partition(b"\n")
    words = first.decode("latin-1").split()
    if len(words) < 2 or not words[0].upper().startswith("HTTP/"):
        raise BadRecord(f"{entry.place}, holds no response of a web server.", "damaged page", entry.number)
    return _Http(words[1], archive.fields(rest), entry.block[end + length :])


def _with_languages(items: Iterator[Entry | BadRecord]) -> Iterator[tuple[Entry | BadRecord, list[str]]]:
    """Yield each item with the languages of its page, which the record of metadata behind it may tell; most first."""
    held: Entry | None = None
    for item in items:
        if held is not None:
            yield held, _own_languages(held) or _languages_told(held, item)
            held = None
        if isinstance(item, Entry) and item.kind == "response" and not item.damage:
            held = item
        else:
            yield item, _own_languages(item) if isinstance(item, Entry) else []
    if held is not None:
        yield held, _own_languages(held)


def _each(codes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, map(main_language, codes))))


def _own_languages(entry: Entry) -> list[str]:
    return _each(entry.header.get("warc-identified-content-language", "").split(","))


def _languages_told(page: Entry, item: Entry | BadRecord) -> list[str]:
    """Return the languages that a record of metadata about a page tells, as Common Crawl writes it (CLD2)."""
    if not isinstance(item, Entry) or item.kind != "metadata":
        return []
    if page.header.get("warc-record-id") not in (
        item.header.get("warc-concurrent-to"),
        item.header.get("warc-refers-to"),
    ):
        return []
    try:
        found = json.loads(archive.fields(item.block).get("languages-cld2", "{}"))
        return _each(one["code-iso-639-3"] for one in found.get("languages", ()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
