"""Packing: all documents in one stream, cut into rows; no token lost, documents kept apart.

    stream    <s> document 1 </s> <s> document 2 </s> ...
    row i     stream[i * stride : i * stride + row_length],  stride = row_length - overlap
    segments  1 1 1 1 2 2 2 ...  the documents of the row, in turn; 0 after the end of the stream

With overlap 1, for objectives whose targets are the next token, each position of the stream after the first is the
target of exactly one row. Only the last row has padding: below row_length / tokens of all positions.

Rows of several lengths that take turns (row i has the length i modulo their number) cut the same stream: each part of a
mixture reads exactly the tokens that it uses. Rows asked for together must have one length.

Rows for pairs of texts (`PairedRows`) never cross from one document into the next: each document is cut into as few
rows as hold it, of nearly equal lengths, and each row ends in padding.

Shapes: n documents, B rows, T row length, C companion length.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import Keys, bits, integers
from hornbook.objectives.base import Objective, companion_length, cycle_of
from hornbook.objectives.ops import compiled
from hornbook.tokens.shards import TokenStore

Marks = tuple[tuple[int, ...], tuple[int, ...]]
Places = NDArray[np.int64]

_COMPANION = 80  # stream of the row key; objectives use those below


def corpus_rows(store: TokenStore, documents: Places | None, objective: Objective, max_length: int) -> DocumentRows:
    """Return the rows that an objective wants of the chosen documents, for a model of `max_length` positions."""
    if (companion := companion_length(objective, max_length)) is not None:
        return PairedRows(store, documents, objective.row_length(max_length), companion)
    parts = cycle_of(objective)
    lengths = [part.row_length(max_length) for part in parts]
    return PackedRows(store, documents, lengths, [part.overlap for part in parts], objective.boundary_tokens)


@dataclass(frozen=True, eq=False)
class DomainRows:
    """The rows of several domains under one numbering; those of one part of a mixture of objectives stay of that part.

    parts  the rows of each domain
    cycle  how many objectives take turns
    """

    parts: Sequence[CorpusRows]
    cycle: int = 1

    @functools.cached_property
    def first(self) -> Places:
        """int64[parts + 1]: the number of each domain's first row, a multiple of the cycle, and the end."""
        return np.concatenate([[0], np.cumsum([-(-len(part) // self.cycle) * self.cycle for part in self.parts])])

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in self.parts)

    def __len__(self) -> int:
        return int(self.first[-1])

    @property
    def padding(self) -> float:
        return sum(part.padding * len(part) for part in self.parts) / sum(map(len, self.parts))

    def rows(self, index: Places, keys: Keys) -> Rows:
        """Return rows by number, with their keys; for one that a last cycle lacks, the row of its kind before."""
        index = np.asarray(index, np.int64)
        domain = np.searchsorted(self.first, index, side="right") - 1
        found, places = [], []
        for number in np.unique(domain):
            mine = np.flatnonzero(domain == number)
            own = index[mine] - self.first[number]
            own = np.where(own >= len(self.parts[number]), own - self.cycle, own)
            found.append(self.parts[number].rows(own, keys[mine]))
            places.append(mine)
        if not found:
            return self.parts[0].rows(index, keys)
        order = np.argsort(np.concatenate(places))

        def joined(name: str) -> Any:
            values = [getattr(rows, name) for rows in found]
            return None if values[0] is None else np.concatenate(values)[order]

        return Rows(joined("tokens"), keys, joined("segments"), index, joined("companion"))


def _with_tokens(store: TokenStore, documents: Places | None) -> Places:
    """Return the chosen documents that have tokens; all where `documents` is None."""
    chosen = np.arange(store.documents) if documents is None else np.asarray(documents, np.int64)
    chosen = chosen[store.lengths[chosen] > 0]
    if not len(chosen):
        raise UserError("The chosen documents give no tokens: add text, or choose another tokenizer.")
    return chosen


@dataclass(frozen=True, eq=False)
class PackedRows:
    """The rows of chosen documents.

    documents   int64[n]: which documents of the store, in which order; None = all
    row_length  T, or the lengths of rows that take turns
    overlap     how many positions a row shares with the next, or of each length
    boundary_tokens  special ids before and after each document
    """

    store: TokenStore = field(repr=False)
    documents: Places | None
    row_length: int | Sequence[int]
    overlap: int | Sequence[int]
    boundary_tokens: Marks

    def __post_init__(self) -> None:
        if self._overlaps.min() < 0 or self._overlaps.max() >= self._lengths.min():
            raise ValueError(f"rows of {self.row_length} cannot overlap by {self.overlap}")
        _ = self._chosen  # refused here and now where no document has a token

    @functools.cached_property
    def _lengths(self) -> Places:
        return np.atleast_1d(np.asarray(self.row_length, np.int64))

    @functools.cached_property
    def _overlaps(self) -> Places:
        return np.broadcast_to(np.asarray(self.overlap, np.int64), self._lengths.shape)

    @functools.cached_property
    def _begins(self) -> Places:
        """int64[lengths + 1]: where in a cycle each row begins, and how many tokens a cycle takes."""
        return np.concatenate([[0], np.cumsum(self._lengths - self._overlaps)])

    @functools.cached_property
    def _chosen(self) -> Places:
        return _with_tokens(self.store, self.documents)

    @functools.cached_property
    def _starts(self) -> Places:
        """int64[n + 1]: where each document's marks and tokens begin in the stream, and its end."""
        prefix, suffix = self.boundary_tokens
        return np.concatenate([[0], np.cumsum(self.store.lengths[self._chosen] + (len(prefix) + len(suffix)))])

    @functools.cached_property
    def _cut(self) -> tuple[NDArray[Any], ...]:
        """What a kernel needs to know."""
        marks = (np.array(mark, np.int32) for mark in self.boundary_tokens)
        return self._lengths, self._begins, self._starts, self._chosen, *marks, self.store.first, self.store.begin

    @property
    def chosen(self) -> Places:
        """int64[n]: the documents of the store that the rows hold, in turn: those with tokens."""
        return self._chosen

    def first_documents(self, index: Places) -> Places:
        """Return the place among `chosen` of the first document of each row; its others follow in turn."""
        return np.searchsorted(self._starts, self._place(index)[0], side="right") - 1

    @property
    def tokens(self) -> int:
        """Length of the stream, marks included."""
        return int(self._starts[-1])

    @functools.cached_property
    def _count(self) -> int:
        # A row is needed while tokens are left that the rows before it do not hold.
        held = self._begins[:-1] + np.roll(self._overlaps, 1)  # of a cycle, by the rows before each
        cycles = np.maximum(0, -(-(self.tokens - held) // self._begins[-1]))
        return max(1, int(cycles.sum()))

    def __len__(self) -> int:
        return self._count

    @property
    def padding(self) -> float:
        whole, rest = divmod(len(self), len(self._lengths))
        positions = whole * int(self._lengths.sum()) + int(self._lengths[:rest].sum())
        begin, length = self._place(np.array([len(self) - 1]))
        return max(0, int(begin[0]) + int(length[0]) - self.tokens) / positions

    def _place(self, index: Places) -> tuple[Places, Places]:
        """Return where rows begin in the stream, and their lengths."""
        cycle, kind = np.divmod(np.asarray(index, np.int64), len(self._lengths))
        return cycle * self._begins[-1] + self._begins[kind], self._lengths[kind]

    def rows(self, index: Places, keys: Keys) -> Rows:
        """Return rows by number, with their keys: tokens int32[B, T] (0 in padding), segments int32[B, T]."""
        index = np.asarray(index, np.int64)
        length = int(self._lengths[index[0] % len(self._lengths) if index.size else 0])
        tokens = np.empty((len(index), length), np.int32)
        found = compiled.run("pack", tokens, index, *self._cut)
        segments, part, source, count, at = self._pack(tokens, index) if found is None else found
        self.store.copy_pieces(part, source, count, tokens.reshape(-1), at)
        return Rows(tokens, keys, segments, index)

    def _pack(
        self, tokens: NDArray[np.int32], index: Places
    ) -> tuple[NDArray[np.int32], Places, Places, Places, Places]:
        """Write marks and padding of rows into `tokens`, and return their segments and what text they lack.

        Of each piece of text: the part of the store and its place there, its length, its place among all tokens.
        """
        begin, lengths = self._place(index)
        length = tokens.shape[1]
        if (lengths != length).any():
            raise ValueError("rows of different lengths cannot be one array: ask for those of one part at a time")
        end = np.minimum(begin + length, self.tokens)
        first = np.searchsorted(self._starts, begin, side="right") - 1
        number = np.searchsorted(self._starts, end) - first  # documents of each row
        row = np.repeat(np.arange(len(begin)), number)
        place = np.arange(len(row)) + np.repeat(first - (np.cumsum(number) - number), number)
        low, high = np.maximum(self._starts[place], begin[row]), np.minimum(self._starts[place + 1], end[row])
        flat = row * length - begin[row]  # what takes a place of the stream to one of the flat array
        told = np.repeat(place - first[row] + 1, high - low).astype(np.int32)
        if told.size == tokens.size:
            segments = told.reshape(tokens.shape)
        else:
            real = np.arange(length) < (end - begin)[:, None]
            segments = np.zeros(tokens.shape, np.int32)
            segments[real] = told
            tokens[~real] = 0
        return segments, *self._pieces(tokens.reshape(-1), place, low, high, flat)

    def _pieces(
        self, tokens: NDArray[np.int32], place: Places, low: Places, high: Places, flat: Places
    ) -> tuple[Places, Places, Places, Places]:
        """Write the marks among places low, low + 1, ... up to high of the stream, each within one document, into a
        flat array, and return the pieces of text between them."""
        prefix, suffix = self.boundary_tokens
        text, end = self._starts[place] + len(prefix), self._starts[place + 1] - len(suffix)
        for at, mark in (*enumerate(prefix, -len(prefix)), *enumerate(suffix)):
            where = (text if at < 0 else end) + at
            seen = (where >= low) & (where < high)
            tokens[(where + flat)[seen]] = mark
        start = np.maximum(low, text)
        count = np.minimum(high, end) - start
        some = count > 0
        part, source = self.store.places(self._chosen[place[some]], (start - text)[some])
        return part, source, count[some], (start + flat)[some]


@dataclass(frozen=True, eq=False)
class PairedRows:
    """The rows of chosen documents, none across two; each with a text of another document where `companion` > 0.

    documents   int64[n]: which documents of the store, in which order; None = all
    row_length  T, the most tokens of a row
    companion   C, the most tokens of the other document
    """

    store: TokenStore = field(repr=False)
    documents: Places | None
    row_length: int
    companion: int

    @functools.cached_property
    def _chosen(self) -> Places:
        return _with_tokens(self.store, self.documents)

    @property
    def chosen(self) -> Places:
        """int64[n]: the documents of the store that the rows hold, in turn: those with tokens."""
        return self._chosen

    def first_documents(self, index: Places) -> Places:
        """Return the place among `chosen` of each row's document; a companion counts as a part of the row."""
        return np.searchsorted(self._first, np.asarray(index, np.int64), side="right") - 1

    @functools.cached_property
    def _first(self) -> Places:
        """int64[n + 1]: the number of each document's first row, and of all rows."""
        return np.concatenate([[0], np.cumsum(-(-self.store.lengths[self._chosen] // self.row_length))])

    @functools.cached_property
    def tokens(self) -> int:
        return int(self.store.lengths[self._chosen].sum())

    def __len__(self) -> int:
        return int(self._first[-1])

    @property
    def padding(self) -> float:
        return 1.0 - self.tokens / (len(self) * self.row_length)

    def rows(self, index: Places, keys: Keys) -> Rows:
        """Return rows by number, with their keys; segments are 1 where there is text."""
        index = np.asarray(index, np.int64)
        place = self.first_documents(index)
        document = self._chosen[place]
        length, number = self.store.lengths[document], self._first[place + 1] - self._first[place]
        part = index - self._first[place]
        begin, end = part * length // number, (part + 1) * length // number
        tokens = self._text(document, begin, end, self.row_length)
        segments = (tokens >= 0).astype(np.int32)
        companion = self._companions(place, keys) if self.companion else None
        return Rows(np.maximum(tokens, 0), keys, segments, index, companion)

    def _companions(self, place: Places, keys: Keys) -> NDArray[np.int32]:
        """Return [B, C] tokens of another document each, every other document alike, from a random place.

        The place is one after which C tokens follow, if the document has one. All -1 where there is no other document.
        """
        others = len(self._chosen) - 1
        if others == 0:
            return np.full((len(place), self.companion), -1, np.int32)
        other = integers(keys, 1, _COMPANION, others)[:, 0]
        document = self._chosen[other + (other >= place)]
        length = self.store.lengths[document]
        choices = np.maximum(length - self.companion, 0) + 1
        begin = (bits(keys, 1, _COMPANION + 1)[:, 0] % choices.astype(np.uint64)).astype(np.int64)
        return self._text(document, begin, length, self.companion)

    def _text(self, document: Places, begin: Places, end: Places, width: int) -> NDArray[np.int32]:
        """Return [B, width] tokens begin, begin + 1, ... of each document, -1 from `end` on."""
        tokens = np.full((len(begin), width), -1, np.int32)
        count = np.minimum(end - begin, width)
        self.store.copy(document, begin, count, tokens.reshape(-1), np.arange(len(begin)) * width)
        return tokens


DocumentRows = PackedRows | PairedRows
"""The rows of chosen documents, which are known of each row."""
CorpusRows = DocumentRows | DomainRows
"""The rows of a corpus, by number: how many, their tokens, each counted once, and the share of positions that pad."""
