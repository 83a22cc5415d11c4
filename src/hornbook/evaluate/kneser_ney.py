"""An interpolated Kneser-Ney model of n-grams (Kneser and Ney 1995; Chen and Goodman 1998), by sorting alone.

    p_k(w | h) = (max(c(h w) - D, 0) + (sum of the D taken from h's followers) * p_{k-1}(w | h')) / c(h)
    p_0(w)     = 1 / V

h' is h without its first token. In the highest order c counts occurrences, below it the different tokens seen before:
how many histories a token completes, not how often. Where nothing stands before an n-gram (at the beginning of a
document or a row) each occurrence counts. D depends on the order and on whether c is 1, 2 or more, as Chen and Goodman
estimate it from the numbers of n-grams seen once to four times.

Shapes: P places; a row of `grams` is the token there and those before it, nearest first, -1 where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch

ORDER = 5
Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Table:
    """Numbers of what was seen: sorted keys, (number of the longer part) * size + token; -1 stands for unseen."""

    keys: Ids
    size: int

    def find(self, longer: Ids, token: Ids) -> Ids:
        wanted = longer * self.size + token
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where((longer >= 0) & (token >= 0) & (self.keys[place] == wanted), place, -1)


@dataclass(frozen=True, eq=False)
class _Order:
    """One order: its n-grams, and for each what is left of its count; of each history its total and what was taken."""

    grams: _Table
    left: Floats
    total: Floats
    taken: Floats


@dataclass(frozen=True, eq=False)
class KneserNey:
    """A counted model of `size` tokens."""

    size: int
    histories: tuple[_Table, ...] = field(repr=False)
    orders: tuple[_Order, ...] = field(repr=False)

    def probabilities(self, grams: NDArray[np.integer]) -> Floats:
        """Return the probability of each token after those before it, float64[P]."""
        columns = grams.astype(np.int64).T
        history = np.zeros(len(grams), np.int64)
        found = np.full(len(grams), 1 / self.size)
        for number, order in enumerate(self.orders):
            if number:
                history = self.histories[number - 1].find(history, columns[number])
            known = history >= 0
            place = order.grams.find(history, columns[0])
            left = np.where(place >= 0, order.left[place], 0.0)
            spread = (left + order.taken[history] * found) / order.total[history]
            found = np.where(known, spread, found)
        return found


def kneser_ney(grams: NDArray[np.integer], size: int) -> KneserNey:
    """Count P places of tokens below `size`; memory is about 100 bytes a place and order."""
    columns = grams.astype(np.int64).T
    history = np.zeros(len(grams), np.int64)
    histories: list[_Table] = []
    seen: list[tuple[_Table, Ids, Ids, Ids]] = []  # of each order: its n-grams, at each place, counts, their histories
    for number in range(len(columns)):
        if number:
            table, history = _numbered(history, columns[number], size)
            if not len(table.keys):  # no document is so long
                break
            histories.append(table)
        table, at = _numbered(history, columns[0], size)
        first = np.zeros(len(table.keys), np.int64)
        first[at[at >= 0]] = history[at >= 0]
        seen.append((table, at, np.bincount(at[at >= 0], minlength=len(table.keys)), first))
    orders = []
    for number, (table, at, occurrences, of_history) in enumerate(seen):
        counts = occurrences
        if number + 1 < len(seen):  # the different tokens before, and each occurrence that has none
            longer = seen[number + 1][1]
            suffix = np.zeros(len(seen[number + 1][0].keys), np.int64)
            suffix[longer[longer >= 0]] = at[longer >= 0]
            counts = np.bincount(suffix, minlength=len(table.keys))
            counts = counts + np.bincount(at[(longer < 0) & (at >= 0)], minlength=len(table.keys))
        taken = _discounts(counts)[np.minimum(counts, 3)]
        rows = 1 if not number else len(histories[number - 1].keys)
        orders.append(
            _Order(
                table,
                counts - taken,
                np.bincount(of_history, counts, rows).astype(np.float64),
                np.bincount(of_history, taken, rows).astype(np.float64),
            )
        )
    return KneserNey(size, tuple(histories), tuple(orders))


def grams_of(batch: Batch, order: int = ORDER) -> NDArray[np.int32]:
    """Return the scored targets of a model that predicts the next token, with the inputs before them, int32[P, order].

    What lies before is of the same document and row.
    """
    inputs = batch.inputs if batch.decoder_inputs is None else batch.decoder_inputs
    segments = batch.segments if batch.decoder_inputs is None else batch.decoder_segments
    row, place = np.nonzero(batch.weights)
    found = np.full((len(row), order), -1, np.int32)
    found[:, 0] = batch.targets[row, place]
    for back in range(order - 1):
        before = np.maximum(place - back, 0)
        there = place >= back
        if segments is not None:
            there &= segments[row, before] == segments[row, place]
        found[there, back + 1] = inputs[row, before][there]
    return found


def _numbered(longer: Ids, token: Ids, size: int) -> tuple[_Table, Ids]:
    """Return a table of all pairs, and the number of the pair at each place; -1 where a part of it is missing."""
    known = (longer >= 0) & (token >= 0)
    keys, at = np.unique(longer[known] * size + token[known], return_inverse=True)
    numbers = np.full(len(longer), -1, np.int64)
    numbers[known] = at
    return _Table(keys, size), numbers


def _discounts(counts: Ids) -> Floats:
    """Return what is taken from n-grams of 0, 1, 2 and more occurrences, float64[4]; of few n-grams 1/2 of each."""
    seen = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(np.float64)
    if not seen.all():
        return np.array([0.0, 0.5, 0.5, 0.5])
    one, two, three, four = seen
    share = one / (one + 2 * two)
    found = np.array([0.0, 1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three])
    return np.asarray(np.clip(found, [0, 0.01, 0.01, 0.01], [0, 0.99, 1.99, 2.99]))
