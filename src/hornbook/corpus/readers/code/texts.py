"""The whole text of a file that is small enough."""

from __future__ import annotations

import contextlib

from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, decoded, find
from hornbook.corpus.readers.packed import NotText, Place, blocks, shown


def whole_text(place: Place, largest: int) -> tuple[str, Encoding] | None:
    """Return a file's text and how it was written; None for more bytes than `largest`. Raises NotText.

    Sound UTF-8 is that at once, which code nearly always is: signs such as + make nothing else of it.
    """
    held = bytearray()
    for block in blocks(place):
        held += block
        if len(held) > largest:
            return None
    data = bytes(held)
    if b"\0" not in data and b"\x1b" not in data:
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig"), UTF8
    try:
        encoding, mark = find(lambda: [data])
        return "".join(decoded([data], encoding, mark)), encoding
    except (Undecodable, UnicodeDecodeError) as error:
        raise NotText(f"{shown(place)} is not text ({error}).", "not text") from error
