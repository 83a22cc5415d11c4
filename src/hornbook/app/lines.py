"""The whole lines of a file that grows: each byte is read once, whatever happens to the file meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 20  # bytes read at a time
_LONGEST = 1 << 20  # bytes of a line: what is longer is no record
_REPLACED = -2  # the inode of a file that turned out to be another one


class Lines:
    """The whole lines of a file that grows. One that is replaced, or cut, is read from its beginning.

    gen      how often that happened
    offset   the byte after the last whole line that was handed on
    there    whether the file was there at the last look
    more     whether there is more to read than was asked for
    taken    bytes read so far, in all
    """

    def __init__(self, path: Path, back: int = 0) -> None:
        """With `back` only about so many bytes at the end of the file are read at first."""
        self._path, self._back = path, back
        self.gen = self.offset = self.taken = 0
        self.there = self.more = False
        self._inode = -1
        self._rest = self._last = b""
        self._skips = False  # the line that begins at `offset` is too long, or began before what is read
        self._doubted = False

    def new(self, most: int) -> Iterator[tuple[int, bytes]]:
        """Yield the byte after each new whole line, and the line; at most about `most` bytes are read."""
        try:
            with self._path.open("rb", buffering=0) as stream:
                found = os.fstat(stream.fileno())
                position = self.offset + len(self._rest)
                if found.st_ino != self._inode or found.st_size < position:
                    position = self._begin(found)
                self.there, limit, before = True, position + most, (self.offset, self._last)
                while position < min(limit, found.st_size):
                    stream.seek(position)
                    piece = stream.read(min(_PIECE, limit - position, found.st_size - position))
                    if not piece:
                        break
                    position += len(piece)
                    self.taken += len(piece)
                    yield from self._whole(piece)
                self.more = position < found.st_size
                self._settle(stream, *before)
        except OSError:  # not there yet, or no longer, or the disk behind it does not answer
            self.there = self.more = False

    def doubt(self) -> None:
        """Say that a line does not fit those before it.

        A file may be replaced twice between two looks, and the second one have the number that the first had. So the
        line before this look is compared with the file; where it differs, the next look begins anew.
        """
        self._doubted = True

    def _settle(self, stream: BinaryIO | FileIO, offset: int, line: bytes) -> None:
        if self._doubted and line:
            stream.seek(offset - len(line))
            self.taken += len(line)
            if stream.read(len(line)) != line:
                self._inode = _REPLACED
        self._doubted = False

    def _begin(self, found: os.stat_result) -> int:
        """Start anew, with a file's beginning or with its end, and return the byte to read from."""
        self.gen += self._inode != -1
        self._inode, self._rest, self._last, self._doubted = found.st_ino, b"", b"", False
        self.offset = max(0, found.st_size - self._back) if self._back else 0
        self._skips = self.offset > 0
        return self.offset

    def _whole(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self.offset += len(line) + 1
            if self._skips:
                self._skips = False
                continue
            self._last = line + b"\n"
            yield self.offset, line
        if len(self._rest) > _LONGEST:
            self.offset += len(self._rest)
            self._rest, self._skips = b"", True
