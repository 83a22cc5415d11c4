"""Unigram and bigram models of the same tokens: what a result must beat to mean anything.

Both are counted on training targets and scored on exactly the held-out targets that the model is scored on.

    unigram   p(t)        = (c(t) + 1) / (n + V)                                             add-one (Laplace)
    bigram    p(t | s)    = (c(s, t) + k(s) p(t)) / (c(s) + k(s)),  k(s) = kinds of token seen after s
                            Witten and Bell 1991, method C, backing off to the unigram; s is the token before t

The bigram is defined where the input at a position is the token before its target, that is for causal models.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch


@dataclass(frozen=True)
class Baselines:
    """Mean weighted nats per token of the held-out targets under each model; None where undefined or not counted."""

    unigram: float | None = None
    bigram: float | None = None


def baselines(training: Iterable[Batch], held_out: Iterable[Batch], vocab_size: int, *, bigram: bool) -> Baselines:
    """Count on `training`, score on `held_out`. V entries; memory grows with the number of different bigrams."""
    unigram_counts = np.zeros(vocab_size, np.int64)
    pair_parts: list[NDArray[np.int64]] = []
    for batch in training:
        before, targets, _ = _scored(batch)
        unigram_counts += np.bincount(targets, minlength=vocab_size)
        if bigram:
            pair_parts.append(before * vocab_size + targets)
    unigram = (unigram_counts + 1) / (unigram_counts.sum() + vocab_size)
    pairs, pair_counts = np.unique(np.concatenate(pair_parts or [np.zeros(0, np.int64)]), return_counts=True)
    after = np.bincount(pairs // vocab_size, weights=pair_counts, minlength=vocab_size)
    kinds = np.bincount(pairs // vocab_size, minlength=vocab_size)

    nats = np.zeros(2)
    total = 0.0
    for batch in held_out:
        before, targets, weights = _scored(batch)
        back_off = unigram[targets]
        nats[0] -= (weights * np.log(back_off)).sum()
        if bigram and pairs.size:
            wanted = before * vocab_size + targets
            place = np.minimum(np.searchsorted(pairs, wanted), pairs.size - 1)
            seen = np.where(pairs[place] == wanted, pair_counts[place], 0)
            followers = np.maximum(kinds[before], 1)  # a token never seen before anything backs off wholly
            nats[1] -= (weights * np.log((seen + followers * back_off) / (after[before] + followers))).sum()
        total += float(batch.count.sum())
    total = max(total, 1.0)
    return Baselines(float(nats[0] / total), float(nats[1] / total) if bigram else None)


def _scored(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return (token before, target, weight) of the scored positions."""
    chosen = batch.weights != 0
    before = batch.decoder_inputs if batch.decoder_inputs is not None else batch.inputs
    return (
        before[chosen].astype(np.int64),
        batch.targets[chosen].astype(np.int64),
        batch.weights[chosen].astype(np.float64),
    )
