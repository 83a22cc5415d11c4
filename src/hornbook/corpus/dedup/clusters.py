"""Clusters: documents that count as one, which of them stays, and the step that lets the others go.

    clusters.parquet   cluster, place (int64), id (string), kept (bool), told (JSON); ascending by cluster and place

Shapes: N documents of clusters, P pairs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.dedup.shingles import Pairs, Places
from hornbook.corpus.step import Page, Verdicts

if TYPE_CHECKING:
    from daft import DataFrame

_FEW = 100_000  # pairs that plain Python joins in a fifth of a second


@dataclass(frozen=True)
class AsFound:
    """Drop or keep the documents that a survey found, and add to their fields what it tells of them.

    file    parquet: place, kept, told (fields as JSON)
    reason  why those that are not kept go
    """

    file: Path
    reason: str

    def __call__(self, page: Page) -> Verdicts:
        places, kept, told = _load(self.file)
        reasons = [""] * len(page)
        metas: list[Mapping[str, Any]] = [{}] * len(page)
        if len(places):
            where = np.minimum(np.searchsorted(places, page.places), len(places) - 1)
            for number in np.flatnonzero(places[where] == page.places).tolist():
                reasons[number] = "" if kept[where[number]] else self.reason
                metas[number] = json.loads(told[where[number]].as_py())
        return Verdicts(page.texts, reasons, metas)


@functools.lru_cache(maxsize=8)
def _load(file: Path) -> tuple[Places, NDArray[np.bool_], Any]:
    """Return the places in order, which are kept, and what is told of each."""
    from pyarrow import parquet

    table = parquet.read_table(file, columns=["place", "kept", "told"]).sort_by("place")
    return table["place"].to_numpy(), table["kept"].to_numpy(), table["told"].combine_chunks()


def one_of_each(documents: DataFrame, pairs: Pairs, keep: str, directory: Path, reason: str) -> AsFound:
    """Make clusters of pairs, connected ones together, choose whom to keep, write them, and return the step.

    `keep` is "first" (the lowest place), "longest" (of text in bytes), or the name of a number in the documents' meta,
    of which the highest is kept; ties keep the first. That one learns how many `copies` it stands for, the others of
    which document each is a `duplicate_of`.
    """
    import daft
    import pyarrow
    from daft import col, lit
    from pyarrow import parquet

    places = np.unique(pairs)
    cluster = _components(np.searchsorted(places, pairs), len(places))
    chosen = daft.from_pydict({"place": places})
    if keep in ("longest", "first"):  # no text takes part in the join
        merit = col("text").length_bytes() if keep == "longest" else lit(0) - col("place")
        about = documents.select("place", "id", merit.cast(daft.DataType.float64()).alias("merit"))
        about = about.join(chosen, on="place")
    else:
        about = documents.select("place", "id", "meta").join(chosen, on="place")
        about = about.select("place", "id", _merits(keep)(col("meta")).alias("merit"))
    table = about.sort("place").to_arrow()
    merit, ids = table["merit"].to_numpy(), table["id"].to_pylist()
    order = np.lexsort((places, -merit, cluster))
    best = order[np.r_[True, cluster[order][1:] != cluster[order][:-1]]] if len(order) else order  # a cluster's first
    told = [json.dumps({"duplicate_of": ids[best[number]]}) for number in cluster.tolist()]
    for number, copies in enumerate(np.bincount(cluster).tolist()):
        told[best[number]] = json.dumps({"copies": copies})
    kept = np.zeros(len(places), bool)
    kept[best] = True
    columns = {"cluster": cluster, "place": places, "id": pyarrow.array(ids, pyarrow.string()), "kept": kept}
    table = pyarrow.table({**columns, "told": pyarrow.array(told, pyarrow.string())})
    file = directory / "clusters.parquet"
    parquet.write_table(table.sort_by([("cluster", "ascending"), ("place", "ascending")]), file)
    return AsFound(file, reason)


def _components(pairs: Pairs, number: int) -> Places:
    """Return for each of `number` the number of its connected component; of few pairs without compiled loops."""
    if len(pairs) > _FEW:
        from hornbook.corpus.dedup.kernels import components

        return components(pairs, number)  # type: ignore[no-any-return]
    label = list(range(number))
    for edge in pairs.tolist():
        roots = [_root(label, place) for place in edge]
        label[max(roots)] = min(roots)
    return np.unique([_root(label, place) for place in range(number)], return_inverse=True)[1].astype(np.int64)


def _root(label: list[int], place: int) -> int:
    """Return the lowest member of a place's component, which becomes its label."""
    while label[place] != place:
        label[place] = label[label[place]]
        place = label[place]
    return place


def _merits(name: str) -> Any:
    """Return the function that reads the number `name` of each meta; those without it come last."""
    import daft

    @daft.func.batch(return_dtype=daft.DataType.float64())
    def merits(metas: daft.Series) -> Any:
        found = [json.loads(meta).get(name) for meta in metas.to_pylist()]
        return [float(value) if isinstance(value, int | float) else -np.inf for value in found]

    return merits
