"""Units: whole words, n-grams of words and spans of words as that which is masked, not single tokens.

    words   where words begin in a row, whatever the tokenizer's spelling
    tile    join neighbouring words to units whose numbers of words are drawn from a law
    choose  so many tokens of each row in whole units, every unit as likely as every other

Tiling a row and drawing tiles needs no retries: units never overlap, a drawn unit has the law's length, and every token
is as likely as every other to be in one.

Shapes: B rows, T tokens of a row, U units in all rows, N chosen tokens. A flat position is row * T + column.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Integers, Rows
from hornbook.keys import Keys, halves
from hornbook.objectives import noise
from hornbook.objectives.noise import Counts, Mask
from hornbook.vocab import Vocab

# Lengths in words. ALBERT (Lan et al. 2020, section 3.3): p(n) ~ 1/n for n up to 3, that is 6/11, 3/11, 2/11.
NGRAMS = (6 / 11, 3 / 11, 2 / 11)
# SpanBERT (Joshi et al. 2020, section 3.1): geometric with p = 0.2, up to 10 words, a mean of 3.8.
SPANS = tuple(0.2 * 0.8**n / (1 - 0.8**10) for n in range(10))
_STEPS = 16  # lengths are drawn in steps of 2**-16


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is masked.

    mask   bool[B, T]
    units  int64[N], for each token that is masked, in order, the flat place where its unit begins
    """

    mask: Mask
    units: Counts


def words(rows: Rows, vocab: Vocab) -> tuple[Mask, Mask]:
    """Return (free, begins), both bool[B, T]: the tokens that are text, and those of them that begin a word.

    A word begins where a token's spelling says so, behind a token that ends a word (in a blank or a sign) or is no
    text, and with each document.
    """
    flags = vocab.word_flags.take(rows.tokens)
    free = (flags & vocab.TEXT) != 0
    begins = (flags & vocab.STARTS) != 0
    begins[:, :1] = True
    begins[:, 1:] |= ((flags & (vocab.TEXT | vocab.ENDS)) != vocab.TEXT)[:, :-1]
    if rows.segments is not None:
        free &= rows.segments != 0
        begins[:, 1:] |= rows.segments[:, 1:] != rows.segments[:, :-1]
    begins &= free
    return free, begins


def _fresh(free: Mask, segments: Integers | None) -> Mask:
    """Return bool[B, T]: the places behind what is no text, and the beginnings of rows and documents."""
    fresh = np.ones(free.shape, bool)
    np.logical_not(free[:, :-1], out=fresh[:, 1:])
    if segments is not None:
        fresh[:, 1:] |= segments[:, 1:] != segments[:, :-1]
    return fresh


def tile(free: Mask, begins: Mask, segments: Integers | None, law: Sequence[float], keys: Keys) -> Mask:
    """Return bool[B, T], where units begin that each join as many words as `law` draws: p(1), p(2), ...

    A unit ends early where a document or its text does.
    """
    place = np.flatnonzero(begins)
    in_row = np.count_nonzero(begins, axis=1)
    most = int(in_row.max(initial=0))
    if most == 0:
        return begins
    lengths = _lengths(tuple(law)).take(halves(keys, most, noise.TILES) >> np.uint32(32 - _STEPS))
    number = np.zeros((len(begins), most), np.int32)  # of the word with which each unit begins
    np.cumsum(lengths[:, :-1], axis=1, out=number[:, 1:])
    number += (in_row.cumsum() - in_row).astype(np.int32)[:, None]
    starts = np.zeros(begins.shape, bool)
    starts.reshape(-1)[place[number[number < in_row.cumsum()[:, None]]]] = True
    starts |= begins & _fresh(free, segments)
    return starts


@functools.cache
def _lengths(law: tuple[float, ...]) -> NDArray[np.int32]:
    """Return int32[65536]: as many entries of each length as its probability says."""
    bounds = np.rint(np.cumsum(law) * 2**_STEPS)
    return (np.searchsorted(bounds, np.arange(2**_STEPS), side="right") + 1).astype(np.int32)


def choose(free: Mask, begins: Mask, counts: Counts, keys: Keys, *, cut: bool) -> Chosen:
    """Choose `counts` [B] of each row's free tokens in units, each of which goes from one beginning to the next.

    Units are drawn one after the other, and one that no longer fits is passed over (Devlin et al. 2019, released code,
    whole-word masking). Where no other fits what is left, the first is cut (as SpanBERT cuts its last span), or, unless
    `cut`, less is chosen; but a row of text has one unit at least.
    """
    edge = begins | ~free
    edges = np.flatnonzero(np.append(edge, True))
    # 32 bits, as an array of 128 KiB costs more to come by than to fill.
    line = _Line(begins, noise.shuffled(begins, keys), edges, edge.reshape(-1).cumsum(dtype=np.int32))
    left, rows = counts.copy(), np.arange(len(free))
    parts = []
    most = int(counts.max(initial=0))  # seldom more units than tokens have to be looked at
    for columns in (slice(0, most), slice(most, None)):
        places, sizes = line.units(rows, columns)
        taken = _fitting(sizes, left[rows])
        left[rows] -= (sizes * taken).sum(axis=1)
        parts.append((places[taken], sizes[taken]))
        rows = rows[left[rows] > 0]
    rows = rows[cut | (left[rows] == counts[rows])]
    if rows.size:
        is_taken = np.zeros(edge.size, bool)
        is_taken[np.concatenate([places for places, _ in parts])] = True
        places, sizes = line.units(rows, slice(None))
        sizes *= ~is_taken.take(places)
        first = np.arange(len(rows)), (sizes > 0).argmax(axis=1)
        parts.append((places[first], np.minimum(sizes[first], left[rows]) if cut else sizes[first]))
    starts, lengths = (np.concatenate(part) for part in zip(*parts, strict=True))
    by_place = starts.argsort()
    starts, lengths = starts[by_place], lengths[by_place]
    units = np.repeat(starts, lengths)
    mask = np.zeros(free.shape, bool)
    mask.reshape(-1)[np.repeat(starts - (lengths.cumsum() - lengths), lengths) + np.arange(len(units))] = True
    return Chosen(mask, units)


@dataclass(frozen=True, eq=False)
class _Line:
    """The units of each row in the order in which they are drawn.

    begins  bool[B, T]
    order   [B, T]       columns of each row, those where units begin first
    edges   int64[E]     flat places where a unit or what is no text begins, and the end of all
    number  int32[B * T] how many edges there are up to each place, itself included
    """

    begins: Mask
    order: NDArray[np.unsignedinteger]
    edges: Counts
    number: NDArray[np.int32]

    def units(self, rows: Counts, columns: slice) -> tuple[Counts, Counts]:
        """Return (places, sizes), int64[R, C] both, of these units of these rows; size 0 is no unit."""
        places = self.order[rows, columns].astype(np.int64) + (rows * self.begins.shape[1])[:, None]
        sizes = self.edges.take(self.number.take(places)) - places
        sizes *= self.begins.take(places)
        return places, sizes


def _fitting(sizes: Counts, counts: Counts) -> Mask:
    """Return which of `sizes` [R, C] fit into `counts` [R], from left to right, passing over those that do not.

    Each round takes all that fit before the first one that does not; what no longer fits then never will.
    """
    taken = np.zeros(sizes.shape, bool)
    left, rows = counts.copy(), np.arange(len(sizes))
    while rows.size:
        limit = left[rows, None]
        part = sizes[rows] * ~taken[rows]
        part *= part <= limit
        fits = (part.cumsum(axis=1) <= limit) & (part > 0)
        taken[rows] |= fits
        left[rows] -= (part * fits).sum(axis=1)
        rows = rows[fits.any(axis=1) & (left[rows] > 0)]
    return taken
