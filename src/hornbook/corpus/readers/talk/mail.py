"""Mail: messages (.eml, .emlx) and mailboxes (.mbox) -> a document for each message, or for each thread.

Names and addresses are what a message says of people: they are not put among the facts unless that is asked for. The
step `pii` of a corpus finds addresses in the text itself.
"""

from __future__ import annotations

import contextlib
import email.utils
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Literal

from hornbook.corpus.readers.facts import known, language
from hornbook.corpus.readers.packed import BLOCK, BadRecord, Place, open_bytes, shown, unpacked
from hornbook.corpus.readers.record import LONGEST, Cut, Part, Reading, Record
from hornbook.corpus.readers.talk.mime import ID, Mime, Reader
from hornbook.corpus.readers.talk.replies import is_quote, is_signature, own_words
from hornbook.corpus.readers.talk.threads import Threads

# The line before a message of a mailbox: it tells a time, and a header follows. Else it is a line of a body.
_FROM = re.compile(rb"From \S.*\d:\d\d")
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:|>From ")
_PROPERTIES = b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist'  # behind the message of an .emlx
_ESCAPED = re.compile(rb">+From ")
_BETWEEN = re.compile(rb"\n\r?\n(?=From \S[^\n]*\d:\d\d[^\n]*\n(?:[!-9;-~]+[ \t]*:|>From ))")
_EXPUNGED = 0x0008  # of X-Mozilla-Status: deleted, and still in the file


@dataclass(frozen=True)
class Mail:
    """Read mail.

    by           "message": a document for each; "thread": one for each message and the answers to it
    quotes       keep what a message quotes of others
    signatures   keep signatures and the footers of lists
    names        add the names of writers: to the facts, and in threads before each message
    """

    by: Literal["message", "thread"] = "message"
    quotes: bool = False
    signatures: bool = False
    names: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the messages; the number of each is that of its first byte in the file, from 1."""
        if self.by == "thread":
            with Threads() as threads:
                for number, mime, text, facts in self._read(place, reading, part):
                    threads.add(
                        number, mime, f"{name}:\n\n{text}" if self.names and (name := writer(mime)) else text, facts
                    )
                yield from threads.records()
            return
        for number, _, text, facts in self._read(place, reading, part):
            yield Record(number, text, facts)

    def _read(self, place: Place, reading: Reading, part: Part) -> Iterator[tuple[int, Mime, str, dict[str, object]]]:
        """Yield the number of each message, itself, its text and its facts."""
        for number, data in _messages(place, reading, part):
            mime = Mime(data)
            try:
                found = self.message(mime, f"{shown(place)}#{number}", reading)
            except BadRecord as error:
                reading.refuse(BadRecord(str(error), error.reason, number))
                continue
            if found is not None:
                yield number, mime, *found

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of a big mailbox, each from the begin of a message on."""
        starts = [0]
        with open_bytes(place) as stream:
            if self.by == "thread" or stream.read(5) != b"From ":
                return []
            while starts[-1] + 2 * unit <= size:
                found = _next_message(stream, starts[-1] + unit)
                if found < 0:
                    break
                starts.append(found)
        return [Cut(start, stop, stop - start) for start, stop in zip(starts, [*starts[1:], size], strict=True)]

    def message(self, mime: Mime, where: str, reading: Reading) -> tuple[str, dict[str, object]] | None:
        """Return the text of a message and its facts; None for one that is left out, which the reading hears of."""
        status = str(mime.headers.get("X-Mozilla-Status", "0")).strip()
        with contextlib.suppress(ValueError):
            if int(status, 16) & _EXPUNGED:
                reading.pass_over("deleted mail")
                return None
        if mime.header("Subject").startswith("DON'T DELETE THIS MESSAGE"):
            reading.pass_over("data of a mail folder")
            return None
        reader = Reader(where, self._unseen)
        texts = [own_words(text.text, self.quotes, self.signatures) for text in reader.texts(mime)]
        text = "\n\n".join(text for text in texts if text.strip())
        if not text:
            reading.pass_over("encrypted mail" if reader.is_encrypted else "mail without words of its own")
            return None
        return text, self._facts(mime)

    def _unseen(self, tag: str, attributes: Mapping[str, str]) -> bool:
        return (not self.quotes and is_quote(tag, attributes)) or (
            not self.signatures and is_signature(tag, attributes)
        )

    def _facts(self, mime: Mime) -> dict[str, object]:
        author = writer(mime) if self.names else ""
        return known(
            title=mime.header("Subject"),
            authors=[author] if author else [],
            date=date_of(mime),
            language=language(mime.header("Content-Language").partition(",")[0]),
            message_id=next(iter(ID.findall(mime.header("Message-ID"))), ""),
            list=next(iter(ID.findall(mime.header("List-Id"))), "") or mime.header("List-Id"),
        )


def date_of(mime: Mime) -> str:
    """Return when a message was written, in ISO 8601; "" where its header is none."""
    try:
        return email.utils.parsedate_to_datetime(mime.header("Date")).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def writer(mime: Mime) -> str:
    """Return the name of the one who wrote a message, without an address."""
    name = email.utils.parseaddr(mime.header("From"))[0]
    return "" if "@" in name else name


def _next_message(stream: IO[bytes], place: int) -> int:
    """Return the place of the first message from `place` on, -1 where there is none."""
    stream.seek(place)
    held = b""
    while block := stream.read(BLOCK):
        held += block
        if found := _BETWEEN.search(held):
            return place + found.end()
        place += max(len(held) - 1000, 0)
        held = held[-1000:]
    return -1


def _messages(place: Place, reading: Reading, part: Part) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each message; one above LONGEST bytes is refused, by its number."""
    lines = _lines(unpacked(place, part.start, part.stop))
    held: list[bytes] = []
    size, number, position = 0, part.start + 1, part.start
    is_box: bool | None = None
    after_blank = True
    is_apples = False  # an .emlx

    def whole() -> Iterator[tuple[int, bytes]]:
        if size > LONGEST:
            message = f"{shown(place)}#{number} is longer than {LONGEST:,} bytes."
            reading.refuse(BadRecord(message, "too long a mail", number))
        elif any(line.strip() for line in held):
            data = b"".join(held)
            end = data.rfind(_PROPERTIES) if is_apples else -1
            yield number, data[:end] if end >= 0 else data

    for line, following in itertools.pairwise(itertools.chain(lines, (b"",))):
        if is_box is None:
            is_box = line.startswith(b"From ")
            if not is_box and line.strip().isdigit():  # .emlx: the first line is the message's length
                position, is_apples = position + len(line), True
                continue
        if is_box and after_blank and _FROM.match(line) and (_HEADER.match(following) or position == part.start):
            yield from whole()
            held, size, number = [], 0, position + 1
        elif size <= LONGEST:
            held.append(line[1:] if is_box and _ESCAPED.match(line) else line)
            size += len(line)
            if size > LONGEST:
                held.clear()
        after_blank = not line.strip()
        position += len(line)
    yield from whole()


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines with their ends; one of many blocks comes in pieces, so that memory is bounded."""
    rest = b""
    for piece in pieces:
        *found, rest = (rest + piece).split(b"\n")
        for line in found:
            yield line + b"\n"
        if len(rest) > BLOCK:
            yield rest
            rest = b""
    if rest:
        yield rest
