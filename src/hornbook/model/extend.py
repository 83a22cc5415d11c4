"""More rows for the tables over the vocabulary: embedding, output head and their biases.

Old rows stay as they are, so the logits of old tokens are those of before. A new row

    special token   m + sum_i z_i (e_i - m) / sqrt(n), z normal: a draw from the normal distribution fitted to the rows
                    e of the n text tokens, m their mean (Hewitt 2021, "Initializing new word embeddings for pretrained
                    language models"); a bias is the mean. The same z serve every table.
    piece of text   the mean of the rows of the tokens that spelled it before (Gee et al. 2022, "Fast vocabulary
                    transfer", section 3)

So new tokens get about the share of probability that the others have, and special ones differ from each other.

Shapes: V rows before, W after, n text tokens, K new special tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook import keys

# What has a row (or a number) for each id, wherever a model has it.
TABLES = ("embed.tokens.weight", "head.output.weight", "head.bias", "generator.bias")
_SPECIAL = 60  # stream of the keys


def extended(
    state: Mapping[str, Tensor],
    size: int,
    text: NDArray[np.integer],
    special: Sequence[int],
    pieces: Mapping[int, Sequence[int]],
    seed: int,
) -> dict[str, Tensor]:
    """Return the state with W = `size` rows in each table of the vocabulary.

    text      the old ids that are text
    special   the ids of the new special tokens; rows that are there already, as padding, are written over
    pieces    the id of each new piece, and the old ids it was spelled by
    """
    found = dict(state)
    mixture = torch.from_numpy(_mixture(special, len(text), seed))  # [K, n]
    for name in TABLES:
        if name not in state:
            continue
        old = state[name]
        table = torch.zeros((max(size, len(old)), *old.shape[1:]), dtype=old.dtype)
        table[: len(old)] = old
        if special:
            rows = old[torch.from_numpy(text.astype(np.int64))]
            mean = rows.mean(0)
            table[list(special)] = mean + mixture @ (rows - mean) if old.ndim == 2 else mean
        for number, spelling in pieces.items():
            table[number] = old[list(spelling)].mean(0)
        found[name] = table
    return found


def _mixture(special: Sequence[int], size: int, seed: int) -> NDArray[np.float32]:
    """Return z / sqrt(n) float32[K, n], each row a function of the seed and the id (Box and Muller 1958)."""
    row = keys.fold(np.uint64(seed % 2**64), np.array(special, np.int64))
    draws = keys.uniform(np.atleast_1d(row), 2 * size, _SPECIAL)
    radius = np.sqrt(-2 * np.log1p(-draws[:, :size]))
    normal = radius * np.cos(2 * np.pi * draws[:, size:])
    return np.asarray(normal / np.sqrt(max(size, 1)), np.float32)
