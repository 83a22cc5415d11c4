"""Tasks from files: lines of JSON, or a table of tab- or comma-separated values with a header; .gz or not.

boolq.jsonl.gz     the items, one record each; its fields say which kind of task it is
boolq.toml         beside it, where there is one: prompt, headline, delimiter, labels (see `Wording`)
my.py:Task         a task of a person's own: `hornbook.evaluate.task_files.own`
"""

from __future__ import annotations

import csv
import gzip
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from hornbook.errors import UserError, nearest
from hornbook.evaluate.task_files.fields import Record, Shape, Wording, shape_of
from hornbook.evaluate.task_files.own import own_task
from hornbook.evaluate.tasks import Headline, Item, Task
from hornbook.schema import leaf

_ENDINGS = (".gz", ".jsonl", ".json", ".tsv", ".csv", ".txt")
_DIGITS = "0123456789-."


def load_task(name: str | Path, wording: Wording | None = None) -> Task:
    """Return the task in a file, or `my.py:Task`; a `wording` goes before that of a .toml beside the file.

    Raises UserError that names the file and the line, for what is no task.
    """
    if ".py:" in str(name):
        return own_task(str(name), from_records)
    path = Path(name)
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a task file in it.")
    return from_records(_stem(path), _records(path), str(path), _wording(path, wording))


def labels_of(text: str) -> dict[str, str]:
    """Return labels and their words, as one writes them: 0=terrible,1=great. Raises UserError."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(label.strip() and sign and word.strip() for label, sign, word in pairs):
        raise UserError(f"--labels are label=word, separated by commas, as in 0=terrible,1=great, not {text!r}.")
    return _words({label.strip(): word.strip() for label, _, word in pairs}, "--labels")


def from_records(name: str, records: Iterable[tuple[int, Record]], where: str, wording: Wording | None = None) -> Task:
    """Return the task of records, each with its number; `where` names their source in errors."""
    known = list(records)
    if not known:
        raise UserError(f"{where} holds no items.")
    wording = wording or Wording()
    shape = shape_of(known[0][1], f"{where}, line {known[0][0]}")
    if shape.name == "classification" and not wording.labels:
        wording = replace(wording, labels=_labels(known, where))
    items = [_item(record, number, where, shape, wording) for number, record in known]
    prompt = wording.prompt or shape.prompt
    last = prompt.rsplit("\n", 1)[-1]
    neutral = last if last.endswith(":") and "{" not in last else "Answer:"
    return Task(name, shape.kind, tuple(items), wording.headline or shape.headline, prompt, neutral)


def _item(record: Record, number: int, where: str, shape: Shape, wording: Wording) -> Item:
    place = f"{where}, line {number}"
    if (found := shape_of(record, place)) is not shape:
        raise UserError(f"{place} is of {found.name}, and the lines before it of {shape.name}: a task is of one kind.")
    item = shape.item(record, place, wording)
    return replace(item, id=str(record.get("id", number)))


def _labels(records: Iterable[tuple[int, Record]], where: str) -> dict[str, str]:
    """Return each label as its own word, where they are words."""
    labels = sorted({str(record["label"]) for _, record in records if "label" in record})
    if any(not label.strip(_DIGITS) for label in labels):
        first = ",".join(f"{label}=WORD" for label in labels[:2])
        raise UserError(f"The labels of {where} are no words: give a word for each, --labels {first} ...")
    return _words({label: label for label in labels}, where)


def _words(labels: Mapping[str, str], where: str) -> dict[str, str]:
    if len(labels) < 2 or len(set(labels.values())) < len(labels):
        raise UserError(f"{where} must have at least two labels, each with a word of its own.")
    return dict(labels)


def _stem(path: Path) -> str:
    name = path.name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _wording(path: Path, given: Wording | None) -> Wording:
    """Return how a file is asked: as it is said, else as the .toml beside it says."""
    beside = path.with_name(f"{_stem(path)}.toml")
    if not beside.is_file():
        return given or Wording()
    try:
        told = tomllib.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"The settings {beside} cannot be read: {error}.") from error
    hints: dict[str, Any] = {"prompt": str, "headline": Headline, "delimiter": str, "labels": dict[str, str]}
    for key in told:
        if key not in hints:
            raise UserError(f"{beside} has a setting '{key}', which no task has.{nearest(key, hints)}")
    labels = told.pop("labels", None)
    values = {key: leaf(hints[key], value, f"{key} in {beside}") for key, value in told.items()}
    if labels is not None:
        if not isinstance(labels, dict) or not all(isinstance(word, str) and word.strip() for word in labels.values()):
            raise UserError(f"labels in {beside} must be a table of labels and their words.")
        values["labels"] = _words(labels, f"labels in {beside}")
    found = Wording(**values)
    if given is None:
        return found
    own = {item.name: getattr(given, item.name) for item in fields(Wording)}
    return replace(found, **{key: value for key, value in own.items() if value != getattr(Wording(), key)})


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    """Yield the number of each line, from 1, and its record."""
    bare = path.name.removesuffix(".gz")
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8", newline="")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8", newline="") as lines
        ):
            if bare.endswith((".tsv", ".csv")):
                yield from _table(lines, path, tabs=bare.endswith(".tsv"))
                return
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _json(line, f"{path}, line {number}")
    except FileNotFoundError as error:
        raise UserError(f"There is no task file {path}.") from error
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The task file {path} cannot be read: it needs lines of text in UTF-8 ({error}).") from error


def _json(line: str, where: str) -> Record:
    try:
        record = json.loads(line)
        if "\\u" in line:  # half a character may be written so
            json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON: a task has one JSON object in each line ({error}).") from error
    if not isinstance(record, dict):
        raise UserError(f"{where} is no record: a task has one JSON object in each line.")
    return record


def _table(lines: Iterable[str], path: Path, tabs: bool) -> Iterator[tuple[int, Record]]:
    quoting: Any = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {}
    reader = csv.DictReader(lines, restkey="", **quoting)
    for record in reader:
        if "" in record or None in record.values():
            columns = len(reader.fieldnames or ())
            raise UserError(f"{path}, line {reader.line_num} has not {columns} columns, as its header has.")
        yield reader.line_num, record
