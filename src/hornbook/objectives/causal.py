"""Causal: predict the next token (Radford et al. 2018, GPT).

stream    <s> a   b   </s> <s> c
inputs    <s> a   b   </s> <s>
targets   a   b   </s> <s> c
weights   1   1   1   0    1        no document predicts the first token of the next
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from hornbook.batch import Batch, Rows, Topology
from hornbook.objectives.base import Boundaries, Heads, PromptFormat, Requirements, need, one_each, text_boundaries
from hornbook.objectives.ops import compiled
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class Causal:
    """Every token from those before it in its document; the end mark is predicted, the start mark is not.

    A row of T + 1 corpus tokens gives T positions, and its last token opens the next row: each token but the first of
    a document is a target exactly once.
    """

    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "decoder"
    heads: ClassVar[Heads] = Heads()
    overlap: ClassVar[int] = 1  # the last token of a row is the first input of the next
    noise_period: ClassVar[int] = 1  # no noise, so the same every time
    target_length = one_each

    @property
    def boundary_tokens(self) -> Boundaries:
        """Start and end of text around each document; a tokenizer with one of the two has it at both places."""
        return text_boundaries(self.vocab)

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It continues a text up to the end mark."""
        before, after = self.boundary_tokens
        return (PromptFormat("continuation", before, stop=frozenset(after)),)

    def requirements(self, max_length: int) -> Requirements:
        """Start and end of text."""
        return Requirements(roles=("bos", "eos"))

    def row_length(self, max_length: int) -> int:
        """One more than the positions, for the last position's target."""
        return max_length + 1

    def check(self, max_length: int) -> None:
        """Need a place to predict, and an end of text so that the model can learn to stop."""
        need(self.vocab, "The causal objective", max_length, 1, ("eos",))

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs and targets [B, T] of rows [B, T + 1]; a target counts where its input is of its document."""
        if rows.segments is not None and (found := compiled.run("causal", rows.tokens, rows.segments)) is not None:
            return Batch(*found)
        inputs, targets = rows.tokens[:, :-1].copy(), rows.tokens[:, 1:].copy()
        if rows.segments is None:
            weights = np.ones(inputs.shape, np.float32)
            segments = None
        else:
            segments = rows.segments[:, :-1].copy()
            weights = ((segments == rows.segments[:, 1:]) & (segments != 0)).astype(np.float32)
        return Batch(inputs, targets, weights, weights.sum(axis=1).astype(np.float64), segments)
