"""Bytes -> text: UTF-8 first, then what marks itself, then a guess with a stated confidence, or a refusal in words."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Longest first: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What old texts are written in; of equally likely ones the first is meant.
_CANDIDATES: tuple[str, ...] = ("cp1252", "cp1250", "cp1251", "koi8_r", "gb18030", "big5", "cp932", "euc_jp", "cp949")
_CANDIDATES += ("cp1253", "cp1254", "cp1256")
_SURE = 0.8  # of 1: below it a guess is refused
_SAMPLE = 1 << 16
_THIN = 32  # with fewer bytes beyond ASCII, and no language in sight, only a few accents of the West are taken for sure
_DAMAGED = 0.02  # of the characters beyond ASCII: with fewer broken ones it is UTF-8 that was damaged


class Undecodable(ValueError):
    """Bytes that are no text; the message says why in few words."""


class Encoding(NamedTuple):
    """How bytes become text; `confidence` is 1 for UTF-8 and for what marks itself."""

    codec: str
    confidence: float = 1.0
    errors: str = "strict"

    @property
    def note(self) -> str:
        """What a repaired document's meta says of it; "" for sound UTF-8."""
        if self.codec == "utf-8" and self.errors == "strict":
            return ""
        damaged = ", broken bytes replaced" if self.errors == "replace" else ""
        return f"{self.codec}{damaged}, confidence {self.confidence:.2f}"


UTF8 = Encoding("utf-8")


def marked(start: bytes) -> tuple[Encoding, int] | None:
    """Return the encoding that the first bytes of a file name, and the length of the mark; None where there is none."""
    for mark, codec in _MARKS:
        if start.startswith(mark):
            return Encoding(codec), len(mark)
    sample = start[:4096]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    zeros = [sample[place::4].count(0) / len(sample) * 4 for place in range(4)]
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    for codec, others, own in (
        ("utf-32-le", min(zeros[2:]), zeros[0]),
        ("utf-32-be", min(zeros[:2]), zeros[3]),
        ("utf-16-le", odd, even),
        ("utf-16-be", even, odd),
    ):
        least = 0.9 if codec.startswith("utf-32") else 0.4
        if others > least and own < 0.1 and _is_text(sample, codec):
            return Encoding(codec, round(1 - own, 2)), 0
    return None


def _is_text(sample: bytes, codec: str) -> bool:
    """Return whether a sample reads as text: numbers in binary have zeros between them too."""
    text = sample[: len(sample) // 4 * 4].decode(codec, "replace")[:-1]  # the last one may be half
    return not any(character == "\ufffd" or (character < " " and not character.isspace()) for character in text)


def decode(data: bytes) -> tuple[str, Encoding]:
    """Return a short text, such as one line, and how it was written. Raises Undecodable."""
    try:
        return data.decode(), UTF8
    except UnicodeDecodeError:
        encoding = guess(data)
    try:
        return data.decode(encoding.codec, encoding.errors), encoding
    except UnicodeDecodeError as error:
        raise Undecodable("unknown encoding") from error


def guess(data: bytes) -> Encoding:
    """Return the likeliest encoding of bytes that are no UTF-8. Raises Undecodable where none is likely."""
    from charset_normalizer import from_bytes

    sample = _around(data)
    beyond = sum(byte >= 0xC2 for byte in sample)
    broken = sample.decode("utf-8", "replace").count("\ufffd")
    if broken <= beyond * _DAMAGED:
        return Encoding("utf-8", round(1 - broken / beyond, 2), "replace")
    found = [
        (round(match.coherence - match.chaos, 3), -_CANDIDATES.index(match.encoding), match)
        for match in from_bytes(sample, cp_isolation=list(_CANDIDATES), language_threshold=0.1)
        if match.encoding in _CANDIDATES
    ]
    if not found:
        raise Undecodable("unknown encoding")
    best = max(found, key=lambda item: item[:2])[2]
    if beyond < _THIN and best.coherence <= 0 and (best.encoding != "cp1252" or beyond * 4 > len(sample)):
        raise Undecodable("unknown encoding, too little to tell it from")
    confidence = round(1 - best.chaos, 2)
    if confidence < _SURE:
        raise Undecodable(f"unknown encoding, perhaps {best.encoding} (confidence {confidence:.2f})")
    return Encoding(best.encoding, confidence)


def _around(data: bytes) -> bytes:
    """Return a sample that has the first broken byte, cut at blanks where there are some."""
    if len(data) <= _SAMPLE:
        return data
    try:
        data.decode()
        place = 0
    except UnicodeDecodeError as error:
        place = error.start
    start = max(place - _SAMPLE // 2, 0)
    return data[start : start + _SAMPLE].split(None, 1)[-1].rsplit(None, 1)[0]


def find(pieces: Iterable[bytes]) -> tuple[Encoding, int]:
    """Return how a whole file is written, and the length of its mark. Raises Undecodable.

    Sound UTF-8 is told from the whole of it; otherwise the guess is made where it first breaks.
    """
    pieces = iter(pieces)
    start = next(pieces, b"")
    named = marked(start)
    if named and named[0].codec != "utf-8":
        return named
    decoder = codecs.getincrementaldecoder("utf-8")()
    guessed: Encoding | None = None
    before = b""
    for piece in itertools.chain((start,), pieces):
        if b"\0" in piece:
            raise Undecodable("NUL bytes, so not a text")
        if guessed is None:
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                guessed = guess(before[-64:] + piece)
        before = piece
    if guessed is None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            guessed = guess(before)
    return guessed or UTF8, named[1] if named else 0


def decoded(pieces: Iterable[bytes], encoding: Encoding, mark: int) -> Iterator[str]:
    """Yield the text of a file's bytes without its mark. Raises Undecodable where it breaks."""
    decoder = codecs.getincrementaldecoder(encoding.codec)(encoding.errors)
    try:
        for piece in pieces:
            yield decoder.decode(piece[mark:])
            mark = 0
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Undecodable("unknown encoding") from error


def as_utf8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a file's bytes as they are but without a mark, or as UTF-8 where the first ones mark another encoding."""
    pieces = iter(pieces)
    start = next(pieces, b"")
    if len(start) < 4:
        start += next(pieces, b"")
    named = marked(start)
    if named is None:
        yield from itertools.chain((start,), pieces)
        return
    encoding, mark = named
    everything = itertools.chain((start[mark:],), pieces)
    if encoding.codec == "utf-8":
        yield from everything
        return
    for text in decoded(everything, encoding._replace(errors="replace"), 0):
        yield text.encode("utf-8", "replace")
