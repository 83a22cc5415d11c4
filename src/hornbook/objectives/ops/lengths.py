"""The solver for row lengths: how many corpus tokens fill a model's positions. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hornbook.objectives.ops.noise import Counts


def longest(fits: Callable[[Counts], NDArray[np.bool_]]) -> int:
    """Return the last of 1, 2, 3, ... tokens before the first that does not fit; at least 1.

    `fits` says of row lengths [N] whether the model holds what they become.
    """
    begin, end = 1, 64
    while True:
        fitting = fits(np.arange(begin, end))
        if not fitting.all():
            return max(begin + int(np.argmin(fitting)) - 1, 1)
        begin, end = end, 2 * end
