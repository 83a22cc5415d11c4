"""Which documents are held out for measuring: a function of each document's own text.

The hash of a text decides its side, so the split does not depend on the order of the documents, adding text moves no
other document, and two copies of one text never stand on different sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hornbook.errors import UserError

_HASHES = 2**64


@dataclass(frozen=True)
class Split:
    """Documents whose hash is at most `threshold` are held out; the others are trained on."""

    threshold: int

    def held_out(self, document_hash: int) -> bool:
        return int(document_hash) <= self.threshold


def make_split(hashes: Iterable[int], share: float) -> Split:
    """Hold out about `share` of the documents (a number between 0 and 1), at least one, and keep at least one.

    The threshold is the larger of share * 2**64 and the smallest hash. Where that would hold out everything it falls
    to the second largest hash. Needs one pass and constant memory. Raises UserError for fewer than two different texts.
    """
    smallest, second, largest = _HASHES, -1, -1
    for value in map(int, hashes):
        smallest = min(smallest, value)
        if value > largest:
            second, largest = largest, value
        elif second < value < largest:
            second = value
    if second < 0:
        raise UserError(
            "The corpus is too short to measure on: it has fewer than two different documents, and one must be held "
            "out. Add more text (a plain-text file is cut into documents of about 2,000 characters)."
        )
    threshold = max(min(int(share * _HASHES), _HASHES - 1), smallest)
    return Split(second if threshold >= largest else threshold)
