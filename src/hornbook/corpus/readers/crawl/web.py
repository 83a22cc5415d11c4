"""Pages of the web: files of HTML -> their main text, and how a page's bytes are told as text."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hornbook.corpus.readers.crawl.stated import facts_of, stated
from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, guess, look, marked, named, seven_bits
from hornbook.corpus.readers.packed import BadRecord, NotText, Place, blocks, shown
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record, noted

NO_TEXT = "no main text in the page"
_HEAD = 1024  # bytes of a page in which it says how it is written (HTML standard, 13.2.3.2)
# What a page says of itself, as an attribute of an element or in the first line of XML.
_SAYS = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE)


@dataclass(frozen=True)
class Html:
    """The main text of a page, with the title, the licence and the wishes towards robots that it states."""

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the page's text, where it has some."""
        from hornbook.corpus.readers.crawl.pages import MainText

        name = shown(place)
        data = bytearray()
        for block in blocks(place):
            data += block
            if len(data) > LONGEST:
                raise BadRecord(f"{name} is longer than {LONGEST:,} bytes.", "too long a page")
        if not data.strip():
            return
        page, encoding = page_text(bytes(data), "", name)
        text = MainText().extract(page.encode())[0]
        if text is None:
            raise NotText(f"{name} has no main text that could be told from its menus.", NO_TEXT)
        yield noted(Record(1, text, facts_of(stated(page, {}))), encoding)


def page_text(data: bytes, charset: str, where: str, number: int = 0) -> tuple[str, Encoding]:
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
