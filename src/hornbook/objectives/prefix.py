"""PrefixLM: read the beginning of a document from both sides, say the rest (Liu et al. 2018; Raffel et al. 2020, 3.2).

decoder, split behind b                      encoder-decoder

stream    <s> a   b   c   d   </s>           row              a   b   c   d   | e   f   g   </s>
inputs    <s> a   b   c   d                  inputs           a   e   f   g
visible   1   1   1   0   0                  decoder_inputs   .   b   c   .
targets   a   b   c   d   </s>               targets          b   c   d   </s>
weights   0   0   1   1   1                  segments         1   2   2   2,  of the decoder 1   1   1   2
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np

from hornbook.batch import Batch, Mask, Rows
from hornbook.errors import UserError
from hornbook.keys import Keys, bits_at, halves
from hornbook.objectives.base import Boundaries, Plain, PromptFormat, Requirements, need, text_boundaries, two_sided
from hornbook.objectives.ops import noise, rewrite
from hornbook.objectives.ops.encoder_decoder import finish
from hornbook.objectives.ops.noise import Counts, Documents
from hornbook.schema import ProperShare, check
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class PrefixLM(Plain):
    """Each document of a row is split at a random place: the model reads the prefix and predicts the rest.

    topology      decoder (attention within a prefix is bidirectional) or encoder-decoder
    mean_target   mean share of a document that is predicted; the split is uniform (0.5, as in T5: over all places)

    A document of n tokens has 1 to n - 1 targets, one of 1 token none. At a mean m below 0.5 it has 1 to 2 m n - 1
    targets, above 0.5 a prefix of 1 to 2 (1 - m) n - 1 tokens.

    An encoder-decoder's row has m R targets of its R tokens, exactly, so that neither side is padded. It is cut into
    halves first, whose splits mirror each other: two halves of one document each have uniform splits and the exact sum.
    Other rows' splits are shifted, in proportion to the room they have, until the sum is right.
    """

    topology: Literal["decoder", "encoder-decoder"] = "decoder"
    mean_target: ProperShare = 0.5
    vocab: Vocab = field(default=EMPTY, repr=False)

    overlap: ClassVar[int] = 0  # a row's first token is always read, never predicted

    def __post_init__(self) -> None:
        check(self, "The prefix objective's ")
        if self._splits_sides and self.mean_target > 0.5:
            told = f"mean_target must be at most 0.5 for an encoder-decoder, not {self.mean_target}"
            raise UserError(f"The prefix objective's {told}: otherwise targets get longer than model.max_length.")

    @property
    def _splits_sides(self) -> bool:
        return self.topology == "encoder-decoder"

    @property
    def boundary_tokens(self) -> Boundaries:
        """Start and end of text around each document; only the end for an encoder-decoder, as T5 has it."""
        before, after = text_boundaries(self.vocab)
        return (() if self._splits_sides else before), after

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It continues a text that it sees from both sides."""
        if self._splits_sides:  # inputs have no end of text
            return (replace(two_sided("continuation", self.vocab), after=()),)
        before, after = self.boundary_tokens
        return (PromptFormat("continuation", before, stop=frozenset(after), visible=True),)

    def requirements(self, max_length: int) -> Requirements:
        """End of text, and start of text or the padding that starts an encoder-decoder's decoder."""
        return Requirements(roles=("pad" if self._splits_sides else "bos", "eos"))

    def row_length(self, max_length: int) -> int:
        """One more than a decoder's positions, for the last one's target; else as many as leave `max_length` inputs."""
        if not self._splits_sides:
            return max_length + 1
        tokens = max_length
        while tokens + 1 - self._said(tokens + 1) <= max_length and self._said(tokens + 1) <= max_length:
            tokens += 1
        return tokens

    def target_length(self, max_length: int) -> int:
        """As many as a decoder's inputs; else the share of the row that is predicted."""
        return self._said(self.row_length(max_length)) if self._splits_sides else max_length

    def check(self, max_length: int) -> None:
        """Need a token to read, one to predict, an end of text, and padding to start an encoder-decoder's decoder."""
        need(self.vocab, "The prefix objective", max_length, 2, ("eos", "pad") if self._splits_sides else ("eos",))

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs and targets [B, T] of rows [B, T + 1]; else inputs [B, R - U] and targets [B, U] of [B, R]."""
        return self._sides(rows) if self._splits_sides else self._row(rows)

    def _row(self, rows: Rows) -> Batch:
        """Build a decoder's batch: the last token of a prefix predicts the first one behind it."""
        own = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
        documents = noise.find_documents(own)
        behind = _behind(documents, self._draw(documents, rows.keys, mirrored=False), own.shape)
        inputs, targets = rows.tokens[:, :-1].copy(), rows.tokens[:, 1:].copy()
        weights = (behind[:, 1:] & (own[:, 1:] == own[:, :-1])).astype(np.float32)
        segments = None if rows.segments is None else rows.segments[:, :-1].copy()
        visible = ~behind[:, :-1] & (own[:, :-1] != 0)
        return Batch(inputs, targets, weights, weights.sum(axis=1, dtype=np.float64), segments, visible)

    def _sides(self, rows: Rows) -> Batch:
        """Build an encoder-decoder's batch: widths are those of a row without padding, whatever the splits."""
        pad = self.vocab.require("pad", "The prefix objective")
        length = rows.tokens.shape[1]
        real = noise.row_counts(rows.real)
        says = self._totals(real)
        own = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
        own = np.where(own != 0, 2 * own + (np.arange(length) >= (real // 2)[:, None]), 0)
        documents = noise.find_documents(own)
        feasible = documents.row_sums(np.maximum(documents.room - 1, 0)) >= says
        if not feasible.all():
            own = np.where(feasible[:, None], own, (own != 0).astype(own.dtype))
            documents = noise.find_documents(own)
        sizes = self._draw(documents, rows.keys, mirrored=True)
        behind = _behind(documents, _shifted(sizes, says, documents, rows.keys), own.shape)
        number = np.arange(len(documents.row)) - documents.first[documents.row] + 1
        segments = np.repeat((number * (documents.room > 0)).astype(np.int32), documents.length).reshape(own.shape)
        ahead = ~behind & (segments != 0)
        targets_width = self._said(length)
        inputs = rewrite.fill(rows.tokens[ahead], real - says, length - targets_width, pad)
        targets = rewrite.fill(rows.tokens[behind], says, targets_width, pad)
        divided = rewrite.fill(segments[ahead], real - says, length - targets_width, 0)
        said = rewrite.fill(segments[behind], says, targets_width, 0)
        return finish(inputs, targets, says, self.vocab.start("The prefix objective"), divided, said)

    def _said(self, tokens: int) -> int:
        return int(self._totals(np.array([tokens]))[0])

    def _totals(self, real: Counts) -> Counts:
        """Return how many of a row's `real` tokens are predicted: at least 1 where there are 2, so that 1 is read."""
        said: Counts = np.maximum(np.rint(real * self.mean_target).astype(np.int64), 1)
        return np.minimum(said, np.maximum(real - 1, 0))

    def _draw(self, documents: Documents, keys: Keys, mirrored: bool) -> Counts:
        """Draw how many targets each document has [D]; mirrored: every second one's draw is the reverse of the last."""
        number = np.arange(len(documents.row)) - documents.first[documents.row]
        draws = bits_at(keys, documents.row, number // 2 if mirrored else number, noise.SPLIT) >> np.uint64(32)
        choices = np.rint(2 * min(self.mean_target, 1 - self.mean_target) * documents.room).astype(np.int64) - 1
        choices = np.clip(choices, np.minimum(documents.room - 1, 1), np.maximum(documents.room - 1, 0))
        choices = np.maximum(choices, 0)
        drawn = ((draws * choices.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)  # from 0 to choices - 1
        from_above = (self.mean_target > 0.5) ^ (mirrored & (number % 2 == 1))
        low = np.where(self.mean_target > 0.5, documents.room - choices, 1)
        sizes: Counts = np.where(from_above, low + choices - 1 - drawn, low + drawn)
        return np.where(choices > 0, sizes, 0)


def _behind(documents: Documents, sizes: Counts, shape: tuple[int, ...]) -> Mask:
    """Return bool[B, T]: the last `sizes` [D] tokens of each document."""
    begins = documents.start + documents.room - sizes
    begins[documents.room == 0] = shape[0] * shape[1]
    behind: Mask = np.arange(shape[0] * shape[1]) >= np.repeat(begins, documents.length)
    return behind.reshape(shape)


def _shifted(sizes: Counts, totals: Counts, documents: Documents, keys: Keys) -> Counts:
    """Change sizes [D] so that each row's sum is its total [B], in proportion to the room there is in each document."""
    missing = totals - documents.row_sums(sizes)
    if not missing.any():
        return sizes
    more = (missing > 0)[documents.row]
    room = np.where(more, np.maximum(documents.room - 1, 0) - sizes, sizes)
    share = np.abs(missing) / np.maximum(documents.row_sums(room), 1)
    moved = noise.systematic(share[documents.row] * room, room, documents, halves(keys, 1, noise.SPLIT)[:, 0])
    changed: Counts = sizes + np.where(more, moved, -moved)
    return changed
