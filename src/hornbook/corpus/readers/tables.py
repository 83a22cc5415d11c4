"""CSV, TSV, parquet and Arrow files -> records: the column of text, the other columns as meta."""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hornbook.corpus.document import free_name
from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, decoded, find, seven_bits
from hornbook.corpus.readers.fields.choose import NoField, columns, kept_columns
from hornbook.corpus.readers.packed import BadRecord, NotText, Place, blocks, shown
from hornbook.corpus.readers.record import (
    LONGEST,
    Part,
    Reading,
    Record,
    close,
    lacking,
    noted,
    other_field,
    text_record,
)

_BETWEEN = (",", ";", "\t", "|")  # what parts the columns of CSV; the first that finds the column of text


def file_text(path: Place, reading: Reading) -> tuple[Iterator[str], Encoding]:
    """Return a whole file's text in pieces, and how it is written. Raises NotText, also while the text is read.

    Strictly it is UTF-8.
    """
    try:
        if reading.strict:
            start = next(blocks(path), b"")
            encoding, mark = UTF8, 3 * start.startswith(codecs.BOM_UTF8)
            if shifts := seven_bits(start):
                raise Undecodable(f"it is in {shifts.codec}")
        else:
            encoding, mark = find(lambda: blocks(path))
    except Undecodable as error:
        message = f"{shown(path)} is not a text file ({error}). Convert it to UTF-8 text first."
        raise NotText(message, str(error)) from error
    return _text(path, reading, encoding, mark), encoding


def _text(path: Place, reading: Reading, encoding: Encoding, mark: int) -> Iterator[str]:
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
        codec = encoding.codec.upper()
        message = f"{shown(path)} is not {codec} text (line {line}). Convert it first, for example with iconv."
        raise NotText(message, str(error), line) from error


@dataclass(frozen=True)
class Separated:
    """A record a row of CSV or TSV."""

    def __call__(self, path: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the rows of a .csv file, quoted as RFC 4180 says, or of a .tsv file, which knows no quotes.

        Columns of a .csv file are parted by commas, or by what else finds the column of text in its first line.
        """
        tabs = ".tsv" in shown(path).lower()[-8:]
        text, encoding = file_text(path, reading)
        csv.field_size_limit(LONGEST)
        lines, name = _lines(text), shown(path)
        first = next(lines, "")
        between = "\t" if tabs else next((sign for sign in _BETWEEN if _has_text(_cells(first, sign), reading)), ",")
        every = itertools.chain((first,), lines)
        rows = csv.reader(every, strict=True, delimiter=between, quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL)
        header: list[str] | None = None
        for number in itertools.count(1):
            line = rows.line_num + 1  # where the row begins: with an open quote it may reach far
            try:
                row = next(rows, None)
            except csv.Error as error:
                lost = rows.line_num - line + 1
                reach = f"s {line} to {rows.line_num}, are" if lost > 1 else f" {line}, is"
                open_quote = (
                    ": a quote that opens there is closed nowhere or in the midst of a cell" if lost > 1 else ""
                )
                message = f"{name}, line{reach} not valid ({error}){open_quote}."
                reading.refuse(BadRecord(message, "not valid CSV", line, lost))
                continue
            if row is None:
                return
            if header is None:
                check_column(row, name, reading)
                lacking(row, [field for field in reading.fields if not kept_columns(row, [field])], name, reading)
                header = own_names(row, name, reading)
                continue
            if not row:
                continue
            if len(row) != len(header):
                message = f"{name}, line {line}, has {len(row)} columns instead of {len(header)}."
                lost = rows.line_num - line + 1
                reading.refuse(BadRecord(message, "another number of columns", line, lost))
                continue
            record = text_record(number - 1, dict(zip(header, row, strict=True)), name, reading.field, reading.fields)
            yield noted(record, encoding)


def _has_text(names: Sequence[str], reading: Reading) -> bool:
    try:
        return bool(columns(names, reading.field))
    except NoField:
        return False


def _cells(line: str, between: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=between), [])
    except csv.Error:
        return []


def own_names(names: Sequence[str], name: str, reading: Reading) -> list[str]:
    """Return a name of its own for each column, and tell of those that are renamed."""
    taken = set(names)
    seen: set[str] = set()
    own = []
    for column in names:
        own.append(free_name(taken, column) if column in seen else column)
        seen.add(column)
        taken.add(own[-1])
    if renamed := [f'"{new}"' for old, new in zip(names, own, strict=True) if new != old]:
        message = f"{name} has several columns of one name: the later ones are kept as {', '.join(renamed)}."
        reading.remark(message, "several columns of one name", 1)
    return own


def check_column(names: Sequence[str], name: str, reading: Reading) -> list[str]:
    """Return the columns that the text is made of. Raises BadRecord unless each is there, once."""
    try:
        found = columns(names, reading.field)
    except NoField as missing:
        told = f'{name} has no column "{missing}" (its columns: {", ".join(names) or "none"}).'
        message = f"{told}{close(str(missing), names)} {other_field('COLUMN')}"
        raise BadRecord(message, f'no column "{missing}"', 1) from None
    for column in found:
        if list(names).count(column) > 1:
            message = f'{name} has several columns "{column}". Rename all but one.'
            raise BadRecord(message, f'several columns "{column}"', 1)
    return found


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
