"""Document: one piece of text and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Document:
    """A text that is trained on, measured on or dropped as one.

    text     the words, never blank, encodable as UTF-8
    id       where the text lies, such as `book.txt#12`: equal for equal input, unique within one `read`
    source   the path that the user named and that led here
    meta     the other fields of its record
    """

    text: str
    id: str
    source: str
    meta: Mapping[str, Any] = field(default_factory=dict)


def document_hash(document: Document) -> int:
    """Return 64 bits of BLAKE2b over the text's UTF-8: equal texts have equal hashes, wherever they lie."""
    return int.from_bytes(hashlib.blake2b(document.text.encode(), digest_size=8).digest(), "little")
