"""The words of many documents at once, as numbers: what the quality rules count.

A piece is what stands between blanks. A word is a part of a piece: the marks before and behind it are words one by one,
an ellipsis is one; an English contraction is two (`do` `n't`, `it` `'s`); what is left is cut where a hyphen, a comma
or a colon joins two words. The stop of an abbreviation stays (`U.S.`). This is close to how spaCy's rules for English
split, and is done for each different piece once, however often it stands in the documents.

Shapes: D documents, W words of all of them, V different words.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

_BEFORE = frozenset("([{<*&$£€¥§%=—–+…,:;!?¿\"'`“”‘’«»„#（「『【《")
_BEHIND = frozenset(")]}>*&…,:;!?\"'`“”‘’«»„#—–。，、！？；：）」』】》")
# A full stop that is not a part of its word: behind a small letter, a digit, two capitals or a mark.
_STOP = re.compile(r"(?:[a-z0-9ß-öø-ÿ)\]}\"'’”%²+-]|[A-Z]{2})\.\Z")
_HALF = re.compile(r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))\Z", re.IGNORECASE)
_JOINT = re.compile(
    r"((?<=[^\W_])(?:--+|[-–—~])(?=[^\W\d_])|(?<=[^\W_])[:<>=/](?=[^\W\d_])|(?<=[^\W\d_]),(?=[^\W\d_])"
    r"|(?<=\d)[+*^-](?=[\d-])|(?<=[a-z])\.(?=[A-Z])|(?<!\.)\.\.+|…)"
)
_MARKS = re.compile(r"\.{2,}|.", re.DOTALL)
# A sentence ends where a mark that ends sentences, and what closes quotes and brackets, stands before a blank.
_SENTENCE_END = re.compile(r"[.!?。！？…][\"'’”)\]]{0,3}\s+(?=\S)")
# Characters, one more for each document, of documents that are numbered together: memory stays small, and with D
# documents and V different words D * V * V stays below 2**62, since D + V <= _BLOCK.
_BLOCK = 3_000_000


def split_words(text: str) -> list[str]:
    """Return the words of a text, in order.

    >>> split_words("It's 7:30, don't wait...")
    ['It', "'s", '7:30', ',', 'do', "n't", 'wait', '...']
    """
    return list(itertools.chain.from_iterable(map(_parts, text.split())))


def _parts(piece: str) -> list[str]:
    """Return the words of a piece."""
    if piece.isalnum() or _HALF.fullmatch(piece):
        return [piece]
    start, end = 0, len(piece)
    while start < end and piece[start] in _BEFORE:
        start += 1
    while start < end and (piece[end - 1] in _BEHIND or _is_stop(piece, start, end)):
        end -= 1
    half = _HALF.search(piece, max(start, end - 3), end)
    cut = half.start() if half and half.start() > start else end
    inner = [part for part in _JOINT.split(piece[start:cut]) if part]
    rest = [piece[cut:end]] if cut < end else []
    return [*_MARKS.findall(piece[:start]), *inner, *rest, *_MARKS.findall(piece[end:])]


def _is_stop(piece: str, start: int, end: int) -> bool:
    """Return whether the piece up to `end` ends in a full stop, or in an ellipsis, that is no part of its last word."""
    if piece[end - 1] != ".":
        return False
    if piece[end : end + 1] == "." or piece[max(start, end - 2) : end] == "..":
        return True
    return _STOP.search(piece, max(start, end - 3), end) is not None


def sentences(text: str) -> int:
    """Return how many sentences a line has; one that is not blank has at least one.

    >>> sentences('He said "Stop!" and went. She stayed.')
    3
    """
    return len(_SENTENCE_END.findall(text)) + 1 if text.strip() else 0


@dataclass(frozen=True)
class Words:
    """The words of D documents, end to end.

    ids        int64[W], which of the V different words each is
    starts     int64[D + 1], where each document's words begin, and where the last one's end
    distinct   the V different words
    """

    ids: Numbers
    starts: Numbers
    distinct: Sequence[str]

    @property
    def counts(self) -> Numbers:
        """Return int64[D], the number of words of each document."""
        return np.diff(self.starts)

    def only(self, documents: Numbers) -> Words:
        """Return the words of some documents, whose numbers ascend."""
        counts = self.counts
        asked = np.zeros(len(counts), bool)
        asked[documents] = True
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[documents])])
        return Words(self.ids[np.repeat(asked, counts)], starts, self.distinct)

    def sums(self, of_distinct: Numbers) -> Numbers:
        """Return int64[D]: a number for each different word, summed over each document's words."""
        return sums(of_distinct[self.ids], self.starts)


def sums(values: NDArray[np.integer], starts: Numbers) -> Numbers:
    """Return int64[D], the sum of the values between each two starts, 0 where there are none."""
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(values, dtype=np.int64)])
    found: Numbers = total[starts[1:]] - total[starts[:-1]]
    return found


def blocks(texts: Sequence[str]) -> Iterator[slice]:
    """Yield slices of documents of at most 3 million characters together, or of one longer document."""
    start = size = 0
    for number, text in enumerate(texts):
        if size and size + len(text) >= _BLOCK:
            yield slice(start, number)
            start, size = number, 0
        size += len(text) + 1
    if size:
        yield slice(start, len(texts))


def number_words(texts: Sequence[str]) -> Words:
    """Split the texts and number their words; a word has the same number wherever it stands in these texts."""
    pieces, piece_ids, piece_counts = _numbered([text.split() for text in texts])
    distinct, part_ids, part_counts = _numbered(list(map(_parts, pieces)))
    # Each piece is replaced by its words: word k of a piece stands k places after the piece's first in `part_ids`.
    ends = np.cumsum(part_counts)
    many = part_counts[piece_ids]
    word_ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(many)])
    within = np.arange(word_ends[-1]) - np.repeat(word_ends[:-1], many)
    ids = part_ids[np.repeat((ends - part_counts)[piece_ids], many) + within]
    document_ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(piece_counts)])
    return Words(ids, word_ends[document_ends], distinct)


def _numbered(lists: Sequence[list[str]]) -> tuple[list[str], Numbers, Numbers]:
    """Return the different strings, int64[all] the number of each string, and int64[lists] the lengths of the lists."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    counts = np.array([len(found) for found in lists], np.int64)
    every = itertools.chain.from_iterable(lists)
    ids = np.fromiter(map(numbers.__getitem__, every), np.int64, int(counts.sum()))
    return list(numbers), ids, counts
