"""The order of training: a function from the example's number to its row, new in every epoch, with no state to keep.

Shapes: B examples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hornbook.keys import fold, permute

# Rows' keys are folded from (seed, row, ...) with row >= 0; the order's keys never meet them.
_ORDER = -1


def locate(seed: int, example: ArrayLike, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (epoch [B], row [B]) of training examples [B], numbered from 0 over the whole run.

    Each epoch of `size` examples is a pseudo-random permutation of the rows, named by (seed, epoch).
    """
    epoch, place = np.divmod(np.asarray(example, dtype=np.int64), size)
    key = fold(np.uint64(seed % 2**64), _ORDER, epoch)
    return epoch, permute(place, size, key)
