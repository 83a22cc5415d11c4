"""Blocks: tables of documents, in files that workers hand to each other. Each is written whole or not at all.

Columns: place int64, ascending; id, source, text, meta (a JSON object) string; of the work's blocks also words (pieces
between blanks) and tokens (zeros without a tokenizer) int64.

Shapes: N documents; sizes are their bytes, words and tokens.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hornbook.artifacts import disk_errors, sync

if TYPE_CHECKING:
    import pyarrow

DOCUMENT_COLUMNS = ("place", "id", "source", "text", "meta")
BLOCK_DOCUMENTS = 1 << 16


def schema(lengths: bool = True) -> pyarrow.Schema:
    """Return the columns of a block, without `lengths` those of a built corpus."""
    import pyarrow as pa

    columns = [("place", pa.int64()), *((name, pa.string()) for name in DOCUMENT_COLUMNS[1:])]
    return pa.schema([*columns, *((name, pa.int64()) for name in ("words", "tokens") if lengths)])


def write_block(path: Path, places: NDArray[np.int64], *texts: Sequence[str], sizes: NDArray[np.int64]) -> None:
    """Write places int64[N], ids, sources, texts, metas and sizes int64[N, 3]."""
    import pyarrow
    from pyarrow import parquet

    shape = schema()
    columns = (places, *texts, sizes[:, 1], sizes[:, 2])
    arrays = [pyarrow.array(column, item.type) for column, item in zip(columns, shape, strict=True)]
    with whole(path) as partial:
        table = pyarrow.table(arrays, schema=shape)
        parquet.write_table(table, partial, compression="zstd", use_dictionary=["source"])


def read_block(path: Path) -> tuple[pyarrow.Table, NDArray[np.int64]]:
    """Return the table of a block, and the sizes int64[N, 3] of its documents."""
    from pyarrow import compute, parquet

    table = parquet.read_table(path, schema=schema()).combine_chunks()
    columns = (compute.binary_length(table["text"]), table["words"], table["tokens"])
    return table, np.stack([column.to_numpy().astype(np.int64) for column in columns], axis=1)


@contextlib.contextmanager
def whole(path: Path, scratch: Path | None = None) -> Iterator[Path]:
    """Yield the path of a file that becomes `path` when all went well; until then it lies beside it, or in `scratch`.

    Its name is its own: a worker of a build that was killed may still be at work on the same file, and both write the
    same bytes. The folder is not made, since that worker must not bring back what was cleared away.
    """
    partial = (scratch or path.parent) / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial"
    with disk_errors(path):
        try:
            yield partial
            sync(partial)
            partial.replace(path)
            sync(path.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
