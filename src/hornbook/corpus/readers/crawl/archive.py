"""Bytes of a WARC file -> its records, by a parser of our own (ISO 28500), and the parts that it may be cut into.

    packed bytes ──members──> unpacked bytes ──Stream──> lines and blocks ──entries──> Entry, one a record

Crawls pack each record as a member of gzip of its own. The number of a record is then the byte at which its member
begins, which an index of the crawl names too, and which is the same wherever the file is cut. In other files records
are counted from 1. What is damaged costs itself: reading goes on at the next member or line that begins a record.

warcio passes over damage in silence and knows no parts of a file; decision 45 has the speeds.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from hornbook.corpus.readers.crawl.members import BEGIN, find_member, gzip_pieces
from hornbook.corpus.readers.packed import BadRecord, Place, blocks, open_bytes, shown
from hornbook.corpus.readers.record import LONGEST, WHOLE, Cut, Part

Header = dict[str, str]  # names in lower case
_LINE = 1 << 16  # bytes of a line of a header
_LINES = 1_000  # of a header
DAMAGED = "damaged WARC file"


@dataclass(frozen=True)
class Entry:
    """One record.

    number   of the record in its file, see above
    place    the same in words
    header   its fields; of those that stand twice the first
    block    its bytes; at most LONGEST + 1, so that a longer one is seen
    damage   a sentence about what is wrong with it, empty where nothing is, and the reason in few words
    """

    number: int
    place: str
    header: Header
    block: bytes
    damage: str = ""
    reason: str = DAMAGED

    @property
    def kind(self) -> str:
        return self.header.get("warc-type", "")


class _Gap(Exception):
    """Bytes are missing here."""

    def __init__(self, error: BadRecord) -> None:
        super().__init__(error)
        self.error = error


class _Stream:
    """Unpacked bytes, read forwards, with the places of the members among them."""

    def __init__(self, pieces: Iterator[bytes | int | BadRecord]) -> None:
        self._pieces = pieces
        self._held, self._place = b"", 0
        self._base = 0  # unpacked bytes before those held
        self._marks: deque[tuple[int, int]] = deque()  # unpacked and packed byte of members ahead

    def member(self) -> int:
        """Return the packed byte of the member that begins here, -1 where none does."""
        self.peek(1)
        here = self._base + self._place
        while self._marks and self._marks[0][0] < here:
            self._marks.popleft()
        return self._marks[0][1] if self._marks and self._marks[0][0] == here else -1

    def peek(self, length: int) -> bytes:
        """Return the next bytes, so many or all that are left."""
        while len(self._held) - self._place < length and self._more():
            pass
        return self._held[self._place : self._place + length]

    def line(self) -> bytes:
        """Return the next line with its end, a piece of a long one, or b"" at the end."""
        checked = 0
        while True:
            end = self._held.find(b"\n", self._place + checked) + 1
            ahead = len(self._held) - self._place
            if end or ahead >= _LINE:
                return self._take((end or len(self._held)) - self._place)
            checked = ahead
            if not self._more():
                return self._take(ahead)

    def read(self, length: int) -> bytes:
        """Return so many bytes, or all that are left."""
        parts, left = [], length
        while left:
            if self._place == len(self._held) and not self._more():
                break
            parts.append(self._take(min(left, len(self._held) - self._place)))
            left -= len(parts[-1])
        return b"".join(parts)

    def skip(self, length: int) -> int:
        """Pass over so many bytes, and return how many there were."""
        left = length
        while left:
            if self._place == len(self._held) and not self._more():
                break
            left -= len(self._take(min(left, len(self._held) - self._place)))
        return length - left

    def _take(self, length: int) -> bytes:
        data = self._held[self._place : self._place + length]
        self._place += length
        return data

    def _more(self) -> bool:
        """Take up the next bytes, and say whether there were any. Raises _Gap."""
        for piece in self._pieces:
            if isinstance(piece, int):
                self._marks.append((self._base + len(self._held), piece))
            elif isinstance(piece, BadRecord):
                self._base += len(self._held) + 1
                self._held, self._place = b"", 0
                raise _Gap(piece)
            elif piece:
                self._base += self._place
                self._held, self._place = self._held[self._place :] + piece, 0
                return True
        return False


def entries(place: Place, part: Part = WHOLE) -> Iterator[Entry | BadRecord]:
    """Yield the records of a file or of a part of it, each in order; what is lost between them is a BadRecord.

    Raises BadRecord for a file that is none of WARC.
    """
    name = shown(place)
    stream = _Stream(gzip_pieces(place, part.start, part.stop) if name.lower().endswith(".gz") else blocks(place))
    count = number = 0
    packed_apart = part.start > 0
    fresh = True  # whether nothing but sound records stood before
    while True:
        try:
            if not _to_record(stream, fresh):
                return
        except _Gap as gap:
            yield gap.error
            fresh = False
            continue
        except _Junk:
            if not count and fresh and not part.start:
                raise BadRecord(f"{name} does not begin as WARC does.", DAMAGED, 1) from None
            yield BadRecord(f"{name}, after record {count}, holds what is no record.", DAMAGED, number)
            fresh = False
            continue
        member = stream.member()
        packed_apart = packed_apart or member > 0
        count += 1
        number = max(member, number + 1) if packed_apart else count
        where = f"{name}, record at byte {number:,}" if packed_apart else f"{name}, record {number}"
        try:
            entry = _entry(stream, number, where)
        except _Gap as gap:
            entry = Entry(number, where, {}, b"", str(gap.error), gap.error.reason)
        fresh = not entry.damage
        yield entry


class _Junk(Exception):
    """What stands here is no record."""


def _to_record(stream: _Stream, fresh: bool) -> bool:
    """Go to the next record's begin, and say whether there is one. Raises _Junk for other lines after sound ones."""
    while start := stream.peek(len(BEGIN)):
        if start == BEGIN:
            return True
        line = stream.line()
        while not line.endswith(b"\n") and line and not fresh:
            line = stream.line()
        if fresh and line.strip():
            raise _Junk
    return False


def _entry(stream: _Stream, number: int, where: str) -> Entry:
    """Read the record that begins here."""
    header = _header(stream)
    size = header.get("content-length", "")
    if not (size.isascii() and size.isdigit() and len(size) < 20):
        return Entry(number, where, header, b"", f"{where}, does not say how long it is.")
    length = int(size)
    block = stream.read(min(length, LONGEST + 1))
    if len(block) + stream.skip(length - len(block)) < length:
        return Entry(number, where, header, block, f"{where}, is cut.")
    start = stream.peek(2)
    if start and start != b"\r\n" and start[:1] != b"\n":
        message = f"{where}, does not end where its header says: it and what it covers cannot be read."
        return Entry(number, where, header, block, message)
    return Entry(number, where, header, block)


def _header(stream: _Stream) -> Header:
    """Read a record's header, to the blank line behind it."""
    lines: list[bytes] = []
    stream.line()
    while (line := stream.line()).strip() and len(lines) < _LINES:
        lines.append(line)
    return fields(b"".join(lines))


def fields(header: bytes) -> Header:
    """Return the fields of a header, of a record or of HTTP: by their names in lower case, of equal names the first.

    A line that begins with a blank belongs to the one before it.
    """
    try:
        text = header.decode()
    except UnicodeDecodeError:
        text = header.decode("latin-1")
    found: Header = {}
    last = ""
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            if last:
                found[last] = f"{found[last]} {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        last = name.strip().lower() if colon else ""
        if last:
            if last in found:
                last = ""
            else:
                found[last] = value.strip()
    return found


def cuts(place: Place, size: int, unit: int) -> list[Cut]:
    """Return parts of about `unit` packed bytes, of whole records; [] for a file whose records are not packed apart.

    A record of metadata tells of the one before it, so no part begins with one.
    """
    if not shown(place).lower().endswith(".gz"):
        return []
    numbers = [item.number for item in itertools.islice(entries(place), 2) if isinstance(item, Entry)]
    if len(numbers) < 2 or numbers[1] == 2:
        return []
    starts = [0]
    with open_bytes(place) as stream:
        while starts[-1] + 2 * unit <= size:
            found = find_member(stream, starts[-1] + unit, 0, _may_begin)
            if found < 0:
                break
            starts.append(found)
    ends = [*starts[1:], 0]
    return [Cut(start, stop, (stop or size) - start) for start, stop in zip(starts, ends, strict=True)]


def _may_begin(head: bytes) -> bool:
    """Say whether a part may begin with the record that begins so."""
    header, ended, _ = head.partition(b"\r\n\r\n")
    return bool(ended) and fields(header.partition(b"\n")[2]).get("warc-type", "metadata") != "metadata"
