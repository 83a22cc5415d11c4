"""Near duplicates: of documents whose texts are alike, one is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hornbook.corpus.dedup.clusters import one_of_each
from hornbook.corpus.dedup.shingles import similar
from hornbook.corpus.step import Step
from hornbook.schema import PositiveCount, PositiveShare, check

if TYPE_CHECKING:
    from daft import DataFrame


@dataclass(frozen=True)
class NearDuplicates:
    """Keep one of each cluster of near duplicates. MinHash (Broder 1997) finds pairs, their shingles decide.

    threshold  minimum Jaccard similarity of two texts' shingles
    words      words in a shingle
    bands      groups of hashes (bands); more of them find more pairs
    rows       hashes in a group (rows); more of them compare fewer pairs
    keep       which one to keep: longest, first, or the one with the highest value of a numeric field, by its name
    """

    threshold: PositiveShare = 0.8
    words: PositiveCount = 5
    bands: PositiveCount = 20
    rows: PositiveCount = 6
    keep: str = "longest"

    def __post_init__(self) -> None:
        check(self, "near-duplicates.")

    def survey(self, documents: DataFrame, directory: Path) -> Step:
        pairs, _ = similar(documents, directory, self.threshold, self.words, self.bands, self.rows)
        return one_of_each(documents, pairs, self.keep, directory, "near duplicates: like another document")
