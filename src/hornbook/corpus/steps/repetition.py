"""How much of a document is said twice: lines, paragraphs and runs of words, as Gopher's Table A1 counts them.

A run of n words can only come twice if the run of its first n - 1 words does, so each length looks at the places alone
that the length before has left: all words are sorted once, for n = 2.

Shapes: D documents, W words of all of them, P places where a run of words begins that its document has more than once,
G different ones of these runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.steps.words import Numbers, Words, starts_of, sums


def repeated(pieces: Sequence[str]) -> tuple[int, int]:
    """Return how many of the pieces have stood before, and how many characters they have."""
    if len(pieces) == len(set(pieces)):
        return 0, 0
    seen: set[str] = set()
    count = characters = 0
    for piece in pieces:
        if piece in seen:
            count += 1
            characters += len(piece)
        else:
            seen.add(piece)
    return count, characters


@dataclass(frozen=True)
class Runs:
    """The runs of `length` words that their document has more than once.

    length     n
    ends       int64[W + 1], characters of all words before each word
    starts     int64[D + 1], where each document's words begin, and where the last one's end
    document   int64[W], which document each word stands in
    places     int64[P], the word that each repeated run begins with, ascending
    names      int64[P], which of the G different runs it is; runs of two documents have two names
    """

    length: int
    ends: Numbers
    starts: Numbers
    document: Numbers
    places: Numbers
    names: Numbers

    def characters(self, places: Numbers) -> Numbers:
        """Return the characters of the words of the runs that begin at these places."""
        return self.ends[places + self.length] - self.ends[places]

    def most_frequent(self) -> Numbers:
        """Return int64[D]: the characters of each document's most frequent run, times how often it comes.

        The blanks between its words count as characters. Among equally frequent runs the first counts, so a document
        without repeats has its first run, and one of fewer words than the run is long has 0.
        """
        begins, n = self.starts[:-1], self.length
        top = np.zeros(len(begins), np.int64)
        long_enough = begins + n <= self.starts[1:]
        top[long_enough] = self.characters(begins[long_enough]) + n - 1
        if len(self.places):
            _, first, count = np.unique(self.names, return_index=True, return_counts=True)
            place = self.places[first]
            document = self.document[place]
            order = np.lexsort((place, -count, document))
            best = order[np.flatnonzero(np.diff(document[order], prepend=-1))]
            top[document[best]] = (self.characters(place[best]) + n - 1) * count[best]
        return top

    def said_before(self, limits: NDArray[np.float64]) -> Numbers:
        """Return int64[D]: characters of runs that have come before in their document, from left to right.

        A run that has come before is counted whole, and the next one begins after it; a run that overlaps a counted
        one is neither counted nor remembered. Where no way of counting can exceed `limits` float64[D], an upper bound
        is returned instead: the words that any repeat covers.
        """
        n = self.length
        _, first = np.unique(self.names, return_index=True)
        again = np.delete(self.places, first)
        following = np.append(again[1:], np.int64(len(self.document)))
        covered = self.ends[np.minimum(again + n, following)] - self.ends[again]
        found = sums(covered, np.searchsorted(again, self.starts))
        for document in np.flatnonzero(found > limits).tolist():
            low, high = np.searchsorted(self.places, self.starts[document : document + 2])
            found[document] = self._greedy(self.places[low:high], self.names[low:high])
        return found

    def _greedy(self, places: Numbers, names: Numbers) -> int:
        seen: set[int] = set()
        free, counted = -1, []
        for place, name in zip(places.tolist(), names.tolist(), strict=True):
            if place < free:
                continue
            if name in seen:
                counted.append(place)
                free = place + self.length
            else:
                seen.add(name)
        return int(self.characters(np.array(counted, np.int64)).sum())


def repeated_runs(words: Words) -> Iterator[Runs]:
    """Yield the repeated runs of 2 words, of 3 words, and so on without end."""
    ids, starts, different = words.ids, words.starts, len(words.distinct)
    document = np.repeat(np.arange(len(starts) - 1), words.counts)
    lengths = np.array([len(word) for word in words.distinct], np.int64)
    ends = starts_of(lengths[ids])
    places, names, n = np.arange(len(ids)), document * different + ids, 1
    while True:
        # A longer run begins where a shorter one repeats, and ends within the same document.
        inside = places + n < starts[document[places] + 1]
        places, names = places[inside], names[inside]
        places, names = _more_than_once(places, names * different + ids[places + n])
        n += 1
        yield Runs(n, ends, starts, document, places, names)


def _more_than_once(places: Numbers, keys: Numbers) -> tuple[Numbers, Numbers]:
    """Return the places whose key is not the only one of its kind, and for each a number that stands for the key."""
    order = np.argsort(keys)
    fresh = np.flatnonzero(np.diff(keys[order], prepend=-1))
    many = np.diff(np.append(fresh, len(keys)))
    names = np.empty(len(keys), np.int64)
    names[order] = np.repeat(np.where(many > 1, np.cumsum(many > 1) - 1, -1), many)
    kept = names >= 0
    return places[kept], names[kept]
