"""Simple models of the same tokens: what a result must beat to mean anything.

All are counted on training targets and scored on exactly the held-out targets that the model is scored on.

    unigram      p(t)        = (c(t) + 1) / (n + V)                                             add-one (Laplace)
    bigram       p(t | s)    = (c(s, t) + k(s) p(t)) / (c(s) + k(s)),  k(s) = kinds of token seen after s
                               Witten and Bell 1991, method C, backing off to the unigram; s is the token before t
    Kneser-Ney   p(t | 4 tokens before)      `hornbook.evaluate.kneser_ney`, counted on at most 2 million tokens

The last two are defined where the input at a position is the token before its target, that is for causal models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch
from hornbook.evaluate.kneser_ney import grams_of, kneser_ney
from hornbook.vocab import Vocab

Floats = NDArray[np.float64]
UNIGRAM, BIGRAM, KNESER_NEY = "unigram", "bigram", "Kneser-Ney 5-gram"
MOST_GRAMS = 2_000_000  # tokens that the Kneser-Ney model counts: some seconds and half a gigabyte
GRAM_SECONDS = 3e-6  # that one of them takes, on a slow processor


@dataclass(frozen=True)
class Baselines:
    """What the simple models reach on the held-out targets, by name; only those that are defined and counted.

    loss        mean weighted nats per scored token
    text_nats   sum of the nats of the targets that are text
    counted     training targets that unigram and bigram were counted on, and of those the Kneser-Ney model
    """

    loss: Mapping[str, float] = field(default_factory=dict)
    text_nats: Mapping[str, float] = field(default_factory=dict)
    counted: tuple[int, int] = (0, 0)

    @property
    def unigram(self) -> float | None:
        return self.loss.get(UNIGRAM)

    @property
    def bigram(self) -> float | None:
        return self.loss.get(BIGRAM)


def baselines(
    training: Iterable[Batch],
    held_out: Iterable[Batch],
    size: int,
    vocab: Vocab,
    *,
    next_token: bool,
    expected: int = 0,
) -> Baselines:
    """Count on `training`, score on `held_out`; `next_token` says whether each input is the token before its target.

    size      V, the entries of the model's table; the tokenizer's `vocab` may have fewer
    expected  about how many targets there are to count: of more than MOST_GRAMS the Kneser-Ney model gets batches from
              all over
    Memory grows with the number of different n-grams.
    """
    unigram_counts = np.zeros(size, np.int64)
    pairs: list[NDArray[np.int64]] = []
    grams: list[NDArray[np.int32]] = []
    every, places = max(1, -(-expected // MOST_GRAMS)), 0
    for number, batch in enumerate(training):
        before, targets, _ = _scored(batch)
        unigram_counts += np.bincount(targets, minlength=size)
        if next_token:
            pairs.append(before * size + targets)
            if number % every == 0 and places < MOST_GRAMS:
                grams.append(grams_of(batch))
                places += len(grams[-1])
    unigram: Floats = (unigram_counts + 1) / (unigram_counts.sum() + size)
    models: dict[str, Callable[[Batch], Floats]] = {UNIGRAM: lambda batch: unigram[_scored(batch)[1]]}
    if next_token:
        models[BIGRAM] = _bigram(pairs, unigram, size)
    if places:
        counted = kneser_ney(np.concatenate(grams), size)
        models[KNESER_NEY] = lambda batch: counted.probabilities(grams_of(batch))
    loss, text_nats = _scores(models, held_out, vocab)
    return Baselines(loss, text_nats, (int(unigram_counts.sum()), places))


def _bigram(parts: list[NDArray[np.int64]], unigram: Floats, size: int) -> Callable[[Batch], Floats]:
    """Return the probabilities of a batch's targets by pairs, each `before * size + target`."""
    pairs, counts = np.unique(np.concatenate(parts or [np.zeros(0, np.int64)]), return_counts=True)
    after = np.bincount(pairs // size, weights=counts, minlength=size)
    kinds = np.bincount(pairs // size, minlength=size)

    def probabilities(batch: Batch) -> Floats:
        before, targets, _ = _scored(batch)
        wanted = before * size + targets
        place = np.minimum(np.searchsorted(pairs, wanted), max(pairs.size - 1, 0))
        seen = np.where(pairs[place] == wanted, counts[place], 0) if pairs.size else np.zeros(len(wanted))
        followers = np.maximum(kinds[before], 1)  # a token never seen before anything backs off wholly
        return np.asarray((seen + followers * unigram[targets]) / (after[before] + followers))

    return probabilities


def _scores(
    models: Mapping[str, Callable[[Batch], Floats]], held_out: Iterable[Batch], vocab: Vocab
) -> tuple[dict[str, float], dict[str, float]]:
    """Return by name the mean weighted nats of each model, and the sum of its nats of text."""
    nats, text_nats, total = dict.fromkeys(models, 0.0), dict.fromkeys(models, 0.0), 0.0
    for batch in held_out:
        _, targets, weights = _scored(batch)
        is_text = ~vocab.special[targets] | (targets == (-1 if vocab.unk is None else vocab.unk))
        for name, model in models.items():
            each = np.log(model(batch))
            nats[name] -= float((weights * each).sum())
            text_nats[name] -= float(each[is_text].sum())
        total += float(batch.count.sum())
    return {name: value / max(total, 1.0) for name, value in nats.items()}, text_nats


def _scored(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return (token before, target, weight) of the scored positions."""
    chosen = batch.weights != 0
    before = batch.decoder_inputs if batch.decoder_inputs is not None else batch.inputs
    return (
        before[chosen].astype(np.int64),
        batch.targets[chosen].astype(np.int64),
        batch.weights[chosen].astype(np.float64),
    )
