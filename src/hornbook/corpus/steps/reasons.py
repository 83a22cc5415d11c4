"""Why documents are dropped: rules are put to them in order, and the first that one breaks is its reason.

Shapes: D documents.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Broken = NDArray[np.bool_]


def share(part: NDArray[np.integer], whole: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return float64[D], part / whole, and 0 where the whole is 0."""
    found = np.zeros(len(part))
    np.divide(part, whole, out=found, where=whole > 0)
    return found


class Reasons:
    """Why each of D documents is dropped, as rules are put to them one after the other."""

    def __init__(self, step: str, count: int) -> None:
        self.step = step
        self.given = [""] * count
        self.kept = np.ones(count, bool)

    def drop(self, broken: Broken, rule: str) -> None:
        """Drop the documents that break the rule, where no rule before has dropped them."""
        for number in np.flatnonzero(broken & self.kept).tolist():
            self.given[number] = f"{self.step}: {rule}"
        self.kept &= ~broken
