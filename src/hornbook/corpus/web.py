"""Pages of the web -> records: HTML files, and the records of WARC and WET files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hornbook.corpus.encodings import Undecodable, decode
from hornbook.corpus.packed import BadRecord, NotText, blocks, missing, shown
from hornbook.corpus.record import LONGEST, Part, Reading, Record, text_record

_HTML = ("text/html", "application/xhtml+xml")
_NO_TEXT = "no main text in the page"


def html(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    """Yield the main text of an HTML file."""
    from hornbook.corpus.pages import main_text

    data = bytearray()
    for block in blocks(path):
        data += block
        if len(data) > LONGEST:
            raise BadRecord(f"{shown(path)} is longer than {LONGEST:,} bytes.", "too long a page")
    if not data.strip():
        return
    text = main_text(bytes(data))
    if text is None:
        raise NotText(f"{shown(path)} has no main text that could be told from its menus.", _NO_TEXT)
    yield text_record(1, {reading.field: text}, shown(path), reading.field)


def warc(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    """Yield the main text of each HTML response of a WARC file, and the text of each conversion of a WET file.

    Numbers count all the records of the file, requests and metadata too, which hold no text of their own.
    """
    try:
        from warcio.archiveiterator import ArchiveIterator
        from warcio.exceptions import ArchiveLoadFailed
    except ImportError as error:
        raise missing(path, "web") from error
    name = shown(path)
    number = 0
    try:
        # Unpacked by us: the library passes over a cut in silence.
        source = _Stream(blocks(path))
        with io.BufferedReader(source) as stream:
            for number, item in enumerate(ArchiveIterator(stream), start=1):
                try:
                    record = _archived(item, number, f"{name}, record {number}", reading.field)
                except BadRecord as error:
                    reading.refuse(error)
                    continue
                if record is not None:
                    yield record
        if source.error is not None:
            raise source.error
    except (ArchiveLoadFailed, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = f"{name}, after record {number}, cannot be read as WARC ({reason}). Restore it."
        raise BadRecord(message, "damaged WARC file", number + 1) from error


def _archived(item: Any, number: int, where: str, field: str) -> Record | None:
    """Return the text of one record; None where its kind holds none."""
    from hornbook.corpus.pages import main_text

    kind = item.rec_type
    if kind not in ("response", "conversion", "resource"):
        return None
    headers = item.http_headers if kind == "response" else item.rec_headers
    content = ((headers.get_header("Content-Type") if headers else None) or "").partition(";")[0].strip().lower()
    data = item.content_stream().read(LONGEST + 1)
    if len(data) > LONGEST:
        raise BadRecord(f"{where}, is longer than {LONGEST:,} bytes.", "too long a page", number)
    while item.raw_stream.read(1 << 16):
        pass
    if getattr(item.raw_stream, "limit", 1) > 0:  # no limit: its header is cut, and does not tell its length
        raise BadRecord(f"{where}, is cut.", "damaged WARC file", number)
    if kind == "response" and headers is not None and not headers.get_statuscode().startswith("2"):
        raise BadRecord(f"{where}, is no page (status {headers.get_statuscode()}).", "no page: its status", number)
    if content in _HTML:
        text = main_text(data)
    elif content == "text/plain":
        try:
            text, _ = decode(data)
        except Undecodable as error:
            raise BadRecord(f"{where}, is not text ({error}).", str(error), number) from error
    else:
        raise BadRecord(f"{where}, is no page ({content or 'no type'}).", f"no page: {content or 'no type'}", number)
    if text is None:
        raise BadRecord(f"{where}, has no main text.", _NO_TEXT, number)
    names = {"url": "WARC-Target-URI", "date": "WARC-Date"}
    meta = {key: value for key, header in names.items() if (value := item.rec_headers.get_header(header))}
    return text_record(number, {field: text, **meta}, where, field)


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
