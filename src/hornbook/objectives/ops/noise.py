"""Noise: which tokens of a row are to be predicted. Every function is pure, vectorised, and draws from row keys alone.

    exact       so many tokens of each row, uniformly without replacement (BERT)
    bernoulli   each token on its own (RoBERTa and most collators)
    spans       so many tokens in so many spans, both exact, inside each document (T5)

Shapes: B rows, T tokens of a row, D documents (runs of one segment) in all rows, K noise spans in all rows. A flat
position is row * T + column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hornbook.batch import Integers, Mask, Rows
from hornbook.keys import Keys, bits, halves
from hornbook.objectives.ops import compiled

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]
Draws = NDArray[np.uint32]

# Streams of the row key: one number for each independent use.
CHOICE, _SPANS, TIME, SPLIT, CUTS, TILES = range(6)
_UNIT = 32  # shares are fixed-point numbers with so many binary places
_SHARES = 2  # draws of a row that share out spans and noise, before those of its places


def candidates(rows: Rows, special: Mask) -> Mask:
    """Return bool[B, T]: the tokens that noise may touch, which are neither padding nor special (`special` bool[V])."""
    if (found := compiled.run("candidates", rows.tokens, compiled.optional(rows.segments), special)) is not None:
        return cast(Mask, found)
    free = ~special.take(rows.tokens)
    return free if rows.segments is None else free & (rows.segments != 0)


def row_counts(mask: Mask) -> Counts:
    """Return how many of each row [B] are true."""
    counts: Counts = mask.sum(axis=1, dtype=np.uint32).astype(np.int64)  # faster than np.count_nonzero by rows
    return counts


def share_of(total: ArrayLike, share: ArrayLike) -> Counts:
    """Return round(total * share), half to even, and at least 1 where `total` is not 0 (BERT's count of masks)."""
    whole = np.asarray(total, np.int64)
    counts: Counts = np.minimum(np.maximum(np.rint(whole * np.asarray(share)).astype(np.int64), 1), whole)
    return counts


def exact(allowed: Mask, counts: Counts, keys: Keys) -> Mask:
    """Choose `counts` [B] of each row's `allowed` tokens, every set of that size alike.

    Each token draws a random word that ends in its column, so that no two are equal; the smallest are chosen.
    """
    if (found := compiled.run("exact", allowed, counts, keys, CHOICE, room(allowed.shape[1]))) is not None:
        return cast(Mask, found)
    most = int(counts.max(initial=0))
    if most == 0:
        return np.zeros(allowed.shape, bool)
    words = _tickets(allowed.shape[1], keys)
    words.reshape(-1)[np.flatnonzero(~allowed)] = 2 ** (8 * words.itemsize) - 1
    last = _smallest(words, most)[np.arange(len(words)), np.maximum(counts - 1, 0)]
    chosen = np.asarray(words <= last[:, None])
    if not counts.all():
        chosen &= (counts > 0)[:, None]
    return chosen


def shuffled(allowed: Mask, keys: Keys, number: int) -> NDArray[np.unsignedinteger]:
    """Return [B, number]: the first of each row's columns, the `allowed` ones in random order, then the others."""
    if number == 0:
        return np.zeros((len(allowed), 0), np.uint32)
    words = _tickets(allowed.shape[1], keys)
    words |= (~allowed).astype(words.dtype) << words.dtype.type(8 * words.itemsize - 1)
    words = _smallest(words, number)
    words &= words.dtype.type(2 ** _bits_for(allowed.shape[1]) - 1)
    return words


def room(length: int) -> NDArray[Any]:
    """Return an array [length] for kernels to work in, of the type that holds random bits and a column."""
    return np.empty(length, np.uint32 if _bits_for(length) <= 12 else np.uint64)


def _tickets(length: int, keys: Keys) -> NDArray[Any]:
    """Return [B, T] different words of a row: (0, at least 19 random bits, column)."""
    column_bits = _bits_for(length)
    drawn: NDArray[Any] = (halves if column_bits <= 12 else bits)(keys, length, CHOICE)
    words = np.ascontiguousarray(drawn)
    words &= words.dtype.type(2 ** (8 * words.itemsize - 1) - 2**column_bits)
    words |= np.arange(length, dtype=words.dtype)
    return words


def _smallest(words: NDArray[Any], number: int) -> NDArray[Any]:
    """Return the `number` smallest of each row's words [B, T], ascending; the others need no sorting."""
    smallest = np.partition(words, number - 1, axis=1)[:, :number]
    smallest.sort(axis=1)
    return smallest


def bernoulli(allowed: Mask, rate: ArrayLike, keys: Keys) -> Mask:
    """Choose each of the `allowed` tokens with probability `rate` (a number, or [B, 1]), in steps of 2**-32."""
    bound = np.rint(np.asarray(rate, np.float64) * 2.0**32)
    of_rows = np.broadcast_to(bound, (len(keys), 1))[:, 0]
    if (found := compiled.run("bernoulli", allowed, of_rows, keys, CHOICE)) is not None:
        return cast(Mask, found)
    below = halves(keys, allowed.shape[1], CHOICE) <= np.maximum(bound - 1, 0).astype(np.uint32)
    return np.asarray(below & allowed & (bound > 0))


@dataclass(frozen=True, eq=False)
class Spans:
    """Noise in spans, each preceded by a span of kept tokens of the same document.

    noise         bool[B, T]
    kept_starts   int64[K]    flat position where the kept span before each noise span begins
    noise_starts  int64[K]    flat position where the noise span begins
    rank          int64[K]    number of the span in its document, from 0
    segments      int[B, T]   documents as the spans respect them, 0 = padding; see `spans`
    """

    noise: Mask
    kept_starts: Counts
    noise_starts: Counts
    rank: Counts
    segments: Integers


def spans(segments: Integers, tokens: Counts, spans: Counts, keys: Keys, suffix: Mask | None = None) -> Spans:
    """Choose exactly `tokens` [B] noise tokens in exactly `spans` [B] spans of each row, none across documents.

    Inside a document lengths are T5's (Raffel et al. 2020, released code, random_spans_noise_mask): a uniformly random
    composition of the noise and one of the rest, alternating, kept tokens first; so a document never begins with
    noise, and one that has noise ends in it. Spans are shared out among a row's documents in proportion to length, and
    noise in proportion to spans, by systematic sampling (Madow 1949): each document gets its quota rounded down or up,
    with the quota as expectation, and the totals stay exact. A document may get none.

    Where the documents of a row are too short to hold both totals, that row is treated as one document, as T5 treats
    every row: no token is lost and no shape changes. Each row needs spans <= tokens and spans <= rest. Padding must
    come last in a row. Rows where `suffix` [B] have one span at the end of each of their documents instead, in
    proportion to lengths but one; give them `spans` of 1. `segments` of the result says which documents were respected.
    """
    ends = np.zeros(0, bool) if suffix is None else suffix
    given = segments, tokens, spans, ends, keys, _SPANS, room(segments.shape[1])
    if (found := compiled.run("spans", *given)) is not None:
        noisy, kept, hidden, rank, feasible = found
        return Spans(noisy, kept, hidden, rank, segments if feasible.all() else undivided(segments, feasible))
    draws = halves(keys, segments.shape[1] + _SHARES, _SPANS)
    documents = find_documents(segments)
    own, own_spans, feasible = _share_out(documents, tokens, spans, draws, suffix)
    if not feasible.all():
        segments = undivided(segments, feasible)
        documents = find_documents(segments)
        own, own_spans, _ = _share_out(documents, tokens, spans, draws, suffix)
    return _compose(documents, own, own_spans, segments, draws)


def undivided(segments: Integers, feasible: Mask) -> Integers:
    """Return segments in which the rows that are not feasible [B] are one document each."""
    return np.where(feasible[:, None], segments, (segments != 0).astype(segments.dtype))


@dataclass(frozen=True, eq=False)
class Documents:
    """Runs of one segment, padding being one: int64[D] each, and first int64[B], each row's first run."""

    row: Counts
    start: Counts  # flat
    length: Counts
    room: Counts  # the length, but 0 for padding
    first: Counts

    def row_sums(self, values: NDArray[np.number]) -> Shares:
        """Add up [D] values of each row -> [B], in order: reduceat would add in the order that numpy finds fastest."""
        return np.asarray(np.bincount(self.row, values, len(self.first)), np.float64)


def real_lengths(segments: Integers) -> Counts:
    """Return how many tokens each row [B] has before its padding, which must come last."""
    rows, length = segments.shape
    return np.full(rows, length) if segments[:, -1:].all() else row_counts(segments != 0)


def last_segments(segments: Integers) -> Integers:
    """Return the segment of each row's last token [B], 0 where it has none; padding must come last in a row."""
    last = segments[:, -1]
    return last if last.all() else segments[np.arange(len(segments)), np.maximum(real_lengths(segments) - 1, 0)]


def changes(segments: Integers) -> Mask:
    """Return bool[B * T - 1]: whether each flat place but the first has another segment than the one before it."""
    flat = segments.reshape(-1)
    return np.asarray(flat[1:] != flat[:-1])


def find_documents(segments: Integers) -> Documents:
    """Return the runs of int[B, T] segments; padding must come last in a row."""
    if (found := compiled.run("find_documents", segments)) is not None:
        return Documents(*found)
    rows, length = segments.shape
    edge = np.empty(segments.shape, bool)
    edge.reshape(-1)[1:] = changes(segments)
    edge[:, :1] = True
    start = np.flatnonzero(edge)
    row = start // max(length, 1)
    first = np.searchsorted(start, length * np.arange(rows))
    lengths = np.empty_like(start)
    np.subtract(start[1:], start[:-1], out=lengths[:-1])
    lengths[-1:] = rows * length - start[-1:]
    real = segments.reshape(-1)[start] != 0
    if not real.all() and (~real[:-1] & (row[:-1] == row[1:])).any():
        raise ValueError("Padding (segment 0) must come after the documents of a row.")
    return Documents(row, start, lengths, lengths * real, first)


def _share_out(
    documents: Documents, tokens: Counts, spans: Counts, draws: Draws, suffix: Mask | None
) -> tuple[Counts, Counts, Mask]:
    """Share each row's noise tokens and spans among its documents [D]; also bool[B], whether these can hold them."""
    if len(documents.row) == len(spans):  # one document a row
        return tokens, spans, np.ones(len(spans), bool)
    most = documents.room // 2  # a span needs a noise token and a kept token before it
    own_spans, enough = by_size(spans, most, documents, draws[:, 0])
    # Beyond the first token of each span.
    cap = np.where(own_spans > 0, documents.room - 2 * own_spans, 0)
    extra, fits = by_spans(tokens - spans, spans, own_spans, cap, documents, draws[:, 1])
    own, enough = own_spans + extra, enough & fits
    if suffix is None:
        return own, own_spans, enough
    at_end, fits = by_size(tokens, np.maximum(documents.room - 1, 0), documents, draws[:, 0])
    ends = suffix[documents.row]
    return np.where(ends, at_end, own), np.where(ends, at_end > 0, own_spans), np.where(suffix, fits, enough)


def by_size(wanted: Counts, size: Counts, documents: Documents, draws: Draws) -> tuple[Counts, Mask]:
    """Share what each row wants [B] among its documents by their size [D], never more than that; see `spans`.

    Returns int64[D], and bool[B], whether the documents can hold all.
    """
    total = documents.row_sums(size)
    quota = (np.minimum(wanted, total) / np.maximum(total, 1))[documents.row] * size
    return systematic(quota, size, documents, draws), total >= wanted


def by_spans(
    wanted: Counts, spans: Counts, own_spans: Counts, cap: Counts, documents: Documents, draws: Draws
) -> tuple[Counts, Mask]:
    """Share the same first by spans, of the row [B] and of the document [D], then by what is left of the caps [D]."""
    most = documents.row_sums(cap)
    wanted_here = np.minimum(wanted, most)
    share = np.minimum((wanted_here / np.maximum(spans, 1))[documents.row] * own_spans, cap)
    rest = cap - share
    left = (wanted_here - documents.row_sums(share)) / np.maximum(documents.row_sums(rest), 1e-9)
    return systematic(share + left[documents.row] * rest, cap, documents, draws), most >= wanted


def systematic(quota: Shares, cap: Counts, documents: Documents, draws: Draws) -> Counts:
    """Round quotas [D] to integers that keep each row's (integer) total and never exceed the caps; see `spans`."""
    fixed = np.minimum(np.rint(quota * 2.0**_UNIT).astype(np.int64), cap << _UNIT)
    running = fixed.cumsum()
    # The offset keeps away from 0 and 1 by more than the error that the rounding above can add up to in a row.
    margin = 1 << 20
    offset = np.minimum(np.maximum(draws.astype(np.int64), margin), (1 << _UNIT) - margin)  # np.clip is slower
    before = running - fixed
    shift = (offset - before[documents.first])[documents.row]
    rounded: Counts = ((running + shift) >> _UNIT) - ((before + shift) >> _UNIT)
    return rounded


def _compose(documents: Documents, own: Counts, own_spans: Counts, segments: Integers, draws: Draws) -> Spans:
    """Draw both compositions of every document and lay the spans out.

    Composing n tokens in s spans means choosing the s - 1 of n - 1 places where a new span starts. A row is thought
    of as blocks: of each document first all kept tokens, then all noise.
    """
    block_length = np.empty(2 * len(own), np.int64)
    block_length[0::2] = documents.length - own
    block_length[1::2] = own
    starts = _block_starts(documents, block_length, np.repeat(own_spans, 2), segments.shape[1], draws)
    # starts [2K]: of each document its kept spans, then its noise spans, in the order of places.
    before = own_spans.cumsum() - own_spans  # noise spans in earlier documents
    document = np.repeat(np.arange(len(before)), own_spans)
    number = np.arange(len(document))
    first = before[document]
    ends = np.empty_like(starts)
    ends[:-1] = starts[1:]
    has = own_spans > 0
    ends[2 * (before + own_spans)[has] - 1] = (documents.start + documents.length)[has]
    lengths = ends - starts
    kept_index = number + first
    kept_length, noise_length = lengths[kept_index], lengths[kept_index + own_spans[document]]
    running = np.zeros(len(document) + 1, np.int64)
    np.cumsum(kept_length + noise_length, out=running[1:])
    kept_starts = running[:-1] + (documents.start - running[before])[document]
    noise_starts = kept_starts + kept_length
    noise = np.zeros(segments.shape, bool)
    noise.reshape(-1)[stretches(noise_starts, noise_length)] = True
    return Spans(noise, kept_starts, noise_starts, number - first, segments)


def stretches(starts: Counts, lengths: Counts) -> Counts:
    """Return [N] all flat places of stretches that begin at `starts` [K] and have these lengths [K], one by one."""
    places: Counts = np.repeat(starts - (lengths.cumsum() - lengths), lengths)
    places += np.arange(len(places))
    return places


def _block_starts(documents: Documents, block_length: Counts, block_spans: Counts, length: int, draws: Draws) -> Counts:
    """Return the flat places where spans start, ascending: `block_spans` of each block, its first place always.

    Every place draws a word: a random point of its block, as a fixed-point number of columns, and its own column in the
    last bits. After sorting a row's words, the first of each block name its starts; the first place of a block has the
    block's beginning for a point, so it is one of them.
    """
    column_bits = max(_bits_for(length), 1)
    size = 32 if column_bits <= 12 else 64
    kind: type[np.unsignedinteger] = np.uint32 if size == 32 else np.uint64
    block_start = block_length.cumsum() - block_length
    row_start = np.repeat(documents.row * length, 2)
    block_column = block_start - row_start
    words: NDArray[Any] = draws[:, _SHARES:]
    if size == 64:
        words = words.astype(kind) << kind(32)
    words = words >> kind(column_bits)
    flat = words.reshape(-1)
    flat *= np.repeat(block_length.astype(kind), block_length)
    flat[block_start[block_length > 0]] = 0
    flat += np.repeat(block_column.astype(kind) << kind(size - column_bits), block_length)
    words &= kind(2**size - 2**column_bits)
    words |= np.arange(length, dtype=kind)
    words.sort(axis=1)
    place = stretches(block_start, block_spans)
    starts: Counts = (flat.take(place) & kind(2**column_bits - 1)).astype(np.int64)
    starts += np.repeat(row_start, block_spans)
    starts.sort()
    return starts


def _bits_for(count: int) -> int:
    return max(count - 1, 0).bit_length()
