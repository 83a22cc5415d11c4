"""Clusters: documents that count as one, which of them stays, and the step that lets the others go.

    directory/clusters.parquet   cluster, place (int64), id (string), kept (bool); ascending by cluster and place

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

from hornbook.corpus.dedup.shingles import Pairs, Places, components
from hornbook.corpus.step import Page, Verdicts

if TYPE_CHECKING:
    from daft import DataFrame

_FILE = "clusters.parquet"


@dataclass(frozen=True)
class OneOfEach:
    """Keep one document of each cluster, which learns how many `copies` it stood for.

    directory  where the clusters are written
    reason     why the others go
    """

    directory: Path
    reason: str

    def __call__(self, page: Page) -> Verdicts:
        """Drop those that are not kept, telling of which document each is a `duplicate_of`."""
        places, kept, about = _load(self.directory)
        reasons = [""] * len(page)
        metas: list[Mapping[str, Any]] = [{}] * len(page)
        if len(places):
            where = np.minimum(np.searchsorted(places, page.places), len(places) - 1)
            for number in np.flatnonzero(places[where] == page.places):
                found = where[number]
                reasons[number] = "" if kept[found] else self.reason
                metas[number] = {"copies": about[found]} if kept[found] else {"duplicate_of": about[found]}
        return Verdicts(page.texts, reasons, metas)


@functools.lru_cache(maxsize=8)
def _load(directory: Path) -> tuple[Places, NDArray[np.bool_], list[int | str]]:
    """Return all places in order, which are kept, and for each its number of copies or the kept one's id."""
    from pyarrow import parquet

    table = parquet.read_table(directory / _FILE)
    cluster, places, kept = (table[name].to_numpy() for name in ("cluster", "place", "kept"))
    ids = table["id"].to_pylist()
    size = np.bincount(cluster)
    stays = {number: ids[where] for where, number in enumerate(cluster) if kept[where]}
    about = [int(size[number]) if kept[where] else stays[number] for where, number in enumerate(cluster)]
    order = np.argsort(places)
    return places[order], kept[order], [about[where] for where in order]


def write_clusters(documents: DataFrame, pairs: Pairs, keep: str, directory: Path) -> None:
    """Make clusters of pairs, connected ones together, choose whom to keep, and write them.

    `keep` is "first" (the lowest place), "longest" (of text in bytes), or the name of a number in the documents' meta,
    of which the highest is kept; ties keep the first.
    """
    import daft
    import pyarrow
    from daft import col, lit
    from pyarrow import parquet

    places = np.unique(pairs)
    cluster = components(places, pairs)
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
    best = order[np.r_[True, cluster[order][1:] != cluster[order][:-1]]] if len(order) else order
    kept = np.zeros(len(places), bool)
    kept[best] = True
    order = np.lexsort((places, cluster))
    parquet.write_table(
        pyarrow.table(
            {
                "cluster": cluster[order],
                "place": places[order],
                "id": [ids[where] for where in order],
                "kept": kept[order],
            }
        ),
        directory / _FILE,
    )


def _merits(name: str) -> Any:
    """Return the function that reads the number `name` of each meta; those without it come last."""
    import daft

    @daft.func.batch(return_dtype=daft.DataType.float64())
    def merits(metas: daft.Series) -> Any:
        found = [json.loads(meta).get(name) for meta in metas.to_pylist()]
        return [float(value) if isinstance(value, int | float) else -np.inf for value in found]

    return merits
