"""Steps: what makes a corpus of documents. A corpus is paths and a list of these.

    Page ──Step──> Verdicts          a document at a time, whatever stands beside it: clean, filter, mark
    corpus ──Survey──> Step          the whole corpus is looked at first: duplicates, rare lines, shares

A step is a pure function of each document alone, so pages may be cut anywhere and worked on in any order, on any
machine. A survey's result is a step too, which knows what to do with each place. Both are frozen dataclasses whose
fields are their settings: they print, compare, pickle and save.

Shapes: N documents of a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from daft import DataFrame


@dataclass(frozen=True)
class Page:
    """N documents side by side.

    places   int64[N], where each stands in the corpus as it was read: unique, ascending, never changed by a step
    ids      where each was found, such as `book.txt#12`
    sources  the path that led to each
    texts    the words, as the steps before left them
    metas    the other fields of each
    """

    places: NDArray[np.int64]
    ids: Sequence[str]
    sources: Sequence[str]
    texts: Sequence[str]
    metas: Sequence[Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Verdicts:
    """What a step says of a page.

    texts    each text after the step; of a dropped document it is not looked at
    reasons  why each document is dropped, in a few words that name the rule, such as `gopher: too few words`; "" = kept
    metas    fields added to each document's own
    counts   what was found or changed in the page's documents, such as {"e-mail": 3}; summed up in the ledger
    """

    texts: Sequence[str]
    reasons: Sequence[str]
    metas: Sequence[Mapping[str, Any]] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


class Step(Protocol):
    """A pure function of each document."""

    def __call__(self, page: Page) -> Verdicts:
        """Judge each document of the page; the page itself is left as it is."""


class Survey(Protocol):
    """A look at the whole corpus, out of which comes a step."""

    def survey(self, documents: DataFrame, directory: Path) -> Step:
        """Return the step for these documents, and leave what it needs to know as files in the new `directory`.

        `documents` has the columns place (int64), id, source and text (string) and meta (a JSON object as a string),
        in no order. The result depends on the rows alone, not on their order or partitions. The step must pickle, and
        reads `directory` where it is used.
        """
