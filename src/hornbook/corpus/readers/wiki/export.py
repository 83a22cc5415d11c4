"""The XML of a dump (MediaWiki's export format, 0.3 to 0.11): what it says of its wiki, and its pages one by one.

A page is found by its tags alone, which is sound since text has no < of its own in XML; only then a parser reads it. So
a broken page costs itself alone, an entity that a file declares is unknown to each page, and no more than one revision
of one page is held: of a page with its history the last counts.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, fromstring

from hornbook.corpus.readers.encodings import marked
from hornbook.corpus.readers.packed import BadRecord, Place, blocks, shown
from hornbook.corpus.readers.wiki.page import Site

LONGEST = 1 << 22  # bytes of a revision with its XML: twice what MediaWiki lets a page be ($wgMaxArticleSize)
_HEADER = 1 << 20  # bytes before the first page
_ROOT = re.compile(rb"<mediawiki\b[^>]*>")
_LANGUAGE = re.compile(rb"xml:lang=[\"']([A-Za-z-]+)[\"']")
_PAGE = re.compile(rb"<page[\s>]")
_ENDS = re.compile(rb"</(revision|page)\s{0,4}>")
_TAG = 18  # bytes of the longest of these, less one
_REVISION = re.compile(rb"<revision[\s>]")
_NUMBER = re.compile(rb"<id>\s*(\d{1,18})\s*</id>")
_NAMESPACE = re.compile(rb"<ns>\s*(-?\d{1,9})\s*</ns>")
_TITLE = re.compile(rb"<title>([^<]{0,1000})</title>")
_DECLARED = re.compile(rb"<\?xml[^>]*\sencoding\s*=\s*[\"']([\w.:-]+)[\"']")


def begins(start: bytes) -> bool:
    """Say whether a file that begins so is a dump."""
    return _ROOT.search(start.replace(b"\0", b"")) is not None


def encoding(start: bytes) -> str:
    """Return how a dump is written that begins so; MediaWiki writes UTF-8."""
    if mark := marked(start):
        return mark[0].codec
    declared = _DECLARED.search(start[:200])
    name = declared[1].decode() if declared else "utf-8"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "utf-8"


def site(place: Place) -> Site:
    """Return what a dump says of its wiki. Raises BadRecord where it is none, or declares entities."""
    head = b""
    for piece in blocks(place):
        head += piece
        if len(head) >= _HEADER or b"</siteinfo>" in head or _PAGE.search(head):
            break
    head = _unwide(head)
    name = shown(place)
    if b"<!ENTITY" in head:
        message = f"{name} declares entities of its own, which may name files or grow without end."
        raise BadRecord(message, "XML that declares entities")
    root = _ROOT.search(head)
    if root is None:
        raise BadRecord(f"{name} is no dump of a wiki: it has no element <mediawiki>.", "no dump of a wiki")
    language = _LANGUAGE.search(root[0])
    begin, end = head.find(b"<siteinfo>"), head.find(b"</siteinfo>")
    try:
        facts = fromstring(head[begin : end + len(b"</siteinfo>")]) if 0 <= begin < end else Element("siteinfo")
    except ParseError as error:
        raise BadRecord(f"{name}: what it says of its wiki is not sound XML ({error}).", "not sound XML") from error
    spaces = {}
    for item in facts.iter("namespace"):
        key = item.get("key", "")
        if re.fullmatch(r"-?\d{1,6}", key):
            spaces[int(key)] = item.text or ""
    code = language[1].decode() if language else ""
    return Site(code, (facts.findtext("base") or "").strip(), spaces, (facts.findtext("rights") or "").strip())


def _unwide(head: bytes) -> bytes:
    """Return the beginning of a dump in UTF-8, however it is written."""
    codec = encoding(head)
    return head if codec == "utf-8" else head.decode(codec, "ignore").encode()


def in_utf8(pieces: Iterable[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    """Yield the pieces of a whole dump in UTF-8."""
    rest = iter(pieces)
    first = next(rest, None)
    if first is None:
        return
    codec = encoding(first[0])
    if codec == "utf-8":
        yield from itertools.chain([first], rest)
        return
    decoder = codecs.getincrementaldecoder(codec)("replace")
    for piece, own in itertools.chain([first], rest):
        yield decoder.decode(piece).encode("utf-8", "replace"), own


@dataclass(frozen=True)
class RawPage:
    """A page of a dump in XML: what stands before its revisions, and the last of these.

    revision  empty where it has none
    too_long  whether the last revision is too long to hold
    """

    head: bytes
    revision: bytes
    too_long: bool = False

    @property
    def namespace(self) -> int | None:
        """The number of its namespace; None in old dumps, which do not say it."""
        found = _NAMESPACE.search(self.head)
        return int(found[1]) if found else None

    @property
    def title(self) -> str:
        """Its title as it stands in the XML; empty where none is given."""
        found = _TITLE.search(self.head)
        return found[1].decode("utf-8", "replace") if found else ""

    @property
    def number(self) -> int:
        """The number by which its wiki knows it; 0 where none is given."""
        found = _NUMBER.search(self.head)
        return int(found[1]) if found else 0

    def element(self) -> Element:
        """Return the page with its last revision. Raises ParseError."""
        return fromstring(self.head + self.revision + b"</page>")


class _Held:
    """The bytes that are looked at, and how many of them, from the first, are the part's own."""

    def __init__(self, pieces: Iterable[tuple[bytes, bool]]) -> None:
        self.data = bytearray()
        self.own = 0
        self.others = False  # whether what comes is another part's
        self._pieces = iter(pieces)

    def drop(self, count: int) -> None:
        del self.data[:count]
        self.own = max(0, self.own - count)

    def more(self) -> bool:
        piece, own = next(self._pieces, (b"", False))
        self.data += piece
        self.own += len(piece) if own else 0
        self.others = self.others or not own
        return bool(piece)


def raw_pages(pieces: Iterable[tuple[bytes, bool]]) -> Iterator[RawPage]:
    """Yield the pages that begin in own pieces, to their ends. Raises EOFError where the file ends within one."""
    held = _Held(pieces)
    while True:
        found = _PAGE.search(held.data)
        if found is None:
            held.drop(max(0, len(held.data) - _TAG))  # what is left may be the beginning of a tag
            if (held.others and not held.own) or not held.more():
                return
        elif found.start() < held.own:
            held.drop(found.start())
            yield _page(held)
        else:
            return


def _page(held: _Held) -> RawPage:
    """Return the page that the held bytes begin with. How long a revision is does not depend on how bytes come."""
    head, revision = b"", b""
    too_long = forgotten = False
    scanned = 0
    while True:
        found = _ENDS.search(held.data, scanned)
        begin = 0 if forgotten else _begin_of_revision(held.data, len(held.data) if found is None else found.start())
        if found is None:
            if len(held.data) - begin > LONGEST:
                head = head or bytes(held.data[: begin or _HEADER])
                held.drop(len(held.data) - _TAG)
                forgotten = True
            scanned = max(0, len(held.data) - _TAG)
            if not held.more():
                raise EOFError
            continue
        last = found[1] == b"page"  # before the bytes move on
        if not last:
            head = head or bytes(held.data[:begin])
            too_long, forgotten = forgotten or found.end() - begin > LONGEST, False
            revision = b"" if too_long else bytes(held.data[begin : found.end()])
        elif not head:
            head = bytes(held.data[: found.start()])
        held.drop(found.end())
        scanned = 0
        if last:
            return RawPage(head, revision, too_long or forgotten)


def _begin_of_revision(data: bytearray, stop: int) -> int:
    found = _REVISION.search(data, 0, min(stop, _HEADER))
    return found.start() if found else 0
