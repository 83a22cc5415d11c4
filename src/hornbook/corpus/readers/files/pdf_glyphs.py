"""A page of a PDF -> its words, with their places, sizes and fonts, by pdfium.

pdfium tells of each character its code, its box (from advance and ascent, so that all boxes of a line are alike) and
the object that drew it; of each object its matrix, from which come direction, baseline and size. The calls go straight
to the C library, over whole ranges and with plain addresses, which takes a third of what pypdfium2's own calls take.

    N characters, M objects that draw text
    code   uint32[N]      Unicode, as the font's tables say
    box    float32[N, 4]  left, top, right, bottom in points, y upwards, in the page's own space
    owner  int64[N]       which object drew it; the blanks and line ends that pdfium puts in are of none
    frame  the space in which text runs to the right and lines go down: the page turned by 0, 90, 180 or 270 degrees
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import math
import re
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from hornbook.corpus.readers.files.pdf_words import BOLD, MONO, Objects, Word, directions

_MONO = re.compile(
    r"mono|courier|consol|cmtt|typewriter|menlo|inconsolata|sftt|lmtt|txtt|fira ?code|source ?code", re.I
)
_BOLD = re.compile(r"bold|black|heavy|cmbx|-bd|\bsfbx|demi", re.I)
_FIXED_PITCH = 1  # flag of a font, PDF 32000-1, table 123
_TURNED = 0.1  # sine of an angle: beyond it text is askew
_EASTERN = 0x2E80  # from here on characters may be written downwards
_BLANK = np.zeros(0x3002, np.bool_)  # by code; the last stands for all that follow
_BLANK[[*range(9, 14), 32, 0xA0, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]] = True
_HYPHENS = (0x2, 0xFFFE)  # what pdfium makes of a hyphen at a line's end
MOST_CHARACTERS = 2_000_000  # of a page


class PageWords(NamedTuple):
    """What a page holds.

    words     one list for each direction of text, the main one first
    letters   how many characters are no blanks
    unknown   how many of these have no letter that the font tells
    """

    words: list[list[Word]]
    letters: int
    unknown: int


class CrowdedPage(ValueError):
    """A page with more characters than any page has."""


@functools.cache
def _calls() -> dict[str, Any]:
    """Return functions of the library that take plain addresses; PyDLL keeps the lock, since each call is so short."""
    from pypdfium2_raw import bindings

    library = ctypes.PyDLL(next(iter(bindings._libs.values()))._name)
    text, index, place = ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
    calls = {}
    for name, arguments, result in (
        ("GetUnicode", [text, index], ctypes.c_uint),
        ("GetLooseCharBox", [text, index, place], ctypes.c_int),
        ("GetTextObject", [text, index], ctypes.c_size_t),
        ("HasUnicodeMapError", [text, index], ctypes.c_int),
        ("GetMatrix", [text, index, place], ctypes.c_int),
        ("GetFontSize", [text, index], ctypes.c_double),
    ):
        calls[name] = library["FPDFText_" + name]
        calls[name].argtypes, calls[name].restype = arguments, result  # type: ignore[assignment]
    return calls


def page_words(page: Any) -> PageWords:
    """Return the words of a loaded page (pypdfium2's raw handle). Raises CrowdedPage."""
    text = pdfium.FPDFText_LoadPage(page)
    if not text:
        return PageWords([], 0, 0)
    try:
        count = pdfium.FPDFText_CountChars(text)
        if count > MOST_CHARACTERS:
            raise CrowdedPage(f"{count:,} characters")
        return _page_words(page, text, count) if count > 0 else PageWords([], 0, 0)
    finally:
        pdfium.FPDFText_ClosePage(text)


def _page_words(page: Any, text: Any, count: int) -> PageWords:
    calls, handle, every = _calls(), ctypes.cast(text, ctypes.c_void_p).value, range(count)
    again = itertools.repeat(handle)
    code = _codes(text, handle, count)
    box = np.zeros((count, 4), np.float32)
    start = box.ctypes.data
    for _ in map(calls["GetLooseCharBox"], again, every, range(start, start + 16 * count, 16)):
        pass
    pointer = np.fromiter(map(calls["GetTextObject"], again, every), np.uint64, count)
    firsts = np.flatnonzero(np.append(True, pointer[1:] != pointer[:-1]))
    owner = np.repeat(np.arange(len(firsts)), np.diff(firsts, append=count))
    drawn = pointer != 0
    blank = _BLANK[np.minimum(code, len(_BLANK) - 1)] | (code == 0) & ~drawn
    code[~blank & (code < 32) | (code > 0x10FFFF)] = 0xFFFD
    kept = np.flatnonzero(~blank & drawn)
    kept = kept[_inside(page, box[kept])]
    if not len(kept):
        return PageWords([], 0, 0)
    facts = _objects(handle, firsts[pointer[firsts] != 0].tolist(), code, box, blank)
    numbers = np.cumsum(pointer[firsts] != 0) - 1  # objects, without the runs that pdfium put in
    owner = numbers[owner]
    unknown = _unknown(handle, code, kept, facts.font[owner[kept]])
    return PageWords(directions(code, box, owner, blank & drawn, kept, facts), len(kept), unknown)


def _codes(text: Any, handle: int | None, count: int) -> NDArray[np.uint32]:
    """Return the characters' codes: by one call where it tells of each, else by one for each; hyphens are such."""
    buffer = np.zeros(count + 1, np.uint16)
    place = ctypes.cast(buffer.ctypes.data, ctypes.POINTER(ctypes.c_ushort))
    if pdfium.FPDFText_GetText(text, 0, count, place) == count + 1 and not np.any((buffer & 0xF800) == 0xD800):
        code = buffer[:count].astype(np.uint32)
    else:
        one = _calls()["GetUnicode"]
        code = np.fromiter(map(one, itertools.repeat(handle), range(count)), np.uint32, count)
    code[np.isin(code, _HYPHENS)] = ord("-")
    return code


def _unknown(handle: int | None, code: NDArray[np.uint32], kept: NDArray[np.int64], font: NDArray[np.int64]) -> int:
    """Return how many characters have no letter that their font tells; each code of a font is asked for once."""
    pairs, one, which = np.unique(font * 0x200000 + code[kept], return_index=True, return_inverse=True)
    asked = map(_calls()["HasUnicodeMapError"], itertools.repeat(handle), kept[one].tolist())
    errors = np.fromiter(asked, np.int64, len(pairs)) == 1
    return int((errors[which] | _tell_nothing(code[kept])).sum())


def _inside(page: Any, box: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say which boxes have their middle on the page as it is cut: printer's marks and what hangs beside it have not."""
    edges = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(page, edges):
        return np.ones(len(box), np.bool_)
    across, up = (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2
    inside = (across >= edges.left) & (across <= edges.right) & (up >= edges.bottom) & (up <= edges.top)
    return np.asarray(inside, np.bool_)


def _tell_nothing(code: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Say which codes are no letters: of private use (but for the bullets of symbol fonts), U+FFFD."""
    private = (code >= 0xE000) & (code <= 0xF8FF) & ~((code >= 0xF020) & (code <= 0xF0FF))
    return np.asarray(private | (code >= 0xF0000) | (code == 0xFFFD), np.bool_)


def _objects(
    handle: int | None, firsts: list[int], code: NDArray[np.uint32], box: NDArray[np.float32], blank: NDArray[np.bool_]
) -> Objects:
    calls = _calls()
    kinds = (np.int64, np.float64, np.float64, np.int64, np.int64)
    found = Objects(*(np.zeros(len(firsts), kind) for kind in kinds))  # type: ignore[arg-type]
    matrix = (ctypes.c_float * 6)()
    fonts: dict[int, tuple[int, int]] = {}
    address = ctypes.addressof(matrix)
    for number, (first, last) in enumerate(zip(firsts, [*firsts[1:], len(code)], strict=True)):
        calls["GetMatrix"](handle, first, address)
        a, b, c, d, e, f = (value if math.isfinite(value) else 0.0 for value in matrix)
        size = calls["GetFontSize"](handle, first) * math.hypot(c, d)
        turn = _turn(a, b)
        if turn == 0 and code[first] > _EASTERN:
            mine = np.flatnonzero(~blank[first:last]) + first
            if len(mine) and (_goes_down(box[mine], size) or _is_upright(box[mine])):
                turn, e = 4, -float(box[mine[0], 0]) - size / 2
        found.turn[number] = turn
        found.base[number] = {0: -f, 1: e, 2: f, 3: -e, 4: e}.get(turn, 0.0)
        found.size[number] = size if 0.1 < size < 10_000 else 1.0
        found.font[number], found.style[number] = _font(calls["GetTextObject"](handle, first), fonts)
    _set_down(found, np.array(firsts), box, code)
    return found


def _set_down(found: Objects, firsts: NDArray[np.int64], box: NDArray[np.float32], code: NDArray[np.uint32]) -> None:
    """Mark Chinese and Japanese characters that are drawn one by one, each below the one before it."""
    alone = (np.diff(firsts, append=len(code)) <= 3) & (code[firsts] > _EASTERN) & (found.turn == 0)
    left, top, right = box[firsts, 0], box[firsts, 1], box[firsts, 2]
    down, size = -np.diff(top), found.size[:-1]
    shared = np.minimum(right[1:], right[:-1]) - np.maximum(left[1:], left[:-1])
    over = shared > 0.5 * np.minimum(right[1:] - left[1:], right[:-1] - left[:-1])
    linked = alone[1:] & alone[:-1] & over & (down > 0.1 * size) & (down < 1.9 * size)
    below = np.append(linked, False) | np.insert(linked, 0, False)
    found.turn[below] = 4
    found.base[below] = -left[below] - found.size[below] / 2


def _turn(a: float, b: float) -> int:
    """Return the quarter turns of text whose matrix begins with a and b; -1 where it is askew."""
    length = math.hypot(a, b) or 1.0
    cosine, sine = a / length, b / length
    if abs(sine) < _TURNED:
        return 0 if cosine > 0 else 2
    if abs(cosine) < _TURNED:
        return 1 if sine > 0 else 3
    return -1


def _goes_down(box: NDArray[np.float32], size: float) -> bool:
    """Say whether an object's characters stand one below the other."""
    if len(box) < 2:
        return False
    steps = np.diff((box[:, [0, 1]] + box[:, [2, 3]]) / 2, axis=0)
    return bool(np.median(-steps[:, 1]) > 0.5 * size and np.median(np.abs(steps[:, 0])) < 0.3 * size)


def _is_upright(box: NDArray[np.float32]) -> bool:
    """Say whether a font writes downwards: pdfium's boxes of such characters are twice as wide as high."""
    wide, high = box[:, 2] - box[:, 0], np.abs(box[:, 1] - box[:, 3])
    return bool(np.all((wide > 1.9 * high) & (wide < 2.1 * high)))


def _font(pointer: int, fonts: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return the number and the style of the font of an object that draws text."""
    font = pdfium.FPDFTextObj_GetFont(ctypes.cast(pointer, pdfium.FPDF_PAGEOBJECT))
    key = ctypes.cast(font, ctypes.c_void_p).value or 0
    if key not in fonts:
        name = ctypes.create_string_buffer(256)
        pdfium.FPDFFont_GetBaseFontName(font, name, 256)
        shown = name.value.decode("utf-8", "replace")
        mono = bool(_MONO.search(shown)) or bool(max(pdfium.FPDFFont_GetFlags(font), 0) & _FIXED_PITCH)
        fonts[key] = len(fonts), (MONO if mono else 0) | (BOLD if _BOLD.search(shown) else 0)
    return fonts[key]
