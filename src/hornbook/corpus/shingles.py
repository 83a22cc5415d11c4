"""Shingles: what two texts have in common, and how to find those that share most without comparing all.

    text ──normalised──> words ──every run of `words` of them──> the set of its shingles
    jaccard(a, b) = shared shingles / shingles of either

A text's signature is one minimum for each of `bands` x `rows` hash functions over its shingles; two texts agree in one
with probability jaccard (Broder 1997). Texts that agree in all rows of any band are looked at: a pair is with
probability

    found(jaccard) = 1 - (1 - jaccard^rows)^bands          half of it near (1 / bands)^(1 / rows)

(Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4.2). Each such pair whose signatures agree well enough
is then compared shingle by shingle, so what is called similar is similar: chance decides only what is overlooked.

Shapes: N documents, H = bands x rows hashes, P pairs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.errors import UserError

if TYPE_CHECKING:
    from daft import DataFrame, Expression

Places = NDArray[np.int64]
Pairs = NDArray[np.int64]
"""int64[P, 2]: the lower place, the higher place; each pair once, ascending."""

# Scripts that set no blanks between words: each of their characters is a word.
_WITHOUT_BLANKS = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, with bits in all places
# Keys grouped at once, 16 bytes each and as much again for the work.
_KEYS_AT_ONCE = 16_000_000
# Pairs whose signatures are compared at once.
_PAIRS_AT_ONCE = 100_000
# Texts compared at once, in bytes.
_TEXT_AT_ONCE = 32 << 20
# In a group of more, each text is paired with this many behind it and with the group's first.
_NEIGHBOURS = 8


@dataclass(frozen=True)
class Likeness:
    """When two texts are alike.

    threshold  least Jaccard similarity of their shingles
    words      words of a shingle
    bands      groups of hashes: more find more
    rows       hashes of a group: more look at fewer pairs
    """

    threshold: float = 0.8
    words: int = 5
    bands: int = 20
    rows: int = 6

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 1.0:
            raise UserError(f"threshold must be above 0 and at most 1, not {self.threshold}.")
        for name in ("words", "bands", "rows"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}.")

    def found(self, jaccard: float) -> float:
        """Return the probability that a pair of this similarity is looked at.

        >>> round(Likeness().found(0.8), 4), round(Likeness().found(0.5), 2)
        (0.9977, 0.27)
        """
        return float(1 - (1 - jaccard**self.rows) ** self.bands)


def normalised(text: Expression) -> Expression:
    """Return texts in lower case, without ASCII punctuation, words parted by single blanks."""
    parted = text.regexp_replace(_WITHOUT_BLANKS, " $1 ")
    return parted.normalize(remove_punct=True, lowercase=True, nfd_unicode=False, white_space=True)


def similar(documents: DataFrame, directory: Path, likeness: Likeness, across: bool = False) -> tuple[Pairs, Any]:
    """Return the pairs of similar documents and their similarities, float64[P].

    `documents` has columns place and text. `across` takes only pairs of a negative and a non-negative place. Files are
    left in `directory`.
    """
    write_signatures(documents, directory / "signatures", likeness)
    candidates = hopeful(
        candidate_pairs(directory / "signatures", likeness, across), directory / "signatures", likeness
    )
    jaccard = compare(documents, candidates, directory, likeness.words)
    alike = jaccard >= likeness.threshold
    return candidates[alike], jaccard[alike]


def write_signatures(documents: DataFrame, directory: Path, likeness: Likeness) -> None:
    """Write place, size in bytes and signature (uint32[H]) of each document that has a word."""
    from daft import col, lit

    hashes = likeness.bands * likeness.rows
    words = documents.select("place", normalised(col("text")).alias("text")).where(col("text").length() > lit(0))
    signature = col("text").minhash(num_hashes=hashes, ngram_size=likeness.words, seed=1, hash_function="xxhash")
    size = col("text").length_bytes().alias("size")
    words.select("place", size, signature.alias("signature")).write_parquet(str(directory), compression="none")


def candidate_pairs(directory: Path, likeness: Likeness, across: bool) -> Pairs:
    """Return the pairs that agree in all rows of any band of the signatures in `directory`."""
    found = [_pairs(places, key, across) for places, key in _banded(directory, likeness)]
    return np.unique(np.concatenate(found), axis=0) if found else np.empty((0, 2), np.int64)


def _banded(directory: Path, likeness: Likeness) -> Iterator[tuple[Places, NDArray[np.uint64]]]:
    """Yield places and band keys, as many at once as memory shall hold; equal keys come together."""
    import daft
    from daft import DataType, col, lit

    bands, rows = likeness.bands, likeness.rows

    @daft.func.batch(return_dtype=DataType.list(DataType.uint64()))
    def banded_keys(signatures: daft.Series) -> Any:
        import pyarrow

        values = signatures.to_arrow().flatten().to_numpy().reshape(-1, bands, rows)
        return pyarrow.FixedSizeListArray.from_arrays(band_keys(values).reshape(-1), bands).cast(
            pyarrow.list_(pyarrow.uint64())
        )

    if not directory.is_dir():
        return
    table = daft.read_parquet(str(directory / "*.parquet"))
    number = table.count_rows()
    passes = max(1, math.ceil(number * bands / _KEYS_AT_ONCE))
    for turn in range(passes):
        banded = table.select("place", banded_keys(col("signature")).alias("key")).explode("key")
        if passes > 1:
            banded = banded.where(col("key") % lit(passes) == lit(turn))
        found = banded.to_arrow()
        yield found["place"].to_numpy(), found["key"].to_numpy()


def band_keys(signatures: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return uint64[N, bands] of signatures [N, bands, rows]: equal where all rows of the same band are."""
    bands = signatures.shape[1]
    key = np.broadcast_to(keys.mix(np.arange(1, bands + 1)), signatures.shape[:2]).copy()
    for row in range(signatures.shape[2]):  # the mixing step of MurmurHash3's finalizer
        key ^= signatures[:, :, row]
        key *= np.uint64(0xFF51AFD7ED558CCD)
        key ^= key >> np.uint64(33)
    return key


def _pairs(places: Places, key: NDArray[np.uint64], across: bool) -> Pairs:
    """Return the pairs of places with equal keys, near neighbours and the first of large groups only."""
    order = np.lexsort((places, key))
    key, places = key[order], places[order]
    begins = np.r_[True, key[1:] != key[:-1]]
    if begins.all():
        return np.empty((0, 2), np.int64)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(key)), 0))
    where = [np.flatnonzero(first != np.arange(len(key)))]
    pairs = [np.stack([places[first[where[0]]], places[where[0]]], 1)]
    for distance in range(1, min(_NEIGHBOURS, len(key))):
        same = np.flatnonzero(key[distance:] == key[:-distance])
        if not len(same):
            break
        pairs.append(np.stack([places[same], places[same + distance]], 1))
    if across:
        pairs.extend(_partners(places, first))
    found = np.concatenate(pairs)
    return np.unique(found[(found[:, 0] < 0) & (found[:, 1] >= 0)] if across else found, axis=0)


def _partners(places: Places, first: NDArray[np.int64]) -> list[Pairs]:
    """Return each non-negative place with the last negative ones of its group."""
    last = np.where(places < 0, np.arange(len(places)), -1)
    last = np.maximum.accumulate(last)
    pairs = []
    for back in range(_NEIGHBOURS):
        other = last - back
        fits = (places >= 0) & (other >= first)
        pairs.append(np.stack([places[np.where(fits, other, 0)][fits], places[fits]], 1))
    return pairs


def hopeful(pairs: Pairs, directory: Path, likeness: Likeness) -> Pairs:
    """Return the pairs whose signatures agree in enough hashes for similarity to be possible.

    Of pairs at the threshold one in 10^9 falls short, six standard deviations below what is expected.
    """
    import daft

    if not len(pairs):
        return pairs
    hashes = likeness.bands * likeness.rows
    least = hashes * likeness.threshold - 6 * math.sqrt(hashes * likeness.threshold * (1 - likeness.threshold))
    involved = np.unique(pairs)
    table = daft.read_parquet(str(directory / "*.parquet")).select("place", "signature")
    found = table.join(daft.from_pydict({"place": involved}), on="place").to_arrow()
    signatures = found["signature"].combine_chunks().flatten().to_numpy().reshape(-1, hashes)
    where = np.argsort(found["place"].to_numpy())[np.searchsorted(involved, pairs)]
    agree = [
        (signatures[some[:, 0]] == signatures[some[:, 1]]).sum(1)
        for some in np.array_split(where, 1 + len(where) // _PAIRS_AT_ONCE)
    ]
    return pairs[np.concatenate(agree) >= least]


def compare(documents: DataFrame, pairs: Pairs, directory: Path, words: int) -> NDArray[np.float64]:
    """Return the Jaccard similarity of each pair of documents, from their shingles themselves."""
    import daft
    from daft import DataType, col

    if not len(pairs):
        return np.empty(0)
    involved = np.unique(pairs)
    sizes = daft.read_parquet(str(directory / "signatures" / "*.parquet")).select("place", "size")
    table = sizes.join(daft.from_pydict({"place": involved}), on="place").to_arrow()
    bucket = buckets(involved, pairs, table["size"].to_numpy()[np.argsort(table["place"].to_numpy())])
    texts = documents.join(daft.from_pydict({"place": involved, "bucket": bucket}), on="place")
    folder = directory / "compared"
    texts.select("place", "bucket", normalised(col("text")).alias("text")).write_parquet(
        str(folder), partition_cols=[col("bucket")]
    )
    mine = bucket[np.searchsorted(involved, pairs[:, 0])]

    @daft.func.batch(return_dtype=DataType.list(DataType.float64()), batch_size=1)
    def similarities(numbers: daft.Series) -> Any:
        return [jaccards(folder / f"bucket={number}", pairs[mine == number], words) for number in numbers]

    numbers = np.unique(mine)
    found = daft.from_pydict({"bucket": numbers}).select("bucket", similarities(col("bucket")).alias("jaccard"))
    result = np.empty(len(pairs))
    for number, values in zip(*found.to_pydict().values(), strict=True):
        result[mine == number] = values
    return result


def buckets(places: Places, pairs: Pairs, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each place the number of its bucket: both of a pair share one, and a bucket's texts fit in memory."""
    _, component = components(places, pairs)
    weight = np.bincount(component, weights=sizes)
    return (np.cumsum(weight) // _TEXT_AT_ONCE).astype(np.int64)[component]


def components(places: Places, pairs: Pairs) -> tuple[int, NDArray[np.int64]]:
    """Return the number of connected components, and that of each place, numbered by their lowest places."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends = np.searchsorted(places, pairs)
    graph = coo_matrix((np.ones(len(pairs), np.int8), (ends[:, 0], ends[:, 1])), shape=(len(places), len(places)))
    number, label = connected_components(graph, directed=False)
    _, begins, label = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(number, np.int64)
    rank[np.argsort(begins)] = np.arange(number)
    return int(number), rank[label]


def jaccards(folder: Path, pairs: Pairs, words: int) -> list[float]:
    """Return the similarity of each pair of the texts (columns place and text) in a folder of parquet files."""
    from pyarrow import parquet

    table = parquet.read_table(folder, columns=["place", "text"], partitioning=None).combine_chunks()
    sets = shingles(table["text"].chunk(0), words)
    index = {place: number for number, place in enumerate(table["place"].to_pylist())}
    result = []
    for low, high in pairs.tolist():
        a, b = sets[index[low]], sets[index[high]]
        both = np.sort(np.concatenate((a, b)))
        shared = np.count_nonzero(both[1:] == both[:-1])
        result.append(float(shared / (len(both) - shared)))
    return result


def shingles(texts: Any, words: int) -> list[NDArray[np.uint64]]:
    """Return for each normalised text of an Arrow array its shingles as sorted 64-bit hashes, each once.

    A shingle of other words has another hash but with probability 2^-64; a text of fewer words is one shingle.
    """
    import pyarrow.compute

    split = pyarrow.compute.split_pattern(texts, " ")
    coded = split.flatten().dictionary_encode()
    offsets = split.offsets.to_numpy()
    word = keys.mix(coded.indices.to_numpy())  # a number of the word's own, whichever: they are compared here alone
    whole = runs(word, words)
    return [
        _unique(whole[begin : end - words + 1]) if end - begin > words else runs(word[begin:end], words)[:1]
        for begin, end in itertools.pairwise(offsets)
    ]


def _unique(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return values in order, each once; numpy's own function takes five times as long for some hundred."""
    values = np.sort(values)
    first = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return values[first]


def runs(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """Return a hash of the `length` words from each word on; of fewer where the last ones are reached."""
    hashes = np.zeros(len(words), np.uint64)
    for distance in range(length):
        hashes *= _FACTOR
        hashes[: max(0, len(words) - distance)] += words[distance:]
    return hashes
