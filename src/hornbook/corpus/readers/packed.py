"""The bytes of a file in pieces, wherever it lies and however it is packed: gzip, bzip2, xz, zstd, or not at all.

A place is a file, the address of one elsewhere, or a file inside an archive. What was packed before a cut or a change
is yielded before the error is raised.
"""

from __future__ import annotations

import bz2
import contextlib
import errno
import io
import lzma
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeAlias, cast

from hornbook.corpus.readers.encodings import marked
from hornbook.errors import UserError, needing

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
# Endings that stand for two.
_SHORT = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".tbz": ".tar.bz2", ".txz": ".tar.xz", ".tzst": ".tar.zst"}
BLOCK = 1 << 20
_PAGES = re.compile(r"(?<=\.xml)-p\d+p\d+$")  # behind the ending of Wikimedia's dumps: the pages that one holds
# First bytes of files that are no text, whatever their name says.
_MAGIC = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"BZh91AY&SY": "bzip2",
    b"%PDF-": "PDF",
    b"PAR1\x15": "parquet",  # with the first byte of what follows, since words may begin with these letters
    b"ARROW1\0\0": "Arrow",
    b"\xfd7zXZ\0": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x7fELF": "ELF",
    b"\x89PNG\r\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"SQLite format 3\0": "SQLite",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "old Office",
    b"\x93NUMPY": "NumPy",
    b"\x89HDF\r\n": "HDF5",
}
_CONTROLS = bytes(set(range(32)) - set(b"\b\t\n\f\r\x1b"))
_BINARY = 0.05  # of the first bytes: with more control characters it is no text
_HEAD = 4096


# Formats of members one after the other: the name, the first bytes, what unpacks a member.
_MEMBERS: dict[str, tuple[str, bytes, Callable[[], Any]]] = {
    ".gz": ("gzip", b"\x1f\x8b", lambda: zlib.decompressobj(16 + zlib.MAX_WBITS)),
    ".bz2": ("bzip2", b"BZh", bz2.BZ2Decompressor),
    ".xz": ("xz", b"\xfd7zXZ\0", lzma.LZMADecompressor),
}


class BadRecord(UserError):
    """A file or a record that cannot be read: the message is a sentence that names it, `reason` its kind in few words.

    line   of the file, from 1; 0 where there is none
    count  of the records, or lines of CSV, that are lost with it; 0 = none is, and the message is a remark
    """

    def __init__(self, message: str, reason: str, line: int = 0, count: int = 1) -> None:
        super().__init__(message)
        self.reason, self.line, self.count = reason, line, count


class NotText(BadRecord):
    """The file is no text at all; a folder of unknown files passes over it."""


class Member:
    """A file inside an archive, unpacked.

    name   the archive's name, a slash, and the file's name inside it
    """

    def __init__(self, name: str, data: IO[bytes]) -> None:
        self.name, self._data = name, data

    def open(self) -> BinaryIO:
        """Return a stream from the file's first byte; several may be open at once."""
        return cast(BinaryIO, io.BufferedReader(_View(self._data), BLOCK))


class _View(io.RawIOBase):
    """A stream with a position of its own over a file that others read too."""

    def __init__(self, data: IO[bytes]) -> None:
        self._data, self._place = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            offset += self._data.seek(0, os.SEEK_END)
        elif whence == os.SEEK_CUR:
            offset += self._place
        if offset < 0:
            raise OSError(errno.EINVAL, "a place before the begin")  # as a file on disk does, which libraries catch
        self._place = offset
        return offset

    def readinto(self, buffer: Any) -> int:
        self._data.seek(self._place)
        data = self._data.read(len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


Place: TypeAlias = Path | str | Member  # a str is an address


def is_url(place: Place) -> bool:
    """Say whether this is the address of a file elsewhere, such as s3://bucket/key."""
    return isinstance(place, str) and "://" in place


def shown(place: Place) -> str:
    """Return the place for people and for ids: forward slashes, and bytes that are no UTF-8 replaced."""
    text = place.name if isinstance(place, Member) else place if isinstance(place, str) else place.as_posix()
    return os.fsencode(text).decode("utf-8", "replace")


def ending(place: Place) -> str:
    """Return the file's ending in lower case, below a compression's: `.jsonl` for `wiki.jsonl.gz`."""
    name = _long(place)
    for compressed in COMPRESSED:
        name = name.removesuffix(compressed)
    return Path(_PAGES.sub("", name)).suffix


def _long(place: Place) -> str:
    """Return the file's own name in lower case, its ending spelled out."""
    name = shown(place).rpartition("/")[2].lower()
    short = Path(name).suffix
    return name.removesuffix(short) + _SHORT.get(short, short)


def open_bytes(place: Place) -> BinaryIO:
    """Open a file, what a URL leads to, or a file of an archive, for reading bytes."""
    if isinstance(place, Member):
        return place.open()
    if not is_url(place):
        return cast(BinaryIO, io.BufferedReader(_Counted(Path(place)), BLOCK))
    import fsspec

    return fsspec.open(str(place), "rb").open()  # type: ignore[no-any-return]


_bytes = 0  # taken of files


class _Counted(io.FileIO):
    """A file on this disk whose bytes are counted as they are taken."""

    def readinto(self, buffer: Any) -> int:
        global _bytes
        size = super().readinto(buffer) or 0
        _bytes += size
        return size

    def readall(self) -> bytes:
        global _bytes
        data = super().readall() or b""
        _bytes += len(data)
        return data


def taken() -> int:
    """Return how many bytes of files on this disk this process has taken so far."""
    return _bytes


@contextlib.contextmanager
def local_path(place: Place) -> Iterator[Path]:
    """Give a path on this disk, for a library that takes nothing else: of a file elsewhere a copy, for the while."""
    if not isinstance(place, Member) and not is_url(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="hornbook-") as folder:
        path = Path(folder, "file" + ending(place))
        with open_bytes(place) as stream, path.open("wb") as copy:
            shutil.copyfileobj(stream, copy, BLOCK)
        yield path


def blocks(path: Place, start: int = 0, stop: int = 0) -> Iterator[bytes]:
    """Yield the file's bytes, decompressed, in pieces. Raises BadRecord, which names the file, and NotText.

    `start` and `stop` (0 = the end) choose bytes of a file that is not packed.
    """
    pieces = unpacked(path, start, stop)
    yield from pieces if start or stop else _checked(pieces, path)


def unpacked(path: Place, start: int = 0, stop: int = 0) -> Iterator[bytes]:
    """Yield what `blocks` does, whether it is text or not."""
    suffix = Path(_long(path)).suffix
    try:
        with open_bytes(path) as stream:
            if start or stop:
                stream.seek(start)
                yield from _range(stream, stop - start if stop else -1)
            elif suffix in _MEMBERS:
                yield from _members(stream, path, *_MEMBERS[suffix])
            else:
                yield from _unzstd(stream, path) if suffix == ".zst" else _range(stream, -1)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise BadRecord(f"{shown(path)} cannot be read ({reason}).", "cannot be read") from error


def _range(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length and (block := stream.read(min(BLOCK, length) if length > 0 else BLOCK)):
        length -= len(block) if length > 0 else 0
        yield block


def other_format(start: bytes) -> str:
    """Return what the first bytes of a file say it is, "" where they may be text."""
    name = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")
    head = start[:_HEAD]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if name or head.startswith(b"WARC/") or len(head) < 64 or controls <= len(head) * _BINARY or marked(head):
        return name
    return "binary"


def _checked(pieces: Iterator[bytes], path: Place) -> Iterator[bytes]:
    """Yield the pieces of a file, unless the first says that they are no text. Raises NotText."""
    start = next(pieces, b"")
    if name := other_format(start):
        message = f"{shown(path)} holds {name} data, which its ending does not say. Rename it or unpack it."
        raise NotText(message, f"{name} data under another ending")
    if start:
        yield start
    yield from pieces


def _members(stream: BinaryIO, path: Place, name: str, magic: bytes, begin: Callable[[], Any]) -> Iterator[bytes]:
    """Decompress one member after the other, at most a block at a time; zeros between them are padding."""
    unpacker: Any = None
    first = True
    data = b""
    try:
        while True:
            hungry = unpacker is None or getattr(unpacker, "needs_input", True)
            if not data and hungry:
                data = stream.read(BLOCK)
                if not data:
                    break
            if unpacker is None:
                data = data.lstrip(b"\0") if not first else data
                if not data:
                    continue
                if len(data) < len(magic):
                    data += stream.read(len(magic))
                if not data.startswith(magic[: len(data)]):
                    what = "it begins otherwise" if first else "other bytes follow its end"
                    kind = NotText if first else BadRecord
                    message = f"{shown(path)} is not a whole {name} file ({what}). Rename it or make it again."
                    raise kind(message, f"not a whole {name} file")
                unpacker, first = begin(), False
            unpacked = unpacker.decompress(data, BLOCK)
            # zlib gives back what it has not used; bzip2 keeps it, and wants b"" while there is something left.
            data = getattr(unpacker, "unconsumed_tail", b"")
            if unpacked:
                yield unpacked
            if unpacker.eof:
                data, unpacker = unpacker.unused_data, None
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _damaged(path, name) from error
    if unpacker is not None:
        raise _damaged(path, name)


def _damaged(path: Place, name: str) -> BadRecord:
    reason = f"{name} data is cut or changed"
    return BadRecord(f"{shown(path)} is damaged: its {reason}. Restore it.", reason)


def _unzstd(stream: BinaryIO, path: Place) -> Iterator[bytes]:
    """Decompress frame by frame, which notices a file that was cut (zstandard's stream reader does not).

    A step takes fewer bytes while they grow into more than a block, so that memory stays small for any content.
    """
    with needing(shown(path), "zstd"):
        import zstandard
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)  # what `zstd --long=31` writes
    frame = None
    step, least, most = 64, 64, 4_096  # compressed bytes at once: one may become 32 KB
    try:
        while block := stream.read(step):
            while block:
                frame = frame or decompressor.decompressobj()
                unpacked = frame.decompress(block)
                step = max(step // 2, least) if len(unpacked) > BLOCK else min(step * 2, most)
                yield unpacked
                block = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
    except zstandard.ZstdError as error:
        message = f"{shown(path)} is not a whole zstd file ({error}). Rename it or make it again."
        raise NotText(message, "not a whole zstd file") from error
    if frame is not None:
        raise _damaged(path, "zstd")
