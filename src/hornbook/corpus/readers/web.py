"""Pages of the web -> records: HTML files, and the records of WARC and WET files."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.encodings import marked
from hornbook.corpus.readers.packed import BadRecord, NotText, blocks, shown
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record, decoded_record, text_record
from hornbook.errors import needing, reason_of

_HEAD = 1024  # bytes of a page in which it says how it is written (HTML standard, 13.2.3.2)
_NO_TEXT = "no main text in the page"


def html(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    from hornbook.corpus.readers.pages import MainText

    data = bytearray()
    for block in blocks(path):
        data += block
        if len(data) > LONGEST:
            raise BadRecord(f"{shown(path)} is longer than {LONGEST:,} bytes.", "too long a page")
    if not data.strip():
        return
    page, note = _page(bytes(data), "", shown(path))
    text = MainText().extract(page)[0]
    if text is None:
        raise NotText(f"{shown(path)} has no main text that could be told from its menus.", _NO_TEXT)
    yield text_record(1, {reading.field: text, **note}, shown(path), reading.field)


def _page(data: bytes, charset: str, where: str, number: int = 0) -> tuple[bytes, dict[str, str]]:
    """Return a page as its extractor takes it, and what to note of its encoding.

    UTF-8 is what it says; else what the server says counts, then what the page says, which the extractor heeds, then a
    guess. Raises BadRecord where there is none.
    """
    for codec in ("utf-8", charset):
        with contextlib.suppress(ValueError, LookupError):
            return data.decode(codec).encode(), {}
    if marked(data[:4]) or b"charset" in data[:_HEAD].lower() or b"encoding=" in data[:_HEAD].lower():
        return data, {}
    text, encoding = decoded_record(data, where, number)
    return text.encode(), {"encoding": encoding.note}


def warc(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
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
    data = item.content_stream().read(LONGEST + 1)
    if len(data) > LONGEST:
        raise BadRecord(f"{where}, is longer than {LONGEST:,} bytes.", "too long a page", number)
    while item.raw_stream.read(1 << 16):
        pass
    if getattr(item.raw_stream, "limit", 1) > 0:  # no limit: its header is cut, and does not tell its length
        raise BadRecord(f"{where}, is cut.", "damaged WARC file", number)
    if kind == "response" and headers is not None and not headers.get_statuscode().startswith("2"):
        raise BadRecord(f"{where}, is no page (status {headers.get_statuscode()}).", "no page: its status", number)
    note: dict[str, str] = {}
    if content in ("text/html", "application/xhtml+xml"):
        page, note = _page(data, charset, where, number)
        text = MainText().extract(page)[0]
    elif content == "text/plain":
        text, _ = decoded_record(data, where, number)
    else:
        raise BadRecord(f"{where}, is no page ({content or 'no type'}).", f"no page: {content or 'no type'}", number)
    if text is None:
        raise BadRecord(f"{where}, has no main text.", _NO_TEXT, number)
    names = {"url": "WARC-Target-URI", "date": "WARC-Date"}
    meta = {key: value for key, header in names.items() if (value := item.rec_headers.get_header(header))}
    return text_record(number, {field: text, **meta, **note}, where, field)


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
