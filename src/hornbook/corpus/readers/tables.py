"""CSV, TSV, parquet and Arrow files -> records: the column of text, the other columns as meta."""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, decoded, find
from hornbook.corpus.readers.packed import BLOCK, BadRecord, NotText, blocks, is_url, open_bytes, shown
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record, text_record
from hornbook.errors import needing, reason_of


def file_text(path: Path | str, reading: Reading) -> tuple[Iterator[str], Encoding]:
    """Return a whole file's text in pieces, and how it is written. Raises NotText, also while the text is read."""
    try:
        if reading.strict:
            encoding, mark = UTF8, 3 * next(blocks(path), b"").startswith(codecs.BOM_UTF8)
        else:
            encoding, mark = find(blocks(path))
    except Undecodable as error:
        message = f"{shown(path)} is not a text file ({error}). Convert it to UTF-8 text first."
        raise NotText(message, str(error)) from error
    return _text(path, reading, encoding, mark), encoding


def _text(path: Path | str, reading: Reading, encoding: Encoding, mark: int) -> Iterator[str]:
    seen = 0

    def pieces() -> Iterator[bytes]:
        nonlocal seen
        for block in blocks(path):
            if reading.strict and b"\0" in block:
                message = f"{shown(path)} is not a text file (it has NUL bytes). Convert it to UTF-8 text first."
                raise NotText(message, "NUL bytes, so not a text")
            yield block
            seen += block.count(b"\n")

    try:
        yield from decoded(pieces(), encoding, mark)
    except Undecodable as error:
        cause = error.__cause__
        line = seen + 1
        if isinstance(cause, UnicodeDecodeError):
            line += cause.object.count(b"\n", 0, cause.start)
        message = f"{shown(path)} is not UTF-8 text (line {line}). Convert it first, for example with iconv."
        raise NotText(message, str(error), line) from error


def separated(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    """Yield the rows of a .csv file, quoted as RFC 4180 says, or of a .tsv file, which knows no quotes."""
    tabs = ".tsv" in shown(path).lower()[-8:]
    text, encoding = file_text(path, reading)
    csv.field_size_limit(LONGEST)
    dialect: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {}
    rows, name = csv.reader(_lines(text), strict=True, **dialect), shown(path)
    header: list[str] | None = None
    for number in itertools.count(1):
        line = rows.line_num + 1  # where the row begins: with an open quote it may reach far
        try:
            row = next(rows, None)
        except csv.Error as error:
            reading.refuse(BadRecord(f"{name}, line {line}, is not valid ({error}).", "not valid CSV", line))
            continue
        if row is None:
            return
        if header is None:
            header = row
            _the_column(header, name, reading)
            continue
        if not row:
            continue
        if len(row) != len(header):
            message = f"{name}, line {line}, has {len(row)} columns instead of {len(header)}."
            reading.refuse(BadRecord(message, "another number of columns", line))
            continue
        note = {"encoding": encoding.note} if encoding.note else {}
        yield text_record(number - 1, {**dict(zip(header, row, strict=True)), **note}, name, reading.field)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yield lines with their ends; carriage returns alone end lines where the text begins with such."""
    pending: list[str] = []
    pieces = iter(pieces)
    start = next(pieces, "")
    end = "\r" if "\n" not in start and "\r" in start[:-1] else "\n"
    for piece in itertools.chain((start,), pieces):
        *whole, rest = piece.split(end)
        if whole:
            yield "".join((*pending, whole[0], end))
            yield from (line + end for line in whole[1:])
            pending = []
        pending.append(rest)
    last = "".join(pending)
    if last:
        yield last


def parquet(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    """Yield the column of text; strictly it alone (the others cost reading), else with all others that are no bytes."""
    with needing(shown(path), "parquet"):
        import pyarrow
        from pyarrow.parquet import ParquetFile
    name = shown(path)
    number = part.first - 1
    try:
        source = open_bytes(path) if is_url(path) else path
        # Buffering ahead would hold the whole column in memory by the end.
        with ParquetFile(source, pre_buffer=False, buffer_size=BLOCK) as table:
            columns = _columns(table.schema_arrow, name, reading)
            for group in range(part.start, part.stop or table.num_row_groups):
                before = number
                try:
                    for batch in table.iter_batches(256, row_groups=[group], columns=columns):
                        yield from _rows(batch, number + 1, name, reading)
                        number += batch.num_rows
                except (pyarrow.ArrowException, OSError) as error:
                    message = f"{name}, rows after {number} of row group {group}, cannot be read ({reason_of(error)})."
                    reading.refuse(BadRecord(message, "damaged parquet", number + 1))
                number = before + table.metadata.row_group(group).num_rows
    except (pyarrow.ArrowException, OSError) as error:
        message = f"{name} cannot be read as parquet ({reason_of(error)}). Restore it or make it again."
        raise BadRecord(message, "damaged parquet") from error


def _rows(batch: Any, first: int, name: str, reading: Reading) -> Iterator[Record]:
    """Yield the records of a batch, whose first row has this number; a text that is no UTF-8 is told and left out."""
    try:
        rows = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows > 1:
            for index in range(batch.num_rows):
                yield from _rows(batch.slice(index, 1), first + index, name, reading)
            return
        message = f"{name}: the text of row {first} is not UTF-8. Write the file again."
        reading.refuse(BadRecord(message, "not UTF-8", first))
        return
    for number, row in enumerate(rows, first):
        yield text_record(number, row, f"{name}, row {number}", reading.field)


def _the_column(names: Sequence[str], name: str, reading: Reading) -> None:
    """Raise BadRecord unless one column, and one alone, has the name of the text's."""
    field = reading.field
    if field not in names:
        columns = ", ".join(names) or "none"
        message = f'{name} has no column "{field}" (its columns: {columns}). Rename the column that holds the text.'
        raise BadRecord(message, f'no column "{field}"', 1)
    if list(names).count(field) > 1:
        message = f'{name} has several columns "{field}". Rename all but one.'
        raise BadRecord(message, f'several columns "{field}"', 1)


def _columns(schema: Any, name: str, reading: Reading) -> list[str]:
    import pyarrow.types as types

    _the_column(schema.names, name, reading)
    binary = {item.name for item in schema if types.is_binary(item.type) or types.is_large_binary(item.type)}
    if reading.field in binary:
        message = f'{name}: the column "{reading.field}" holds bytes instead of strings.'
        raise BadRecord(message, f'"{reading.field}" holds bytes')
    return [reading.field] if reading.strict else [item.name for item in schema if item.name not in binary]


def arrow(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    """Yield the rows of an Arrow file, as `datasets` writes them to disk (a stream) or with a footer (a file)."""
    with needing(shown(path), "parquet"):
        import pyarrow
        from pyarrow import ipc
    name = shown(path)
    number = 0
    try:
        with open_bytes(path) as stream:
            if stream.read(6) == b"ARROW1":
                table = ipc.open_file(stream)
                batches = (table.get_batch(index) for index in range(table.num_record_batches))
            else:
                stream.seek(0)
                table = ipc.open_stream(stream)
                batches = iter(table)
            columns = _columns(table.schema, name, reading)
            for batch in batches:
                yield from _rows(batch.select(columns), number + 1, name, reading)
                number += batch.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        message = f"{name} cannot be read as Arrow ({reason_of(error)}). Restore it or make it again."
        raise BadRecord(message, "damaged Arrow file") from error
