"""Bytes -> text: UTF-8 first, then what marks itself, then a guess by chardet that says how sure it is, or a refusal.

A guess is chardet's (Blanchard, chardet 7): statistics of pairs of bytes in many languages. What chardet calls its
confidence is no probability, so a guess counts as sure by a rule that was measured (benchmarks/encodings.py).
"""

from __future__ import annotations

import codecs
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

# Longest first: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = {
    "utf-32-le": (4, 1),
    "utf-32-be": (4, 2),
    "utf-16-le": (2, 1),
    "utf-16-be": (2, 0),
}  # bytes, and the high one's
# An encoding and one that holds it and more, as the HTML standard reads them; taken where it decodes all the same.
_WIDER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "shift_jis_2004": "cp932",
    "euc_jis_2004": "euc_jp", "big5": "big5hkscs",
}  # fmt: skip
_SEVEN_BITS = ("hz", "utf-7", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_ext", "iso2022_kr")  # ASCII bytes alone
_SHIFTS = (b"\x1b$", b"\x1b(", b"~{", b"+")  # one of these is in each of them
_SURE = 0.15  # chardet's confidence: from here on a guess is sure,
_LEAD = 0.02  # if the best encoding that reads other text is so much of it behind,
_FEWEST = 4  # and so many bytes beyond ASCII say so
_NOTHING = 0.005  # of confidence: below it the bytes are like no text
_SAMPLE = 1 << 16
_DAMAGED = 0.02  # of the characters beyond ASCII: with fewer broken ones it is UTF-8 that was damaged
_MIXED = 0.5  # with fewer broken ones it is UTF-8 with something else between, which is not read
_PLAIN = bytes(range(32, 127)) + b"\t\n\r"
_NO_LETTERS = ("Cc", "Cn", "Co", "Cs")  # control characters, private ones, and those that do not exist
_ODD = 0.005  # of the characters of a text may be such
_BEYOND = re.compile(rb"[\x80-\xff]")


class Undecodable(ValueError):
    """Bytes that are no text; the message says why in few words."""


class Encoding(NamedTuple):
    """How bytes become text.

    confidence   chardet's for a guess; the share of sound characters for damaged UTF-8; else 1
    other        what it may be instead, where that is unsure; "" = it is sure
    """

    codec: str
    confidence: float = 1.0
    errors: str = "strict"
    other: str = ""

    @property
    def note(self) -> str:
        """What a document's meta says of it, such as `cp1250, confidence 0.46`; "" for sound UTF-8."""
        if self.codec == "utf-8" and self.errors == "strict":
            return ""
        return f"{self.kind}, confidence {self.confidence:.2f}" + (f" (or {self.other})" if self.other else "")

    @property
    def kind(self) -> str:
        """What the account of a corpus counts it as."""
        damaged = ", broken bytes replaced" if self.errors == "replace" else ""
        return self.codec + damaged + (", unsure" if self.other else "")


UTF8 = Encoding("utf-8")


def marked(start: bytes) -> tuple[Encoding, int] | None:
    """Return the encoding that the first bytes of a file show, and the length of its mark; None where they show none.

    Wide characters show by their zeros, and the encodings of seven bits by how they shift.
    """
    for mark, codec in _MARKS:
        if start.startswith(mark):
            return Encoding(codec), len(mark)
    found = _wide(start[:4096]) if b"\0" in start[:4096] else seven_bits(start)
    return (found, 0) if found else None


def _wide(sample: bytes) -> Encoding | None:
    """Return UTF-16 or UTF-32 that has no mark: the high bytes of a text are few, its low ones many."""
    separated = not sample.translate(None, _PLAIN + b"\0")  # such as names with a zero behind each
    for codec, (width, high) in _WIDE.items():
        units = sample[: len(sample) // width * width]
        top, low = units[high::width], units[(0 if codec.endswith("le") else width - 1) :: width]
        if len(top) < 2 or (separated and any(top)):
            continue
        if len(set(top)) * 4 <= len(set(low)) * 3 and _is_text(units, codec):
            return Encoding(codec)
    return None


def _is_text(units: bytes, codec: str) -> bool:
    """Say whether a sample reads as text: numbers in binary have zeros between them too."""
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        text = decoder.decode(units)  # half of a surrogate pair at the end waits in the decoder
    except UnicodeDecodeError:
        return False
    odd = {letter for letter in set(text) if not letter.isspace() and unicodedata.category(letter) in _NO_LETTERS}
    return sum(map(text.count, odd)) <= len(text) * _ODD


def seven_bits(start: bytes) -> Encoding | None:
    """Return which of the encodings that look like ASCII the first bytes of a text are in, None where they are not."""
    if not any(shift in start for shift in _SHIFTS) or not start.isascii():
        return None
    import chardet

    whole = start[: start.rfind(b"\n") + 1]  # no shift reaches over a line, and the last may be cut
    if not any(shift in whole for shift in _SHIFTS):
        whole = start
    shifted = [line for line in whole.split(b"\n") if any(shift in line for shift in _SHIFTS)]
    sample = b"\n".join([line for line in shifted[:100] if len(line) < _SAMPLE]) or shifted[0]
    codec = chardet.detect(sample, compat_names=False)["encoding"]
    try:
        text = whole.decode(codec) if codec in _SEVEN_BITS else ""
    except UnicodeDecodeError:
        return None
    letters = [character for character in text if not character.isascii()]
    if codec not in _SEVEN_BITS or not letters:
        return None
    if not codec.startswith("iso"):
        # Code has `a+BaseRate` and `~{ab~}` too, which would be a few letters of as many scripts.
        scripts = {unicodedata.name(character, "").split(" ")[0] for character in letters if character.isalpha()}
        odd = any(unicodedata.category(character) in _NO_LETTERS for character in letters)
        if odd or len(letters) < (2 if scripts <= {"LATIN"} else 3 * len(scripts)):
            return None
    return Encoding(codec, 0.95)


def named(label: str, data: bytes) -> str:
    """Return the codec that a page or its server names, read as in HTML, if it decodes the page, or ""."""
    for name in (label, label.removeprefix("x-")):
        try:
            codec = codecs.lookup(name).name
            for each in (_WIDER.get(codec, codec), codec):
                data.decode(each)
                return each
        except (LookupError, ValueError):  # no such codec, or its text is in another one
            continue
    return ""


def decode(data: bytes, more: Callable[[], Encoding | None]) -> tuple[str, Encoding]:
    """Return a short text, such as one line, and how it was written. Raises Undecodable.

    `more` is asked where the text alone does not tell for sure: it returns the encoding of the texts around it.
    """
    try:
        text = data.decode()
        found = seven_bits(data) if b"\x1b" in data else None
        return (data.decode(found.codec), found) if found else (text, UTF8)
    except UnicodeDecodeError:
        pass
    try:
        encoding = guess(look([data]))
    except Undecodable:
        encoding = Encoding("", other="?")
    if encoding.other and (around := more()):
        try:
            return data.decode(around.codec), around
        except UnicodeDecodeError:
            pass
    if not encoding.codec:
        raise Undecodable("unknown encoding")
    try:
        return data.decode(encoding.codec, encoding.errors), encoding
    except UnicodeDecodeError as error:  # the guess is of a part, such as the mark that it begins with
        raise Undecodable("unknown encoding") from error


class Look(NamedTuple):
    """What the bytes of a text that is no UTF-8 show.

    sample   lines with bytes beyond ASCII
    broken   characters that are no UTF-8
    sound    characters beyond ASCII that are
    """

    sample: bytes
    broken: int
    sound: int


def look(pieces: Iterable[bytes]) -> Look:
    """Look at all of a text."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    lines: list[bytes] = []
    size = broken = sound = 0
    rest, cut = b"", False
    for piece in itertools.chain(pieces, (b"",)):
        text = decoder.decode(piece, final=not piece)
        bad = text.count("\ufffd")
        broken += bad
        sound += len(text) - len(text.encode("ascii", "ignore")) - bad
        if size >= _SAMPLE:
            continue
        *whole, rest = ((rest + piece) if piece else rest + b"\n").split(b"\n")
        for line in whole[cut:]:
            if (not line.isascii() or b"\x1b" in line) and size < _SAMPLE:
                lines.append(_clipped(line))
                size += len(lines[-1])
        cut = cut and not whole
        if cut or (len(rest) > _SAMPLE and not rest.isascii()):
            lines += [] if cut else [_clipped(rest)]
            size, rest, cut = sum(map(len, lines)), b"", True
    return Look(b"\n".join(lines), broken, sound)


def _clipped(line: bytes) -> bytes:
    """Return a part of a long line that has its first byte beyond ASCII: before that, any place is good to cut."""
    if len(line) <= _SAMPLE:
        return line
    found = _BEYOND.search(line)
    start = max(found.start() - 1024, 0) if found else 0
    return line[start : start + _SAMPLE].rsplit(None, 1)[0]


def guess(looked: Look) -> Encoding:
    """Return the likeliest encoding of a text that is no UTF-8. Raises Undecodable where none is likely."""
    import chardet

    sample, broken, sound = looked
    if not broken:
        return seven_bits(sample) or UTF8
    if broken <= (broken + sound) * _MIXED:
        share = broken / max(1, broken + sound)
        return Encoding("utf-8", round(1 - share, 2), "replace", "" if share <= _DAMAGED else "a mixture")
    every = chardet.EncodingEra.ALL & ~chardet.EncodingEra.MAINFRAME
    found: list[tuple[str, float, str]] = []
    for match in chardet.detect_all(sample, True, encoding_era=every, compat_names=False, max_bytes=len(sample) + 1):
        codec = match["encoding"]
        if codec is None:
            raise Undecodable("control characters, so not a text")
        for each in (_WIDER.get(codec, codec), codec):
            try:
                text = codecs.getincrementaldecoder(each)().decode(sample, final=len(sample) < _SAMPLE)
                found.append((each, match["confidence"], text))
                break
            except UnicodeDecodeError:
                continue
    if not found or found[0][1] < _NOTHING:
        raise Undecodable("unknown encoding")
    codec, confidence, text = found[0]
    codec = next((each for each, _, same in found if same == text and each.startswith("cp125")), codec)
    other, next_best, _ = next((item for item in found if item[2] != text), ("another", 0.0, ""))
    beyond = len(_BEYOND.findall(sample))
    sure = confidence >= _SURE and next_best <= confidence * (1 - _LEAD) and beyond >= _FEWEST
    return Encoding(codec, round(confidence, 2), other="" if sure or codec in _SEVEN_BITS else other)


def find(pieces: Callable[[], Iterable[bytes]]) -> tuple[Encoding, int]:
    """Return how a whole file is written, and the length of its mark. Raises Undecodable.

    `pieces` yields the file's bytes from its begin each time: sound UTF-8 is told from the whole of it, and so is a
    guess, which is then tried on the whole.
    """
    content = iter(pieces())
    start = next(content, b"")
    known = marked(start)
    if known and known[0].codec != "utf-8":
        return known
    if not _is_utf8(itertools.chain((start,), content)):
        found = guess(look(pieces()))
        if found.errors == "strict" and not _decodes(pieces(), found.codec):
            found = found._replace(errors="replace")
        return found, known[1] if known else 0
    return UTF8, known[1] if known else 0


def _is_utf8(pieces: Iterable[bytes]) -> bool:
    """Say whether a text is sound UTF-8, all of it; raises Undecodable where it is no text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    sound = True
    for piece in pieces:
        if b"\0" in piece:
            raise Undecodable("NUL bytes, so not a text")
        if not sound:
            continue
        try:
            decoder.decode(piece)
            sound = b"\x1b" not in piece or seven_bits(piece) is None
        except UnicodeDecodeError:
            sound = False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return sound


def _decodes(pieces: Iterable[bytes], codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for piece in pieces:
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


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


def as_utf8(pieces: Iterable[bytes], known_as_utf8: bool = False) -> Iterator[bytes]:
    """Yield a file's bytes as they are but without a mark, or as UTF-8 where the first ones show another encoding."""
    pieces = iter(pieces)
    start = next(pieces, b"")
    if len(start) < 4:
        start += next(pieces, b"")
    known = marked(start[:3] if known_as_utf8 else start)
    if known is None:
        yield from itertools.chain((start,), pieces)
        return
    encoding, mark = known
    everything = itertools.chain((start[mark:],), pieces)
    if encoding.codec == "utf-8":
        yield from everything
        return
    for text in decoded(everything, encoding._replace(errors="replace"), 0):
        yield text.encode("utf-8", "replace")
