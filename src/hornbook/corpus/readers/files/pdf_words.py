"""The characters of a page -> its words, one list for each direction of text.

N characters that are no blanks, M objects that draw text
code   uint32[N]     Unicode
box    float32[, 4]  left, top, right, bottom in points, of all characters
kept   int64[N]      which characters of the page these are
owner  int64[]       which object drew each of the page
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MONO, BOLD = 1, 2  # bits of Word.style
_MINOR = 0.25  # of a page's characters: so many in another direction are text too, fewer are a stamp or an axis
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


class Word(NamedTuple):
    """Characters that stand together.

    left, right, base   in points in the frame; base is that of the line, growing downwards
    size     of the font in points, as it is drawn
    style    MONO and BOLD
    spaced   whether a blank stands before it
    """

    text: str
    left: float
    right: float
    base: float
    size: float
    style: int
    spaced: bool


class Objects(NamedTuple):
    """Of each object: quarter turns (-1 = askew, 4 = written downwards), baseline in its frame, size, style, font."""

    turn: NDArray[np.int64]
    base: NDArray[np.float64]
    size: NDArray[np.float64]
    style: NDArray[np.int64]
    font: NDArray[np.int64]


def directions(
    code: NDArray[np.uint32],
    box: NDArray[np.float32],
    owner: NDArray[np.int64],
    blank: NDArray[np.bool_],
    kept: NDArray[np.int64],
    facts: Objects,
) -> list[list[Word]]:
    """Return the words of each direction that counts, that of the most characters first; blanks are those drawn."""
    turns = facts.turn[owner[kept]]
    turns = np.where(turns == 4, 3, turns)  # written downwards: read as if it was turned
    counts = Counter(turns.tolist())
    counts.pop(-1, None)
    drawn = np.concatenate([[0], np.cumsum(blank & (box[:, 2] != box[:, 0]))])  # counted up to each character
    found = []
    for turn, number in counts.most_common():
        if number < _MINOR * len(kept):
            break
        mine = kept[turns == turn]
        left, right = _across(box[mine], turn)
        found.append(_words(code[mine], left, right, owner[mine], mine, drawn[mine], facts))
    return found


def _across(box: NDArray[np.float32], turn: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where characters begin and end in the frame of a turn."""
    one, other = ((box[:, 0], box[:, 2]), (box[:, 1], box[:, 3]))[turn % 2]
    sign = 1.0 if turn in (0, 1) else -1.0
    ends = np.stack([one, other]).astype(np.float64) * sign
    return ends.min(axis=0), ends.max(axis=0)


def _words(
    code: NDArray[np.uint32],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    owner: NDArray[np.int64],
    place: NDArray[np.int64],
    drawn: NDArray[np.int64],
    facts: Objects,
) -> list[Word]:
    """Part characters where blanks stand, where there is room for one, and where baseline, size or font change."""
    base, size, style = facts.base[owner], facts.size[owner], facts.style[owner]
    rtl = (code >= 0x590) & (code <= 0x8FF) | (code >= 0xFB1D) & (code <= 0xFDFF) | (code >= 0xFE70) & (code <= 0xFEFC)
    least = np.minimum(size[1:], size[:-1])
    turned = rtl[1:] | rtl[:-1]
    gap = np.where(turned, left[:-1] - right[1:], left[1:] - right[:-1])
    # One glyph may stand for several letters, which then share its box.
    shared = (left[1:] == left[:-1]) & (right[1:] == right[:-1])
    level = np.abs(np.diff(base)) < 0.08 * least
    # A blank that is drawn where the letters touch was put there by a program, as behind a ligature.
    blank = (
        (np.diff(drawn) > 0) & (np.abs(gap) > 0.03 * least)
        | (np.diff(place) > 1) & (gap > 0.1 * least)
        | (gap > 0.17 * least)
    )
    apart = blank | (gap < -0.6 * least) & ~turned | (gap < -2 * least)
    broken = (apart | ~level | (np.abs(np.diff(size)) > 0.05 * least) | (np.diff(style) != 0)) & ~(shared & level)
    starts = [0, *(np.flatnonzero(broken) + 1).tolist()]
    spaced = [True, *blank[np.flatnonzero(broken)].tolist()]
    letters = "".join(map(chr, code.tolist()))
    ends = [*starts[1:], len(code)]
    lows, highs = np.minimum.reduceat(left, starts).tolist(), np.maximum.reduceat(right, starts).tolist()
    bases, sizes, styles = base[starts].tolist(), size[starts].tolist(), style[starts].tolist()
    words = [
        Word(letters[start:end], *values)
        for start, end, *values in zip(starts, ends, lows, highs, bases, sizes, styles, spaced, strict=True)
    ]
    if _RTL.search(letters):
        words = [_logical(word, left[start:end]) for word, start, end in zip(words, starts, ends, strict=True)]
    return _once(words)


def _logical(word: Word, left: NDArray[np.float64]) -> Word:
    """Turn a word of a right-to-left script round where its letters come as they stand, from left to right."""
    if len(word.text) < 2 or not _RTL.search(word.text):
        return word
    steps = np.diff(left)
    return word._replace(text=word.text[::-1]) if (steps > 0).sum() > (steps < 0).sum() else word


def _once(words: list[Word]) -> list[Word]:
    """Leave out words that are drawn a second time at their place, as shadows and poor men's bold are."""
    seen: dict[str, list[Word]] = {}
    found = []
    for word in words:
        near = seen.setdefault(word.text, [])
        close = 0.2 * word.size
        if any(abs(word.left - other.left) < close and abs(word.base - other.base) < close for other in near[-50:]):
            continue
        near.append(word)
        found.append(word)
    return found
