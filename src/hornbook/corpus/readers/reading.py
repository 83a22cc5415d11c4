"""Units -> items, tolerantly: every record is read or named with its file, line and reason.

Only what concerns the whole build is raised: a library that is missing, a file that changed while it was read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.hub import PREFIXES, named
from hornbook.corpus.readers.packed import BadRecord, ending, shown
from hornbook.corpus.readers.record import Part, Reading, Record
from hornbook.corpus.readers.units import Piece, Unit, stamp_of
from hornbook.errors import UserError


class Item(NamedTuple):
    """One document as it was read; `meta` is a JSON object."""

    id: str
    source: str
    text: str
    meta: str


class Unread(NamedTuple):
    """What could not be read.

    source   the path that the user named
    file     where it lies
    line     line, row or record from 1; 0 = the whole file
    reason   in few words, such as "not valid JSON"
    detail   in a sentence
    records  how many are lost with it; 0 = none is, it is a remark
    """

    source: str
    file: str
    line: int
    reason: str
    detail: str
    records: int = 1


def read_unit(unit: Unit, field: str, unread: Callable[[Unread], None]) -> Iterator[Item]:
    """Yield the unit's documents in order; `unread` hears of everything else."""
    for piece in unit:
        path = shown(piece.path)
        if not piece.other and piece.stamp != stamp_of(piece):
            raise UserError(f"{path} has changed since the build began. Put it back, or build into another directory.")

        def refuse(error: BadRecord, piece: Piece = piece, path: str = path) -> None:
            unread(Unread(piece.source, path, error.line, error.reason, str(error)[:500], error.count))

        if piece.other:
            reason = f"no known ending ({ending(piece.path) or 'none'})"
            refuse(BadRecord(f"{path} has no ending that is known among files that have one.", reason))
            continue

        for record in _records(piece, Reading(field, refuse)):
            name = f"{path}#{record.number}"
            if not record.text.strip():
                refuse(BadRecord(f"{name} is blank.", "blank text", record.number))
                continue
            yield Item(name, piece.source, record.text, _json(record.meta))


def _json(fields: Mapping[str, Any]) -> str:
    """Return a record's other fields as JSON; a value that JSON or UTF-8 cannot hold costs no more than itself."""
    try:
        return _dumped(dict(fields))
    except (ValueError, TypeError, RecursionError):
        return "{" + ", ".join(f"{_one(str(name))}: {_one(value)}" for name, value in fields.items()) + "}"


def _one(value: Any) -> str:
    """Return one value as JSON: half a surrogate pair becomes a question mark, what is nested too deeply null."""
    try:
        sound = json.loads(json.dumps(value, default=str).encode("utf-8", "replace"), parse_constant=lambda _: None)
        return json.dumps(sound, ensure_ascii=False).encode("utf-8", "replace").decode()
    except (ValueError, TypeError, RecursionError):
        return "null"


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    if "NaN" in text or "Infinity" in text:  # JSON has no such numbers
        text = json.dumps(json.loads(text, parse_constant=lambda _: None), ensure_ascii=False)
    text.encode()
    return text


def _records(piece: Piece, reading: Reading) -> Iterator[Record]:
    if piece.path.startswith(PREFIXES):
        for number, document in enumerate(named(piece.path, reading.field), start=1):
            yield Record(number, document.text, document.meta)
        return
    try:
        yield from records(piece.place, reading, Part(piece.start, piece.stop, piece.first))
    except (UserError, MemoryError):
        raise
    except Exception as error:  # of a library that met what it did not expect: the file is named, the build goes on
        reason = f"cannot be read ({type(error).__name__})"
        reading.refuse(BadRecord(f"{shown(piece.path)} {reason}: {error}", reason))
