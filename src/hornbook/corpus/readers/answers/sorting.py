"""Rows in any order -> rows by question: sorted in runs on disk, which are then merged (Knuth 1998, volume 3, 5.4).

A run is as many rows as RUN bytes hold, sorted in memory and appended to one temporary file. Merging reads each run
through a buffer of its own, so that memory is RUN, then the number of runs times their buffer: a dump of 100 GB has
some 1,600 runs. What orders rows alone decides their order, whatever the machine.
"""

from __future__ import annotations

import heapq
import marshal
import struct
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any, BinaryIO

RUN = 1 << 26  # bytes of rows that are sorted at a time
BUFFERS = 1 << 26  # bytes that all runs together are read ahead
_LENGTH = struct.Struct("<I")

Keyed = tuple[tuple[int, ...], tuple[Any, ...]]  # what orders a row, and its fields: strings and whole numbers


def by_key(rows: Iterable[tuple[Keyed, int]], spill: BinaryIO) -> Iterator[Keyed]:
    """Yield rows, each given with its size in bytes, in the order of their keys; `spill` is an empty file."""
    runs: list[tuple[int, int]] = []
    held: list[Keyed] = []
    size = 0
    for row, weight in rows:
        held.append(row)
        size += weight
        if size >= RUN:
            runs.append(_written(held, spill))
            held, size = [], 0
    held.sort(key=itemgetter(0))
    if not runs:
        yield from held
        return
    if held:
        runs.append(_written(held, spill))
    held = []
    spill.flush()
    ahead = max(BUFFERS // len(runs), 1 << 14)
    merged = [_read(spill, start, stop, ahead) for start, stop in runs]
    yield from heapq.merge(*merged, key=itemgetter(0))


def _written(rows: list[Keyed], spill: BinaryIO) -> tuple[int, int]:
    """Append rows, sorted, and return where they lie."""
    rows.sort(key=itemgetter(0))
    start = spill.tell()
    for row in rows:
        data = marshal.dumps(row)
        spill.write(_LENGTH.pack(len(data)))
        spill.write(data)
    return start, spill.tell()


def _read(spill: BinaryIO, start: int, stop: int, ahead: int) -> Iterator[Keyed]:
    """Yield the rows of a run, read `ahead` bytes at a time."""
    held = b""
    place = 0
    while True:
        while len(held) - place < 4 or len(held) - place < 4 + _LENGTH.unpack_from(held, place)[0]:
            if start == stop:
                return
            spill.seek(start)
            data = spill.read(min(ahead, stop - start))
            held, place, start = held[place:] + data, 0, start + len(data)
        length = _LENGTH.unpack_from(held, place)[0]
        yield marshal.loads(held[place + 4 : place + 4 + length])
        place += 4 + length
