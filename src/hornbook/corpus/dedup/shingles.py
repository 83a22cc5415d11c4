"""Shingles: what two texts have in common, and how to find those that share most without comparing all.

    text ──characters──> words ──every run of `words` of them──> the set of its shingles
    jaccard(a, b) = shared shingles / shingles of either

A text's signature has `bands` x `rows` places, in each of which the shingle stands whose hash is least; two texts agree
in one with probability jaccard (Broder 1997). Texts that agree in all rows of any band are looked at: a pair is with
probability

    found(jaccard) = 1 - (1 - jaccard^rows)^bands          half of it near (1 / bands)^(1 / rows)

(Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4.2). Each such pair is then compared shingle by shingle,
so what is called similar is similar: chance decides only what is overlooked. Of a small corpus nothing is: its pairs
are found without signatures (`hornbook.corpus.dedup.few`).

    sketches/   columns place, number of shingles, and a key of each band: parquet
    sets/       the hashes of the shingles of those documents that are in a pair that is looked at

The loops over bytes and shingles are those of `hornbook.corpus.dedup.kernels`.

Shapes: N documents, P pairs, C bytes of texts.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.dedup import few
from hornbook.corpus.dedup.characters import told

if TYPE_CHECKING:
    from daft import DataFrame

Places = NDArray[np.int64]
Pairs = NDArray[np.int64]
"""int64[P, 2]: the lower place, the higher place; each pair once, ascending."""

_TEXTS_AT_ONCE = 4_096  # texts sketched at once, beside what is read at once anyway
_KEYS_AT_ONCE = 16_000_000  # keys of a band grouped at once, 8 bytes each and three times as much for the work
_SHINGLES_AT_ONCE = 4_000_000  # shingles compared at once, 8 bytes each
_NEIGHBOURS = 8  # in a group of more, each text is paired with this many behind it and with the group's first


def similar(
    documents: DataFrame, directory: Path, threshold: float, words: int, bands: int, rows: int, across: bool = False
) -> tuple[Pairs, Any]:
    """Return the pairs of documents that are similar by the threshold or more, and their similarities, float64[P].

    `documents` has columns place and text. `across` takes only pairs of a negative and a non-negative place. Files are
    left in `directory`.
    """
    if (found := _few(documents, threshold, words, across)) is not None:
        return found
    write_sketches(documents, directory / "sketches", words, bands, rows)
    pairs, numbers = candidate_pairs(directory / "sketches", bands, across)
    jaccard = compare(documents, pairs, numbers, directory / "sets", words, threshold)
    alike = jaccard >= threshold
    return pairs[alike], jaccard[alike]


def _few(documents: DataFrame, threshold: float, words: int, across: bool) -> tuple[Pairs, Any] | None:
    """Return what `similar` does where compiled loops are not worth loading for so little text; None elsewhere."""
    from daft import col

    size = documents.agg(col("text").length_bytes().sum().alias("bytes")).to_pydict()["bytes"][0]
    if (size or 0) > few.BYTES:
        return None
    table = documents.select("place", "text").to_pydict()
    return few.similar_pairs(table["place"], table["text"], threshold, words, across)


def write_sketches(documents: DataFrame, directory: Path, words: int, bands: int, rows: int) -> None:
    """Write place, number of shingles and a key of each band of every document that has a word."""
    import daft
    from daft import DataType, col, lit

    names = ["number", *(f"band_{band}" for band in range(bands))]

    @daft.func.batch(return_dtype=DataType.struct(dict.fromkeys(names, DataType.uint64())), batch_size=_TEXTS_AT_ONCE)
    def sketched(texts: daft.Series) -> Any:
        import pyarrow

        from hornbook.corpus.dedup import kernels

        data, offsets = _bytes(texts)
        found = told(lambda tables, wanted: kernels.sketches(data, offsets, tables, wanted, words, bands, rows))
        return pyarrow.StructArray.from_arrays([pyarrow.array(column) for column in found.T], names)

    found = documents.select("place", sketched(col("text")).alias("sketch")).select("place", col("sketch").unnest())
    found.where(col("number") > lit(0)).write_parquet(str(directory), compression="none")


def _bytes(texts: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the UTF-8 of a Series of texts one behind the other, and where each begins, and the last ends."""
    import pyarrow

    array = texts.to_arrow().cast(pyarrow.large_string())
    _, offsets, data = array.buffers()
    offsets = np.frombuffer(offsets or bytes(8), np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data or b"", np.uint8), offsets


def candidate_pairs(directory: Path, bands: int, across: bool) -> tuple[Pairs, NDArray[np.int64]]:
    """Return the pairs that agree in all rows of any band, and the numbers of shingles of each of the two, int64[P, 2].

    As many bands are read at once, or as much of one, as memory shall hold; equal keys of a band come together.
    """
    places, numbers = (column.astype(np.int64) for column in _columns(directory, ["place", "number"]))
    if not len(places):
        return np.empty((0, 2), np.int64), np.empty((0, 2), np.int64)
    order = np.argsort(places)
    rank = np.empty(len(places), np.int64)
    rank[order] = np.arange(len(places))
    others = int(np.sum(places < 0)) if across else None
    parts = math.ceil(len(places) / _KEYS_AT_ONCE)
    together = max(1, _KEYS_AT_ONCE // len(places))
    found = []
    for start in range(0, bands, together):
        names = [f"band_{band}" for band in range(start, min(start + together, bands))]
        for key in _columns(directory, names):
            for part in range(parts):
                mine = slice(None) if parts == 1 else key % np.uint64(parts) == part
                pairs = _pairs(rank[mine], key[mine], others)
                found.append(pairs[:, 0] * len(places) + pairs[:, 1])
    pairs = order[np.stack(np.divmod(np.unique(np.concatenate(found)), len(places)), 1)]
    return places[pairs], numbers[pairs]


def _columns(directory: Path, names: list[str]) -> list[NDArray[Any]]:
    """Return columns of the sketches, rows in the order of the files."""
    from pyarrow import parquet

    if not any(directory.glob("*.parquet")):
        return [np.empty(0, np.uint64) for _ in names]
    table = parquet.read_table(directory, columns=names, partitioning=None)
    return [table[name].to_numpy() for name in names]


def _pairs(ranks: Places, key: NDArray[np.uint64], others: int | None) -> Pairs:
    """Return the pairs of ranks with equal keys, near neighbours and the first of large groups only.

    With `others`, these many first ranks are those of another corpus, and pairs are of one of them and one of the rest.
    """
    if not len(key):
        return np.empty((0, 2), np.int64)
    order = np.lexsort((ranks, key))
    key, ranks = key[order], ranks[order]
    begins = np.r_[True, key[1:] != key[:-1]]
    first = np.maximum.accumulate(np.where(begins, np.arange(len(key)), 0))
    where = np.flatnonzero(~begins)
    pairs = [np.stack([ranks[first[where]], ranks[where]], 1)]
    for distance in range(1, min(_NEIGHBOURS, len(key))):
        same = np.flatnonzero(key[distance:] == key[:-distance])
        if not len(same):
            break
        pairs.append(np.stack([ranks[same], ranks[same + distance]], 1))
    if others is not None:
        pairs.extend(_partners(ranks, first, others))
    found = np.concatenate(pairs)
    return found if others is None else found[(found[:, 0] < others) & (found[:, 1] >= others)]


def _partners(ranks: Places, first: NDArray[np.int64], others: int) -> list[Pairs]:
    """Return each rank that is not of the others with the last of these in its group."""
    last = np.maximum.accumulate(np.where(ranks < others, np.arange(len(ranks)), -1))
    pairs = []
    for back in range(_NEIGHBOURS):
        other = last - back
        fits = (ranks >= others) & (other >= first)
        pairs.append(np.stack([ranks[np.where(fits, other, 0)][fits], ranks[fits]], 1))
    return pairs


def compare(
    documents: DataFrame, pairs: Pairs, numbers: NDArray[np.int64], directory: Path, words: int, threshold: float
) -> NDArray[np.float64]:
    """Return the Jaccard similarity of each pair of documents with these numbers of shingles, 0 if below the threshold.

    The sets are written to `directory`, and read again some pairs at a time.
    """
    import daft
    from daft import DataType, col

    if not len(pairs):
        return np.empty(0)
    directory.mkdir()
    written = _write_sets(documents, pairs, numbers, directory, words)
    changes = np.r_[True, pairs[1:, 0] != pairs[:-1, 0]]
    turn = np.cumsum(numbers[:, 1] + numbers[:, 0] * changes) // _SHINGLES_AT_ONCE
    turns = np.unique(turn)

    @daft.func.batch(return_dtype=DataType.list(DataType.float64()), batch_size=1)
    def similarities(turns: daft.Series) -> Any:
        from hornbook.corpus.dedup import kernels

        found = []
        for number in turns.to_pylist():
            places, local = np.unique(pairs[turn == number], return_inverse=True)
            values, begins = _read_sets(directory, written, places)
            found.append(kernels.jaccards(values, begins, local.reshape(-1, 2), threshold))
        return found

    result = np.empty(len(pairs))
    done = daft.from_pydict({"turn": turns}).select("turn", similarities(col("turn")).alias("jaccard"))
    for number, values in zip(*done.to_pydict().values(), strict=True):
        result[turn == number] = values
    return result


def _write_sets(
    documents: DataFrame, pairs: Pairs, numbers: NDArray[np.int64], directory: Path, length: int
) -> dict[str, NDArray[np.int64]]:
    """Write the sets of shingles of the documents of pairs; return their places in order, and where each set is.

    A file has the name of a place, its first, and uint64 one behind the other: a set is `number` from `begin` on.
    """
    import daft
    from daft import DataType, col, lit

    known, where = np.unique(pairs, return_index=True)
    sizes = numbers.reshape(-1)[where]

    fields = ["file", "begin"]

    @daft.func.batch(return_dtype=DataType.struct(dict.fromkeys(fields, DataType.int64())), batch_size=_TEXTS_AT_ONCE)
    def stored(places: daft.Series, texts: daft.Series) -> Any:
        import pyarrow

        from hornbook.corpus.dedup import kernels

        place = places.to_arrow().to_numpy()
        file = int(place[0]) if len(place) else 0
        at = np.minimum(np.searchsorted(known, place), len(known) - 1)
        which = np.flatnonzero(known[at] == place)
        ends = np.cumsum(sizes[at[which]])
        begin = np.full(len(place), -1)
        if len(which):
            data, offsets = _bytes(texts)
            values = np.empty(ends[-1], np.uint64)
            told(lambda tables, wanted: kernels.sets(data, offsets, which, tables, wanted, length, values))
            values.tofile(directory / str(file))
            begin[which] = ends - sizes[at[which]]
        return pyarrow.StructArray.from_arrays([pyarrow.array(np.full(len(place), file)), pyarrow.array(begin)], fields)

    found = documents.select("place", stored(col("place"), col("text")).alias("set"))
    table = found.select("place", col("set").unnest()).where(col("begin") >= lit(0)).to_arrow()
    order = np.argsort(table["place"].to_numpy())
    return {"place": known, "number": sizes, **{name: table[name].to_numpy()[order] for name in fields}}


def _read_sets(
    directory: Path, written: dict[str, NDArray[np.int64]], places: Places
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the sets of places one behind the other, and where each begins, and the last ends."""
    where = np.searchsorted(written["place"], places)
    file, begin, number = (written[name][where] for name in ("file", "begin", "number"))
    begins = np.r_[0, np.cumsum(number)]
    values = np.empty(begins[-1], np.uint64)
    for name in np.unique(file).tolist():
        content = np.memmap(directory / str(name), np.uint64, "r")
        for one in np.flatnonzero(file == name).tolist():
            values[begins[one] : begins[one + 1]] = content[begin[one] : begin[one] + number[one]]
    return values, begins
