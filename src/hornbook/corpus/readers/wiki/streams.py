"""A part of a dump, unpacked: of a .bz2 file of many streams those that begin in it, of an .xml file its bytes.

Wikimedia packs a hundred pages to a stream; other programs (pbzip2, lbzip2) end a stream anywhere, within a page too.
So what follows a part is given as well, marked as another's, for the page that begins in it and ends behind it. A
stream begins with ten bytes that a packed one holds by chance once in 10^24 bytes.
"""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterator
from typing import BinaryIO

from hornbook.corpus.readers.packed import BLOCK, BadRecord, Place, blocks, open_bytes, shown
from hornbook.corpus.readers.record import Cut, Part

_BEGINS = re.compile(rb"BZh[1-9]1AY&SY")
_LENGTH = 10  # bytes of it
_LOOK = 64  # parts in which a file of many streams has a second one


def pieces(place: Place, part: Part) -> Iterator[tuple[bytes, bool]]:
    """Yield the bytes of a part and of all behind it, unpacked, and whether they are the part's own."""
    if not part.start and not part.stop:
        yield from ((block, True) for block in blocks(place))
    elif shown(place).lower().endswith(".bz2"):
        yield from _streams(place, part.start, part.stop)
    else:
        yield from ((block, True) for block in blocks(place, part.start, part.stop))
        if part.stop:
            yield from ((block, False) for block in blocks(place, part.stop))


def cuts(place: Place, size: int, unit: int) -> list[Cut]:
    """Return parts of about `unit` bytes of the file; [] where it cannot be cut."""
    starts = [0]
    with open_bytes(place) as stream:
        if shown(place).lower().endswith(".bz2"):
            for begin in range(unit, size - unit // 2, unit):
                found = _next_stream(stream, begin, begin + unit)
                if found is not None:
                    starts.append(found)
                elif len(starts) == 1 and begin > _LOOK * unit:
                    return []
        else:
            if _is_wide(stream.read(4)):
                return []
            starts += range(unit, size - unit // 2, unit)
    stops = [*starts[1:], size]
    last = len(starts) - 1
    return [
        Cut(start, 0 if place == last else stop, stop - start)
        for place, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]


def _is_wide(start: bytes) -> bool:
    """Say whether characters are of several bytes each, so that bytes alone do not say where a page begins."""
    return start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start


def _next_stream(stream: BinaryIO, start: int, stop: int) -> int | None:
    """Return where the first stream begins at or behind `start` and before `stop`."""
    stream.seek(start)
    held, place = b"", start
    while place < stop and (block := stream.read(min(BLOCK, stop + _LENGTH - place))):
        held += block
        if found := _BEGINS.search(held):
            begin = place - len(held) + len(block) + found.start()
            return begin if begin < stop else None
        place += len(block)
        held = held[-_LENGTH + 1 :]
    return None


def _streams(place: Place, start: int, stop: int) -> Iterator[tuple[bytes, bool]]:
    name = shown(place)
    try:
        with open_bytes(place) as stream:
            end = stop or stream.seek(0, 2)
            begin = _next_stream(stream, start, end)
            if begin is None:
                return
            stream.seek(begin)
            data = b""
            place_of = begin  # where the data that is not unpacked yet begins in the file
            while True:
                data = data or stream.read(BLOCK)
                if len(data) < _LENGTH:
                    data += stream.read(BLOCK)
                skipped = len(data) - len(data.lstrip(b"\0"))  # padding between streams
                data, place_of = data[skipped:], place_of + skipped
                if not data:
                    return
                if not data.startswith(b"BZh"):
                    raise BadRecord(
                        f"{name} is not a whole bzip2 file (other bytes follow its end).", "not a whole bzip2 file"
                    )
                own = not stop or place_of < stop
                unpacker = bz2.BZ2Decompressor()
                taken = 0
                while not unpacker.eof:
                    if unpacker.needs_input and not data and not (data := stream.read(BLOCK)):
                        raise EOFError
                    taken += len(data)
                    block = unpacker.decompress(data, BLOCK)
                    data = b""
                    if block:
                        yield block, own
                data = unpacker.unused_data
                place_of += taken - len(data)
    except EOFError as error:
        raise _damaged(name) from error
    except OSError as error:
        if error.errno is None:
            raise _damaged(name) from error
        reason = error.strerror or type(error).__name__
        raise BadRecord(f"{name} cannot be read ({reason}).", "cannot be read") from error


def _damaged(name: str) -> BadRecord:
    reason = "bzip2 data is cut or changed"
    return BadRecord(f"{name} is damaged: its {reason}. Restore it.", reason)
