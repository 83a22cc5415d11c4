"""Characters: what becomes of each when texts are compared; case, ASCII punctuation and kinds of white space go.

`normalised` says it of texts. `told` says the same of single characters, to the compiled loops of
`hornbook.corpus.dedup.kernels`, and asks `normalised` itself, so that both follow the same edition of Unicode. There
is one difference: the capital sigma becomes ς at the end of a word and σ elsewhere, and for kernels all three are σ.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from daft import Expression

Result = TypeVar("Result")

# Scripts that set no blanks between words: each of their characters is a word.
_WITHOUT_BLANKS = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
_HOW = {"remove_punct": True, "lowercase": True, "nfd_unicode": False, "white_space": True}


def normalised(text: Expression) -> Expression:
    """Return texts in lower case, without ASCII punctuation, words parted by single blanks."""
    # A mark that stood alone at the end leaves the blank before it.
    return text.regexp_replace(_WITHOUT_BLANKS, " $1 ").normalize(**_HOW).rstrip()


def told(kernel: Callable[[NDArray[np.int64], NDArray[np.bool_]], Result]) -> Result:
    """Return what a kernel makes of characters (int64[POINTS]), called anew until it marks no page as wanted."""
    from hornbook.corpus.dedup.kernels import PAGE, PAGES

    characters = _characters()
    while True:
        wanted = np.zeros(PAGES, np.bool_)
        result = kernel(characters, wanted)
        if not wanted.any():
            return result
        for page in np.flatnonzero(wanted).tolist():
            characters[page * PAGE : (page + 1) * PAGE] = _page(page)


@functools.cache
def _characters() -> NDArray[np.int64]:
    """Return the table of this process, int64[POINTS], of which the first page is known and others become so."""
    from hornbook.corpus.dedup.kernels import PAGE, POINTS

    characters = np.zeros(POINTS, np.int64)  # UNKNOWN, and no memory before it is written
    characters[:PAGE] = _page(0)
    return characters


def _page(number: int) -> NDArray[np.int64]:
    """Return what becomes of the code points of a page, as `hornbook.corpus.dedup.kernels` wants it."""
    import daft

    from hornbook.corpus.dedup.kernels import ALONE, BLANK, PAGE, REMOVED, SECOND

    points = range(number * PAGE, (number + 1) * PAGE)
    found = np.ones(PAGE, np.int64)  # anything, for what is no character
    known = [point for point in points if point < 0xD800 or 0xE000 <= point < 0x110000]
    texts = daft.Series.from_pylist([f"a{chr(point)}b" for point in known])
    # Patterns in a Series, as its types want them, would be compiled anew for each text.
    parted = texts.str.replace(_WITHOUT_BLANKS, " $1 ", regex=True)  # type: ignore[arg-type]
    for point, text in zip(known, parted.str.normalize(**_HOW).to_pylist(), strict=True):
        between = text[1:-1]
        letters = [ord(letter) + 1 for letter in between.strip(" ").replace("ς", "σ")]
        if letters:
            (second,) = letters[1:] or [0]
            found[point % PAGE] = letters[0] | (second << SECOND) | (ALONE if between[0] == " " else 0)
        else:
            found[point % PAGE] = BLANK if between else REMOVED
    return found
