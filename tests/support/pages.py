"""Pages for tests of steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hornbook.corpus.step import Page


def page_of(texts: Sequence[str]) -> Page:
    """Return the texts as a page that stands somewhere in a corpus."""
    count = len(texts)
    ids = [f"page#{number}" for number in range(count)]
    return Page(np.arange(count) + 7, ids, ["page"] * count, list(texts), [{} for _ in texts])
