r""".tex files -> records: a main file with all that it puts in, or a text that no file puts in."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.encodings import Undecodable
from hornbook.corpus.readers.packed import BadRecord, NotText, Place, blocks, shown
from hornbook.corpus.readers.papers.latex.paper import Paper, read_latex
from hornbook.corpus.readers.papers.latex.project import (
    LARGEST,
    candidates,
    decoded_source,
    folder_find,
    inputs,
    leads,
    other_tex,
    said_encoding,
    uncommented,
)
from hornbook.corpus.readers.papers.latex.reader import Style
from hornbook.corpus.readers.record import Part, Reading, Record, noted

_ABOVE = 3  # folders above a file in which its main file may lie
_MANY = 500  # files of a folder that are asked whether they put others in


@dataclass(frozen=True)
class Latex(Style):
    r"""Papers in LaTeX, as text.

    math        formulas: "latex" between dollars, in letters of "unicode" (pylatexenc), or "drop"
    captions    keep the captions of figures and tables
    citations   "drop", where only those that are words of a sentence leave their key in brackets, or "key"
    references  to figures, formulas and sections: "key", their label in brackets, or "drop"
    """

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of a main file; what another file puts in is passed over, and what is not LaTeX."""
        self.check()
        data = b"".join(_bounded(place))
        if isinstance(place, Path) and not leads(data.decode("latin-1")) and _is_part(place):
            reading.pass_over("part of another LaTeX file")
            return
        try:
            source, encoding = decoded_source(data)
        except Undecodable as error:
            raise NotText(f"{shown(place)} is not a text file ({error}).", str(error)) from error
        if reading.strict and encoding.note:
            raise BadRecord(f"{shown(place)} is not UTF-8 text, and names no encoding. Convert it first.", "not UTF-8")
        if name := other_tex(source):
            reading.pass_over(f"not LaTeX but {name}")
            return
        find = folder_find(place.parent, said_encoding(source)) if isinstance(place, Path) else _nowhere
        paper = read_latex(source, find, self, shown(place).rpartition("/")[2])
        told(paper, shown(place), reading)
        if not paper.text.strip():
            reading.pass_over("LaTeX without text")
            return
        yield noted(Record(1, paper.text, facts(paper)), encoding)


def facts(paper: Paper) -> dict[str, Any]:
    """Return what is known of a paper from its source."""
    found = {"title": paper.title, "authors": paper.authors, "sections": paper.sections}
    return {name: value for name, value in found.items() if value}


def told(paper: Paper, name: str, reading: Reading) -> None:
    """Tell what of a paper was read otherwise than it stands there."""
    for outside in dict.fromkeys(paper.outside):
        message = f"{name} puts in {outside!r}, which is outside of the paper and is not read."
        reading.remark(message, "puts in a file outside of the paper")
    if paper.bounded:
        message = f"{name} has macros that grow without end; they are left out from where they do."
        reading.remark(message, "macros that grow without end")


def _bounded(place: Place) -> Iterator[bytes]:
    size = 0
    for block in blocks(place):
        size += len(block)
        if size > LARGEST:
            message = f'{shown(place)} is longer than {LARGEST:,} bytes. Read it with kind = "text" in [[readers]].'
            raise BadRecord(message, "too long for LaTeX")
        yield block


def _nowhere(name: str, folder: str) -> None:
    return None


def _is_part(path: Path) -> bool:
    """Say whether a main file beside this one, or in a folder above it, puts this one in."""
    real = os.path.realpath(path)
    for folder in list(path.absolute().parents)[: _ABOVE + 1]:
        try:
            stamp = folder.stat().st_mtime_ns
        except OSError:
            return False
        if real in _put_in(folder, stamp):
            return True
    return False


@functools.lru_cache(maxsize=256)
def _put_in(folder: Path, stamp: int) -> frozenset[str]:
    """Return the files that the main files of a folder put in, and what these put in."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name.lower().endswith((".tex", ".ltx", ".latex")))
    except OSError:
        return frozenset()
    found: set[str] = set()
    for name in names[:_MANY]:
        source = _read(folder / name)
        if not leads(source):
            continue
        waiting = [(source, "")]
        while waiting and len(found) < 10 * _MANY:
            source, base = waiting.pop()
            for inner in (name for folder_in in {"", base} for name in inputs(source, folder_in)):
                for full in candidates(inner, ""):
                    path = os.path.realpath(folder / full)
                    if path not in found and os.path.isfile(path):
                        found.add(path)
                        waiting.append((_read(Path(path)), os.path.dirname(full)))
    return frozenset(found)


def _read(path: Path) -> str:
    try:
        return uncommented(path.read_bytes()[:LARGEST].decode("latin-1")) if path.is_file() else ""
    except OSError:
        return ""
