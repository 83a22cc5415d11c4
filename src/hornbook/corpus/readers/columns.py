"""Parquet and Arrow files -> records: the column of text first, and the other columns by it as far as they can be read.

A value beside the text never costs a row: one that Python cannot hold (a time in the year 292,277, one of nanoseconds)
is null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.corpus.grouping import grouped
from hornbook.corpus.readers.fields.choose import kept_columns
from hornbook.corpus.readers.fields.shapes import Shape, shape_of
from hornbook.corpus.readers.packed import BLOCK, BadRecord, Place, open_bytes, shown
from hornbook.corpus.readers.record import Cut, Part, Reading, Record, lacking, text_record
from hornbook.corpus.readers.tables import check_column, own_names
from hornbook.errors import needing, reason_of

UNHELD = object()  # a value that Python cannot hold
_ROWS = 256  # of a batch


@dataclass(frozen=True)
class _Columns:
    """Which columns are read.

    text    those that the text is made of
    beside  the others, each with the name that its field gets
    shape   that of the file, told by all its columns, if it is known
    """

    text: list[str]
    beside: list[tuple[str, str]]
    shape: Shape | None


@dataclass(frozen=True)
class Parquet:
    """A record a row."""

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the column of text; strictly it alone (others cost reading), else with all others that are no bytes."""
        with needing(shown(place), "parquet"):
            import pyarrow
            from pyarrow.parquet import ParquetFile
        name = shown(place)
        number = part.first - 1
        try:
            source = place if isinstance(place, Path) else open_bytes(place)
            # Buffering ahead would hold the whole column in memory by the end.
            with ParquetFile(source, pre_buffer=False, buffer_size=BLOCK) as table:
                chosen = _columns(table.schema_arrow, name, reading)
                for group in range(part.start, part.stop or table.num_row_groups):
                    before, rows = number, table.metadata.row_group(group).num_rows
                    try:
                        for batch in _batches(table, group, chosen, name, reading):
                            yield from _rows(batch, chosen, number + 1, name, reading)
                            number += batch.num_rows
                    except (pyarrow.ArrowException, OSError) as error:
                        lost = before + rows - number
                        which = f"rows {number + 1:,} to {before + rows:,}"
                        message = f"{name}, {which} (row group {group}), cannot be read ({reason_of(error)})."
                        reading.refuse(BadRecord(message, "damaged parquet", number + 1, lost))
                    number = before + rows
        except (pyarrow.ArrowException, OSError) as error:
            message = f"{name} cannot be read as parquet ({reason_of(error)}). Restore it or make it again."
            raise BadRecord(message, "damaged parquet") from error

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of whole row groups."""
        return _row_groups(place, unit)


def rows(place: Place) -> Iterator[Any]:
    """Yield each row of a parquet file, all its columns. Raises BadRecord where they cannot be read."""
    with needing(shown(place), "parquet"):
        import pyarrow
        from pyarrow.parquet import ParquetFile
    try:
        with ParquetFile(place if isinstance(place, Path) else open_bytes(place), pre_buffer=False) as table:
            for batch in table.iter_batches(_ROWS):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        message = f"{shown(place)} cannot be read as parquet ({reason_of(error)}). Restore it or make it again."
        raise BadRecord(message, "damaged parquet") from error


def _row_groups(path: Place, unit: int) -> list[Cut]:
    """Return parts of about `unit` bytes, of whole row groups."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path if isinstance(path, Path) else open_bytes(path)) as table:
        facts = [table.metadata.row_group(index) for index in range(table.num_row_groups)]
    cuts, row = [], 1
    for held in grouped(range(len(facts)), lambda index: facts[index].total_byte_size, unit):
        last = held[-1] + 1 if held[-1] + 1 < len(facts) else 0
        cuts.append(Cut(held[0], last, sum(facts[index].total_byte_size for index in held), row))
        row += sum(facts[index].num_rows for index in held)
    return cuts


def _batches(table: Any, group: int, chosen: _Columns, name: str, reading: Reading) -> Iterator[Any]:
    """Yield a row group in batches; where one fails, the rest of it, without the columns that fail by themselves."""
    import pyarrow

    done = 0
    columns = list(dict.fromkeys([*chosen.text, *(column for column, _ in chosen.beside)]))
    try:
        for batch in table.iter_batches(_ROWS, row_groups=[group], columns=columns):
            yield batch
            done += batch.num_rows
        return
    except (pyarrow.ArrowException, OSError):
        sound = [column for column in columns if _is_sound(table, group, column)]
        if not {*chosen.text} <= {*sound} or sound == columns:
            raise
    lost = ", ".join(f'"{column}"' for column in columns if column not in sound)
    reading.remark(f"{name}, row group {group}: the columns {lost} cannot be read; the text is.", "damaged column")
    for batch in table.iter_batches(_ROWS, row_groups=[group], columns=sound):
        skipped = min(done, batch.num_rows)
        done -= skipped
        if skipped < batch.num_rows:
            yield batch.slice(skipped)


def _is_sound(table: Any, group: int, column: str) -> bool:
    import pyarrow

    try:
        for _ in table.iter_batches(_ROWS, row_groups=[group], columns=[column]):
            pass
    except (pyarrow.ArrowException, OSError):
        return False
    return True


@dataclass(frozen=True)
class Arrow:
    """A record a row of an Arrow file."""

    def __call__(self, path: Place, reading: Reading, part: Part) -> Iterator[Record]:
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
                chosen = _columns(table.schema, name, reading)
                for batch in batches:
                    for start in range(0, batch.num_rows, _ROWS):
                        yield from _rows(batch.slice(start, _ROWS), chosen, number + 1, name, reading)
                        number += min(_ROWS, batch.num_rows - start)
        except (pyarrow.ArrowException, OSError) as error:
            message = f"{name}, from row {number + 1:,} on, cannot be read as Arrow ({reason_of(error)}). Restore it."
            raise BadRecord(message, "damaged Arrow file", number + 1) from error


def _columns(schema: Any, name: str, reading: Reading) -> _Columns:
    """Return the columns that are read: strictly those of the text and of the fields that are named, else all.

    Raises BadRecord where a column of the text is not there.
    """
    text = check_column(schema.names, name, reading)
    for column in text:
        if _is_bytes(schema.field(column).type):
            message = f'{name}: the column "{column}" holds bytes instead of strings.'
            raise BadRecord(message, f'"{column}" holds bytes')
    names = [item.name for item in schema if not _is_bytes(item.type) and item.name not in text]
    inner = [f"{item.name}.{child.name}" for item in schema for child in _children(item.type)]
    if reading.fields:
        missing = [field for field in reading.fields if not kept_columns(schema.names, [field], inner)]
        lacking(schema.names, missing, name, reading)
        held = kept_columns(schema.names, reading.fields, inner)
        names = [column for column in names if column in held]
    elif reading.strict:
        names = []
    return _Columns(
        text,
        list(zip(names, own_names(names, name, reading), strict=True)),
        shape_of(frozenset([*schema.names, *inner])),
    )


def _children(kind: Any) -> list[Any]:
    import pyarrow.types as types

    return [kind.field(index) for index in range(kind.num_fields)] if types.is_struct(kind) else []


def _is_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    tests = ("is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view")
    return any(test(kind) for name in tests if (test := getattr(types, name, None)))


def _rows(batch: Any, chosen: _Columns, first: int, name: str, reading: Reading) -> Iterator[Record]:
    """Yield the records of a batch, whose first row has this number; a text that is no UTF-8 is told and left out."""
    names: dict[str, list[str]] = {column: [column] for column in chosen.text}
    for column, own in chosen.beside:
        names.setdefault(column, []).append(own)
    values = {}
    for place, column in enumerate(batch.schema.names):
        if names.get(column):
            values[names[column].pop(0)] = _values(batch.column(place))
    for place in range(batch.num_rows):
        number = first + place
        row = {own: column[place] for own, column in values.items()}
        try:
            if any(row[column] is UNHELD for column in chosen.text):
                message = f"{name}: the text of row {number} is not UTF-8. Write the file again."
                raise BadRecord(message, "not UTF-8", number)
            row = {own: None if value is UNHELD else value for own, value in row.items()}
            yield text_record(number, row, f"{name}, row {number}", reading.field, reading.fields, chosen.shape)
        except BadRecord as error:
            reading.refuse(error)


def _values(column: Any) -> list[Any]:
    """Return a column's values, UNHELD in the place of each that Python cannot hold."""
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError, TypeError, NotImplementedError):  # UnicodeDecodeError is a ValueError
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError, TypeError, NotImplementedError):
        return UNHELD
