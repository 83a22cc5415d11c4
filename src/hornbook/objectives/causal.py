"""Causal: predict the next token (Radford et al. 2018, GPT).

stream    <s> a   b   </s> <s> c
inputs    <s> a   b   </s> <s>
targets   a   b   </s> <s> c
weights   1   1   1   0    1        the first token of another document is not this one's to say
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.objectives.ops import compiled
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class Causal:
    """Every token from those before it in its document; the end mark is predicted, the start mark is not.

    A row of T + 1 corpus tokens gives T positions, and its last token opens the next row: each token but the first of
    a document is a target exactly once.
    """

    vocab: Vocab = field(default=EMPTY, repr=False)

    @property
    def topology(self) -> Topology:
        """A decoder."""
        return "decoder"

    @property
    def overlap(self) -> int:
        """The last token of a row is the first input of the next."""
        return 1

    @property
    def noise_period(self) -> int:
        """No noise, so the same every time."""
        return 1

    @property
    def boundary_tokens(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Start and end of text around each document; a tokenizer with one of the two has it at both places."""
        start = self.vocab.eos if self.vocab.bos is None else self.vocab.bos
        end = self.vocab.eos
        return (() if start is None else (start,)), (() if end is None else (end,))

    def requirements(self, max_length: int) -> Requirements:
        """Start and end of text."""
        return Requirements(roles=("bos", "eos"))

    def row_length(self, max_length: int) -> int:
        """One more than the positions, for the last position's target."""
        return max_length + 1

    def target_length(self, max_length: int) -> int:
        """As many as inputs."""
        return max_length

    def check(self, max_length: int) -> None:
        """Need a place to predict, and an end of text so that the model can learn to stop."""
        if max_length < 1:
            raise UserError(f"The causal objective needs rows of at least 1 position, not {max_length}.")
        self.vocab.require("eos", "The causal objective")

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
