"""Document: one piece of text and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Document:
    """A text that is trained on, measured on or dropped as one.

    text     the words, never blank, encodable as UTF-8
    id       where the text lies, such as `book.txt#12`: equal for equal input, unique within one `read`
    source   the path that the user named and that led here
    meta     the other fields of its record, and those that readers and steps add
    """

    text: str
    id: str
    source: str
    meta: Mapping[str, Any] = field(default_factory=dict)


def document_hash(document: Document) -> int:
    """Return 64 bits of BLAKE2b over the text's UTF-8: equal texts have equal hashes, wherever they lie."""
    return int.from_bytes(hashlib.blake2b(document.text.encode(), digest_size=8).digest(), "little")


def free_name(taken: Container[str], name: str) -> str:
    """Return the name of a field if nothing has it, else the first of name_2, name_3, ... that nothing has."""
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def with_fields(fields: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's fields and ours behind them: a field keeps its name and its value, ours takes a free name.

    >>> with_fields({"language": "Deutsch"}, {"language": "de", "pii": 0})
    {'language': 'Deutsch', 'language_2': 'de', 'pii': 0}
    """
    together = dict(fields)
    for name, value in ours.items():
        together[free_name(together, name)] = value
    return together


def last_field(fields: Mapping[str, Any], name: str) -> Any:
    """Return the value that was added last under a name, None where there is none.

    >>> last_field({"language": "Deutsch", "language_2": "de"}, "language")
    'de'
    """
    value, number, held = None, 2, name
    while held in fields:
        value, held, number = fields[held], f"{name}_{number}", number + 1
    return value
