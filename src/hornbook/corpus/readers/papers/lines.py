"""JSON files of papers -> their objects, and what tells such a file from any other JSON.

Only the first bytes of a file are looked at, and a paper may be longer: `keys` finds the fields that are in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hornbook.corpus.readers.jsons import JsonFile, JsonLines, lines
from hornbook.corpus.readers.packed import BadRecord, Place, blocks, ending, shown
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record

_PIECE = re.compile(rb'"((?:[^"\\]|\\.)*)("?)\s*(:?)|[{}\[\]]', re.DOTALL)


def keys(start: bytes) -> set[str]:
    """Return the names of the fields of a file's first object, as far as they stand in its first bytes."""
    found, depth = set(), 0
    for piece in _PIECE.finditer(start.lstrip(b"\xef\xbb\xbf \t\r\n[")):
        sign = piece[0]
        if sign in b"{[":
            depth += 1
        elif sign in b"}]":
            depth -= 1
            if depth <= 0:
                break
        elif depth == 1 and piece[3]:
            found.add(piece[1].decode("utf-8", "replace"))
    return found


def papers(
    place: Place, reading: Reading, part: Part, make: Callable[[int, dict[str, Any]], Record | str]
) -> Iterator[Record]:
    """Yield what `make` makes of each object of a file of JSON lines, of an array, or of one object.

    `make` returns a record, or in few words why there is none. Where the field of the text is named, it is read alone.
    """
    if reading.field != "text":
        plain = JsonFile() if ending(place) == ".json" else JsonLines()
        yield from plain(place, reading, part)
        return
    for number, data in _objects(place, part):
        where = f"{shown(place)}, record {number}"
        try:
            value = _value(data, where, number)
            made = make(number, value)
        except BadRecord as error:
            reading.refuse(error)
            continue
        except (TypeError, ValueError, KeyError, AttributeError, IndexError, RecursionError) as error:
            reason = "not of the shape that its kind has"
            reading.refuse(BadRecord(f"{where}, is {reason} ({type(error).__name__}: {error}).", reason, number))
            continue
        if isinstance(made, Record):
            yield made
        else:
            reading.pass_over(made)


def _objects(place: Place, part: Part) -> Iterator[tuple[int, bytes | dict[str, Any] | None]]:
    """Yield lines; of a .json file whose first line is no whole object, the objects that it holds."""
    if ending(place) == ".json" and not part.start and not _in_lines(place):
        whole = _value(_whole(place), shown(place), 1, any_kind=True)
        yield from enumerate(whole if isinstance(whole, list) else [whole], start=1)
        return
    for number, line in enumerate(lines(blocks(place, part.start, part.stop)), start=part.first):
        if line is None or line.strip():
            yield number, line


def _in_lines(place: Place) -> bool:
    for line in lines(blocks(place)):
        if line is None or line.strip():
            try:
                return line is None or isinstance(json.loads(line), dict)
            except (ValueError, RecursionError):
                return False
    return True


def _whole(place: Place) -> bytes | None:
    data = bytearray()
    for block in blocks(place):
        data += block
        if len(data) > LONGEST:
            return None
    return bytes(data)


def _value(data: Any, where: str, number: int, any_kind: bool = False) -> Any:
    if isinstance(data, bytes):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BadRecord(f"{where}, is not valid JSON ({error}).", "not valid JSON", number) from error
    elif data is None:
        raise BadRecord(f"{where}, is longer than {LONGEST:,} bytes. Cut it.", "too long a line", number)
    if not isinstance(data, Mapping) and not any_kind:
        raise BadRecord(f"{where}, is not an object.", "not an object", number)
    return data


def sound(text: str) -> str:
    """Return a text without halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def text_of(*parts: str) -> str:
    """Return parts of a text, parted by a blank line, without those that are blank."""
    return "\n\n".join(sound(part.strip()) for part in parts if part.strip())
