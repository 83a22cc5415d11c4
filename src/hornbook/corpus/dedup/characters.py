"""Characters: what becomes of each when texts are compared, in the two ways in which a text may be read.

    prose    letters and digits alone: case is folded, marks (punctuation and symbols of all scripts) part words as
             blanks do, ligatures and full-width letters are the plain ones
    literal  every character counts, case too; white space alone parts words; variants of a mark, such as the curly and
             the straight quote, are one mark

In both, forms of Unicode that look the same are the same (é in one character or in two), and invisible characters are
left out. `tables` says it to the compiled loops of `hornbook.corpus.dedup.kernels`, which also decide how a text is
read; docs/decisions/0026-what-counts-as-the-same.md says why.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")
Tables = tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int8]]

POINTS = 1 << 21  # whatever four bytes may say
PAGE = 4_096
PAGES = POINTS // PAGE
BLANK, ALONE = np.uint64(0), np.uint64(2)
PROSE, LITERAL = 0, 1
UNKNOWN, LETTER, DIGIT, MARK, BETWEEN = (np.int8(number) for number in range(5))
LOOKED = 512  # bytes of a text that say how it is read
SHORT = 10  # words of prose below which marks and case decide
RICH = 0.5  # runs of marks and digits for each word above which they decide
WHOLE = 40  # words below which a literal text has one shingle, itself

# Scripts that set no blanks between words, as ranges of code points: each of their characters is a word.
_WITHOUT_BLANKS = """
E00-EFF 1000-109F 1780-17FF 19E0-19FF 3005-3007 3021-3029 3040-30FF 31F0-31FF 3400-4DBF 4E00-9FFF A9E0-A9FF AA60-AA7F
F900-FAFF 16FE0-16FE4 1B000-1B16F 20000-3347F
"""
# Points that are written or left out at will: of Arabic, of Hebrew, and the stroke that makes Arabic words longer.
_OPTIONAL = "591-5BD 5BF 5C1-5C2 5C4-5C5 5C7 610-61A 640 64B-652 670 6D6-6DC 6DF-6E4 6E7-6E8 6EA-6ED"
_VARIANTS = {
    **dict.fromkeys("‘’‚‛‹›′ʼʻʹ＇", "'"),
    **dict.fromkeys("“”„‟«»″「」『』《》〝〞〟＂", '"'),
    **dict.fromkeys("‐‑‒–—―−⸺⸻﹘", "-"),
    **dict.fromkeys("。｡．", "."),
    **dict.fromkeys("、､،﹐", ","),
    "؛": ";",
    "؟": "?",
    "…": "...",
    "⋯": "...",
    "〜": "~",
    "•": "·",
    "・": "·",
    "⁄": "/",
}
_FACTOR = 0x9E3779B97F4A7C15  # as in the kernels
_WORD = 1 << 64


def _points(ranges: str) -> frozenset[int]:
    found: list[int] = []
    for part in ranges.split():
        low, _, high = part.partition("-")
        found += range(int(low, 16), int(high or low, 16) + 1)
    return frozenset(found)


@functools.cache
def _alone() -> frozenset[int]:
    return _points(_WITHOUT_BLANKS)


@functools.cache
def _optional() -> frozenset[int]:
    return _points(_OPTIONAL)


def is_alone(character: str) -> bool:
    """Say whether a character is a word of its own."""
    return ord(character) in _alone() and not follows(character)


def follows(character: str) -> bool:
    """Say whether a character belongs to the one before it: combining marks, vowels and ends of Korean syllables."""
    return unicodedata.category(character)[0] == "M" or 0x1160 <= ord(character) <= 0x11FF


def prose(character: str) -> str:
    """Return what becomes of a character in prose: " " where it parts words, "" where it is left out.

    >>> [prose(character) for character in "Éß—ﬁ\u00ad"]
    ['e\u0301', 'ss', ' ', 'fi', '']
    """
    kind = unicodedata.category(character)
    if character.isspace() or kind[0] in "PSZ" or character in _VARIANTS:
        return " "
    if kind in ("Cf", "Cc") or _is_passed_over(character) or ord(character) in _optional():
        return ""
    plain = unicodedata.normalize("NFKD" if kind[0] == "L" and not _is_hangul(character) else "NFD", _width(character))
    folded = "".join(letter if follows(letter) else letter.casefold() for letter in plain)
    return "".join(letter for letter in unicodedata.normalize("NFD", folded) if ord(letter) not in _optional())


def literal(character: str) -> str:
    """Return what becomes of a character that counts as it is: " " for white space, "" where it cannot be seen.

    >>> [literal(character) for character in "É—“\u00ad"]
    ['E\u0301', '-', '"', '']
    """
    if character.isspace():
        return " "
    if unicodedata.category(character) in ("Cf", "Cc") or _is_passed_over(character):
        return ""
    return _VARIANTS.get(character) or unicodedata.normalize("NFD", _width(character))


def _is_passed_over(character: str) -> bool:
    """Say whether a character only chooses how the one before it looks: a variation selector."""
    return 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF


def _is_hangul(character: str) -> bool:
    return 0x3130 <= ord(character) <= 0x318F or 0xFFA0 <= ord(character) <= 0xFFDC


def _width(character: str) -> str:
    """Return the plain form of a full-width or half-width character."""
    wide = 0xFF00 <= ord(character) <= 0xFFEF and not _is_hangul(character)
    return unicodedata.normalize("NFKC", character) if wide else character


def kind(character: str) -> int:
    """Return what a character is for the decision how its text is read: a letter, a digit, a mark or white space."""
    if prose(character) == " ":
        return int(BETWEEN if character.isspace() else MARK)
    return int(DIGIT if unicodedata.category(character)[0] == "N" else LETTER)


def told(kernel: Callable[[Tables, NDArray[np.bool_]], Result]) -> Result:
    """Return what a kernel makes of the tables of characters, called anew until it marks no page as wanted."""
    while True:
        wanted = np.zeros(PAGES, np.bool_)
        result = kernel(_tables(), wanted)
        if not wanted.any():
            return result
        for page in np.flatnonzero(wanted).tolist():
            _write_page(_tables(), page)


@functools.cache
def _tables() -> Tables:
    """Return the tables of this process, uint64[2, POINTS] twice and int8[POINTS]; pages become known one by one."""
    # UNKNOWN, and no memory before it is written.
    tables = np.zeros((2, POINTS), np.uint64), np.zeros((2, POINTS), np.uint64), np.zeros(POINTS, np.int8)
    _write_page(tables, 0)
    return tables


def _write_page(tables: Tables, number: int) -> None:
    factors, summands, kinds = tables
    for point in range(number * PAGE, (number + 1) * PAGE):
        whole = point < 0xD800 or 0xE000 <= point < 0x110000
        character = chr(point) if whole else "\ufffd"
        kinds[point] = kind(character)
        for way, becomes in enumerate((prose, literal)):
            factors[way, point], summands[way, point] = entry(becomes(character))


def entry(letters: str) -> tuple[int, int]:
    """Return by what the hash of a word is multiplied, and what is added to it, where these letters come next.

    A letter that follows is added alone, so that the order of several makes no difference.
    """
    if letters == " ":
        return int(BLANK), 0
    factor, summand = 1, 0
    for letter in letters:
        if follows(letter):
            summand = (summand + _spread(ord(letter))) % _WORD
        else:
            factor, summand = factor * _FACTOR % _WORD, (summand * _FACTOR + ord(letter) + 1) % _WORD
    return (int(ALONE) if letters and is_alone(letters[0]) else factor), summand


def _spread(point: int) -> int:
    """Return a number far from those of other points: the finalizer of MurmurHash3."""
    for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        point = (point ^ point >> 33) * multiplier % _WORD
    return point ^ point >> 33
