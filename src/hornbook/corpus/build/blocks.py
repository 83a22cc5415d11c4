"""Blocks: files of documents, what workers hand to each other. Each is written whole or not at all.

Columns: place int64, id, source, text, meta (a JSON object) string; of the work's blocks also words and tokens int64.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hornbook.artifacts import disk_errors, sync

if TYPE_CHECKING:
    import pyarrow

DOCUMENT_COLUMNS = ("place", "id", "source", "text", "meta")
BLOCK_DOCUMENTS = 1 << 16


@dataclass(frozen=True)
class Block:
    """N documents with their lengths.

    places   int64[N], ascending
    metas    JSON objects as strings
    words    int64[N], pieces between blanks
    tokens   int64[N], zeros without a tokenizer
    """

    places: NDArray[np.int64]
    ids: Sequence[str]
    sources: Sequence[str]
    texts: Sequence[str]
    metas: Sequence[str]
    words: NDArray[np.int64]
    tokens: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


def schema(lengths: bool = True) -> pyarrow.Schema:
    """Return the columns of a block, without `lengths` those of a built corpus."""
    import pyarrow as pa

    columns = [("place", pa.int64()), *((name, pa.string()) for name in DOCUMENT_COLUMNS[1:])]
    return pa.schema([*columns, *((name, pa.int64()) for name in ("words", "tokens") if lengths)])


def to_table(block: Block) -> pyarrow.Table:
    """Return a block as a table."""
    import pyarrow as pa

    columns: list[Any] = [block.places, block.ids, block.sources, block.texts, block.metas, block.words, block.tokens]
    shape = schema()
    return pa.table([pa.array(column, item.type) for column, item in zip(columns, shape, strict=True)], schema=shape)


def write_block(path: Path, block: Block) -> None:
    """Write a block whole or not at all."""
    from pyarrow import parquet

    with whole(path) as partial:
        parquet.write_table(to_table(block), partial, compression="zstd", use_dictionary=["source"])


def read_block(path: Path) -> Block:
    """Read a block."""
    from pyarrow import parquet

    table = parquet.read_table(path, schema=schema())
    places, words, tokens = (table.column(name).to_numpy() for name in ("place", "words", "tokens"))
    ids, sources, texts, metas = (table.column(name).to_pylist() for name in DOCUMENT_COLUMNS[1:])
    return Block(places, ids, sources, texts, metas, words, tokens)


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
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
