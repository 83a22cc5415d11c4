"""A collator for any objective: by name, from a file of one's own, or made with its settings.

Shapes: B rows, T positions.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from torch import Tensor

from hornbook.batch import Rows
from hornbook.collators.bridge import cut, tensor, to_hugging_face, trim
from hornbook.collators.encoders import companions, weighted_labels
from hornbook.collators.rows import Collator, Features, vocabulary
from hornbook.errors import UserError
from hornbook.objectives.base import Objective, companion_length, with_vocab
from hornbook.objectives.catalogue import build
from hornbook.objectives.contract import batch_of
from hornbook.vocab import EMPTY


def of(
    objective: str | Objective,
    tokenizer: Any,
    *,
    max_length: int = 512,
    seed: int = 0,
    pad_to_multiple_of: int | None = None,
) -> Collator[Any]:
    """Return a collator for an objective: its name, `path.py:Class` for one of your own, or one made with settings.

    max_length           positions of the model: longer rows are cut to fit, marks included
    pad_to_multiple_of   both sides are padded to a multiple of so many positions
    """
    whole = build(objective, {}, EMPTY) if isinstance(objective, str) else objective
    return _AnyCollator(with_vocab(whole, vocabulary(tokenizer)), max_length, seed, pad_to_multiple_of)


class _AnyCollator(Collator[Objective]):
    """Marks at a row's ends are taken off where the objective puts its own: on two sides, and around pairs."""

    def __init__(self, objective: Objective, max_length: int, seed: int, pad_to_multiple_of: int | None) -> None:
        self.companion = companion_length(objective, max_length)
        bare = objective.topology == "encoder-decoder" or self.companion is not None
        # A decoder's batch for transformers has one position more than ours: the last target.
        longest = objective.row_length(max_length - (objective.topology == "decoder"))
        super().__init__(objective, seed, bare=bare, longest=longest, pad_to_multiple_of=pad_to_multiple_of)
        self.keeps_places = objective.topology == "encoder" and objective.row_length(max_length) == max_length

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return what `Collator` does, and of pairs next_sentence_label or sentence_order_label [B].

        Where weights are other than 0 and 1, labels are those of a MaskedDiffusionCollator, for `diffusion_loss`.
        """
        topology = self.objective.topology
        if self.companion:
            rows = dataclasses.replace(rows, companion=companions(rows, features))
        batch = batch_of(self.objective, rows)
        if batch.segments is not None and batch.segments.max(initial=0) > 1:
            raise UserError(f"{self.objective!r} cuts rows in two, and models of transformers cannot keep them apart.")
        found = to_hugging_face(batch, topology)
        if (batch.count != batch.weights.sum(axis=1, dtype=np.float64)).any():
            found["labels"] = weighted_labels(rows, batch, self.objective.vocab)
        elif found["attention_mask"].dim() == 2:
            found = trim(found, topology)
        elif batch.segments is not None:
            real = np.count_nonzero(batch.segments, axis=1) + (batch.weights[:, -1] != 0)
            found = cut(found, max(1, int(real.max())), topology)
        if batch.pair is not None:
            found["next_sentence_label" if self.companion else "sentence_order_label"] = tensor(batch.pair)
        return found
