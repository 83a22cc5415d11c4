"""The lines of a text file, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hornbook.corpus.readers.packed import BadRecord

LONGEST_LINE = 1 << 24  # characters


def text_lines(pieces: Iterable[str], where: str) -> Iterator[str]:
    """Yield the lines of a text without their ends, which are \\n, \\r\\n or \\r. Raises BadRecord for one too long."""
    rest = ""
    for piece in pieces:
        rest += piece
        kept = "\r" if rest.endswith("\r") else ""  # a line feed may follow it
        found = (rest[:-1] if kept else rest).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        rest = found.pop() + kept
        yield from found
        if len(rest) > LONGEST_LINE:
            raise BadRecord(f"{where} has a line above {LONGEST_LINE:,} characters.", "too long a line")
    yield from rest.replace("\r", "\n").split("\n")
