"""The fields of a file of examples: which task they say it is of, and each of them checked where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from hornbook.errors import UserError
from hornbook.transfer.formats.files import Rows

TaskName = Literal["classify", "pairs", "tag", "answer", "write", "instruct"]

_TEXTS = (("text",), ("sentence",))
_PAIRS = (
    ("text_a", "text_b"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
    ("question", "sentence"), ("passage", "question"), ("#1 String", "#2 String"),
)  # fmt: skip
_CLASSES = ("gold_label", "label", "is_duplicate", "Quality")
_IDS = ("id", "index", "idx")
# Of each task: the fields it must have, in any of these names, and the names of what is to be found. A file is of the
# first task whose fields it has.
_FIELDS: Mapping[str, tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]] = {
    "answer": ((("context", "question"),), ("answers",)),
    "tag": ((("tokens",),), ("tags", "ner_tags")),
    "instruct": ((("instruction",),), ("output",)),
    "pairs": (_PAIRS, _CLASSES),
    "classify": (_TEXTS, _CLASSES),
    "write": ((("source",),), ("target",)),
}
KNOWN = frozenset(
    name for inputs, outputs in _FIELDS.values() for name in (*(one for names in inputs for one in names), *outputs)
)


class Reader:
    """The fields of a file's records, checked one by one; `notes` grows by what is mended."""

    def __init__(self, path: Path, task: TaskName, rows: Rows) -> None:
        self.path, self.task, self.records = path, task, rows.records
        self.notes: list[str] = []
        inputs, outputs = _FIELDS[task]
        first = rows.records[0][1]
        self.inputs = next(names for names in inputs if all(name in first for name in names))
        self.output = next((name for name in outputs if any(name in record for _, record in rows.records)), "")
        name = next((name for name in _IDS if all(_is_id(record.get(name)) for _, record in rows.records)), "")
        own = [str(record[name]).strip() if name else place.removeprefix("line ") for place, record in rows.records]
        self.ids = own
        seen: dict[str, str] = {}
        for one, (place, _) in zip(own, rows.records, strict=True):
            if one in seen:
                raise UserError(f'{path} has the {name} "{one}" twice, in {seen[one]} and {place}: give each its own.')
            seen[one] = place

    def where(self, number: int) -> str:
        return f"{self.path}, {self.records[number][0]},"

    def text(self, number: int, field: str) -> str:
        """Return a text that must be there."""
        record = self.records[number][1]
        if field not in record:
            raise UserError(
                f'{self.where(number)} has no field "{field}", which the first example has (its fields: '
                f"{', '.join(map(str, record)) or 'none'})."
            )
        value = record[field]
        if not isinstance(value, str):
            raise UserError(f'{self.where(number)} has no text in "{field}" but {shown(value)}.')
        if not value.strip():
            raise UserError(f'{self.where(number)} has an empty "{field}": fill it, or remove the example.')
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f'{self.where(number)} has half of a surrogate pair in "{field}": write it anew in UTF-8.'
            ) from error
        return value

    def found(self, number: int) -> Any:
        """Return what is to be found, None where it is not known."""
        value = self.records[number][1].get(self.output) if self.output else None
        return None if isinstance(value, str) and not value.strip() else value


def _is_id(value: object) -> bool:
    return (isinstance(value, str) and bool(value.strip())) or (isinstance(value, int) and not isinstance(value, bool))


def shown(value: object) -> str:
    return {type(None): "null", dict: "an object", list: "a list"}.get(type(value), repr(value)[:40])


def task_of(rows: Rows, path: Path, task: str) -> TaskName:
    first = rows.records[0][1]
    fits = [
        name
        for name, (inputs, _) in _FIELDS.items()
        if any(all(field in first for field in fields) for fields in inputs)
    ]
    if task:
        if task not in fits:
            raise UserError(
                f"{path} has not the fields of {task} ({_spelled(task)}); its first example has "
                f"{', '.join(map(str, first)) or 'none'}."
            )
        return task  # type: ignore[return-value]
    answered = [name for name in fits if any(field in first for field in _FIELDS[name][1])]
    kinds = answered or fits
    if not kinds:
        told = "; ".join(f"{name}: {_spelled(name)}" for name in get_args(TaskName))
        raise UserError(
            f"{path} has not the fields of any task: its first example has {', '.join(map(str, first)) or 'none'} "
            f"({told})."
        )
    if {"pairs", "classify"} == set(kinds):
        return "pairs"  # QNLI's question and sentence
    if len(kinds) > 1:
        raise UserError(f"{path} may be of several tasks ({', '.join(kinds)}): say which with --task.")
    return kinds[0]  # type: ignore[return-value]


def _spelled(task: str) -> str:
    inputs, outputs = _FIELDS[task]
    return ", ".join([*inputs[0], "label" if "label" in outputs else outputs[0]])


def with_names(rows: Rows, path: Path, task: str) -> tuple[Rows, str]:
    """Return the rows of a table without a line of names, by what its columns seem to be, and a note."""
    columns = [[record[name] for _, record in rows.records] for name in rows.records[0][1]]
    kinds = [len(set(column)) for column in columns]
    names: Sequence[str] = ()
    if len(columns) == 1:
        names = ("text",) if task in ("", "classify") else ("source",)
    elif task in ("write", "instruct") and len(columns) == 2:
        names = ("source", "target") if task == "write" else ("instruction", "output")
    elif task == "pairs" and len(columns) == 2:
        names = ("text_a", "text_b")
    elif len(columns) == 2 and task in ("", "classify") and kinds[0] != kinds[1] and min(kinds) * 2 <= len(columns[0]):
        names = ("text", "label") if kinds[1] < kinds[0] else ("label", "text")
    elif len(columns) == 3 and task in ("", "pairs"):
        names = ("text_a", "text_b", "label")
    elif len(columns) == 4 and set(columns[2]) <= {"", "*"}:  # CoLA
        names = ("source of the sentence", "label", "mark", "text")
    if not names:
        raise UserError(
            f"{path} has no line of names, and its {len(columns)} columns do not say what they are: name them in a "
            "first line, such as text and label with a tab between."
        )
    if "label" in names and Counter(labels := columns[names.index("label")])[labels[0]] == 1 and len(labels) > 2:
        raise UserError(
            f'{path}: is its first line one of names? "{labels[0]}" stands nowhere else in its column. Name the '
            f"columns {', '.join(name for name in names if name in KNOWN)}, or give the class an example more."
        )
    named = tuple((place, dict(zip(names, record.values(), strict=True))) for place, record in rows.records)
    return replace(rows, records=named, named=True), f"{path} has no line of names: {', '.join(names)} are assumed."
