"""Files of labelled examples -> records: rows of tables, lines of JSON, questions of SQuAD, sentences of CoNLL.

    .tsv            cells between tabs, no quotes; with a line of names or without one; or CoNLL
    .csv            quoted as RFC 4180 says; , ; tab or | between cells; with a line of names
    .jsonl .ndjson  one object in each line
    .json           a list of objects, {"data": that list}, SQuAD's nesting, or one object in each line
    .conll .txt ... CoNLL: a word in each line, its tag in the last column, a blank line behind each sentence

Each may be packed (.gz, .bz2, .xz, .zst). Text that is no UTF-8 is read in the encoding it is likely to be in, with a
note that says so. Loads no torch.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.packed import ending
from hornbook.corpus.readers.record import LONGEST, Reading
from hornbook.corpus.readers.tables import file_text
from hornbook.errors import UserError

_CONLL = (".conll", ".txt", ".bio", ".iob", ".iob2", ".ner")
_LINES = (".jsonl", ".ndjson")
ENDINGS = (".tsv", ".csv", *_LINES, ".json", *_CONLL)
_BETWEEN = (",", ";", "\t", "|")
_TAG = re.compile(r"O|[BIESLUM]-\S+")


@dataclass(frozen=True)
class Rows:
    """What a file holds.

    records  where each stands ("line 7"), and its fields by name; the cells of a table without names are "0", "1" ...
    named    whether the fields have names of the file's own
    notes    what was read otherwise than it stands there
    """

    records: tuple[tuple[str, Mapping[str, Any]], ...]
    named: bool
    notes: tuple[str, ...]


def read_rows(path: Path, known: frozenset[str], tagging: bool = False) -> Rows:
    """Read a file of examples. Raises UserError that names the file, and the line where there is one.

    known     names of fields that mean something: by them a line of names is told from a first row
    tagging   whether it is known to hold sentences with tags, as a .tsv without blank lines may
    """
    kind = ending(path)
    if kind not in ENDINGS:
        raise UserError(f"{path} has an unknown ending: name it {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, or .gz.")
    if not path.exists():
        raise UserError(f"There is no file {path}.")
    remarks: list[str] = []
    pieces, encoding = file_text(path, Reading(bad=lambda error: remarks.append(str(error))))
    text = "".join(pieces)
    if encoding.note:
        remarks.append(f"{path} is no UTF-8; it is read as {encoding.note}.")
    if not text.strip():
        raise UserError(f"{path} is empty: it needs examples.")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # lines of old machines
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    named = True
    if kind in _LINES:
        records = list(_json_lines(lines, path))
    elif kind == ".json":
        records = list(_json(text, lines, path))
    elif kind in _CONLL or (kind == ".tsv" and (tagging or _is_conll(lines)) and not known & {*lines[0].split("\t")}):
        records = list(_conll(lines, path))
    else:
        cells = _tabs(lines) if kind == ".tsv" else _commas(text, path, known)
        records, named = _table(cells, path, known, headless=kind == ".tsv")
    return Rows(tuple(records), named, tuple(remarks))


def _tabs(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    return ((number, line.split("\t")) for number, line in enumerate(lines, 1) if line.strip())


def _commas(text: str, path: Path, known: frozenset[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line in which each row begins, and its cells."""
    csv.field_size_limit(LONGEST)
    first = text.partition("\n")[0].strip()
    between = max(_BETWEEN, key=lambda sign: len(known.intersection(next(csv.reader([first], delimiter=sign), ()))))
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=between)
    while True:
        number = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise UserError(f"{path}, line {number}, is not valid CSV ({error}).") from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield number, row


def _table(
    cells: Iterator[tuple[int, list[str]]], path: Path, known: frozenset[str], headless: bool
) -> tuple[list[tuple[str, Mapping[str, Any]]], bool]:
    """Return a table's rows by the names of its columns, and whether it has names."""
    number, first = next(cells)
    first = [name.strip() for name in first]
    named = not known.isdisjoint(first)
    if not named and not headless:
        raise UserError(
            f"{path} has no column that says what it holds (its columns: {', '.join(first)}): {_wanted(known)}."
        )
    if named and (twice := next((name for name in first if name in known and first.count(name) > 1), None)):
        raise UserError(f'{path} has several columns "{twice}": rename all but one.')
    names = first if named else [str(place) for place in range(len(first))]
    rows: list[tuple[str, Mapping[str, Any]]] = []
    if not named:
        rows.append((f"line {number}", dict(zip(names, first, strict=True))))
    for number, row in cells:
        if len(row) != len(names):
            raise UserError(f"{path}, line {number}, has {len(row)} columns instead of {len(names)}.")
        rows.append((f"line {number}", dict(zip(names, row, strict=True))))
    if not rows:
        raise UserError(f"{path} has a line of names and no examples.")
    return rows, named


def _wanted(known: frozenset[str]) -> str:
    return f"name its columns in the first line ({', '.join(sorted(known))})"


def _json_lines(lines: Sequence[str], path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"line {number}", _object(_parsed(line, f"{path}, line {number},"), f"{path}, line {number},")


def _json(text: str, lines: Sequence[str], path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if value is None or (isinstance(value, dict) and "data" not in value):
        yield from _json_lines(lines, path)
        return
    data = value["data"] if isinstance(value, dict) else value
    if not isinstance(data, list):
        raise UserError(f"{path} must hold a list of objects.")
    for number, entry in enumerate(data, 1):
        where = f"{path}, record {number},"
        record = _object(entry, where)
        if "paragraphs" in record:
            yield from _questions(record, where, f"record {number}")
        else:
            yield f"record {number}", record


def _questions(article: Mapping[str, Any], where: str, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the questions of an article of SQuAD, each with its context."""
    for rank, value in enumerate(_list(article["paragraphs"], f'{where} "paragraphs"'), 1):
        paragraph = _object(value, f"{where} paragraph {rank},")
        for order, asked in enumerate(_list(paragraph.get("qas"), f'{where} paragraph {rank}: "qas"'), 1):
            question = _object(asked, f"{where} paragraph {rank}, question {order},")
            fields = {**question, "context": paragraph.get("context")}
            if question.get("is_impossible"):
                fields["answers"] = []
            yield f"{place}, paragraph {rank}, question {order}", fields


def _parsed(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not valid JSON ({error}).") from error


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{where} is no object with named fields.")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise UserError(f"{where} is no list.")
    return value


def _is_conll(lines: Sequence[str]) -> bool:
    """Say whether a .tsv holds a word in each line: more than one sentence, and a tag at the end of each line."""
    between = [bool(line.strip()) for line in lines]
    inner = "".join("x" if full else " " for full in between).strip()
    return " " in inner and all(_TAG.fullmatch(line.split("\t")[-1].strip()) for line in lines if line.strip())


def _conll(lines: Sequence[str], path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the sentences; of each line the first column is the word, the last one its tag.

    Where every line has a word alone there are no tags. Lines of -DOCSTART- are passed over, and so are comments
    (# ...) in front of a sentence.
    """
    columns = [line.split("\t") if "\t" in line else line.split() for line in lines]
    bare = all(len(cells) < 2 for cells in columns)
    tokens: list[str] = []
    tags: list[str] = []
    begin = 0
    for number, cells in enumerate([*columns, []], 1):
        blank = not any(cell.strip() for cell in cells)
        comment = not tokens and len(cells) > 1 and cells[0].startswith("#") and not _TAG.fullmatch(cells[-1].strip())
        if blank or cells[0] == "-DOCSTART-" or comment:
            if tokens:
                yield f"line {begin}", {"tokens": tokens} if bare else {"tokens": tokens, "tags": tags}
            tokens, tags = [], []
            continue
        if len(cells) < 2 and not bare:
            raise UserError(f"{path}, line {number}, needs a word and its tag, with a tab or a blank between them.")
        begin = begin if tokens else number
        tokens.append(cells[0])
        tags.append(cells[-1].strip())
