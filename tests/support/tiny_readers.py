"""A reader as a user would write one: a record between lines of stars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hornbook.corpus.readers.packed import BadRecord, Place, blocks, shown
from hornbook.corpus.readers.record import Part, Reading, Record


@dataclass(frozen=True)
class Starred:
    """Texts between lines of stars.

    least   characters of a text; shorter ones are left out
    """

    least: int = 1

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield each text."""
        text = b"".join(blocks(place)).decode()
        if "***" not in text:
            raise BadRecord(f"{shown(place)} has no stars.", "no stars")
        for number, piece in enumerate(text.split("***\n"), start=1):
            if len(piece.strip()) < self.least:
                reading.pass_over("too short a text")
                continue
            yield Record(number, piece.strip(), {"stars": 3})
