"""Pairs, counted: how often a position that reads one token must predict another.

The objective itself says what is read and what must be predicted there, so one count serves all of them: of causal
language models it is the bigrams, of masked ones what a mask token hides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch

Integers = NDArray[np.int64]
Array = NDArray[np.integer[Any]]
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
    return _counted(map(_scored, batches), vocabulary)


def count_neighbours(batches: Iterable[Batch], vocabulary: int) -> Pairs:
    """Count, in batches whose targets are the text itself, what stands right behind each token within its document."""
    return _counted(map(_neighbours, batches), vocabulary)


def _scored(batch: Batch) -> tuple[Array, Array]:
    reads = batch.inputs if batch.decoder_inputs is None else batch.decoder_inputs
    scored = batch.weights > 0
    return reads[scored], batch.targets[scored]


def _neighbours(batch: Batch) -> tuple[Array, Array]:
    before, behind = batch.targets[:, :-1], batch.targets[:, 1:]
    if batch.segments is None:
        return before.ravel(), behind.ravel()
    together = (batch.segments[:, :-1] == batch.segments[:, 1:]) & (batch.segments[:, 1:] != 0)
    return before[together], behind[together]


def _counted(pairs: Iterable[tuple[Array, Array]], vocabulary: int) -> Pairs:
    known, times = np.empty(0, np.int64), np.empty(0, np.int64)
    waiting: list[Integers] = []
    for read, said in pairs:
        waiting.append(read.astype(np.int64) * vocabulary + said)
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
