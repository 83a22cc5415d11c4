"""The solver for row lengths: how many corpus tokens fill a model's positions. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hornbook.objectives.ops.noise import Counts

Numbers = float | NDArray[np.float64]  # of all rows, or of each [N]
Sizes = Callable[[Counts], tuple[Counts, Counts, Counts]]  # inputs, targets and spans of rows with so many tokens [N]


def span_counts(tokens: Counts, density: Numbers, mean_span: Numbers) -> tuple[Counts, Counts]:
    """Return noise tokens and spans of rows with so many real tokens [N]; T5's rounding, half to even.

    A row of fewer than 2 tokens has no noise.
    """
    number = np.minimum(np.maximum(np.rint(tokens * density).astype(np.int64), 1), np.maximum(tokens - 1, 0))
    spans = np.maximum(np.rint(number / mean_span).astype(np.int64), 1)
    return number, np.minimum(spans, np.minimum(number, tokens - number))


def longest(sizes: Sizes, max_length: int) -> int:
    """Return the last of 1, 2, 3, ... tokens before the first whose inputs or targets do not fit; at least 1."""
    begin, end = 1, 64
    while True:
        inputs, targets, _ = sizes(np.arange(begin, end))
        fitting = np.maximum(inputs, targets) <= max_length
        if not fitting.all():
            return max(begin + int(np.argmin(fitting)) - 1, 1)
        begin, end = end, 2 * end
