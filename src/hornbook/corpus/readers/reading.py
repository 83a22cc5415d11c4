"""Units -> items, tolerantly: every record is read or named with its file, line and reason.

Only what concerns the whole build is raised: a library that is missing, a file that changed while it was read.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from hornbook.corpus.readers.catalogue import FORMATS
from hornbook.corpus.readers.code.projects import folder_of
from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.hub import PREFIXES, named
from hornbook.corpus.readers.packed import BadRecord, ending, shown
from hornbook.corpus.readers.record import Chosen, Part, Reading, Record
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


def read_unit(
    unit: Unit,
    field: str,
    unread: Callable[[Unread], None],
    passed: Callable[[str, str, int], None] = lambda source, reason, count: None,
    chosen: tuple[Chosen, ...] = (),
    fields: tuple[str, ...] = (),
) -> Iterator[Item]:
    """Yield the unit's documents in order.

    `unread` hears of all that cannot be read, `passed` of what is left out on purpose: source, reason, how many.
    `chosen` are the readers of the recipe, `fields` the fields that are kept beside the text; none = all.
    """
    for piece in unit:
        path = shown(piece.path)
        if piece.passed:
            passed(piece.source, piece.passed, 1)
            continue
        if not (piece.other or piece.missing) and piece.stamp != stamp_of(piece):
            raise UserError(f"{path} has changed since the build began. Put it back, or build into another directory.")

        def refuse(error: BadRecord, piece: Piece = piece, path: str = path) -> None:
            unread(Unread(piece.source, path, error.line, error.reason, str(error)[:500], error.count))

        if piece.other or piece.missing:
            refuse(_other(piece))
            continue

        passing = functools.partial(passed, piece.source)
        root = folder_of(piece.source)
        for record in _records(piece, Reading(field, refuse, passing, chosen, root, fields=fields)):
            name = f"{record.file or path}#{record.number}"
            if not record.text.strip():
                refuse(BadRecord(f"{name} is blank.", "blank text", record.number))
                continue
            yield Item(name, piece.source, record.text, _json(record.meta))


def _other(piece: Piece) -> BadRecord:
    """Return why a file is not read."""
    kind, path = ending(piece.path), shown(piece.path)
    if piece.missing:
        return BadRecord(f"{path} is not there, but {piece.source} lists it.", "listed, and not there")
    if extra := next((item.extra for item in FORMATS if kind in item.endings and item.missing), ""):
        message = f"{path} is read only with the extra '{extra}': pip install 'hornbook[{extra}]'"
        return BadRecord(message, f"needs the extra '{extra}' ({kind})")
    reason = f"no known ending ({kind or 'none'})"
    return BadRecord(f"{path} has no ending that is known among files that have one.", reason)


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
        for number, document in enumerate(named(piece.path, reading.field, reading.fields), start=1):
            yield Record(number, document.text, document.meta)
        return
    try:
        yield from records(piece.place, reading, Part(piece.start, piece.stop, piece.first))
    except (UserError, MemoryError):
        raise
    except Exception as error:  # of a library that met what it did not expect: the file is named, the build goes on
        reason = f"cannot be read ({type(error).__name__})"
        reading.refuse(BadRecord(f"{shown(piece.path)} {reason}: {error}", reason))
