"""What a corpus shares with texts that must stay apart from it: held-out text, another corpus, benchmarks.

Shapes: W words of a page, G runs of words of the benchmarks.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.corpus.dedup.characters import told
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
_TEXT_AT_ONCE = 1 << 22  # characters of benchmarks


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
    words    words in an n-gram, without case and marks unless these decide; shorter benchmark texts are ignored
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
        names: list[str] = []
        found: list[list[NDArray[Any]]] = [[], []]  # of each way to read: grams, and the texts that have them
        for group in grouped(read(self.paths), lambda document: len(document.text), _TEXT_AT_ONCE):
            texts = [document.text for document in group]
            for way, held in enumerate(found):
                grams, which, literal = _grams(texts, way, self.words)
                mine = literal[which] == bool(way)  # each text is known in the way that suits it
                held.append(np.stack([grams[mine], (which[mine] + len(names)).astype(np.uint64)]))
            names += [document.id for document in group]
        together = [np.concatenate(held or [np.empty((2, 0), np.uint64)], axis=1) for held in found]
        if not sum(grams.shape[1] for grams in together):
            raise UserError(f"No text of {', '.join(self.paths)} has {self.words} words: give fewer words a run.")
        for way, (grams, which) in enumerate(together):
            different, first = np.unique(grams, return_index=True)
            np.save(directory / f"grams_{way}.npy", np.stack([different, which[first]]))
        (directory / "names.json").write_text(json.dumps(names), encoding="utf-8")
        return Uncontaminated(directory, self.words, self.matches)


@dataclass(frozen=True)
class Uncontaminated:
    """Drop documents that share enough of the runs of words in `directory`, and tell a text that has one."""

    directory: Path
    words: int
    matches: int

    def __call__(self, page: Page) -> Verdicts:
        known, names = _load_grams(self.directory)
        shared: list[set[int]] = [set() for _ in page.texts]
        like = [""] * len(page)
        for way, (grams, texts) in enumerate(known):
            if not len(grams):
                continue
            hashes, which, _ = _grams(page.texts, way, self.words)
            where = np.minimum(np.searchsorted(grams, hashes), len(grams) - 1)
            for place in np.flatnonzero(grams[where] == hashes).tolist():
                document = which[place]
                shared[document].add(int(where[place]) * 2 + way)
                like[document] = like[document] or names[int(texts[where[place]])]
        dropped = [len(found) >= self.matches for found in shared]
        reasons = ["benchmarks: runs of a benchmark's words" if gone else "" for gone in dropped]
        metas = [{"like": name} if gone else {} for name, gone in zip(like, dropped, strict=True)]
        return Verdicts(page.texts, reasons, metas)


@functools.lru_cache(maxsize=4)
def _load_grams(directory: Path) -> tuple[list[NDArray[np.uint64]], list[str]]:
    """Return of each way to read the runs, ascending, with the first text that has each; and the names of the texts."""
    names = json.loads((directory / "names.json").read_text(encoding="utf-8"))
    return [np.load(directory / f"grams_{way}.npy", allow_pickle=False) for way in (0, 1)], names


def _grams(
    texts: Sequence[str], way: int, length: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return the hashes of all runs of `length` words, uint64[G], the text of each, and which texts marks decide in."""
    from hornbook.corpus.dedup import kernels

    pieces = [text.encode() for text in texts]
    data = np.frombuffer(b"".join(pieces), np.uint8)
    offsets = np.cumsum([0, *map(len, pieces)])
    offsets.setflags(write=False)
    into = np.empty(len(data) + 1, np.uint64)
    ends, literal = told(lambda tables, wanted: kernels.words(data, offsets, way, tables, wanted, into))
    which = np.repeat(np.arange(len(texts)), np.diff(ends, prepend=0))
    whole = np.flatnonzero(np.arange(len(which)) + length <= ends[which])
    return _runs(keys.mix(into[: len(which)]), length)[whole], which[whole], literal


def _runs(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """Return a hash of the `length` words from each word on; of fewer where the last ones are reached."""
    hashes = np.zeros(len(words), np.uint64)
    for distance in range(length):
        hashes *= _FACTOR
        hashes[: max(0, len(words) - distance)] += words[distance:]
    return hashes
