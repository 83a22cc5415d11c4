"""The order of training: a function from the example's number to its row, new in every epoch, with no state to keep.

Shapes: B examples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hornbook.keys import fold, permute

# Rows' keys are folded from (seed, row, ...) with row >= 0; the order's keys never meet them.
_ORDER = -1


def locate(seed: int, example: ArrayLike, size: int, cycle: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (epoch [B], row [B]) of training examples [B], numbered from 0 over the whole run.

    Each epoch of `size` examples is a pseudo-random permutation of the rows, named by (seed, epoch). Where rows take
    turns in a cycle (row i is of kind i modulo `cycle`), each `cycle` examples of an epoch, counted from its start,
    have one row of each kind: kinds are permuted within these groups, and the rows of a kind among themselves.
    """
    epoch, place = np.divmod(np.asarray(example, dtype=np.int64), size)
    key = fold(np.uint64(seed % 2**64), _ORDER, epoch)
    if cycle == 1:
        return epoch, permute(place, size, key)
    group, turn = np.divmod(place, cycle)
    whole, rest = divmod(size, cycle)
    kind = np.empty_like(place)
    number = np.empty_like(place)
    last = group == whole  # the group at the end of an epoch that has the first `rest` kinds only
    for chosen, kinds in ((~last, cycle), (last, rest)):
        if chosen.any():
            kind[chosen] = permute(turn[chosen], kinds, fold(key[chosen], group[chosen]))
    for short in (True, False):  # the first `rest` kinds have one row more
        chosen = (kind < rest) != short
        if chosen.any():
            named = fold(key[chosen], _ORDER, kind[chosen])
            number[chosen] = permute(group[chosen], whole if short else whole + 1, named)
    return epoch, number * cycle + kind
