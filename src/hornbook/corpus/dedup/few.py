"""Few: the similar pairs of a small corpus, in plain Python, where the compiled loops would take longer to load.

Words, shingles and similarities are those of `hornbook.corpus.dedup.kernels`, letters in place of hashes. Every pair
that can be similar is compared, so nothing is overlooked: two sets that share enough have in common one of their rarest
shingles (prefix filter; Chaudhuri, Ganti and Kaushik 2006).

Shapes: N documents, P pairs.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.dedup.characters import (
    BETWEEN,
    DIGIT,
    LOOKED,
    MARK,
    RICH,
    SHORT,
    WHOLE,
    entry,
    follows,
    is_alone,
    kind,
    literal,
    prose,
)

BYTES = 4_000_000  # of text at the most: a second, as long as numba takes; and a twentieth of what it takes to compile
_PAIRS = 50  # a document, on average, that are compared at the most: where so many are alike, other ways are faster
# Around characters that are words of their own, and a blank inside of what one character becomes. No text has these.
_OPEN, _CLOSE, _INSIDE = "\x00", "\x01", "\x02"
_ALONE = -1  # beside the kinds of characters: a word of its own


def similar_pairs(
    places: Sequence[int], texts: Sequence[str], threshold: float, words: int, across: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Return the pairs that are similar by the threshold or more, int64[P, 2], ascending, and their similarities.

    `across` takes only pairs of a negative and a non-negative place. Returns None where too many pairs may be similar.
    """
    sets = dict(sorted((place, shingles(text, words)) for place, text in zip(places, texts, strict=True)))
    found = []
    candidates = _candidates(sets, threshold, across)
    if candidates is None:
        return None
    for low, high in candidates:
        shared = len(sets[low] & sets[high])
        jaccard = shared / (len(sets[low]) + len(sets[high]) - shared)
        if jaccard >= threshold:
            found.append((low, high, jaccard))
    pairs = np.array([pair[:2] for pair in found], np.int64).reshape(-1, 2)
    return pairs, np.array([jaccard for *_, jaccard in found], np.float64)


def _candidates(sets: dict[int, set[str]], threshold: float, across: bool) -> list[tuple[int, int]] | None:
    """Return the pairs that share one of their rarest shingles, ascending; None where there are too many."""
    seen, again = set[str](), set[str]()
    for mine in sets.values():
        again |= seen & mine
        seen |= mine
    documents, owners = defaultdict[str, int](int), defaultdict[str, list[int]](list)
    for shingle in itertools.chain.from_iterable(mine & again for mine in sets.values()):
        documents[shingle] += 1
    found: set[tuple[int, int]] = set()
    for place, mine in sets.items():
        shared = mine & again
        # So many of a set's shingles are not all missing from a similar one; those of no other document are rarest.
        prefix = len(mine) - math.floor(threshold * len(mine)) + 1 - (len(mine) - len(shared))
        if prefix <= 0:
            continue
        for shingle in sorted(shared, key=lambda shingle: (documents[shingle], shingle))[:prefix]:
            found.update((other, place) for other in owners[shingle] if not across or other < 0 <= place)
            owners[shingle].append(place)
            if len(found) > _PAIRS * len(sets):
                return None
    return sorted(found)


def shingles(text: str, length: int) -> set[str]:
    """Return all runs of `length` words of a text, read in the way that suits it."""
    number, rich = reading(text)
    if number >= SHORT and not rich:
        words = words_of(text, prose)
    else:
        words = words_of(text, literal)
        length = max(length, len(words)) if len(words) < WHOLE else length
    if len(words) <= length:
        return {" ".join(words)} if words else set()
    return set(map(" ".join, zip(*(words[start:] for start in range(length)), strict=False)))


def words_of(text: str, becomes: Callable[[str], str]) -> list[str]:
    """Return the words of a text, read in one way. Marks on a letter are in a fixed order."""
    there = set(text)
    table = {ord(character): _letters(becomes, character) for character in there}
    text = text.translate(table)
    marks = re.escape("".join(filter(follows, set(text))))
    if any(letters.startswith(_OPEN) for letters in table.values()):
        text = re.sub(f"{_CLOSE}([{marks}]*)" if marks else f"{_CLOSE}()", r"\1 ", text).replace(_OPEN, " ")
    if marks:
        text = re.sub(f"[{marks}]{{2,}}", lambda found: "".join(sorted(found[0])), text)
    return text.split()


@functools.cache
def _letters(becomes: Callable[[str], str], character: str) -> str:
    letters = becomes(character)
    letters = letters if letters == " " else letters.replace(" ", _INSIDE)
    return f"{_OPEN}{letters}{_CLOSE}" if letters and is_alone(letters[0]) else letters


def reading(text: str) -> tuple[int, bool]:
    """Return how many words of prose the beginning of a text has, and whether its runs of marks and digits decide."""
    number = runs = size = 0
    before = int(BETWEEN)
    for character in text:
        if size >= LOOKED:
            break
        size += 1 if character < "\x80" else len(character.encode())
        now = _kind(character)
        if now is None:
            continue
        if now == _ALONE:
            number, before = number + 1, int(BETWEEN)
            continue
        number += int(now < MARK <= before)
        runs += int(now != before and now in (DIGIT, MARK))
        before = int(now)
    return number, runs > RICH * number


@functools.cache
def _kind(character: str) -> int | None:
    """Return what a character is for `reading`: of a kind, a word of its own, or, as None, nothing."""
    letters = prose(character)
    if character >= "\x80" and letters != " ":
        if letters and is_alone(letters[0]):
            return _ALONE
        if entry(letters)[0] == 1:
            return None
    return kind(character)
