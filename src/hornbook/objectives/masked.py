"""Masked: hide some tokens and predict them from both sides (Devlin et al. 2019, BERT; Liu et al. 2019, RoBERTa).

row       <s> a   b   c   </s>
inputs    <s> a   <m> c   </s>
targets   <s> a   b   c   </s>
weights   0   0   1   0   0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives import noise, rewrite
from hornbook.objectives.base import Requirements
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class Masked:
    """Predict a share of the tokens; special tokens and padding are never chosen.

    rate           share of the tokens that is predicted
    mask_share     of these, the share that inputs show as the mask token
    random_share   of these, the share that inputs show as a random other token; the rest is shown as it is
    style          exact: so many tokens of each row, at least one (BERT); iid: each token on its own (RoBERTa)
    static         0: new noise in each epoch (RoBERTa); k: k maskings of each row in turn (BERT used 10)
    """

    rate: float = 0.15
    mask_share: float = 0.8
    random_share: float = 0.1
    style: Literal["exact", "iid"] = "exact"
    static: int = 0
    vocab: Vocab = field(default=EMPTY, repr=False)

    def __post_init__(self) -> None:
        if not 0.0 < self.rate <= 1.0:
            raise UserError(f"The masked objective's rate must be above 0 and at most 1, not {self.rate}.")
        for name, share in (("mask_share", self.mask_share), ("random_share", self.random_share)):
            if not 0.0 <= share <= 1.0:
                raise UserError(f"The masked objective's {name} must be between 0 and 1, not {share}.")
        if self.mask_share + self.random_share > 1.0 + 1e-9:
            total = self.mask_share + self.random_share
            raise UserError(
                f"The masked objective's mask_share and random_share add up to {total:g}: at most 1 is left."
            )
        if self.style not in ("exact", "iid"):
            raise UserError(f"The masked objective's style must be exact or iid, not {self.style!r}.")
        if self.static < 0:
            raise UserError(f"The masked objective's static must be 0 (dynamic) or more, not {self.static}.")

    @property
    def topology(self) -> Topology:
        """An encoder."""
        return "encoder"

    @property
    def overlap(self) -> int:
        """Rows share no token."""
        return 0

    @property
    def noise_period(self) -> int:
        """After so many epochs a row is masked as before; 0 = never."""
        return self.static

    @property
    def marks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """[CLS] and [SEP] around each document, or start and end of text where the tokenizer has those instead."""
        start = self.vocab.bos if self.vocab.cls is None else self.vocab.cls
        end = self.vocab.eos if self.vocab.sep is None else self.vocab.sep
        return (() if start is None else (start,)), (() if end is None else (end,))

    def requirements(self, max_length: int) -> Requirements:
        """A mask token, and marks around documents."""
        return Requirements(roles=("cls", "sep", "mask") if self.mask_share > 0.0 else ("cls", "sep"))

    def row_length(self, max_length: int) -> int:
        """As many as positions."""
        return max_length

    def target_length(self, max_length: int) -> int:
        """As many as inputs."""
        return max_length

    def check(self, max_length: int) -> None:
        """Need a mask token, words to draw replacements from, and a row that holds more than its marks."""
        if max_length < 3:
            raise UserError(f"The masked objective needs rows of at least 3 positions, not {max_length}.")
        if self.mask_share > 0.0:
            self.vocab.require("mask", "The masked objective")
        if not self.vocab.words.size:
            raise UserError(
                "The masked objective needs a tokenizer with tokens that are not special; this one has none."
            )

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs and targets [B, T]; targets are the row itself, weights are 1 where noise is."""
        free = noise.candidates(rows, self.vocab.special)
        if self.style == "exact":
            number = noise.share_of(np.count_nonzero(free, axis=1), self.rate)
            chosen = noise.exact(free, number, rows.keys)
        else:
            chosen = noise.bernoulli(free, self.rate, rows.keys)
            number = np.count_nonzero(chosen, axis=1)
        mask = self.vocab.require("mask", "The masked objective") if self.mask_share > 0.0 else 0
        inputs = rewrite.substitute(
            rows.tokens, chosen, rows.keys, mask, self.mask_share, self.random_share, self.vocab.words
        )
        segments = None if rows.segments is None else rows.segments.copy()
        return Batch(inputs, rows.tokens.copy(), chosen.astype(np.float32), number.astype(np.float64), segments)
