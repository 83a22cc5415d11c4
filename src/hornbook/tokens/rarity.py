"""How rare the tokens of each document are: a measure of difficulty (Platanios et al. 2019, 2.2, "word rarity")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hornbook.tokens.shards import TokenStore


def rarity(store: TokenStore, vocabulary: int) -> NDArray[np.float64]:
    """Return float64[n]: the mean nats of each document's tokens by their frequency in the store; 0 without tokens.

    The paper sums; the mean does not grow with the length, by which one may order too.
    """
    counts = np.zeros(vocabulary, np.int64)
    for part in store.parts:
        counts += np.bincount(part.tokens, minlength=vocabulary)
    nats = -np.log(np.maximum(counts, 1) / max(1, counts.sum()))
    found = []
    for part in store.parts:
        sums = np.concatenate([[0.0], np.cumsum(nats[part.tokens])])
        lengths = np.diff(part.offsets)
        found.append((sums[part.offsets[1:]] - sums[part.offsets[:-1]]) / np.maximum(lengths, 1))
    return np.concatenate(found)
