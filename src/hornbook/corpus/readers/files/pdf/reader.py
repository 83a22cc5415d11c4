"""PDF files -> one document each: the text in the order of reading, with what the file says of itself.

pypdfium2 (Apache-2.0 or BSD-3-Clause) was chosen by trial, see docs/decisions/0046.
"""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hornbook.corpus.readers.packed import COMPRESSED, BadRecord, Place, local_path, shown, unpacked
from hornbook.corpus.readers.record import Part, Reading, Record
from hornbook.errors import needing

_MOST = 1 << 31  # bytes of a file that was packed
_NAMED = 20  # pages that a remark names


@dataclass(frozen=True)
class Pdf:
    """Read PDF files; there are no settings.

    The record's fields are the facts that the file holds: title, authors, date, language, pages, and sections, the
    titles of its outline.
    """

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the document. Raises BadRecord for one that is damaged, encrypted, hostile or without text."""
        from hornbook.corpus.readers.files.pdf.process import read_apart

        with needing(shown(place), "files"):
            if importlib.util.find_spec("pypdfium2") is None:
                raise ImportError("pypdfium2")
        with _on_disk(place) as path:
            answer = read_apart(path)
        if "reason" in answer:
            raise BadRecord(f"{shown(place)} {answer['message']}", answer["reason"])
        if damaged := answer["damaged"]:
            message = f"{shown(place)}, {_named(damaged)}: damaged, so that the text there is lost. Make it again."
            reading.refuse(BadRecord(message, "damaged pages", damaged[0], 0))
        if pictures := answer["pictures"]:
            message = f"{shown(place)}, {_named(pictures)}: pictures without text, which need OCR."
            reading.remark(message, "pages are pictures: needs OCR", pictures[0])
        yield Record(1, answer["text"], answer["facts"])


def _named(pages: list[int]) -> str:
    names = ", ".join(map(str, pages[:_NAMED])) + (", ..." if len(pages) > _NAMED else "")
    return f"page{'s' if len(pages) > 1 else ''} {names}"


@contextlib.contextmanager
def _on_disk(place: Place) -> Iterator[Path]:
    """Give a path of the file, unpacked. Raises BadRecord where it cannot be read, or is too large when unpacked."""
    if not shown(place).lower().endswith(COMPRESSED):
        try:
            with local_path(place) as path:
                with path.open("rb"):
                    pass
                yield path
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise BadRecord(f"{shown(place)} cannot be read ({reason}).", "cannot be read") from error
        return
    with tempfile.TemporaryDirectory(prefix="hornbook-") as folder:
        path = Path(folder, "file.pdf")
        size = 0
        with path.open("wb") as copy:
            for block in unpacked(place):
                size += len(block)
                if size > _MOST:
                    raise BadRecord(f"{shown(place)} unpacks to more than {_MOST:,} bytes.", "too large when unpacked")
                copy.write(block)
        yield path
