"""Units -> items, tolerantly: every record is read or named with its file, line and reason.

Only what concerns the whole build is raised: a library that is missing, a file that changed while it was read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from hornbook.corpus.readers.builtin import PREFIX as BUILTIN
from hornbook.corpus.readers.builtin import builtin
from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.hub import PREFIX as HUB
from hornbook.corpus.readers.hub import hub
from hornbook.corpus.readers.packed import BadRecord, ending, shown
from hornbook.corpus.readers.record import Reading, Record
from hornbook.corpus.readers.units import Piece, Unit, stamp_of
from hornbook.errors import UserError

_DETAIL = 500  # characters


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
    """

    source: str
    file: str
    line: int
    reason: str
    detail: str


def read_unit(unit: Unit, field: str, unread: Callable[[Unread], None]) -> Iterator[Item]:
    """Yield the unit's documents in order; `unread` hears of everything else."""
    for piece in unit:
        if not piece.other and piece.stamp != stamp_of(piece):
            raise UserError(
                f"{shown(piece.path)} has changed since the build began. Put it back, or build into another directory."
            )

        def refuse(error: BadRecord, piece: Piece = piece) -> None:
            unread(Unread(piece.source, shown(piece.path), error.line, error.reason, str(error)[:_DETAIL]))

        if piece.other:
            reason = f"no known ending ({ending(piece.path) or 'none'})"
            refuse(BadRecord(f"{shown(piece.path)} has no ending that is known among files that have one.", reason))
            continue

        for record in _records(piece, Reading(field, refuse)):
            name = f"{shown(piece.path)}#{record.number}"
            if not record.text.strip():
                refuse(BadRecord(f"{name} is blank.", "blank text", record.number))
                continue
            try:
                meta = _json(record.meta)
                meta.encode()
            except (ValueError, TypeError, RecursionError) as error:
                reason = "its other fields cannot be kept"
                refuse(BadRecord(f"{name}: {reason} ({type(error).__name__}).", reason, record.number))
                continue
            yield Item(name, piece.source, record.text, meta)


def _json(meta: Mapping[str, Any]) -> str:
    """Return fields as JSON, which has no numbers that are none or infinite: null stands for them."""
    text = json.dumps(dict(meta), ensure_ascii=False, default=str)
    if "NaN" in text or "Infinity" in text:
        text = json.dumps(json.loads(text, parse_constant=lambda _: None), ensure_ascii=False)
    return text


def _records(piece: Piece, reading: Reading) -> Iterator[Record]:
    if piece.path.startswith((BUILTIN, HUB)):
        documents = builtin(piece.path) if piece.path.startswith(BUILTIN) else hub(piece.path)
        for number, document in enumerate(documents, start=1):
            yield Record(number, document.text, document.meta)
        return
    try:
        yield from records(piece.place, reading, piece.part)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # of a library that met what it did not expect: the file is named, the build goes on
        reason = f"cannot be read ({type(error).__name__})"
        reading.refuse(BadRecord(f"{shown(piece.path)} {reason}: {error}", reason))
