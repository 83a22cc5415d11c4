"""Collator: what every collator is, an objective behind a reader of features and before a model of transformers."""

from __future__ import annotations

from typing import Generic, TypeVar

from torch import Tensor

from hornbook.collators.bridge import to_hugging_face
from hornbook.collators.rows import Features, Reader
from hornbook.objectives.base import Objective

O = TypeVar("O", bound=Objective)


class Collator(Generic[O]):
    """Called with a list of features; returns the batch of a model of transformers. See `hornbook.collators`.

    objective   what makes batches of rows, for a model of its topology
    reader      what makes rows of features
    """

    def __init__(self, objective: O, seed: int = 0, *, bare: bool = False, longest: int | None = None) -> None:
        """Seed, `bare` and `longest` are those of the `Reader`."""
        self.objective = objective
        self.reader = Reader(objective, seed, bare=bare, longest=longest)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins; to be called between epochs, when no worker is reading."""
        self.reader.set_epoch(epoch)

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """Return input_ids and attention_mask [B, S], labels [B, T], and token_type_ids where the model reads them."""
        return to_hugging_face(self.objective(self.reader(features)), self.objective.topology)
