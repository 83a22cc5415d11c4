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
import string
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

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
# documents and V different words D * V * V stays below 2**62, since D + V <= AT_ONCE.
AT_ONCE = 3_000_000

# Unicode's property Sentence_Terminal (version 16), as ranges of code points.
_SENTENCE_TERMINAL = """
21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736
17D4-17D5 1803 1809 1944-1945 1AA8-1AAB 1B4E-1B4F 1B5A-1B5B 1B5E-1B5F 1B7D-1B7F 1C3B-1C3C 1C7E-1C7F 2024
203C-203D 2047-2049 2CF9-2CFB 2E2E 2E3C 2E53-2E54 2E60-2E61 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877
A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE12 FE15-FE16 FE52 FE56-FE57 FF01 FF0E FF1F FF61
10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF
11238-11239 1123B-1123C 112A9 113D4-113D5 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944
11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44
16D6E-16D6F 16E98 1BC9F 1DA88
"""
# What CCNet (Wenzek et al. 2020) strips before it counts: marks and control characters.
_NO_WORD = frozenset(string.punctuation + "«´»–—’“”„…∶━►、。〈〉《》「」【】！％（），．：；？～").union(
    map(chr, (*range(32), *range(127, 160)))
)


def split_words(text: str) -> list[str]:
    """Return the words of a text, in order.

    >>> split_words("It's 7:30, don't wait...")
    ['It', "'s", '7:30', ',', 'do', "n't", 'wait', '...']
    """
    return list(itertools.chain.from_iterable(map(_parts, text.split())))


def _parts(piece: str) -> list[str]:
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


@cache
def sentence_terminals() -> frozenset[str]:
    """Return the characters that end sentences, in all scripts that Unicode knows."""
    found: list[str] = []
    for part in _SENTENCE_TERMINAL.split():
        low, _, high = part.partition("-")
        found += map(chr, range(int(low, 16), int(high or low, 16) + 1))
    return frozenset(found)


def is_word(word: str) -> bool:
    """Return whether a word is more than marks.

    >>> is_word("n't"), is_word("..."), is_word("5")
    (True, False, True)
    """
    return word.isalnum() or not _NO_WORD.issuperset(word)


def has_letter(word: str) -> bool:
    """Return whether a word has a letter of any script."""
    return word.isalpha() or any(map(str.isalpha, word))


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
        return Words(self.ids[np.repeat(asked, counts)], starts_of(counts[documents]), self.distinct)

    def sums(self, of_distinct: Numbers) -> Numbers:
        """Return int64[D]: a number for each different word, summed over each document's words."""
        return sums(of_distinct[self.ids], self.starts)


def starts_of(counts: NDArray[np.integer]) -> Numbers:
    """Return int64[N + 1], where each of N lists end to end begins, and where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def sums(values: NDArray[np.integer], starts: Numbers) -> Numbers:
    """Return int64[D], the sum of the values between each two starts, 0 where there are none."""
    return np.diff(starts_of(values)[starts])


def number_words(texts: Sequence[str]) -> Words:
    """Split the texts and number their words; a word has the same number wherever it stands in these texts."""
    pieces, piece_ids, piece_counts = _numbered([text.split() for text in texts])
    distinct, part_ids, part_counts = _numbered(list(map(_parts, pieces)))
    # Each piece is replaced by its words: word k of a piece stands k places after the piece's first in `part_ids`.
    many = part_counts[piece_ids]
    starts = starts_of(many)
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], many)
    ids = part_ids[np.repeat(starts_of(part_counts)[piece_ids], many) + within]
    return Words(ids, starts[starts_of(piece_counts)], distinct)


def _numbered(lists: Sequence[list[str]]) -> tuple[list[str], Numbers, Numbers]:
    """Return the different strings, int64[all] the number of each string, and int64[lists] the lengths of the lists."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    counts = np.array([len(found) for found in lists], np.int64)
    every = itertools.chain.from_iterable(lists)
    ids = np.fromiter(map(numbers.__getitem__, every), np.int64, int(counts.sum()))
    return list(numbers), ids, counts
