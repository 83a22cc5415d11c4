"""JSON lines and JSON arrays -> records, streamed."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, as_utf8, decoded, guess, look, marked
from hornbook.corpus.readers.packed import (
    BLOCK,
    COMPRESSED,
    BadRecord,
    Place,
    blocks,
    ending,
    open_bytes,
    other_format,
    shown,
)
from hornbook.corpus.readers.record import (
    LONGEST,
    Cut,
    Part,
    Reading,
    Record,
    decoded_record,
    looked_for,
    no_more,
    noted,
    text_record,
)
from hornbook.corpus.readers.tables import file_text

_AROUND, _FAR = 1 << 16, 1 << 26  # bytes of lines that are no UTF-8 and tell how the file is written; how far to look
_DIGITS = 4_300  # of a whole number: Python reads no longer one, and it becomes text


@dataclass(frozen=True)
class JsonLines:
    """A record a line."""

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of each line; blank lines are passed over."""
        return looked_for(self._records(place, reading, part), shown(place), reading)

    def _records(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        pieces = blocks(place, part.start, part.stop)
        around = no_more if reading.strict else functools.cache(lambda: _around(place))
        for number, line in enumerate(
            lines(pieces if part.start else _line_feeds(as_utf8(pieces, part.stop > 0))), start=part.first
        ):
            try:
                record = _line(line, number, place, reading, around)
            except BadRecord as error:
                reading.refuse(error)
                continue
            if record is not None:
                yield record

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of a file that is not packed, each from the start of a line, whose lines are still to count."""
        return [] if shown(place).lower().endswith(COMPRESSED) else _line_starts(place, size, unit)


def _line_starts(path: Place, size: int, unit: int) -> list[Cut]:
    """Return parts of about `unit` bytes, each from the start of a line."""
    starts = [0]
    with open_bytes(path) as stream:
        start = stream.read(BLOCK)
        named = marked(start)
        if other_format(start) or (named and named[0].codec != "utf-8"):
            return []
        while starts[-1] + 2 * unit <= size:
            place = starts[-1] + unit
            stream.seek(place)
            while block := stream.read(BLOCK):
                found = block.find(b"\n")
                place += found + 1 if found >= 0 else len(block)
                if found >= 0:
                    break
            if place >= size:
                break
            starts.append(place)
    ends = [*starts[1:], 0]
    return [Cut(start, stop, (stop or size) - start, int(not start)) for start, stop in zip(starts, ends, strict=True)]


def _around(path: Place) -> Encoding | None:
    """Return how the lines of a file that are no UTF-8 are written, None where they do not tell it."""
    held, size, seen = [], 0, 0
    try:
        for line in lines(_line_feeds(as_utf8(blocks(path)))):
            seen += len(line or b"")
            if line and not line.isascii() and "\ufffd" in line.decode("utf-8", "replace"):
                held.append(line[:_AROUND])
                size += len(held[-1])
            if size > _AROUND or seen > _FAR:
                break
        found = guess(look([b"\n".join(held)]))
    except (BadRecord, Undecodable):
        return None
    return found if found.errors == "strict" else None


def _line_feeds(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a file; where lines end in carriage returns alone, with line feeds instead.

    In a JSON string neither stands by itself.
    """
    pieces = iter(pieces)
    start = next(pieces, b"")
    returns = b"\n" not in start and b"\r" in start[:-1]
    for piece in itertools.chain((start,), pieces):
        yield piece.replace(b"\r", b"\n") if returns else piece


def lines(pieces: Iterable[bytes]) -> Iterator[bytes | None]:
    """Yield lines without their line feed, None for one above LONGEST; a line of many blocks is joined once."""
    pending: list[bytes] = []
    size = 0
    for block in pieces:
        *whole, rest = block.split(b"\n")
        if whole:
            yield b"".join((*pending, whole[0])) if size + len(whole[0]) <= LONGEST else None
            yield from whole[1:]
            pending, size = [], 0
        size += len(rest)
        if size <= LONGEST:
            pending.append(rest)
        else:
            pending = []
    yield b"".join(pending) if size <= LONGEST else None


def _line(
    line: bytes | None, number: int, path: Place, reading: Reading, around: Callable[[], Encoding | None]
) -> Record | None:
    found = _line_value(line, number, path, reading, around)
    if found is None:
        return None
    where = f"{shown(path)}, line {number}"
    return noted(text_record(number, found[0], where, reading.field, reading.fields), found[1])


def _line_value(
    line: bytes | None, number: int, path: Place, reading: Reading, around: Callable[[], Encoding | None]
) -> tuple[Any, Encoding] | None:
    where = f"{shown(path)}, line {number}"
    if line is None:
        raise BadRecord(f"{where}, is longer than {LONGEST:,} bytes. Cut it.", "too long a line", number)
    if not line.strip():
        return None
    try:
        text, encoding = (line.decode(), UTF8) if reading.strict else decoded_record(line, where, number, around)
    except UnicodeDecodeError as error:
        message = f"{where}, is not UTF-8 text. Convert the file first, for example with iconv."
        raise BadRecord(message, "not UTF-8", number) from error
    try:
        return _value(text), encoding
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        field = reading.field
        message = f'{where}, is not valid JSON ({reason}). Write one object with a field "{field}" a line.'
        raise BadRecord(message, "not valid JSON", number) from error


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a whole number of so many digits
        return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < _DIGITS else digits


@dataclass(frozen=True)
class JsonFile:
    """A record an object: of an array, of JSON lines, or the one that a file holds."""

    def __call__(self, path: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of each object of a JSON array, of JSON lines, or of the one object that a file holds."""
        return looked_for(self._records(path, reading, part), shown(path), reading)

    def _records(self, path: Place, reading: Reading, part: Part) -> Iterator[Record]:
        if _has_lines(path):
            yield from JsonLines()._records(path, reading, part)
            return
        name = shown(path)
        text, encoding = (_decoded(path), UTF8) if reading.strict else file_text(path, reading)
        for number, value in enumerate(_values(text, path), start=1):
            try:
                record = text_record(number, value, f"{name}, record {number}", reading.field, reading.fields)
                yield noted(record, encoding)
            except BadRecord as error:
                reading.refuse(error)


def objects(place: Place, reading: Reading) -> Iterator[tuple[int, Any]]:
    """Yield the number and the value of each line or item, whatever it is; one that is broken is refused."""
    if ending(place) == ".json" and not _has_lines(place):
        text = _decoded(place) if reading.strict else file_text(place, reading)[0]
        yield from enumerate(_values(text, place), start=1)
        return
    around = no_more if reading.strict else functools.cache(lambda: _around(place))
    for number, line in enumerate(lines(_line_feeds(as_utf8(blocks(place)))), start=1):
        try:
            found = _line_value(line, number, place, reading, around)
        except BadRecord as error:
            reading.refuse(error)
            continue
        if found is not None:
            yield number, found[0]


def _has_lines(path: Place) -> bool:
    """Say whether a file with the ending of JSON is JSON lines."""
    start = b""
    for piece in as_utf8(blocks(path)):
        start = (start + piece).lstrip()
        if len(start) >= BLOCK or b"\n" in start:
            break
    return start[:1] != b"[" and _is_json(start.split(b"\n", 1)[0])


def _decoded(path: Place) -> Iterator[str]:
    try:
        yield from decoded(as_utf8(blocks(path)), UTF8, 0)
    except Undecodable as error:
        raise BadRecord(f"{shown(path)} is not UTF-8 text.", "not UTF-8") from error


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _values(pieces: Iterator[str], path: Place) -> Iterator[Any]:
    """Yield the values of an array, or those that stand one after the other, reading on while one is not whole."""
    decoder = json.JSONDecoder(parse_int=_whole)
    text, place, count, ended = "", 0, 0, False
    wanted = BLOCK
    array = False
    while True:
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        if not array and not count and text[place : place + 1] == "[":
            array, place = True, place + 1
            continue
        if array and text[place : place + 1] == "]":
            if any(piece.strip() for piece in itertools.chain((text[place + 1 :],), pieces)):
                message = f"{shown(path)} has more behind its array, which is not read. Write one array a file."
                raise BadRecord(message, "more behind a JSON array", count + 1)
            return
        reason = "it ends too early"
        try:
            if place < len(text):
                value, end = decoder.raw_decode(text, place)
                if end < len(text) or ended:
                    yield value
                    count, place, wanted = count + 1, end, BLOCK
                    continue
        except RecursionError:
            ended, reason = True, "it is nested too deeply"
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        if ended or len(text) - place > LONGEST:
            if place >= len(text) and not array:
                return
            message = f"{shown(path)}, record {count + 1}, is not valid JSON ({reason}); the rest cannot be read."
            raise BadRecord(message, "not valid JSON, with all that follows", count + 1)
        text, ended = _more(pieces, text[place:], wanted)
        place, wanted = 0, wanted * 2


def _more(pieces: Iterator[str], text: str, wanted: int) -> tuple[str, bool]:
    """Return the text with about so many more characters, and whether that was all."""
    held, size = [text], 0
    while size < wanted:
        piece = next(pieces, None)
        if piece is None:
            return "".join(held), True
        held.append(piece)
        size += len(piece)
    return "".join(held), False
