"""The body of an HTTP message as it was meant: put together of its chunks, and unpacked.

Crawlers often store a body unpacked and keep the header that says it is packed: a body that does not begin as the
header says is taken as it is. One that begins so and breaks off is half a page, and is refused.
"""

from __future__ import annotations

import bz2
import zlib
from typing import Any

from hornbook.errors import needing


class DamagedBody(ValueError):
    """A body that is cut or changed, or cannot be unpacked here; the message says what of it."""


def body(data: bytes, chunked: bool, codings: str, longest: int) -> bytes:
    """Return the content of a body. Raises DamagedBody.

    codings   the header Content-Encoding: gzip, deflate, br, zstd, bzip2; several were applied in their order
    longest   bytes: more are cut off, as a sign that the page is too long
    """
    data = _joined(data) if chunked else data
    for coding in reversed([name.strip().lower() for name in codings.split(",")]):
        data = _unpacked(data, coding, longest)
    return data


def _joined(data: bytes) -> bytes:
    """Return a body without the lengths of its chunks (RFC 9112, 7.1)."""
    parts: list[bytes] = []
    place = 0
    while True:
        line = data.find(b"\r\n", place)
        size = _size(data[place:line]) if line >= 0 else -1
        if size < 0 and not parts:
            return data  # not in chunks, whatever its header says
        if size < 0 or line + 2 + size > len(data):
            raise DamagedBody("chunks of its page are cut or changed")
        if not size:
            return b"".join(parts)
        parts.append(data[line + 2 : line + 2 + size])
        place = line + 2 + size
        if data[place : place + 2] != b"\r\n":
            raise DamagedBody("chunks of its page are cut or changed")
        place += 2


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    return int(digits, 16) if digits and not digits.strip(b"0123456789abcdefABCDEF") and len(digits) < 9 else -1


def _unpacked(data: bytes, coding: str, longest: int) -> bytes:
    if coding in ("gzip", "x-gzip") and data.startswith(b"\x1f\x8b"):
        return _whole(data, lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), coding, longest)
    if coding == "deflate" and data:
        # Meant is zlib's format; some servers send the bare stream.
        headed = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        if not headed and _looks_like_text(data):
            return data
        return _whole(data, lambda: zlib.decompressobj(zlib.MAX_WBITS if headed else -zlib.MAX_WBITS), coding, longest)
    if coding == "bzip2" and data.startswith(b"BZh"):
        return _whole(data, bz2.BZ2Decompressor, coding, longest)
    if coding == "zstd" and data.startswith(b"\x28\xb5\x2f\xfd"):
        with needing("A page that is packed by zstd", "zstd"):
            import zstandard
        return _whole(data, lambda: zstandard.ZstdDecompressor().decompressobj(), coding, longest)
    if coding == "br" and not _looks_like_text(data):
        try:
            import brotli
        except ImportError as error:
            raise DamagedBody(
                "its page is packed by br, which takes the library brotli (pip install brotli)"
            ) from error
        unpacker = brotli.Decompressor()
        try:
            text = unpacker.process(data)
        except brotli.error as error:
            raise DamagedBody("br data of its page is cut or changed") from error
        if not unpacker.is_finished():
            raise DamagedBody("br data of its page is cut or changed")
        return bytes(text[: longest + 1])
    return data


def _looks_like_text(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"")


def _whole(data: bytes, begin: Any, coding: str, longest: int) -> bytes:
    """Unpack a stream to its end; what stands behind it is left."""
    unpacker = begin()
    parts: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(data), 4096):  # so that a small body does not grow without bound
            parts.append(unpacker.decompress(data[start : start + 4096]))
            size += len(parts[-1])
            if unpacker.eof or size > longest:
                break
    except Exception as error:  # each library has its own
        raise DamagedBody(f"{coding} data of its page is cut or changed") from error
    if not unpacker.eof and size <= longest:
        raise DamagedBody(f"{coding} data of its page is cut or changed")
    return b"".join(parts)
