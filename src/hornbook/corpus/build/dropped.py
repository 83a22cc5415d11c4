"""The list of dropped documents: which step dropped each, why, and which document it is a copy of.

    dropped.parquet   place int64; id, source; step (its kind), number int64 (which step of the recipe); reason;
                      duplicate_of (the id of the document that was kept, or that it is like elsewhere; null = none);
                      told (what else the step told of it, a JSON object); text (how it begins); ascending by place

Each stage leaves a piece for each block in `work/dropped`; they are put together at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook.artifacts import json_text
from hornbook.corpus.build.blocks import whole
from hornbook.corpus.step import Page

if TYPE_CHECKING:
    import pyarrow

_BEGINNING = 300  # characters
_COPY_OF = ("duplicate_of", "like")  # fields by which steps name the other document


def schema() -> pyarrow.Schema:
    import pyarrow as pa

    text = ("id", "source", "step", "reason", "duplicate_of", "told", "text")
    return pa.schema([("place", pa.int64()), ("number", pa.int64()), *((name, pa.string()) for name in text)])


def rows_of(
    page: Page, reasons: Sequence[str], told: Sequence[Mapping[str, Any]], kind: str, number: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for each document of a page that a step drops."""
    for index, reason in enumerate(reasons):
        if reason:
            facts = dict(told[index])
            copied = [facts.pop(name) for name in _COPY_OF if name in facts]
            yield {
                "place": int(page.places[index]),
                "number": number,
                "id": page.ids[index],
                "source": page.sources[index],
                "step": kind,
                "reason": reason,
                "duplicate_of": copied[0] if copied else None,
                "told": json_text(facts, ascii_only=False, default=str),
                "text": page.texts[index][:_BEGINNING],
            }


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows of a block, whole or not at all."""
    import pyarrow
    from pyarrow import parquet

    with whole(path) as partial:
        parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=schema()), partial, compression="zstd")


def gather(folder: Path, blocks: Sequence[str], target: Path) -> None:
    """Put the pieces of all stages together, block by block in the order of their places."""
    import pyarrow
    from pyarrow import parquet

    pieces: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.parquet")):
        pieces.setdefault(path.stem.partition("-")[2], []).append(path)
    with (
        whole(target, folder) as partial,
        parquet.ParquetWriter(
            partial, schema(), compression="zstd", use_dictionary=["source", "step", "reason"]
        ) as writer,
    ):
        for block in blocks:
            if mine := pieces.get(block):
                table = pyarrow.concat_tables([parquet.read_table(path, schema=schema()) for path in mine])
                if len(table):
                    writer.write_table(table.sort_by("place"))
