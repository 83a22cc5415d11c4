"""Scores of a Unigram vocabulary's pieces, the same in every run.

The tokenizers library sums expectations in the order of a hash table, so two trainings on one text give the same
pieces with scores that differ in the fourth digit. These scores come from whole counts instead: expectation
maximisation along the best path (Viterbi training of the model of Kudo 2018, "Subword regularization", section 3.2).

Shapes: V pieces, W distinct words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 4
_LONGEST = 16  # characters in a piece, the trainer's limit
_UNSEEN = 0.5  # occurrences credited to a piece that no best path uses


def piece_scores(pieces: Sequence[str], words: Mapping[str, int]) -> dict[str, float]:
    """Return the log probability of each piece, given how often each word (blanks as U+2581) occurs in the text.

    First scores: frequencies of the pieces as substrings; each round cuts words along their best paths and counts anew.
    """
    from tokenizers import Tokenizer, models

    number = {piece: index for index, piece in enumerate(pieces)}
    counts: NDArray[np.float64] = np.zeros(len(pieces))
    for word, occurrences in words.items():
        for start in range(len(word)):
            for stop in range(start + 1, min(start + _LONGEST, len(word)) + 1):
                index = number.get(word[start:stop])
                if index is not None:
                    counts[index] += occurrences
    spellings = list(words)
    weights = np.fromiter(words.values(), dtype=np.float64, count=len(words))
    for _ in range(_ROUNDS):
        scores = _logarithms(counts)
        model = Tokenizer(models.Unigram([("<unk>", 0.0), *zip(pieces, scores, strict=True)], unk_id=0))
        paths = [encoding.ids for encoding in model.encode_batch_fast(spellings)]
        used = np.concatenate([np.array(path, dtype=np.int64) for path in paths])
        times = np.repeat(weights, [len(path) for path in paths])
        counts = np.bincount(used, weights=times, minlength=len(pieces) + 1)[1:].astype(np.float64)
    return dict(zip(pieces, _logarithms(counts), strict=True))


def _logarithms(counts: NDArray[np.float64]) -> list[float]:
    credited = np.maximum(counts, _UNSEEN)
    return [float(score) for score in np.log(credited / credited.sum())]
