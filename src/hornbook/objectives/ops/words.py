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
from typing import cast

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Integers, Mask, Rows
from hornbook.keys import Keys, halves
from hornbook.objectives.ops import compiled, noise
from hornbook.objectives.ops.noise import Counts
from hornbook.vocab import Vocab

# Lengths in words. ALBERT (Lan et al. 2020, section 3.3): p(n) ~ 1/n for n up to 3, that is 6/11, 3/11, 2/11.
NGRAMS = (6 / 11, 3 / 11, 2 / 11)
# SpanBERT (Joshi et al. 2020, section 3.1): geometric with p = 0.2, up to 10 words, a mean of 3.8.
SPANS = tuple(0.2 * 0.8**n / (1 - 0.8**10) for n in range(10))
_STEPS = 16  # lengths are drawn in steps of 2**-16


def words(rows: Rows, vocab: Vocab) -> tuple[Mask, Mask]:
    """Return (free, begins), both bool[B, T]: the tokens that are text, and those of them that begin a word.

    A word begins where a token's spelling says so, behind a token that ends a word (in a blank or a sign) or is no
    text, and with each document. Tokens of white space alone belong to the word behind them, as the blank of a token
    such as "▁the" does, and where there is none to the word before.
    """
    given = rows.tokens, compiled.optional(rows.segments), vocab.word_flags
    if (found := compiled.run("words", *given, vocab.TEXT, vocab.STARTS, vocab.ENDS, vocab.BLANK)) is not None:
        return cast(tuple[Mask, Mask], found)
    flags = vocab.word_flags.take(rows.tokens)
    free = (flags & vocab.TEXT) != 0
    begins = (flags & vocab.STARTS) != 0
    # Neighbours are compared in one line, which is faster; what that says of the beginnings of rows is overruled.
    begins.reshape(-1)[1:] |= ((flags & (vocab.TEXT | vocab.ENDS)) != vocab.TEXT).reshape(-1)[:-1]
    if rows.segments is not None:
        free &= rows.segments != 0
        begins.reshape(-1)[1:] |= noise.changes(rows.segments)
    begins[:, :1] = True
    begins &= free
    blank = free & ((flags & vocab.BLANK) != 0)
    if blank.any():
        _join_blanks(blank.reshape(-1), begins.reshape(-1), free, _fresh(free, rows.segments).reshape(-1))
    return free, begins


def _join_blanks(blank: Mask, begins: Mask, free: Mask, fresh: Mask) -> None:
    """Move the beginnings of words, bool[B * T], to the blanks before them; `fresh` places have no word before them."""
    goes_on = blank[:-1] & free.reshape(-1)[1:] & ~fresh[1:]  # the next token belongs to this blank
    begins[1:] &= ~goes_on
    first, last = blank.copy(), blank.copy()
    first[1:] &= ~goes_on
    last[:-1] &= ~(goes_on & blank[1:])
    starts, ends = np.flatnonzero(first), np.flatnonzero(last)  # of each run of blanks
    alone = ~np.append(goes_on, False)[ends]
    begins[starts[alone & ~fresh[starts]]] = False


def _fresh(free: Mask, segments: Integers | None) -> Mask:
    """Return bool[B, T]: the places behind what is no text, and the beginnings of rows and documents."""
    fresh = np.empty(free.shape, bool)
    np.logical_not(free.reshape(-1)[:-1], out=fresh.reshape(-1)[1:])
    if segments is not None:
        fresh.reshape(-1)[1:] |= noise.changes(segments)
    fresh[:, :1] = True
    return fresh


def tile(free: Mask, begins: Mask, segments: Integers | None, law: Sequence[float], keys: Keys) -> Mask:
    """Return bool[B, T], where units begin that each join as many words as `law` draws: p(1), p(2), ...

    A unit ends early where a document or its text does.
    """
    given = begins, free, compiled.optional(segments), _lengths(tuple(law)), keys
    if (found := compiled.run("tile", *given, noise.TILES, 32 - _STEPS)) is not None:
        return cast(Mask, found)
    in_row = noise.row_counts(begins)
    most = int(in_row.max(initial=0))
    if most == 0:
        return begins
    number = _firsts(most, tuple(law), keys)
    ends = in_row.cumsum().astype(np.int32)
    number += (ends - in_row.astype(np.int32))[:, None]
    starts = np.zeros(begins.shape, bool)
    starts.reshape(-1)[np.flatnonzero(begins).take(number[number < ends[:, None]])] = True
    starts |= begins & _fresh(free, segments)
    return starts


def _firsts(words: int, law: tuple[float, ...], keys: Keys) -> NDArray[np.int32]:
    """Return int32[B, U]: the number of each unit's first word, until each row has more than `words` of them."""
    mean = sum(length * share for length, share in enumerate(law, 1))
    drawn = min(int(1.1 * words / mean) + 16, words)  # nearly always enough; `words` units always are
    while True:
        lengths = _lengths(law).take(halves(keys, drawn, noise.TILES) >> np.uint32(32 - _STEPS))
        firsts = np.zeros((len(keys), drawn + 1), np.int32)
        np.cumsum(lengths, axis=1, out=firsts[:, 1:])
        if (firsts[:, -1] >= words).all():
            return firsts
        drawn = words


@functools.cache
def _lengths(law: tuple[float, ...]) -> NDArray[np.uint8]:
    """Return uint8[65536]: as many entries of each length as its probability says."""
    bounds = np.rint(np.cumsum(law) * 2**_STEPS)
    return (np.searchsorted(bounds, np.arange(2**_STEPS), side="right") + 1).astype(np.uint8)


def choose(free: Mask, begins: Mask, counts: Counts, keys: Keys, *, cut: bool) -> tuple[Mask, Counts]:
    """Choose `counts` [B] of each row's free tokens in units, each of which goes from one beginning to the next.

    Returns bool[B, T], and int64[N], for each chosen token, in order, the flat place where its unit begins.

    Units are drawn one after the other, and one that no longer fits is passed over (Devlin et al. 2019, released code,
    whole-word masking). Where no other fits what is left, the first is cut (as SpanBERT cuts its last span), or, unless
    `cut`, less is chosen; but a row of text has one unit at least.
    """
    given = free, begins, counts, keys, cut, noise.CHOICE, noise.room(free.shape[1])
    if (found := compiled.run("choose", *given)) is not None:
        return cast(tuple[Mask, Counts], found)
    sizes_at = _sizes(free, begins)
    left, rows = counts.copy(), np.arange(len(free))
    parts = []
    for begin, end in _looks(counts, free, begins):
        places = _drawn(begins, keys, rows, end)[:, begin:]
        sizes = sizes_at.take(places)
        taken = _fitting(sizes, left[rows])
        left[rows] -= (sizes * taken).sum(axis=1)
        parts.append(places[taken])
        rows = rows[left[rows] > 0]
        if not rows.size:
            break
    rows = rows[cut | (left[rows] == counts[rows])]
    if rows.size:
        untaken = sizes_at.copy()
        untaken[np.concatenate(parts)] = 0
        places = _drawn(begins, keys, rows, free.shape[1])
        place = places[np.arange(len(rows)), (untaken.take(places) > 0).argmax(axis=1)]
        if cut:
            sizes_at[place] = np.minimum(sizes_at[place], left[rows])
        parts.append(place)
    starts = np.concatenate(parts)
    starts.sort()
    lengths = sizes_at.take(starts).astype(np.int64)
    units = np.repeat(starts, lengths)
    mask = np.zeros(free.shape, bool)
    mask.reshape(-1)[noise.stretches(starts, lengths)] = True
    return mask, units


def _sizes(free: Mask, begins: Mask) -> NDArray[np.int32]:
    """Return int32[B * T]: how many tokens the unit has that begins at each place; 0 where none does."""
    edges = np.flatnonzero(begins | ~free)  # where a unit or what is no text begins
    lengths = np.empty(len(edges), np.int32)
    np.subtract(edges[1:], edges[:-1], out=lengths[:-1], casting="same_kind")
    lengths[-1:] = free.size - edges[-1:]
    sizes = np.zeros(free.size, np.int32)
    sizes[edges] = lengths
    sizes *= begins.reshape(-1)
    return sizes


def _looks(counts: Counts, free: Mask, begins: Mask) -> tuple[tuple[int, int], ...]:
    """Return from which to which of its drawn units are looked at, until a row has enough: seldom more than once."""
    length = free.shape[1]
    units_in_token = int(np.count_nonzero(begins)) / max(int(np.count_nonzero(free)), 1)
    first = min(int(int(counts.max(initial=0)) * units_in_token) + 28, length)
    return (0, first), (first, length)


def _drawn(begins: Mask, keys: Keys, rows: Counts, number: int) -> Counts:
    """Return int64[R, number], the first places of these rows in the order in which units are drawn."""
    places: Counts = noise.shuffled(begins[rows], keys[rows], number).astype(np.int64)
    places += (rows * begins.shape[1])[:, None]
    return places


def _fitting(sizes: Integers, counts: Counts) -> Mask:
    """Return which of `sizes` [R, C] fit into `counts` [R], from left to right, passing over those that do not.

    Each round takes all that fit before the first one that does not; what no longer fits then never will.
    """
    taken = np.zeros(sizes.shape, bool)
    left, rows, part = counts.astype(sizes.dtype), np.arange(len(sizes)), sizes
    while rows.size:
        limit = left[:, None]
        part = part * (part <= limit)
        fits = (part.cumsum(axis=1, dtype=sizes.dtype) <= limit) & (part > 0)
        taken[rows] |= fits
        left = left - (part * fits).sum(axis=1, dtype=sizes.dtype)
        part *= ~fits
        more = (left > 0) & part.any(axis=1)
        rows, left, part = rows[more], left[more], part[more]
    return taken
