"""Archives -> the files inside: .zip, .tar (packed by whatever `packed` unpacks) and .7z, each file read by its format.

Nothing is ever written under a name that an archive gives: a file inside is unpacked into a nameless temporary file (in
memory while it is small) and read from there. Links and devices are not followed. What an archive unpacks, with all
archives inside it, is at most MOST times its own size and ROOM bytes more.
"""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO, Any, cast

from hornbook.corpus.readers.books.editions import edition
from hornbook.corpus.readers.handed import handed
from hornbook.corpus.readers.packed import BLOCK, BadRecord, Member, Place, ending, open_bytes, shown, unpacked
from hornbook.corpus.readers.record import Allowance, Reading
from hornbook.errors import UserError, needing, reason_of

MOST = 200  # times its size that an archive may unpack; text that people write is packed to a hundredth at best
ROOM = 1 << 27
_DEEPEST = 3  # archives inside each other
_IN_MEMORY = 1 << 23  # bytes of a file that wait in memory, not on disk
_LOOKED = 100  # names that tell whether an archive is a mirror of books
_JUNK = ("__MACOSX",)  # what a Mac adds to its archives, beside hidden files


def names_of_books(place: Place) -> list[str]:
    """Return the names in a .zip or a .tar that may be a mirror of books; none of another one, nor of a damaged one.

    A .tar has no list of names, so it is looked through beforehand, but to its end only where it begins with books.
    """
    kind, names = ending(place), list[str]()
    most = MOST * _size(place) + ROOM
    try:
        if kind == ".zip":
            with open_bytes(place) as stream, zipfile.ZipFile(stream) as opened:
                names = opened.namelist()
        elif kind == ".tar":
            pieces = Pieces(unpacked(place))
            with contextlib.closing(pieces), tarfile.open(fileobj=pieces, mode="r|") as tar:
                for item in tar:
                    tar.members.clear()  # type: ignore[attr-defined]  # else it keeps one for every file
                    names.append(item.name)
                    if tar.offset > most or (len(names) == _LOOKED and not any(map(edition, names))):
                        return []
    except Exception as error:  # damage is told where the files are read
        if not (isinstance(error, BadRecord) or _of_its_bytes(error)):
            raise
    return [f"{shown(place)}/{name}" for name in names]


def members(place: Place, reading: Reading, kind: str = "") -> Iterator[tuple[Member, Reading]]:
    """Yield each file inside an archive in its order, hidden ones left out, and how what is inside is to be read.

    `kind` is .zip, .tar or .7z; empty = as the archive's ending says. A file is there until the next is asked for.
    Raises BadRecord, which names the archive, where it is damaged, is encrypted or unpacks to too much; what is not a
    plain file inside it is told to the reading and passed over.
    """
    kind, name = kind or ending(place), shown(place)
    allowance = reading.unpacks or Allowance(MOST * _size(place) + ROOM)
    if allowance.depth == _DEEPEST:
        reason = f"archives nested more than {_DEEPEST} deep"
        raise BadRecord(f"{name} lies in {reason}. Unpack the outer ones.", reason)
    inner = replace(reading, unpacks=allowance)
    found = {".zip": _zipped, ".7z": _seven_zipped}.get(kind, _tarred)
    names: set[str] = set()
    allowance.depth += 1
    try:
        for member in found(place, reading, allowance):
            member.name = _own_name(names, member.name)
            names.add(member.name)
            yield member, inner
    except Exception as error:
        if not _of_its_bytes(error):
            raise
        reason = f"damaged {kind.removeprefix('.')} archive"
        raise BadRecord(f"{name} cannot be read to its end ({reason_of(error)}). Restore it.", reason) from error
    finally:
        allowance.depth -= 1


def _own_name(taken: set[str], name: str) -> str:
    """Return a file's name, with a number before its ending where an earlier one has it."""
    stem, dot, kind = name.rpartition(".")
    numbered = (f"{stem}_{number}{dot}{kind}" for number in itertools.count(2))
    return name if name not in taken else next(free for free in numbered if free not in taken)


def _of_its_bytes(error: Exception) -> bool:
    """Say whether a library raised this because of the bytes of an archive: changed ones raise many kinds of errors."""
    if isinstance(error, OSError):
        return error.errno in (None, errno.EINVAL)  # a place before the file's begin, not a full disk
    return not isinstance(error, (UserError, MemoryError))


def _size(place: Place) -> int:
    with open_bytes(place) as stream:
        return stream.seek(0, os.SEEK_END)


def _wanted(name: str, archive: str, reading: Reading) -> bool:
    """Say whether a name inside an archive is one to read; one that leads out of it is told."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or not parts[0] or re.fullmatch("[A-Za-z]:", parts[0]) or "\0" in name:
        message = f"{archive} has a file whose name leads out of it ({name[:200]!r}), which is not read."
        reading.refuse(BadRecord(message, "a name that leads out of its archive"))
        return False
    return not any((part.startswith(".") and part != ".") or part in _JUNK for part in parts)


class _Spool:
    """A file that is unpacked into memory, or on disk where it is large, within an allowance."""

    def __init__(self, name: str, allowance: Allowance) -> None:
        self.name, self._allowance = name, allowance
        self.data = tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="hornbook-")  # noqa: SIM115 - closed by who reads it

    def write(self, data: bytes | bytearray) -> int:
        self._allowance.left -= len(data)
        if self._allowance.left < 0:
            reason = f"unpacks to more than {MOST} times its size"
            raise BadRecord(f"{self.name} is in an archive that {reason}: the rest is not read.", reason)
        return self.data.write(data)

    def fill(self, stream: IO[bytes]) -> Member:
        while data := stream.read(BLOCK):
            self.write(data)
        return self.member()

    def member(self) -> Member:
        return Member(self.name, cast(IO[bytes], self.data))


def _zipped(place: Place, reading: Reading, allowance: Allowance) -> Iterator[Member]:
    archive = shown(place)
    with open_bytes(place) as stream, zipfile.ZipFile(stream) as opened:
        for item in opened.infolist():
            item.filename = _decoded(item)
            if item.is_dir() or not _wanted(item.filename, archive, reading):
                continue
            if (item.external_attr >> 16) & 0o170000 == 0o120000:
                _link(archive, item.filename, reading)
                continue
            name = f"{archive}/{item.filename}"
            if item.flag_bits & 1:
                reading.refuse(BadRecord(f"{name} is encrypted. Decrypt it first.", "encrypted"))
                continue
            spool = _Spool(name, allowance)
            with spool.data:
                try:
                    with opened.open(item) as data:
                        member = spool.fill(data)
                except Exception as error:
                    if not _of_its_bytes(error):
                        raise
                    reading.refuse(_damaged(name, error))
                    continue
                yield member


def _decoded(item: zipfile.ZipInfo) -> str:
    """Return a file's name: many programs write UTF-8 without saying so."""
    if not item.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            return item.filename.encode("cp437").decode()
    return item.filename


def _damaged(name: str, error: Exception) -> BadRecord:
    return BadRecord(f"{name} cannot be unpacked ({reason_of(error)}). Restore its archive.", "damaged in its archive")


def _link(archive: str, name: str, reading: Reading) -> None:
    reading.remark(f"{archive}/{name} is a link, which is not followed.", "link in an archive")


def _tarred(place: Place, reading: Reading, allowance: Allowance) -> Iterator[Member]:
    archive = shown(place)
    with contextlib.closing(Pieces(unpacked(place))) as stream, tarfile.open(fileobj=stream, mode="r|") as opened:
        for item in opened:
            opened.members.clear()  # type: ignore[attr-defined]  # else it keeps one for every file
            if item.isdir() or not _wanted(item.name, archive, reading):
                continue
            if item.issym() or item.islnk():
                _link(archive, item.name, reading)
                continue
            name = f"{archive}/{item.name}"
            if not item.isfile():
                reading.refuse(BadRecord(f"{name} is a device or pipe, which is not read.", "device in an archive"))
                continue
            spool = _Spool(name, allowance)
            with spool.data:
                data = opened.extractfile(item)
                assert data is not None
                yield spool.fill(data)
        while stream.read(BLOCK):  # to the end of what is packed, where damage may show
            pass


class Pieces(io.RawIOBase):
    """A stream of bytes that come in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = memoryview(piece)
        size = min(len(buffer), len(self._held))
        buffer[:size] = self._held[:size]
        self._held = self._held[size:]
        return size


def _seven_zipped(place: Place, reading: Reading, allowance: Allowance) -> Iterator[Member]:
    archive = shown(place)
    with needing(archive, "sources"):
        import py7zr

    def fill(give: Callable[[_Spool], None]) -> None:
        """Unpack every file, and give each when it is whole."""

        class One(py7zr.Py7zIO):
            def __init__(self, spool: _Spool) -> None:
                self.spool, self.length = spool, 0

            def write(self, data: bytes | bytearray) -> int:
                self.length += len(data)
                return self.spool.write(data)

            def read(self, size: int | None = None) -> bytes:
                return b""

            def seek(self, offset: int, whence: int = 0) -> int:
                return offset

            def flush(self) -> None:
                pass

            def size(self) -> int:
                return self.length

        class Made(py7zr.WriterFactory):
            last: _Spool | None = None

            def create(self, filename: str) -> One:
                self.done()
                self.last = _Spool(f"{archive}/{filename}", allowance)
                return One(self.last)

            def done(self) -> None:
                if self.last is not None:
                    give(self.last)

        with open_bytes(place) as stream, py7zr.SevenZipFile(stream) as opened:
            if opened.needs_password():
                raise BadRecord(f"{archive} is encrypted. Decrypt it first.", "encrypted")
            wanted = [item.filename for item in opened.list() if _is_file(item, archive, reading)]
            made = Made()
            opened.extract(targets=wanted, factory=made)
            made.done()

    for spool in handed(fill):
        with spool.data:
            yield spool.member()


def _is_file(item: Any, archive: str, reading: Reading) -> bool:
    if item.is_directory or not _wanted(item.filename, archive, reading):
        return False
    if not item.is_file:
        _link(archive, item.filename, reading)
    return bool(item.is_file)
