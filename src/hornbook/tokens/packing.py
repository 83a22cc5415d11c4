"""Packing: all documents in one stream, cut into rows of equal length; no token lost, documents told apart.

    stream    <s> document 1 </s> <s> document 2 </s> ...
    row i     stream[i * stride : i * stride + row_length],  stride = row_length - overlap
    segments  1 1 1 1 2 2 2 ...  the documents of the row, in turn; 0 after the end of the stream

With overlap 1, for objectives whose targets are the next token, each position of the stream after the first is the
target of exactly one row. Only the last row has padding: below row_length / tokens of all positions.

Shapes: n documents, B rows, T row length.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import Keys
from hornbook.tokens.shards import TokenStore

Marks = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class PackedRows:
    """The rows of chosen documents.

    store       the tokens
    documents   int64[n]: which documents, in which order; None = all
    row_length  T
    overlap     how many positions a row shares with the next
    marks       special ids before and after each document
    """

    store: TokenStore = field(repr=False)
    documents: NDArray[np.int64] | None
    row_length: int
    overlap: int
    marks: Marks

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.row_length:
            raise ValueError(f"rows of {self.row_length} cannot overlap by {self.overlap}")
        if len(self._chosen) == 0:
            raise UserError("None of the chosen documents gives a token; add text, or choose another tokenizer.")

    @functools.cached_property
    def _chosen(self) -> NDArray[np.int64]:
        """The documents that have tokens."""
        chosen = np.arange(self.store.documents) if self.documents is None else np.asarray(self.documents, np.int64)
        return chosen[self.store.lengths[chosen] > 0]

    @functools.cached_property
    def _starts(self) -> NDArray[np.int64]:
        """int64[n + 1]: where each document's marks and tokens begin in the stream, and its end."""
        prefix, suffix = self.marks
        return np.concatenate([[0], np.cumsum(self.store.lengths[self._chosen] + (len(prefix) + len(suffix)))])

    @property
    def tokens(self) -> int:
        """Length of the stream, marks included."""
        return int(self._starts[-1])

    def __len__(self) -> int:
        stride = self.row_length - self.overlap
        return 1 + max(0, -(-(self.tokens - self.row_length) // stride))

    @property
    def padding(self) -> float:
        """Share of all positions of all rows that are padding."""
        filled = self.tokens + (len(self) - 1) * self.overlap
        return 1.0 - filled / (len(self) * self.row_length)

    def rows(self, index: NDArray[np.int64], keys: Keys) -> Rows:
        """Return rows by number, with their keys: tokens int32[B, T] (0 in padding), segments int32[B, T]."""
        prefix, suffix = (np.array(mark, np.int32) for mark in self.marks)
        begin = np.asarray(index, np.int64) * (self.row_length - self.overlap)
        position = begin[:, None] + np.arange(self.row_length)
        real = position < self.tokens
        position = np.minimum(position, self.tokens - 1)
        place = np.searchsorted(self._starts, position, side="right") - 1
        document = self._chosen[place]
        offset = position - self._starts[place] - len(prefix)
        beyond = offset - self.store.lengths[document]
        tokens = np.zeros(position.shape, np.int32)
        text = (offset >= 0) & (beyond < 0) & real
        tokens[text] = self.store.gather(document[text], offset[text])
        if len(prefix):
            before = (offset < 0) & real
            tokens[before] = prefix[offset[before] + len(prefix)]
        if len(suffix):
            after = (beyond >= 0) & real
            tokens[after] = suffix[beyond[after]]
        segments = np.where(real, place - place[:, :1] + 1, 0).astype(np.int32)
        return Rows(tokens, keys, segments)
