"""Dumps of wikis in the form that MediaWiki writes them."""

from __future__ import annotations

import bz2
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple
from xml.sax.saxutils import escape

from hornbook.corpus.readers.packed import Member

_HEADER = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.mediawiki.org/xml/export-0.11/ \
http://www.mediawiki.org/xml/export-0.11.xsd" version="0.11" xml:lang="{language}">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>{language}wiki</dbname>
    <base>https://{language}.wikipedia.org/wiki/Main_Page</base>
    <generator>MediaWiki 1.44.0-wmf.1</generator>
    <case>first-letter</case>
    <namespaces>
      <namespace key="-2" case="first-letter">Media</namespace>
      <namespace key="-1" case="first-letter">Special</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Talk</namespace>
      <namespace key="4" case="first-letter">Wikipedia</namespace>
      <namespace key="6" case="first-letter">{file}</namespace>
      <namespace key="10" case="first-letter">Template</namespace>
      <namespace key="14" case="first-letter">{category}</namespace>
    </namespaces>
  </siteinfo>
"""
FOOTER = "</mediawiki>\n"


def header(language: str = "en", file: str = "File", category: str = "Category") -> str:
    """Return the beginning of a dump."""
    return _HEADER.format(language=language, file=file, category=category)


class Revision(NamedTuple):
    """A state of a page."""

    text: str
    date: str = "2024-01-02T03:04:05Z"
    model: str = "wikitext"


def page(
    title: str, number: int, *revisions: Revision | str, namespace: int = 0, redirect: str = "", extra: str = ""
) -> str:
    """Return a page with its revisions, oldest first; `extra` stands before them."""
    parts = [f"  <page>\n    <title>{escape(title)}</title>\n    <ns>{namespace}</ns>\n    <id>{number}</id>\n"]
    if redirect:
        parts.append(f'    <redirect title="{escape(redirect)}" />\n')
    parts.append(extra)
    for place, given in enumerate(revisions):
        one = Revision(given) if isinstance(given, str) else given
        size = len(one.text.encode())
        parts.append(
            f"    <revision>\n      <id>{number * 100 + place}</id>\n      <timestamp>{one.date}</timestamp>\n"
            f"      <contributor>\n        <username>A</username>\n        <id>7</id>\n      </contributor>\n"
            f"      <comment>c &lt;page&gt;</comment>\n      <origin>1</origin>\n      <model>{one.model}</model>\n"
            f'      <format>text/x-wiki</format>\n      <text bytes="{size}" sha1="x" xml:space="preserve">'
            f"{escape(one.text)}</text>\n      <sha1>x</sha1>\n    </revision>\n"
        )
    return "".join([*parts, "  </page>\n"])


def multistream(pages: Sequence[str], each: int, start: str | None = None) -> bytes:
    """Return a dump as Wikimedia packs it: the header, `each` pages and the footer are streams of their own."""
    groups = ["".join(pages[place : place + each]) for place in range(0, len(pages), each)]
    return b"".join(bz2.compress(part.encode()) for part in (start or header(), *groups, FOOTER))


def chopped(data: bytes, size: int) -> bytes:
    """Return data as parallel packers write it: a stream for each so many bytes, wherever these end."""
    return b"".join(bz2.compress(data[place : place + size]) for place in range(0, len(data), size))


class Generated(Member):
    """A dump of any length that is made while it is read, so that it is on no disk."""

    def __init__(self, parts: Callable[[], Iterator[bytes]]) -> None:
        self.name, self._parts = "generated.xml", parts

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Parts(self._parts()), 1 << 20)


class _Parts(io.RawIOBase):
    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._held = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._held = self._held or next(self._parts, b"")
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size


def many(megabytes: int) -> Iterator[bytes]:
    """Yield a dump of so many megabytes: histories, talk pages, and an article to each 100 of them."""
    yield header().encode()
    talk = page("Talk:A", 1, "word " * 20_000, namespace=1).encode()
    for number in range(2, 2 + megabytes // 11):
        yield page("A", number, *["'''A''' is [[B]]. " * 1000] * 50, "''Last''.").encode()
        yield talk * 100
    yield FOOTER.encode()


def endless_page(megabytes: int) -> Iterator[bytes]:
    """Yield a dump with a page of so many megabytes of text between two others."""
    first, second = page("A", 1, "a"), page("C", 3, "c")
    head, _, tail = page("B", 2, "@").partition("@")
    yield (header() + first + head).encode()
    block = b"x" * (1 << 20)
    for _ in range(megabytes):
        yield block
    yield (tail + second + FOOTER).encode()
