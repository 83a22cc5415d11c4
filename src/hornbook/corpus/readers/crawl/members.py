"""A WARC file packed by gzip -> unpacked bytes with the place of each member, past damage; and where it may be cut.

Crawls pack each record as a member of gzip of its own, so that one can be read without those before it. A member is
sought by its first bytes, and believed if it and those behind it unpack with right checksums over more than 64 KiB or
to the end of the file: deflate breaks up what it stores as it is after 65,535 bytes (RFC 1951, 3.2.4), so that a
crawled file of WARC inside a record is not taken for members of this one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from hornbook.corpus.readers.packed import BLOCK, BadRecord, NotText, Place, open_bytes, shown

BEGIN = b"WARC/"  # of a record (ISO 28500)
_MAGIC = b"\x1f\x8b\x08"
_SLICE = 1 << 14  # packed bytes at once: what is left of them behind a member is copied
_STORED = 65_535  # bytes of a block that deflate stores as it is
_HEAD = 1 << 14  # unpacked bytes in which a record's kind is told
_TRIES = 1_000  # places that look like members: a file made to waste time has many


class _Damaged(Exception):
    """The member that begins at this packed byte is cut or changed, or there is none."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


def gzip_pieces(place: Place, start: int, stop: int) -> Iterator[bytes | int | BadRecord]:
    """Yield the unpacked bytes from a packed byte to another (0 = the end).

    Before those of each member comes an int, the packed byte at which it begins. Damage is a BadRecord among them,
    after which what is sound goes on. Raises NotText for a file that does not begin as gzip.
    """
    try:
        with open_bytes(place) as stream:
            at = start
            while at >= 0:
                try:
                    yield from _members(stream, at, stop)
                    return
                except _Damaged as damaged:
                    reason = "gzip data is cut or changed"
                    message = f"{shown(place)} is damaged at byte {damaged.at:,}: its {reason}. Restore it."
                    if damaged.at == 0 and _read(stream, 0, len(_MAGIC), 0) != _MAGIC:
                        message = (
                            f"{shown(place)} is not a gzip file (it begins otherwise). Rename it or make it again."
                        )
                        raise NotText(message, "not a whole gzip file") from damaged
                    yield BadRecord(message, reason)
                    at = find_member(stream, damaged.at + 1, stop, lambda head: True)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise BadRecord(f"{shown(place)} cannot be read ({reason}).", "cannot be read") from error


def _read(stream: BinaryIO, at: int, length: int, stop: int) -> bytes:
    stream.seek(at)
    return stream.read(min(length, stop - at) if stop else length)


def _members(stream: BinaryIO, at: int, stop: int) -> Iterator[bytes | int]:
    """Yield the members from a packed byte on, at most a block at a time; zeros between them are padding."""
    stream.seek(at)
    unpacker = None
    data, begun = b"", at  # `at` is the packed byte of the data's first
    while True:
        if not data:
            data = stream.read(min(_SLICE, stop - at) if stop else _SLICE)
            if not data:
                break
        if unpacker is None:
            rest = data.lstrip(b"\0")
            at, data = at + len(data) - len(rest), rest
            if not data:
                continue
            begun = at
            if len(data) < len(_MAGIC):
                data += stream.read(len(_MAGIC))
            if not data.startswith(_MAGIC):
                raise _Damaged(begun)
            yield begun
            unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            unpacked = unpacker.decompress(data, BLOCK)
        except zlib.error as error:
            raise _Damaged(begun) from error
        rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        at, data = at + len(data) - len(rest), rest
        if unpacked:
            yield unpacked
        if unpacker.eof:
            unpacker = None
    if unpacker is not None:
        raise _Damaged(begun)


def find_member(stream: BinaryIO, at: int, stop: int, fits: Callable[[bytes], bool]) -> int:
    """Return the first packed byte from `at` on where a member begins that holds a record, -1 where there is none.

    `fits` is asked of the record's first bytes, unpacked. After _TRIES that are none the search is given up.
    """
    tries = 0
    while window := _read(stream, at, BLOCK, stop):
        place = window.find(_MAGIC)
        while place >= 0:
            tries += 1
            if tries > _TRIES:
                return -1
            head = _head(_read(stream, at + place, _HEAD, stop))
            if head.startswith(BEGIN) and fits(head) and _is_sound(stream, at + place):
                return at + place
            place = window.find(_MAGIC, place + 1)
        if len(window) < len(_MAGIC):
            break
        at += len(window) - len(_MAGIC) + 1
    return -1


def _head(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(packed, _HEAD)
    except zlib.error:
        return b""


def _is_sound(stream: BinaryIO, at: int) -> bool:
    """Say whether members unpack from here on over more than a stored block, or to the end of the file."""
    try:
        for piece in _members(stream, at, 0):
            if isinstance(piece, int) and piece > at + _STORED:
                return True
    except _Damaged as damaged:
        return damaged.at > at + _STORED
    return True
