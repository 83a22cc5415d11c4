"""A book of Project Gutenberg, a text or a page of HTML -> a document a chapter, with what its header says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hornbook.corpus.readers.books.chapters import Chapter, chapters_of
from hornbook.corpus.readers.books.facts import encoding_of, facts_of
from hornbook.corpus.readers.books.frame import framed
from hornbook.corpus.readers.books.hypertext import TooDeep
from hornbook.corpus.readers.books.marks import cleaned, plain
from hornbook.corpus.readers.books.matter import own
from hornbook.corpus.readers.books.page import paged
from hornbook.corpus.readers.books.paragraphs import parts_of
from hornbook.corpus.readers.books.parts import Part, text_of
from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, guess, look, marked, named, seven_bits
from hornbook.corpus.readers.packed import BadRecord, NotText, Place, blocks, shown
from hornbook.corpus.readers.record import Part as Bytes
from hornbook.corpus.readers.record import Reading, Record, noted
from hornbook.schema import check

LONGEST = 1 << 25  # bytes of a book; Webster's dictionary, the longest that is prose, has 29 MB
_HEAD = 1 << 14  # bytes in which a text says how it is written
_IS_HTML = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|html|head|!--)", re.I)
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)""", re.I)


@dataclass(frozen=True)
class Gutenberg:
    """Books of Project Gutenberg without its header and licence, credits, notes of transcribers and page numbers.

    chapters   a document a chapter, short ones together; false = a book is one document
    """

    chapters: bool = True

    def __post_init__(self) -> None:
        check(self, "gutenberg.")

    def __call__(self, place: Place, reading: Reading, part: Bytes) -> Iterator[Record]:
        """Yield the documents of a book, numbered from 1."""
        name = shown(place)
        data = _whole(place)
        html = _IS_HTML.match(data) is not None
        text, encoding = _decoded(data, html, name, reading)
        try:
            facts, parts = book(text, html)
        except TooDeep as error:
            raise BadRecord(f"{name} cannot be read ({error}).", str(error)) from error
        if not parts:
            message = f"{name} has no text between the header and the licence of Project Gutenberg."
            raise BadRecord(message, "no text in the book")
        yield from (noted(record, encoding) for record in documents(facts, parts, self.chapters))


def documents(facts: Mapping[str, Any], parts: list[Part], by_chapter: bool) -> Iterator[Record]:
    """Yield the documents of a book, numbered from 1."""
    found = chapters_of(parts) if by_chapter else iter([Chapter([], text_of(parts))] if parts else [])
    for number, chapter in enumerate(found, start=1):
        meta = dict(facts)
        if chapter.headings:
            meta |= {"section": chapter.headings[0], "sections": chapter.headings}
        yield Record(number, chapter.text, meta)


def of_pages(pages: Iterable[str]) -> tuple[dict[str, Any], list[Part]]:
    """Return what the pages of an e-book say of it, and its own parts. Raises TooDeep."""
    header, parts = paged(pages)
    return facts_of(header), _own(parts)


def book(text: str, html: bool) -> tuple[dict[str, Any], list[Part]]:
    """Return what is known of a book, and its own parts. Raises TooDeep."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\x1a", "").lstrip("\ufeff")
    if html:
        return of_pages([text])
    header, body, _ = framed(text)
    return facts_of(header), _own(parts_of(cleaned(body)))


def _own(parts: list[Part]) -> list[Part]:
    """Return the parts of a book itself, their type plain."""
    parts = own(parts)
    if not parts:
        return []
    texts = plain("\0".join(part.text.replace("\0", "") for part in parts)).split("\0")  # italics may span paragraphs
    return [part._replace(text=bare) for part, text in zip(parts, texts, strict=True) if (bare := _tidy(text))]


def _tidy(text: str) -> str:
    """Return the text of a part without blanks at its ends and at those of its lines."""
    return "\n".join(line.rstrip() for line in text.strip("\n").split("\n")).strip("\n") if text.strip() else ""


def _whole(place: Place) -> bytes:
    data = bytearray()
    for block in blocks(place):
        data += block
        if len(data) > LONGEST:
            message = f"{shown(place)} is longer than {LONGEST:,} bytes, which no book is."
            raise BadRecord(message, "too long a book")
    return bytes(data)


def _decoded(data: bytes, html: bool, name: str, reading: Reading) -> tuple[str, Encoding]:
    """Return a book's text and how it was written, where that was guessed: a mark, UTF-8, what it states, a guess.

    Raises NotText where nothing fits, and where one reads strictly in place of a guess.
    """
    try:
        if (mark := marked(data[:_HEAD])) and not data.isascii():
            return data[mark[1] :].decode(mark[0].codec, "replace"), UTF8
        if not data.isascii() or not seven_bits(data):
            return data.decode(), UTF8
    except UnicodeDecodeError:
        pass
    found = _CHARSET.search(data[:_HEAD]) if html else None
    label = (found[1] or found[2]).decode() if found else encoding_of(data[:_HEAD])
    if label and (codec := named(label, data)):
        return data.decode(codec), UTF8
    try:
        if reading.strict:
            raise Undecodable("it is not UTF-8, and not in the encoding that it states")
        encoding = seven_bits(data) or guess(look([data]))
        return data.decode(encoding.codec, encoding.errors), encoding
    except (Undecodable, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, Undecodable) else "unknown encoding"
        raise NotText(f"{name} is not text ({reason}).", reason) from error
