"""Pairs, counted: how often a position that reads one token must predict another.

The objective itself says what is read and what must be predicted there, so one count serves all of them: of causal
language models it is the bigrams, of masked ones what a mask token hides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch

Integers = NDArray[np.int64]
_TOGETHER = 1 << 22  # positions that are sorted at once: 32 MB of keys


@dataclass(frozen=True, eq=False)
class Pairs:
    """The pairs that occur, in ascending order of (read, said), among V tokens.

    read    int64[n]: the token that the model reads at a position
    said    int64[n]: the token that it must predict there
    times   int64[n]: how often
    """

    vocabulary: int
    read: Integers
    said: Integers
    times: Integers

    @property
    def positions(self) -> int:
        """How many positions were counted."""
        return int(self.times.sum())


def count_pairs(batches: Iterable[Batch], vocabulary: int) -> Pairs:
    """Count the scored positions of batches; of an encoder-decoder, those of its decoder."""
    known, times = np.empty(0, np.int64), np.empty(0, np.int64)
    waiting: list[Integers] = []
    for batch in batches:
        reads = batch.inputs if batch.decoder_inputs is None else batch.decoder_inputs
        scored = batch.weights > 0
        waiting.append(reads[scored].astype(np.int64) * vocabulary + batch.targets[scored])
        if sum(map(len, waiting)) >= _TOGETHER:
            known, times = _added(known, times, np.concatenate(waiting))
            waiting = []
    if waiting:
        known, times = _added(known, times, np.concatenate(waiting))
    return Pairs(vocabulary, known // vocabulary, known % vocabulary, times)


def _added(known: Integers, times: Integers, more: Integers) -> tuple[Integers, Integers]:
    """Return ascending keys [n] and how often each came, with those of `more`, which are in any order."""
    new, counts = np.unique(more, return_counts=True)
    keys, place = np.unique(np.concatenate([known, new]), return_inverse=True)
    found = np.zeros(len(keys), np.int64)
    found[place[: len(known)]] = times
    found[place[len(known) :]] += counts
    return keys, found
