"""Draws: what `hornbook.keys` says of a step's examples, by its compiled counterpart where there is one.

A step draws the places and keys of some ten rows: in numpy that takes longer than copying their tokens.

Shapes: N examples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.objectives.ops import compiled

Places = NDArray[np.int64]


def folded(seed: int, first: int | Places, second: Places) -> keys.Keys:
    """Return keys.fold(seed, first, second) [N]."""
    whole = np.full(second.shape, first) if isinstance(first, int) else first
    base = np.uint64(seed % 2**64)
    found = compiled.run("folded", whole, second, base)
    return keys.fold(base, whole, second) if found is None else found


def permute(index: Places, size: int, key: keys.Keys) -> Places:
    """Return keys.permute(index, size, key) [N]; there is a key [N] for each index."""
    found = compiled.run("permute", index, key, size, keys.half_of(size), keys.ROUNDS)
    return keys.permute(index, size, key) if found is None else found
