"""One file -> its records: the recipe, else its ending and how it begins, choose the reader; an unknown one is text.

A new format is one file with a reader, and one line in catalogue.py.

Everything is streamed, so memory does not grow with the file. Whatever is wrong with a file ends in a BadRecord that
names it, and the line where there is one: raised when one reads strictly, told to a listener when one does not.
"""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hornbook.corpus.readers.archives import members, names_of_books
from hornbook.corpus.readers.books.editions import OTHER, superseded
from hornbook.corpus.readers.catalogue import ENDINGS, FORMATS, TEXT, Format, of_kind
from hornbook.corpus.readers.code.projects import project_of
from hornbook.corpus.readers.crawl.doubles import crawl_file
from hornbook.corpus.readers.discovery import is_known
from hornbook.corpus.readers.endings import begins_as_text
from hornbook.corpus.readers.fields.choose import kept
from hornbook.corpus.readers.packed import BLOCK, BadRecord, Place, ending, shown, unpacked
from hornbook.corpus.readers.record import (
    STRICT,
    WHOLE,
    Chosen,
    Part,
    Reader,
    Reading,
    Record,
    gathers,
    noted,
    patterns,
)
from hornbook.corpus.readers.sections import sections
from hornbook.corpus.readers.tables import file_text
from hornbook.errors import UserError

_HEAD = 1 << 16  # bytes, unpacked, in which a file says what it is; styles may fill the first 30 KB of a page


@dataclass(frozen=True)
class PlainText:
    """Text, cut into sections."""

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the sections of a text."""
        text, encoding = file_text(place, reading)
        for number, section in enumerate(sections(text), start=1):
            yield noted(Record(number, section, {}), encoding)


@dataclass(frozen=True)
class Zip:
    """The files inside a .zip, each read by its own format."""

    kind: ClassVar[str] = ".zip"

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the records of each file that is read in a folder too."""
        return _inside(place, reading, self.kind)


@dataclass(frozen=True)
class Tar(Zip):
    """The files inside a .tar, or a .tar.gz and the like, each read by its own format."""

    kind = ".tar"


@dataclass(frozen=True)
class SevenZip(Zip):
    """The files inside a .7z, each read by its own format."""

    kind = ".7z"


_RECORDS = (".json", ".csv", ".tsv")


def records(place: Place, reading: Reading = STRICT, part: Part = WHOLE) -> Iterator[Record]:
    """Yield the texts of one file, or of a part of it, in order."""
    try:
        for record in reader_of(place, reading.chosen, reading)(place, reading, part):
            yield record._replace(meta=kept(record.meta, reading.fields)) if reading.fields else record
    except BadRecord as error:
        reading.refuse(error)


def _inside(place: Place, reading: Reading, kind: str) -> Iterator[Record]:
    names = patterns(reading.chosen)
    over = superseded(names_of_books(place))
    for member, inner in members(place, reading, kind):
        if member.name in over:
            reading.pass_over(OTHER)
            continue
        with member.open() as stream:
            known = is_known(member, ENDINGS, names) or (not ending(member) and begins_as_text(stream.read(BLOCK >> 8)))
        if not known:
            reading.pass_over(f"in an archive: no known ending ({ending(member) or 'none'})")
            continue
        for record in records(member, inner):
            yield record if record.file else record._replace(file=shown(member))


def reader_of(place: Place, chosen: Sequence[Chosen] = (), reading: Reading = STRICT) -> Reader:
    """Return the reader of a file: one that was chosen for its name, that of projects, else the one of its format."""
    name = shown(place).rpartition("/")[2]
    for item in chosen:
        if fnmatch.fnmatch(name, item.files) and gathers(item) == (isinstance(place, Path) and place.is_dir()):
            return item.reader
    found = format_of(place)
    return of_kind("code").make() if _is_of_project(place, found, reading) else found.make()


def _is_of_project(place: Place, found: Format, reading: Reading) -> bool:
    """Say whether a file is read as source: it lies in a project, and is no file of records with the text's field."""
    if reading.root is None or not isinstance(place, Path) or found.begins or project_of(place, reading.root) is None:
        return False
    from hornbook.corpus.readers.code.files import is_source

    if not is_source(place):
        return False
    return ending(place) not in _RECORDS or not _holds_records(place, found.make(), reading.field)


def _holds_records(place: Place, reader: Reader, field: str) -> bool:
    try:
        return next(iter(reader(place, Reading(field), WHOLE)), None) is not None
    except UserError:
        return False


def format_of(place: Place) -> Format:
    """Return the format of a file, by its ending and, where several formats have it, by how it begins."""
    kind = ending(place)
    candidates = [item for item in FORMATS if kind in item.endings]
    start: bytes | None = None
    for item in candidates:
        if item.begins and start is None:
            start = _start(place)
        if item.fits(start or b""):
            return item
    return TEXT


def passed_over(places: Sequence[Path | str], chosen: Sequence[Chosen] = ()) -> dict[str, str]:
    """Return, by name, why files are passed over beside others that are read with them and hold their text."""
    named = {shown(place): place for place in places}
    over = superseded(list(named), lambda name: format_of(named[name]).kind == "gutenberg")
    reasons = dict.fromkeys(over, OTHER)
    for name in filter(crawl_file, named):
        instead = getattr(reader_of(named[name], chosen), "instead", None)
        if instead is not None and (reason := instead(name, named.keys())):
            reasons[name] = reason
    return reasons


def _start(place: Place) -> bytes:
    """Return a file's first bytes, unpacked; none of one that cannot be read, as its reader will say."""
    start = b""
    with contextlib.suppress(BadRecord):
        for piece in unpacked(place):
            start += piece
            if len(start) >= _HEAD:
                break
    return start[:_HEAD]
