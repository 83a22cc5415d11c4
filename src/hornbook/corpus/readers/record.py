"""Record: one text of a file, and the manner in which files are read: strictly, or with an ear for what is broken."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hornbook.corpus.document import with_fields
from hornbook.corpus.readers.encodings import Encoding, Undecodable, decode
from hornbook.corpus.readers.fields.choose import ABSENT, NoField, at, taken
from hornbook.corpus.readers.fields.shapes import Shape
from hornbook.corpus.readers.packed import BadRecord, Place

LACKS = "lacks the field"  # of a remark about a field that is to be kept
LONGEST = 1 << 27  # bytes of a record; a longer one is refused, so that memory has a bound


class Record(NamedTuple):
    """One text of a file.

    number   of its line, row or section from 1, or the number that the source gives it: unique in the file
    text     the words
    meta     its other fields
    file     of an archive, where the text lies; empty = the file that is read
    """

    number: int
    text: str
    meta: Mapping[str, Any]
    file: str = ""


class Reader(Protocol):
    """What reads files of one format: a frozen dataclass whose fields are its settings."""

    def __call__(self, place: Place, reading: Reading, part: Part, /) -> Iterator[Record]:
        """Yield the texts of one file, or of a part of it, in order: a pure function of its bytes."""


class Cut(NamedTuple):
    """A part of a big file.

    start    its first byte, or row group
    stop     the one after the last; 0 = to the end
    weight   bytes to read, about
    first    the number of its first record; 0 = its lines are counted; 1 also where records bring their own numbers
    """

    start: int
    stop: int
    weight: int
    first: int = 1


class Cuttable(Reader, Protocol):
    """A reader whose big files several workers read side by side."""

    def cuts(self, place: Place, size: int, unit: int) -> list[Cut]:
        """Return parts of about `unit` bytes, in order, that together are the file of `size` bytes; [] = one part."""


class Gathering(Reader, Protocol):
    """A reader of whole folders, which a recipe names."""

    def folder(self, file: Path, bound: Path) -> Path | None:
        """Return the folder, at or below `bound`, that a file is read with; None = the file is read by itself."""


class Chosen(NamedTuple):
    """A reader that a recipe names, for the files (or folders, if it reads such) whose name matches a pattern."""

    files: str
    reader: Reader


def gathers(item: Chosen) -> bool:
    """Say whether a chosen reader reads whole folders."""
    return hasattr(item.reader, "folder")


def patterns(chosen: Sequence[Chosen]) -> list[str]:
    """Return the patterns of the files that chosen readers read by themselves."""
    return [item.files for item in chosen if not gathers(item)]


@dataclass
class Allowance:
    """How much an archive, and those inside it, may still unpack.

    left    bytes
    depth   archives inside each other
    """

    left: int
    depth: int = 0


@dataclass(frozen=True)
class Reading:
    """How files are read.

    field   the field or column that holds the text
    bad     what hears of each file or record that cannot be read, after which reading goes on; None = it is raised
    passed  what hears of the records that a reader leaves out on purpose: why, and how many
    chosen  the readers that a recipe names, before the ones that a file's ending chooses
    root    the folder that the user named, above the file: nothing outside it is looked at; None = a file was named
    unpacks what the archives that a file lies in may still unpack; None = it lies in none
    fields  the other fields that are kept; empty = all
    """

    field: str = "text"
    bad: Callable[[BadRecord], None] | None = None
    passed: Callable[[str, int], None] = lambda reason, count: None
    chosen: tuple[Chosen, ...] = ()
    root: Path | None = None
    unpacks: Allowance | None = None
    fields: tuple[str, ...] = ()

    @property
    def strict(self) -> bool:
        """Whether the first broken record ends the reading, and UTF-8 is the only encoding."""
        return self.bad is None

    def refuse(self, error: BadRecord) -> None:
        """Raise the error, or tell whoever listens and go on."""
        if self.bad is None:
            raise error
        self.bad(error)

    def pass_over(self, reason: str, *, count: int = 1) -> None:
        """Tell whoever listens of records that are sound and left out on purpose, such as a redirect."""
        self.passed(reason, count)

    def remark(self, message: str, reason: str, line: int = 0) -> None:
        """Tell whoever listens of something that is read otherwise than it stands there; no record is lost."""
        if self.bad is not None:
            self.bad(BadRecord(message, reason, line, 0))


class Part(NamedTuple):
    """Bytes of JSON lines or row groups of parquet, `stop` 0 = to the end; `first` is its first record's number."""

    start: int = 0
    stop: int = 0
    first: int = 1


def other_field(what: str) -> str:
    """Return what to do where the text is in a FIELD or COLUMN of another name."""
    return f'Name the one that holds the text: data.text={what}, or text = "{what}" in a recipe of corpus build.'


STRICT = Reading()
WHOLE = Part()


def noted(record: Record, encoding: Encoding) -> Record:
    """Return a record with a field that says how it was written, if that was not sound UTF-8."""
    return record._replace(meta=with_fields(record.meta, {"encoding": encoding.note})) if encoding.note else record


def no_more() -> None:
    """Know of no encoding of the records around one."""


def decoded_record(
    data: bytes, where: str, number: int, more: Callable[[], Encoding | None] = no_more
) -> tuple[str, Encoding]:
    """Return a record's text and how it was written. Raises BadRecord, which names `where` it is."""
    try:
        return decode(data, more)
    except Undecodable as error:
        raise BadRecord(f"{where}, is not text ({error}).", str(error), number) from error


def text_record(
    number: int,
    value: Any,
    where: str,
    field: str = "text",
    fields: Sequence[str] = (),
    shape: Shape | None = None,
) -> Record:
    """Return an object's text, its other fields as meta (see fields/choose.py); a text that is null is an empty one.

    `where` names the place for the BadRecord that is raised when the value is no object or has no such text. `fields`
    are those that stay fields though they are of the text, `shape` is that of the whole file, where it is known.
    """

    def bad(what: str, reason: str) -> BadRecord:
        return BadRecord(where + what, reason, number)

    if not isinstance(value, dict):
        raise bad(f', is not an object. Write one object with a field "{field}" a line.', "not an object")
    names = list(map(str, value))
    try:
        text, meta = taken(value, field, fields, shape)
    except NoField as missing:
        message = f', has no field "{missing}" (its fields: {", ".join(names) or "none"}).'
        raise bad(f"{message}{close(str(missing), names)} {other_field('FIELD')}", f'no field "{missing}"') from None
    if text is None:
        text = ""
    if not isinstance(text, str):
        kind = type(text).__name__
        raise bad(f': the field "{field}" holds {kind} instead of a string.', f'"{field}" holds {kind}')
    try:
        text.encode()
    except UnicodeEncodeError as error:
        reason = "half of a surrogate pair"
        raise bad(f": the text has {reason} ({error.object[error.start]!a}). Remove it.", reason) from error
    return Record(number, text, meta)


def close(name: str, names: Sequence[str]) -> str:
    """Return a question whether the nearest of the names was meant, "" where none is near."""
    found = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean '{found[0]}'?" if found else ""


def lacking(names: Sequence[str], missing: Sequence[str], where: str, reading: Reading) -> None:
    """Tell of fields that are to be kept and are not there. Raises BadRecord where one reads strictly."""
    for name in missing:
        message = f'{where} has no field "{name}" to be kept (its fields: {", ".join(names)}).{close(name, names)}'
        error = BadRecord(message, f'{LACKS} "{name}"', 1, 0)
        if reading.strict:
            raise error
        reading.refuse(error)


def looked_for(records: Iterator[Record], where: str, reading: Reading) -> Iterator[Record]:
    """Yield records, and tell at their end of fields to be kept that none of them has."""
    left = set(reading.fields)
    names: list[str] = []
    for record in records:
        if left:
            names = names or list(record.meta)
            left -= {name for name in left if at(record.meta, name) is not ABSENT}
        yield record
    if names:
        lacking(names, [name for name in reading.fields if name in left], where, reading)
