"""By which number a mix orders documents, and where its late stage begins.

Shapes: n documents of a store.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.traits import Traits
from hornbook.recipes.sections import MixSettings
from hornbook.tokens.shards import TokenStore


def places(mix: MixSettings, store: TokenStore, traits: Traits | None, vocab_size: int) -> NDArray[np.float64]:
    """Return float64[n], the number by which each document is ordered, lowest first."""
    order = mix.order.removeprefix("-")
    if order == "length":
        found = store.lengths.astype(np.float64)
    elif order == "rarity":
        found = store.rarity(vocab_size)
    else:
        assert traits is not None  # other orders have them
        found = traits.score
    return -found if mix.order.startswith("-") else found


def before_stage(mix: MixSettings, numbers: NDArray[np.float64], lengths: NDArray[np.int64]) -> float | None:
    """Return the share of the tokens that come before the late stage; None where there is no such stage.

    numbers   float64[n] of `places`, of the documents that are read; lengths = their tokens
    """
    if "=" not in mix.order:
        return 1 - mix.stage if mix.stage else None
    last = 0.0 if mix.order.startswith("-") else 1.0  # of a label's documents, or of all others
    return float(lengths[numbers < last].sum() / lengths.sum())
