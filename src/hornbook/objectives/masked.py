"""Masked: hide some tokens and predict them from both sides (Devlin et al. 2019, BERT; Liu et al. 2019, RoBERTa).

row       <s> a   b   c   </s>
inputs    <s> a   <m> c   </s>
targets   <s> a   b   c   </s>
weights   0   0   1   0   0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Mask, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives.base import Boundaries, Heads, PromptFormat, Requirements, boundaries, need, one_each
from hornbook.objectives.ops import noise, rewrite, words
from hornbook.schema import Count, PositiveShare, Share, check
from hornbook.vocab import EMPTY, Vocab

Style = Literal["exact", "iid", "whole_word", "ngram", "span"]


@dataclass(frozen=True)
class Masked:
    """Predict a share of the tokens; special tokens and padding are never chosen.

    rate           share of the tokens that the model predicts
    mask_share     of these, the share that the mask token replaces in the input
    random_share   of these, the share that a random other token replaces; the rest stays unchanged
    style          how tokens are chosen. exact: the same number in each row (BERT); iid: each token independently
                   (RoBERTa); whole_word: whole words (later BERT); ngram: 1 to 3 words, p ~ 1/n (ALBERT);
                   span: 1 to 10 words, geometric, each span masked, replaced or kept as a whole (SpanBERT)
    static         number of different maskings of a row, used in turn (BERT: 10); 0 = a new one each epoch (RoBERTa)
    final_rate     masking rate at the last step, reached linearly (Yang et al. 2023); evaluation uses it; 0 = the
                   rate is constant
    """

    rate: PositiveShare = 0.15
    mask_share: Share = 0.8
    random_share: Share = 0.1
    style: Style = "exact"
    static: Count = 0
    final_rate: Share = 0.0
    vocab: Vocab = field(default=EMPTY, repr=False)

    def __post_init__(self) -> None:
        check(self, "The masked objective's ")
        if self.mask_share + self.random_share > 1.0 + 1e-9:
            total = self.mask_share + self.random_share
            raise UserError(f"The masked objective's mask_share plus random_share must be at most 1, not {total:g}.")

    topology: ClassVar[Topology] = "encoder"
    heads: ClassVar[Heads] = Heads()
    overlap: ClassVar[int] = 0
    row_length = target_length = one_each

    @property
    def noise_period(self) -> int:
        """After so many epochs a row is masked as before; 0 = never."""
        return self.static

    @property
    def boundary_tokens(self) -> Boundaries:
        """[CLS] and [SEP] around each document, or start and end of text where the tokenizer has those instead."""
        start = self.vocab.bos if self.vocab.cls is None else self.vocab.cls
        return boundaries(start, self.vocab.eos if self.vocab.sep is None else self.vocab.sep)

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It gives candidates for masks."""
        return (PromptFormat("masks", *self.boundary_tokens),)

    def requirements(self, max_length: int) -> Requirements:
        """A mask token, and marks around documents."""
        return Requirements(roles=("cls", "sep", "mask") if self.mask_share > 0.0 else ("cls", "sep"))

    def check(self, max_length: int) -> None:
        """Need a mask token, words to draw replacements from, and a row that holds more than its marks."""
        need(self.vocab, "The masked objective", max_length, 3, ("mask",) if self.mask_share > 0.0 else ())
        if self.style in ("whole_word", "ngram", "span") and len(self.vocab.starts_word) < self.vocab.size:
            raise UserError(f"The masked objective's style {self.style} needs a tokenizer that says where words begin.")
        if not self.vocab.words.size:
            raise UserError("The masked objective needs words, but this tokenizer has only special tokens.")

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs and targets [B, T]; targets are the row itself, weights are 1 where noise is."""
        chosen, number, together = self._chosen(rows)
        mask = self.vocab.require("mask", "The masked objective") if self.mask_share > 0.0 else 0
        shares = self.mask_share, self.random_share
        inputs = rewrite.substitute(rows.tokens, chosen, rows.keys, mask, *shares, self.vocab.words, together)
        segments = None if rows.segments is None else rows.segments.copy()
        return Batch(inputs, rows.tokens.copy(), chosen.astype(np.float32), number.astype(np.float64), segments)

    def _rate(self, rows: Rows) -> NDArray[np.float64]:
        """Return each row's rate [B], by how much of the run is done, or the rate of all [1]."""
        end = self.final_rate or self.rate
        return np.array([end]) if rows.progress is None else self.rate + (end - self.rate) * rows.progress

    def _chosen(self, rows: Rows) -> tuple[Mask, noise.Counts, noise.Counts | None]:
        """Return what is masked, bool[B, T], how much of each row, and what shows alike; see `rewrite.substitute`."""
        rate = self._rate(rows)
        if self.style == "iid":
            chosen = noise.bernoulli(noise.candidates(rows, self.vocab.special), rate[:, None], rows.keys)
            return chosen, noise.row_counts(chosen), None
        if self.style == "exact":
            free = noise.candidates(rows, self.vocab.special)
            number = noise.share_of(noise.row_counts(free), rate)
            return noise.exact(free, number, rows.keys), number, None
        free, begins = words.words(rows, self.vocab)
        if self.style != "whole_word":
            law = words.NGRAMS if self.style == "ngram" else words.SPANS
            begins = words.tile(free, begins, rows.segments, law, rows.keys)
        number = noise.share_of(noise.row_counts(free), rate)
        chosen, units = words.choose(free, begins, number, rows.keys, cut=self.style != "whole_word")
        return chosen, noise.row_counts(chosen), units if self.style == "span" else None
