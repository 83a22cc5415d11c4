"""Collators for encoder-decoders: span corruption, UL2's denoisers, BART's noises.

Each is called with a list of features and returns the batch of a model of transformers; see `hornbook.collators`. Marks
at a row's ends are taken off, since these objectives put their own; labels end in the end of text. The model makes its
decoder's inputs from labels, with its own start token.

Shapes: B rows, S positions of inputs, T of labels.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from torch import Tensor

from hornbook.batch import Rows
from hornbook.collators.bridge import tensor, to_hugging_face, trim
from hornbook.collators.rows import Collator, Features, vocabulary
from hornbook.errors import UserError
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2
from hornbook.objectives.ul2_denoiser import UL2Denoiser


class SpanCorruptionCollator(Collator[SpanCorruption]):
    """T5's span corruption, for T5ForConditionalGeneration; settings are those of `SpanCorruption`.

    noise_density      share of a row's tokens that is noise, an exact count
    mean_span_length   mean number of tokens in a span, so an exact count of spans
    random_roll        begin each row at a random place of its noise; without it, as in T5, a row ends in noise

    Rows of `collator.objective.row_length(512)` tokens, 568 with the defaults, give inputs of 512 and labels of 114.
    Beside the usual tutorial's: sentinels count down from <extra_id_0> as T5's do, spans never touch, both sides end in
    </s>, padding is no label, and rows of one or two tokens serve.
    """

    keeps_places = False

    def __init__(
        self,
        tokenizer: Any,
        noise_density: float = 0.15,
        mean_span_length: float = 3.0,
        seed: int = 0,
        random_roll: bool = False,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        objective = SpanCorruption(noise_density, mean_span_length, random_roll, vocab=vocabulary(tokenizer))
        super().__init__(objective, seed, bare=True, pad_to_multiple_of=pad_to_multiple_of)

    def corrupt_span(self, input_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs [S] and targets [T] of one row."""
        found = self([input_ids])
        return found["input_ids"][0], found["labels"][0]


class UL2Collator(Collator[UL2]):
    """UL2's mixture of denoisers, for T5ForConditionalGeneration; settings are those of `UL2`.

    variant      paper, ul2r, or short: the R, S and X of many tutorials, where S stands for short spans
    modes        the tokens of R, S and X, which must be special tokens of the tokenizer; () = none
    weights      share of the rows of each of `denoisers`; () = the variant's own

    Each row draws its denoiser anew in each epoch. S predicts the last quarter of a row; the paper's other S, a random
    split, needs two documents in a row, which models of transformers cannot keep apart.
    """

    keeps_places = False

    def __init__(
        self,
        tokenizer: Any,
        variant: Literal["paper", "ul2r", "short"] = "paper",
        modes: tuple[str, ...] = ("[R]", "[S]", "[X]"),
        weights: tuple[float, ...] = (),
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        objective = UL2(variant, "suffix", modes, weights, vocab=vocabulary(tokenizer))
        super().__init__(objective, seed, bare=True, pad_to_multiple_of=pad_to_multiple_of)

    @property
    def denoisers(self) -> tuple[UL2Denoiser, ...]:
        """The denoisers, in the order of `weights`."""
        return self.objective.denoisers

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return input_ids and attention_mask [B, S], labels [B, T]."""
        return trim(super().batch(rows, features), "encoder-decoder")

    def apply_denoiser(self, input_ids: Tensor, denoiser: UL2Denoiser) -> tuple[Tensor, Tensor]:
        """Return inputs [S] and targets [T] of one row by one of `denoisers`."""
        found = to_hugging_face(denoiser(self.reader([input_ids])), "encoder-decoder")
        return found["input_ids"][0], found["labels"][0]


class BARTDenoisingCollator(Collator[BARTDenoising]):
    """BART's denoising, for BartForConditionalGeneration; settings are those of `BARTDenoising`.

    mask_ratio      share of a row's tokens that is hidden in spans, each shown as one mask
    poisson_lambda  mean number of tokens in such a span; spans of no token occur
    permute         put sentences in a random order
    rotate, delete, mask   shares of BART's other noises

    Both sides stand between the tokenizer's start and end of text, as BART's do.
    """

    keeps_places = False

    def __init__(
        self,
        tokenizer: Any,
        mask_ratio: float = 0.3,
        poisson_lambda: float = 3.0,
        permute: bool = True,
        rotate: float = 0.0,
        delete: float = 0.0,
        mask: float = 0.0,
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        vocab = vocabulary(tokenizer)
        objective = BARTDenoising(mask_ratio, poisson_lambda, permute, rotate, delete, mask, vocab=vocab)
        super().__init__(objective, seed, bare=True, pad_to_multiple_of=pad_to_multiple_of)
        if vocab.bos is None:
            raise UserError("BART needs a start-of-text token, which this tokenizer lacks: add <s> to it.")
        self.begin = vocab.bos

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return input_ids and attention_mask [B, S], labels [B, T]."""
        found = super().batch(rows, features)
        if self.objective.begin:  # the objective has put it, since the vocabulary says what the decoder starts with
            return found
        first = np.full((len(found["labels"]), 1), self.begin)
        marks = {"input_ids": first, "attention_mask": np.ones_like(first), "labels": first}
        return {name: tensor(np.concatenate([marks[name], values], axis=1)) for name, values in found.items()}
