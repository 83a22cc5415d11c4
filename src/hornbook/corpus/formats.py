"""One file -> its records: plain text, JSON lines and parquet, the first two also compressed with gzip or zstd.

Everything but plain text is streamed, so memory does not grow with the file. Whatever is wrong with a file ends in a
UserError that names it, and the line where there is one.
"""

from __future__ import annotations

import codecs
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from hornbook.corpus.sections import sections
from hornbook.errors import UserError

KNOWN = (".txt", ".md", ".jsonl", ".parquet")
_COMPRESSED = (".gz", ".zst")
_BLOCK = 1 << 20
_ZSTD_STEPS = (1 << 6, 1 << 12)  # fewest and most compressed bytes a step: a byte may become 32 KB
_ZSTD_WINDOW = 1 << 31  # what `zstd --long=31` writes
_PARQUET_ROWS = 256


class NotText(UserError):
    """The file is not UTF-8 text; a folder of unknown files passes over it."""


class Record(NamedTuple):
    """One text of a file; `number` counts lines, rows or sections from 1."""

    number: int
    text: str
    meta: Mapping[str, Any]


def shown(path: Path) -> str:
    """Return the path for people and for ids: forward slashes, and bytes that are no UTF-8 replaced."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def ending(path: Path) -> str:
    """Return the file's ending in lower case, below a compression's: `.jsonl` for `wiki.jsonl.gz`."""
    name = path.name.lower()
    for compressed in _COMPRESSED:
        name = name.removesuffix(compressed)
    return Path(name).suffix


def records(path: Path) -> Iterator[Record]:
    """Yield the texts of one file in order; its ending chooses the format, and an unknown one is plain text."""
    readers: dict[str, Callable[[Path], Iterator[Record]]] = {".jsonl": _json_lines, ".parquet": _parquet}
    return readers.get(ending(path), _plain_text)(path)


def _plain_text(path: Path) -> Iterator[Record]:
    """Yield the sections of a text file, which is held whole in memory."""
    for number, section in enumerate(sections(_decode(path)), start=1):
        yield Record(number, section, {})


def _decode(path: Path) -> str:
    """Return the file's text: UTF-8, without a byte order mark, line ends as they are."""
    data = bytearray()
    for block in _blocks(path):
        if b"\0" in block:
            raise NotText(f"{shown(path)} is not a text file (it has NUL bytes). Convert it to UTF-8 text first.")
        data += block
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotText(
            f"{shown(path)} is not UTF-8 text (line {line}). Convert it first, for example with iconv."
        ) from error


def _json_lines(path: Path) -> Iterator[Record]:
    """Yield the field `text` of each line; blank lines and null texts are passed over."""
    for number, line in enumerate(_lines(_blocks(path)), start=1):
        raw = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if not raw.strip():
            continue
        where = f"{shown(path)}, line {number}"
        try:
            value = json.loads(raw.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise UserError(f"{where}, is not UTF-8 text. Convert the file first, for example with iconv.") from error
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise UserError(
                f'{where}, is not valid JSON ({reason}). Write one object with a field "text" a line.'
            ) from error
        record = text_record(number, value, where)
        if record is not None:
            yield record


def text_record(number: int, value: Any, where: str) -> Record | None:
    """Return an object's field `text` with the other fields as meta; None where the text is null.

    `where` names the place for the UserError that is raised when the value is no object or has no such text.
    """
    if not isinstance(value, dict):
        raise UserError(f'{where}, is not an object. Write one object with a field "text" a line.')
    if "text" not in value:
        fields = ", ".join(map(str, value)) or "none"
        raise UserError(f'{where}, has no field "text" (its fields: {fields}). Rename the field that holds the text.')
    text = value.pop("text")
    if text is None:
        return None
    if not isinstance(text, str):
        raise UserError(f'{where}: the field "text" holds {type(text).__name__} instead of a string.')
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{where}: the text has half of a surrogate pair ({error.object[error.start]!a}). Remove it."
        ) from error
    return Record(number, text, value)


def _parquet(path: Path) -> Iterator[Record]:
    """Yield the column `text` alone: the others cost reading and are left; null texts are passed over."""
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise _missing(path, "parquet") from error
    name = shown(path)
    number = 0
    try:
        # Buffering ahead would hold the whole column in memory by the end.
        with ParquetFile(path, pre_buffer=False, buffer_size=_BLOCK) as table:
            columns = table.schema_arrow.names
            if "text" not in columns:
                raise UserError(
                    f'{name} has no column "text" (its columns: {", ".join(columns) or "none"}). '
                    "Rename the column that holds the text."
                )
            for batch in table.iter_batches(batch_size=_PARQUET_ROWS, columns=["text"]):
                for text in batch.column(0).to_pylist():
                    number += 1
                    if text is None:
                        continue
                    if not isinstance(text, str):
                        raise UserError(f'{name}: the column "text" holds {type(text).__name__} instead of strings.')
                    yield Record(number, text, {})
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: the text of a row after row {number} is not UTF-8. Write the file again.") from error
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{name} cannot be read as parquet ({reason}). Restore it or make it again.") from error


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines without their line feed; a line that spans many blocks is joined once."""
    pending: list[bytes] = []
    for block in blocks:
        *whole, rest = block.split(b"\n")
        if whole:
            yield b"".join((*pending, whole[0]))
            yield from whole[1:]
            pending = []
        pending.append(rest)
    yield b"".join(pending)


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes, decompressed, in pieces."""
    unpack = {".gz": _gunzip, ".zst": _unzstd}.get(path.suffix.lower(), _as_is)
    try:
        with path.open("rb") as stream:
            yield from unpack(stream, path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"{shown(path)} cannot be read ({reason}).") from error


def _as_is(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block


def _gunzip(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            while block := unpacked.read(_BLOCK):
                yield block
    except gzip.BadGzipFile as error:
        raise NotText(f"{shown(path)} is not a whole gzip file ({error}). Rename it or make it again.") from error
    except (EOFError, zlib.error) as error:
        raise UserError(f"{shown(path)} is damaged: its gzip data is cut or changed. Restore it.") from error


def _unzstd(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    """Decompress frame by frame, which notices a file that was cut (zstandard's stream reader does not).

    A step takes fewer bytes while they grow into more than a block, so that memory stays small for any content.
    """
    try:
        import zstandard
    except ImportError as error:
        raise _missing(path, "zstd") from error
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = None
    least, most = _ZSTD_STEPS
    step = least
    try:
        while block := stream.read(step):
            while block:
                frame = frame or decompressor.decompressobj()
                unpacked = frame.decompress(block)
                step = max(step // 2, least) if len(unpacked) > _BLOCK else min(step * 2, most)
                yield unpacked
                block = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
    except zstandard.ZstdError as error:
        raise NotText(f"{shown(path)} is not a whole zstd file ({error}). Rename it or make it again.") from error
    if frame is not None:
        raise UserError(f"{shown(path)} is damaged: its zstd data is cut. Restore it.")


def _missing(path: Path, extra: str) -> UserError:
    return UserError(f"{shown(path)} needs a library that is not installed: pip install 'hornbook[{extra}]'")
