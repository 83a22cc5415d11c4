"""Epochs: how a collator learns which epoch it is, under transformers' Trainer and elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hornbook.collators.rows import Collator


def EpochCallback(*collators: Collator[Any]) -> Any:
    """Return a callback for transformers' Trainer that tells the collators which epoch begins.

    `Trainer(..., data_collator=collator, callbacks=[EpochCallback(collator)])`. Trainer itself tells samplers, and in
    runs of one process some datasets, but never a collator. The number is that of the run, so a resumed run goes on
    with the noise it would have had; workers are told through shared memory, also those that live for many epochs.
    """
    from transformers import TrainerCallback

    class Follow(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.epoch = 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.epoch = int(state.epoch or 0)

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            for collator in collators:
                collator.set_epoch(self.epoch)
            self.epoch += 1

    return Follow()


class Numbered:
    """A dataset whose rows bring their number, so that rows of equal tokens get noise of their own.

    dataset   anything with a length and rows by number, each a mapping with "input_ids"
    epoch     None: noise follows the collator's epoch; a number: the noise of that epoch always, for evaluation

    Rows are read-only mappings and no dicts, because Trainer strips unknown names from dicts.
    """

    def __init__(self, dataset: Any, epoch: int | None = None) -> None:
        self.dataset = dataset
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int) -> Mapping[str, Any]:
        return MappingProxyType({**self.dataset[number], "index": number, "epoch": self.epoch})
