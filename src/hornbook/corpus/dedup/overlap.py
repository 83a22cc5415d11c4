"""What a corpus shares with texts that must stay apart from it: held-out text, another corpus, benchmarks.

Shapes: W words of a page, G runs of words of the benchmarks.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.corpus.dedup.clusters import AsFound
from hornbook.corpus.dedup.shingles import similar
from hornbook.corpus.grouping import grouped
from hornbook.corpus.read import read
from hornbook.corpus.step import Page, Step, Verdicts
from hornbook.errors import UserError
from hornbook.schema import PositiveCount, PositiveShare, check

if TYPE_CHECKING:
    from daft import DataFrame

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, with bits in all places
_DASHES, _MARKS = re.compile("--+|[–—―]"), re.compile(r"[^\w\s]|_")


@dataclass(frozen=True)
class Elsewhere:
    """Drop documents that are similar to one of another corpus, by Jaccard similarity of shingles.

    paths      paths of the other corpus, as for data.paths
    threshold  minimum Jaccard similarity of two texts' shingles
    words      words in a shingle
    bands      groups of hashes (bands); more of them find more pairs
    rows       hashes in a group (rows); more of them compare fewer pairs
    """

    paths: tuple[str, ...]
    threshold: PositiveShare = 0.8
    words: PositiveCount = 5
    bands: PositiveCount = 20
    rows: PositiveCount = 6

    def __post_init__(self) -> None:
        check(self, "elsewhere.")
        if not self.paths:
            raise UserError("paths is empty: name the corpus to compare with.")

    def survey(self, documents: DataFrame, directory: Path) -> Step:
        """Find the matches; the step drops them, and tells the id of the one that each is most like."""
        import daft
        import pyarrow
        from pyarrow import parquet

        names = _write_others(self.paths, directory / "others.parquet")
        others = daft.read_parquet(str(directory / "others.parquet"))
        both = others.concat(documents.select("place", "text"))
        pairs, jaccard = similar(both, directory, self.threshold, self.words, self.bands, self.rows, across=True)
        order = np.lexsort((-pairs[:, 0], -jaccard, pairs[:, 1]))
        pairs, jaccard = pairs[order], jaccard[order]
        best = np.r_[True, pairs[1:, 1] != pairs[:-1, 1]][: len(pairs)]
        found = zip(pairs[best, 0].tolist(), jaccard[best].tolist(), strict=True)
        told = [json.dumps({"like": names[-place - 1], "jaccard": round(value, 4)}) for place, value in found]
        columns = {"place": pairs[best, 1], "kept": np.zeros(len(told), bool)}
        table = pyarrow.table({**columns, "told": pyarrow.array(told, pyarrow.string())})
        parquet.write_table(table, directory / "matches.parquet")
        return AsFound(directory / "matches.parquet", "elsewhere: like a document of the other corpus")


def _write_others(paths: Sequence[str], target: Path) -> list[str]:
    """Write the other corpus with places -1, -2, ... and return its ids in that order."""
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([("place", pyarrow.int64()), ("text", pyarrow.string())])
    ids: list[str] = []
    with parquet.ParquetWriter(target, schema) as writer:
        for group in grouped(read(paths), lambda document: 1, 2_000):
            places = [-number - 1 for number in range(len(ids), len(ids) + len(group))]
            ids += [document.id for document in group]
            writer.write_table(pyarrow.table({"place": places, "text": [item.text for item in group]}, schema))
    return ids


@dataclass(frozen=True)
class Benchmarks:
    """Drop documents that share n-grams of words with benchmarks (Brown et al. 2020, appendix C, words=13).

    paths    paths of the benchmarks, as for data.paths
    words    words in an n-gram, in lower case, without punctuation; shorter benchmark texts are ignored
    matches  minimum number of different shared n-grams for a document to be dropped
    """

    paths: tuple[str, ...]
    words: PositiveCount = 13
    matches: PositiveCount = 1

    def __post_init__(self) -> None:
        check(self, "benchmarks.")
        if not self.paths:
            raise UserError("paths is empty: name the benchmarks' texts.")

    def survey(self, documents: DataFrame, directory: Path) -> Step:
        """Read the benchmarks; the step knows their runs. The corpus itself is not looked at."""
        numbers: dict[str, int] = {}
        found: list[NDArray[np.uint64]] = []
        for document in read(self.paths):
            split = split_words(document.text)
            for word in split:
                numbers.setdefault(word, len(numbers) + 1)
            word_keys = keys.mix(np.array([numbers[word] for word in split], np.uint64))
            found.append(_runs(word_keys, self.words)[: max(0, len(split) - self.words + 1)])
        grams = np.unique(np.concatenate(found))
        if not len(grams):
            raise UserError(f"No text of {', '.join(self.paths)} has {self.words} words: give fewer words a run.")
        np.save(directory / "grams.npy", grams)
        (directory / "words.json").write_text(json.dumps(list(numbers)), encoding="utf-8")
        return Uncontaminated(directory, self.words, self.matches)


@dataclass(frozen=True)
class Uncontaminated:
    """Drop documents that share enough of the runs of words in `directory`."""

    directory: Path
    words: int
    matches: int

    def __call__(self, page: Page) -> Verdicts:
        numbers, grams = _load_grams(self.directory)
        texts = [split_words(text) for text in page.texts]
        known = np.fromiter((numbers.get(word, 0) for words in texts for word in words), np.uint64)
        hashes = _runs(keys.mix(known), self.words)
        # A run with an unknown word cannot match, and one that reaches into the next document must not.
        unknown = np.r_[0, np.cumsum(known == 0)]
        ends = np.cumsum([len(words) for words in texts])
        reasons = []
        for end, words in zip(ends, texts, strict=True):
            starts = np.arange(end - len(words), max(end - self.words + 1, end - len(words)))
            starts = starts[unknown[np.minimum(starts + self.words, end)] == unknown[starts]]
            shared = np.unique(hashes[starts])
            shared = shared[grams[np.minimum(np.searchsorted(grams, shared), len(grams) - 1)] == shared]
            reasons.append("benchmarks: runs of a benchmark's words" if len(shared) >= self.matches else "")
        return Verdicts(page.texts, reasons)


@functools.lru_cache(maxsize=4)
def _load_grams(directory: Path) -> tuple[dict[str, int], NDArray[np.uint64]]:
    words = json.loads((directory / "words.json").read_text(encoding="utf-8"))
    return {word: number for number, word in enumerate(words, 1)}, np.load(directory / "grams.npy", allow_pickle=False)


def _runs(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """Return a hash of the `length` words from each word on; of fewer where the last ones are reached."""
    hashes = np.zeros(len(words), np.uint64)
    for distance in range(length):
        hashes *= _FACTOR
        hashes[: max(0, len(words) - distance)] += words[distance:]
    return hashes


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case and without marks; dashes part words, hyphens do not.

    >>> split_words("The plant’s “leaves”—they are ﬁne, well-known")
    ['the', 'plants', 'leaves', 'they', 'are', 'fine', 'wellknown']
    """
    text = unicodedata.normalize("NFKC", text).lower()
    return _MARKS.sub("", _DASHES.sub(" ", text)).split()
