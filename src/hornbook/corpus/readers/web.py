"""Pages of the web -> records: HTML files, and the records of WARC and WET files."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hornbook.corpus.readers.bodies import DamagedBody, body
from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, guess, look, marked, named, seven_bits
from hornbook.corpus.readers.packed import BadRecord, NotText, Place, blocks, shown
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record, noted, text_record
from hornbook.errors import needing, reason_of

_HEAD = 1024  # bytes of a page in which it says how it is written (HTML standard, 13.2.3.2)
# What a page says of itself, as an attribute of an element or in the first line of XML.
_SAYS = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE)
_NO_TEXT = "no main text in the page"


@dataclass(frozen=True)
class Html:
    """The main text of a page."""

    def __call__(self, path: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the page's text, where it has some."""
        from hornbook.corpus.readers.pages import MainText

        data = bytearray()
        for block in blocks(path):
            data += block
            if len(data) > LONGEST:
                raise BadRecord(f"{shown(path)} is longer than {LONGEST:,} bytes.", "too long a page")
        if not data.strip():
            return
        page, encoding = _page(bytes(data), "", shown(path))
        text = MainText().extract(page.encode())[0]
        if text is None:
            raise NotText(f"{shown(path)} has no main text that could be told from its menus.", _NO_TEXT)
        yield noted(text_record(1, {reading.field: text}, shown(path), reading.field), encoding)


def _page(data: bytes, charset: str, where: str, number: int = 0) -> tuple[str, Encoding]:
    """Return a page's text, and how it was written where that was guessed.

    In the order of the HTML standard: a mark, what the server says, what the page says, a guess; only that sound UTF-8
    is UTF-8, whatever is said, and that each is tried on the whole page. Raises BadRecord where nothing fits.
    """
    with contextlib.suppress(UnicodeDecodeError):
        if (mark := marked(data[:_HEAD])) and not data.isascii():
            return data[mark[1] :].decode(mark[0].codec), UTF8
    says = (found[1] or found[2]).decode() if (found := _SAYS.search(data[:_HEAD])) else ""
    labels = [label for label in (charset, says) if label]
    with contextlib.suppress(UnicodeDecodeError):
        if not data.isascii():
            return data.decode(), UTF8
    for label in labels:
        if (not data.isascii() or _shifts(label)) and (codec := named(label, data)):
            return data.decode(codec), UTF8
    try:
        encoding = (seven_bits(data) or UTF8) if data.isascii() else guess(look([data]))
        return data.decode(encoding.codec, encoding.errors), encoding
    except (Undecodable, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, Undecodable) else "unknown encoding"
        raise BadRecord(f"{where}, is not text ({reason}).", reason, number) from error


def _shifts(label: str) -> bool:
    """Say whether text of this encoding may look like ASCII."""
    return label.lower().startswith(("iso-2022", "hz", "csiso2022"))


@dataclass(frozen=True)
class Warc:
    """The pages of a WARC or WET file."""

    def __call__(self, path: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the main text of each HTML response of a WARC file, and the text of each conversion of a WET file.

        Numbers count all the records of the file, requests and metadata too, which hold no text of their own.
        """
        with needing(shown(path), "web"):
            from warcio.archiveiterator import ArchiveIterator
            from warcio.exceptions import ArchiveLoadFailed
        name = shown(path)
        number = 0
        try:
            # Unpacked by us: the library passes over a cut in silence.
            source = _Stream(blocks(path))
            with io.BufferedReader(source) as stream:
                archive = ArchiveIterator(stream)
                for number, item in enumerate(archive, start=1):
                    where = f"{name}, record {number}"
                    try:
                        record = _archived(item, number, where, reading.field)
                        bad = None
                    except BadRecord as error:
                        record, bad = None, error
                    if not _ends_where_it_says(archive):
                        message = f"{where}, does not end where its header says: it and what it covers cannot be read."
                        record, bad = None, BadRecord(message, "damaged WARC file", number)
                    if bad is not None:
                        reading.refuse(bad)
                    elif record is not None:
                        yield record
            if source.error is not None:
                raise source.error
        except (ArchiveLoadFailed, EOFError, ValueError, OverflowError) as error:
            message = f"{name}, after record {number}, cannot be read as WARC ({reason_of(error)}). Restore it."
            raise BadRecord(message, "damaged WARC file", number + 1) from error


def _ends_where_it_says(archive: Any) -> bool:
    """Read to the record's end and return whether a blank line is there; if not, go on to the next record's begin."""
    errors = archive.err_count
    with contextlib.redirect_stderr(io.StringIO()):  # where the library tells of it, and goes on
        archive.read_to_end()
    if archive.err_count == errors:
        return True
    while archive.next_line and not archive.next_line.startswith(b"WARC/"):
        archive.next_line = archive.reader.readline()
    return False


def _archived(item: Any, number: int, where: str, field: str) -> Record | None:
    """Return the text of one record; None where its kind holds none."""
    from hornbook.corpus.readers.pages import MainText

    kind = item.rec_type
    if kind not in ("response", "conversion", "resource"):
        return None
    headers = item.http_headers if kind == "response" else item.rec_headers
    content, _, parameters = ((headers.get_header("Content-Type") if headers else None) or "").lower().partition(";")
    content, charset = content.strip(), parameters.partition("charset=")[2].partition(";")[0].strip(" \"'")
    data = item.raw_stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise BadRecord(f"{where}, is longer than {LONGEST:,} bytes.", "too long a page", number)
    if getattr(item.raw_stream, "limit", 1) > 0:  # no limit: its header is cut, and does not tell its length
        raise BadRecord(f"{where}, is cut.", "damaged WARC file", number)
    if kind == "response" and headers is not None and not headers.get_statuscode().startswith("2"):
        raise BadRecord(f"{where}, is no page (status {headers.get_statuscode()}).", "no page: its status", number)
    is_page = content in ("text/html", "application/xhtml+xml")
    if not is_page and content != "text/plain":
        raise BadRecord(f"{where}, is no page ({content or 'no type'}).", f"no page: {content or 'no type'}", number)
    data = _content(data, item, headers if kind == "response" else None, where, number)
    page, encoding = _page(data, charset, where, number)
    text = MainText().extract(page.encode())[0] if is_page else page
    if text is None:
        raise BadRecord(f"{where}, has no main text.", _NO_TEXT, number)
    names = {"url": "WARC-Target-URI", "date": "WARC-Date"}
    meta = {key: value for key, header in names.items() if (value := item.rec_headers.get_header(header))}
    return noted(text_record(number, {field: text, **meta}, where, field), encoding)


def _content(data: bytes, item: Any, headers: Any, where: str, number: int) -> bytes:
    """Return the content of a record's body. Raises BadRecord where half of it is missing."""

    def header(name: str) -> str:
        return ((headers.get_header(name) if headers else None) or "").strip().lower()

    if item.rec_headers.get_header("WARC-Truncated"):
        raise BadRecord(f"{where}, was cut when it was fetched, as its header says.", "page cut by the crawler", number)
    said = header("Content-Length")
    packed = header("Content-Encoding") or header("Transfer-Encoding")
    if said.isdigit() and not packed and len(data) < int(said):
        message = f"{where}, has {len(data):,} of the {int(said):,} bytes that its server announced."
        raise BadRecord(message, "page cut on its way", number)
    try:
        content = body(data, "chunked" in header("Transfer-Encoding"), header("Content-Encoding"), LONGEST)
    except DamagedBody as error:
        raise BadRecord(f"{where}: {error}.", "damaged page", number) from error
    if len(content) > LONGEST:
        raise BadRecord(f"{where}, is longer than {LONGEST:,} bytes.", "too long a page", number)
    return content


class _Stream(io.RawIOBase):
    """Pieces of bytes as a stream that can be read; where they break off it ends, and `error` says why."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""
        self.error: BadRecord | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            try:
                piece = next(self._pieces, None)
            except BadRecord as error:
                self.error, piece = error, None
            if piece is None:
                return 0
            self._held = piece
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size
