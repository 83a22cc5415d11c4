"""Dumps of wikis in the form that MediaWiki writes them."""

from __future__ import annotations

import bz2
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

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
