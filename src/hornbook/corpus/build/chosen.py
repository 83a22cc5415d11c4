"""The readers that a recipe names: for which files, their kind and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from hornbook.corpus.build.catalogue import Line, described, made
from hornbook.corpus.readers.formats import FORMATS, of_kind
from hornbook.corpus.readers.record import Chosen
from hornbook.errors import UserError
from hornbook.schema import own_class, plain


def to_table(chosen: Chosen) -> dict[str, Any]:
    """Return a reader as a table of plain values: its kind, the pattern of its files, and every setting."""
    cls: Any = type(chosen.reader)
    known = (item.kind for item in FORMATS if item.reader is cls)
    kind = next(known, f"{cls.__module__}:{cls.__qualname__}")
    settings = {item.name: plain(getattr(chosen.reader, item.name)) for item in fields(cls) if item.init}
    return {"kind": kind, "files": chosen.files, **settings}


def from_table(table: Mapping[str, Any], where: str) -> Chosen:
    """Return the reader that a table describes. Raises UserError that names the table as `where`, and the wrong key."""
    files = table.get("files", "*") if isinstance(table, Mapping) else "*"
    if not isinstance(files, str) or not files:
        raise UserError(f'{where}.files must be a pattern of file names, such as "*.xml", not {files!r}.')
    rest = {name: value for name, value in table.items() if name != "files"} if isinstance(table, Mapping) else table
    return Chosen(files, made(rest, where, _class_of, [item.kind for item in FORMATS]))


def describe() -> list[Line]:
    """Return every reader, each followed by its settings."""
    lines: list[Line] = []
    for item in FORMATS:
        extra = f" Extra: {item.extra}." if item.extra else ""
        lines += described(
            item.kind, item.reader, "reader", f"({' '.join(item.endings) or 'named in a recipe'}){extra}"
        )
    return lines


def _class_of(kind: str) -> type[Any]:
    """Return the class of a kind; `path.py:Class` or `module:Class` is yours. Raises UserError where there is none."""
    if ":" not in kind:
        return of_kind(kind).reader
    cls, _ = own_class(kind)
    if not is_dataclass(cls):
        raise UserError(f"The reader '{kind}' is no dataclass.")
    return cls
