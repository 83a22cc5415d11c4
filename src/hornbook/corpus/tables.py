"""CSV, TSV, parquet and Arrow files -> records: the column of text, the other columns as meta."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hornbook.corpus.encodings import UTF8, Encoding, Undecodable, decoded, find
from hornbook.corpus.packed import BLOCK, BadRecord, NotText, blocks, is_url, missing, open_bytes, shown
from hornbook.corpus.record import LONGEST, Part, Reading, Record, text_record

_PARQUET_ROWS = 256


def file_text(path: Path | str, reading: Reading) -> tuple[Iterator[str], Encoding]:
    """Return a whole file's text in pieces, and how it is written. Raises NotText, also while the text is read."""
    try:
        encoding, mark = _strictly(path) if reading.strict else find(blocks(path))
    except Undecodable as error:
        raise NotText(
            f"{shown(path)} is not a text file ({error}). Convert it to UTF-8 text first.", str(error)
        ) from error
    return _text(path, reading, encoding, mark), encoding


def _strictly(path: Path | str) -> tuple[Encoding, int]:
    start = next(blocks(path), b"")
    return UTF8, 3 if start.startswith(b"\xef\xbb\xbf") else 0


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
    rows = csv.reader(
        _lines(text),
        delimiter="\t" if tabs else ",",
        quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
        strict=True,
    )
    name = shown(path)
    header: list[str] | None = None
    for number in _count():
        try:
            row = next(rows, None)
        except csv.Error as error:
            line = rows.line_num
            reading.refuse(BadRecord(f"{name}, line {line}, is not valid ({error}).", "not valid CSV", line))
            continue
        if row is None:
            return
        if header is None:
            header = row
            if reading.field not in header:
                columns = ", ".join(header) or "none"
                message = f'{name} has no column "{reading.field}" (its columns: {columns}). Rename one.'
                raise BadRecord(message, f'no column "{reading.field}"', 1)
            continue
        if not row:
            continue
        if len(row) != len(header):
            message = f"{name}, line {rows.line_num}, has {len(row)} columns instead of {len(header)}."
            reading.refuse(BadRecord(message, "another number of columns", rows.line_num))
            continue
        note = {"encoding": encoding.note} if encoding.note else {}
        yield text_record(number - 1, {**dict(zip(header, row, strict=True)), **note}, name, reading.field)


def _count() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yield lines with their ends."""
    pending: list[str] = []
    for piece in pieces:
        *whole, rest = piece.split("\n")
        if whole:
            yield "".join((*pending, whole[0], "\n"))
            yield from (line + "\n" for line in whole[1:])
            pending = []
        pending.append(rest)
    last = "".join(pending)
    if last:
        yield last


def parquet(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    """Yield the column of text; strictly it alone (the others cost reading), else with all others that are no bytes."""
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise missing(path, "parquet") from error
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
                    for batch in table.iter_batches(_PARQUET_ROWS, row_groups=[group], columns=columns):
                        for row in batch.to_pylist():
                            number += 1
                            yield _row(number, row, name, reading)
                except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
                    if reading.strict:
                        raise
                    message = f"{name}, rows after {number} of row group {group}, cannot be read ({_first(error)})."
                    reading.refuse(BadRecord(message, "damaged parquet", number + 1))
                number = before + table.metadata.row_group(group).num_rows
    except UnicodeDecodeError as error:
        message = f"{name}: the text of a row after row {number} is not UTF-8. Write the file again."
        raise BadRecord(message, "not UTF-8", number + 1) from error
    except (pyarrow.ArrowException, OSError) as error:
        message = f"{name} cannot be read as parquet ({_first(error)}). Restore it or make it again."
        raise BadRecord(message, "damaged parquet") from error


def _columns(schema: Any, name: str, reading: Reading) -> list[str]:
    """Return the names of the columns to read."""
    import pyarrow.types as types

    if reading.field not in schema.names:
        columns = ", ".join(schema.names) or "none"
        message = (
            f'{name} has no column "{reading.field}" (its columns: {columns}). Rename the column that holds the text.'
        )
        raise BadRecord(message, f'no column "{reading.field}"')
    if reading.strict:
        return [reading.field]
    return [item.name for item in schema if not types.is_binary(item.type) and not types.is_large_binary(item.type)]


def _row(number: int, row: dict[str, Any], name: str, reading: Reading) -> Record:
    text = row.get(reading.field)
    if text is not None and not isinstance(text, str):
        kind = type(text).__name__
        message = f'{name}: the column "{reading.field}" holds {kind} instead of strings.'
        raise BadRecord(message, f'"{reading.field}" holds {kind}', number)
    return text_record(number, row, f"{name}, row {number}", reading.field)


def _first(error: Exception) -> str:
    """Return an error's first line."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def arrow(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    """Yield the rows of an Arrow file, as `datasets` writes them to disk (a stream) or with a footer (a file)."""
    try:
        import pyarrow
        from pyarrow import ipc
    except ImportError as error:
        raise missing(path, "parquet") from error
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
                for row in batch.select(columns).to_pylist():
                    number += 1
                    yield _row(number, row, name, reading)
    except UnicodeDecodeError as error:
        raise BadRecord(f"{name}: the text after row {number} is not UTF-8.", "not UTF-8", number + 1) from error
    except (pyarrow.ArrowException, OSError) as error:
        message = f"{name} cannot be read as Arrow ({_first(error)}). Restore it or make it again."
        raise BadRecord(message, "damaged Arrow file") from error
