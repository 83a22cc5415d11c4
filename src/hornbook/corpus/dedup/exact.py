"""Exact duplicates: of documents, and of the lines or paragraphs that many documents share.

Shapes: N documents, U units (lines or paragraphs) of a page.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.dedup.clusters import one_of_each
from hornbook.corpus.dedup.shingles import Pairs, Places
from hornbook.corpus.step import Page, Step, Verdicts
from hornbook.corpus.steps.code import kind_at
from hornbook.schema import PositiveCount, check

if TYPE_CHECKING:
    from daft import DataFrame, Expression

_FILE = "repeated.npz"
_UNITS_AT_ONCE = 16_000_000  # units grouped at once, 16 bytes each and as much again for the work
_BORDERS = {"line": re.compile(r"(\n)"), "paragraph": re.compile(r"(\n[ \t\r]*\n\s*)")}


@dataclass(frozen=True)
class ExactDuplicates:
    """Keep one of each set of documents with the same text: equal but for the kind and amount of white space.

    case   upper and lower case differ; false = texts that differ in case alone are the same
    keep   which one to keep: first, longest, or the one with the highest value of a numeric field, by its name
    """

    case: bool = True
    keep: str = "first"

    def survey(self, documents: DataFrame, directory: Path) -> Step:
        """Find the equal ones by 128 bits of hash; the step keeps one of each."""
        from daft import col

        text = col("text").normalize(white_space=True, lowercase=not self.case, remove_punct=False, nfd_unicode=False)
        hashes = {f"hash_{seed}": text.hash(seed=seed, hash_function="xxhash3_64") for seed in (0, 1)}
        keys = documents.select("place", *[value.alias(name) for name, value in hashes.items()])
        keys.write_parquet(str(directory / "hashes"), compression="none")
        reason = "exact duplicates: same text as another document" + ("" if self.case else " but for case")
        return one_of_each(documents, _equals(directory / "hashes"), self.keep, directory, reason)


def _equals(directory: Path) -> Pairs:
    """Return each document that has an equal before it, with the first of its equals."""
    import daft
    from daft import col, lit

    keys = daft.read_parquet(str(directory / "*.parquet"))
    names: list[Expression | str] = ["hash_0", "hash_1"]
    counted = keys.groupby(*names).agg(col("place").min().alias("first"), col("place").count().alias("number"))
    several = counted.where(col("number") > lit(1))
    joined = keys.join(several, on=names).where(col("place") != col("first")).select("first", "place").to_arrow()
    pairs = np.stack([joined["first"].to_numpy(), joined["place"].to_numpy()], 1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


@dataclass(frozen=True)
class RepeatedText:
    """Remove lines or paragraphs that enough earlier documents have.

    With paragraphs and most=1 that is the deduplication of CCNet (Wenzek et al. 2020), which also makes letters small,
    digits alike and drops marks before it compares; here texts are equal but for white space. Code is left alone.

    unit      what is compared and removed
    shortest  minimum characters of a line or paragraph; shorter ones always stay
    most      number of documents that keep a repeated one, counted from the first
    """

    unit: Literal["line", "paragraph"] = "line"
    shortest: PositiveCount = 20
    most: PositiveCount = 1

    def __post_init__(self) -> None:
        check(self, "repeated-text.")

    def survey(self, documents: DataFrame, directory: Path) -> Step:
        """Find the units of more than `most` documents; the step removes them from the later ones."""
        import daft
        from daft import DataType, col

        border, shortest = _BORDERS[self.unit], self.shortest

        @daft.func.batch(return_dtype=DataType.list(DataType.uint64()))
        def hashed(texts: daft.Series) -> Any:
            import pyarrow

            found = [{value for value in unit_hashes(text, border, shortest) if value} for text in texts.to_pylist()]
            return pyarrow.array(map(list, found), pyarrow.list_(pyarrow.uint64()))  # Daft's own way is through floats

        units = documents.select("place", hashed(col("text")).alias("unit")).explode("unit")
        units.where(col("unit").not_null()).write_parquet(str(directory / "units"), compression="none")
        found, last = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for places, keys in _grouped(directory / "units"):
            order = np.lexsort((places, keys))
            different, begins, documents_of = np.unique(keys[order], return_index=True, return_counts=True)
            many = documents_of > self.most
            found.append(different[many])
            last.append(places[order][begins[many] + self.most - 1])
        repeated, limits = np.concatenate(found), np.concatenate(last)
        order = np.argsort(repeated)
        np.savez(directory / _FILE, unit=repeated[order], last=limits[order])
        return WithoutRepeated(directory, self.unit, self.shortest)


@dataclass(frozen=True)
class WithoutRepeated:
    """Remove the units in `directory` from all documents behind the last that keeps them; one without others goes."""

    directory: Path
    unit: Literal["line", "paragraph"]
    shortest: int

    def __call__(self, page: Page) -> Verdicts:
        known, last = _load(self.directory)
        border = _BORDERS[self.unit]
        texts, reasons, removed = [], [], 0
        for index, (place, text) in enumerate(zip(page.places, page.texts, strict=True)):
            hashes = np.array(unit_hashes(text, border, self.shortest), np.uint64)
            gone = np.zeros(len(hashes), bool)
            if len(known):
                where = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
                gone = (known[where] == hashes) & (last[where] < place)
            if gone.any() and kind_at(page, index) == "code":
                gone[:] = False
            if gone.any():
                pieces = border.split(text)
                kept = [piece for number, piece in enumerate(pieces) if not gone[number // 2]]
                text = "".join(kept).strip("\n")
                removed += int(gone.sum())
            texts.append(text)
            reasons.append("" if text.strip() or not gone.any() else f"repeated text: no {self.unit} of its own")
        return Verdicts(texts, reasons, counts={f"repeated {self.unit}s": removed} if removed else {})


def unit_hashes(text: str, border: re.Pattern[str], shortest: int) -> list[int]:
    """Return for each unit between borders its hash, or 0 where it is too short to count."""
    import xxhash

    units = [" ".join(unit.split()) for unit in border.split(text)[::2]]
    return [xxhash.xxh3_64_intdigest(unit.encode()) if len(unit) >= shortest else 0 for unit in units]


def _grouped(directory: Path) -> Iterator[tuple[Places, NDArray[np.uint64]]]:
    """Yield places and units, as many at once as memory shall hold; equal units come together."""
    import daft
    from daft import col, lit

    if not any(directory.glob("*.parquet")):
        return
    table = daft.read_parquet(str(directory / "*.parquet"))
    passes = max(1, math.ceil(table.count_rows() / _UNITS_AT_ONCE))
    for turn in range(passes):
        found = (table if passes == 1 else table.where(col("unit") % lit(passes) == lit(turn))).to_arrow()
        yield found["place"].to_numpy(), found["unit"].to_numpy()


@functools.lru_cache(maxsize=4)
def _load(directory: Path) -> tuple[NDArray[np.uint64], Places]:
    with np.load(directory / _FILE, allow_pickle=False) as file:
        return file["unit"], file["last"]
