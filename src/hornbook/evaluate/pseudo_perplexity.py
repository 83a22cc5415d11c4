"""Pseudo-perplexity of a masked model: each token is masked alone and guessed from all the others.

    pseudo-perplexity = exp(-(1/n) * sum over tokens t of ln p(t | the rest of the document's row))

(Salazar et al. 2020, "Masked language model scoring", section 2.) It is not a perplexity: the guesses are not the
factors of one probability, so it must not be compared with a causal model's. A word of several tokens is over-scored,
since its other tokens stay visible (Kauf and Ivanova 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.batch import Batch
from hornbook.evaluate.perplexity import LARGEST_EXPONENT, MEASURE_STREAM
from hornbook.model.electra import Model
from hornbook.objectives.base import Objective
from hornbook.tokens.packing import DocumentRows


@dataclass(frozen=True)
class Alone:
    """Tokens that were guessed alone: the sum of their nats and their number; both of each document too, float64[n]."""

    nats: float
    tokens: int
    by_document: NDArray[np.float64] = field(repr=False)

    @property
    def perplexity(self) -> float | None:
        """exp of the mean, or None where that is more than a number can hold."""
        mean = self.nats / max(1, self.tokens)
        return math.exp(mean) if mean < LARGEST_EXPONENT else None


def pseudo_perplexity(
    model: Model,
    rows: DocumentRows,
    objective: Objective,
    prepare: Callable[[Batch], Any],
    *,
    tokens: int,
    batch_rows: int,
    seed: int,
) -> Alone:
    """Return what it follows from, of at most `tokens` tokens of `rows`, spread over all rows by the seed.

    One row is computed for each.

    The caller sets evaluation mode, precision and no_grad. Special tokens are not guessed.
    """
    mask = objective.vocab.require("mask", "Pseudo-perplexity")
    places = _places(rows, objective, tokens, seed)
    nats = 0.0
    by_document = np.zeros((2, len(rows.chosen)))
    for start in range(0, len(places), batch_rows):
        index, position = places[start : start + batch_rows].T
        given = rows.rows(index, keys.row_keys(seed, index))
        lines = np.arange(len(index))
        inputs, weights = given.tokens.copy(), np.zeros(given.tokens.shape, np.float32)
        inputs[lines, position] = mask
        weights[lines, position] = 1
        batch = Batch(inputs, given.tokens, weights, weights.sum(axis=1, dtype=np.float64), given.segments)
        each = model.nats(prepare(batch)).double()
        nats += float(each.sum())
        segment = 1 if given.segments is None else given.segments[lines, position]
        document = rows.first_documents(index) + segment - 1
        by_document[0] += np.bincount(document, each.cpu().numpy(), len(rows.chosen))
        by_document[1] += np.bincount(document, minlength=len(rows.chosen))
    return Alone(nats, len(places), by_document)


def _places(rows: DocumentRows, objective: Objective, tokens: int, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return (row, position) pairs [n, 2] of up to `tokens` text tokens, a sample without repetition."""
    a_row = max(1, math.ceil(tokens / len(rows)))
    chosen: list[tuple[int, int]] = []
    for row in keys.permute(np.arange(len(rows)), len(rows), seed ^ MEASURE_STREAM):
        given = rows.rows(np.array([row]), keys.row_keys(seed, np.array([row])))
        text = np.flatnonzero(given.real[0] & ~objective.vocab.special[given.tokens[0]])
        if text.size:
            order = keys.permute(np.arange(text.size), text.size, keys.fold(seed ^ MEASURE_STREAM, row))
            chosen.extend((int(row), int(text[place])) for place in order[:a_row])
        if len(chosen) >= tokens:
            break
    return np.array(chosen[:tokens], np.int64).reshape(-1, 2)
