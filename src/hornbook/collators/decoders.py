"""Collators for decoders: causal, prefix and fill-in-the-middle language models.

Shapes: B rows, R tokens of the longest row, T positions.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from torch import Tensor

from hornbook.batch import Rows
from hornbook.collators.bridge import IGNORED, tensor, trim
from hornbook.collators.rows import Collator, Features, vocabulary
from hornbook.objectives.causal import Causal
from hornbook.objectives.fim import FillInMiddle
from hornbook.objectives.ops import rewrite
from hornbook.objectives.prefix import PrefixLM


class CausalLMCollator(Collator[Causal]):
    """Next-token prediction, for GPT2LMHeadModel and its like, which shift labels themselves.

    Rows are used as they are. A tokenizer without a padding token serves too; one that pads with its end of text does
    not lose the labels of real ends, since padding is known by the attention mask.
    """

    def __init__(self, tokenizer: Any, pad_to_multiple_of: int | None = None) -> None:
        super().__init__(Causal(vocabulary(tokenizer)), pad_to_multiple_of=pad_to_multiple_of)


class PrefixLMCollator(Collator[PrefixLM]):
    """Prefix language modelling: each row is split at a random place; the beginning is read, the rest predicted.

    topology      decoder: the prefix is seen from both sides, by an attention mask of four dimensions that sdpa and
                  eager attention take as it is; encoder-decoder: the encoder reads it, the decoder predicts the rest
    mean_target   mean share of a row that is predicted; see `PrefixLM`

    Each row is one document with one split. Both sides of an encoder-decoder are padded, as the splits fall.
    """

    def __init__(
        self,
        tokenizer: Any,
        topology: Literal["decoder", "encoder-decoder"] = "decoder",
        mean_target: float = 0.5,
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        vocab = vocabulary(tokenizer)
        self.topology = PrefixLM(topology, mean_target, vocab=vocab).topology
        # Also for an encoder-decoder: its own objective halves rows, and models of transformers cannot keep halves
        # apart.
        super().__init__(PrefixLM("decoder", mean_target, vocab=vocab), seed, pad_to_multiple_of=pad_to_multiple_of)
        self.keeps_places = topology == "decoder"

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return input_ids, attention_mask and labels, [B, R] of a decoder, each side's own width else."""
        if self.topology == "decoder":
            return super().batch(rows, features)
        batch = self.objective(rows)
        says = np.zeros(rows.tokens.shape, bool)
        says[:, 1:] = batch.weights != 0
        reads = rows.real & ~says
        pad = self.reader.fill
        read, said = np.count_nonzero(reads, axis=1), np.count_nonzero(says, axis=1)
        width, height = int(read.max(initial=1)), int(said.max(initial=1))
        return {
            "input_ids": tensor(rewrite.fill(rows.tokens[reads], read, width, pad)),
            "attention_mask": tensor(np.arange(width) < read[:, None]),
            "labels": tensor(rewrite.fill(rows.tokens[says], said, height, IGNORED)),
        }


class FIMCollator(Collator[FillInMiddle]):
    """Fill in the middle, for GPT2LMHeadModel and its like; settings are those of `FillInMiddle`.

    fim_rate    share of the documents that is rearranged
    spm_rate    of these, the share with the suffix first
    max_length  positions of the model: longer rows are cut to leave room for the marks; None = rows may grow by them

    The tokenizer must have <fim_prefix>, <fim_suffix> and <fim_middle> as special tokens. All tokens are labels, a
    rearranged document always ends in the end of text, and marks that stand around a document stay there.
    """

    keeps_places = False

    def __init__(
        self,
        tokenizer: Any,
        fim_rate: float = 0.5,
        spm_rate: float = 0.5,
        max_length: int | None = None,
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        objective = FillInMiddle(fim_rate, spm_rate, vocab=vocabulary(tokenizer))
        longest = None if max_length is None else objective.row_length(max_length - 1)
        super().__init__(objective, seed, longest=longest, pad_to_multiple_of=pad_to_multiple_of)

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return input_ids, attention_mask and labels [B, T], wider than the rows by their marks."""
        return trim(super().batch(rows, features), "decoder")
