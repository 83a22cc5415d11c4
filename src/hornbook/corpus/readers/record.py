"""Record: one text of a file, and the manner in which files are read: strictly, or with an ear for what is broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hornbook.corpus.document import with_fields
from hornbook.corpus.readers.encodings import Encoding, Undecodable, decode
from hornbook.corpus.readers.packed import BadRecord

LONGEST = 1 << 27  # bytes of a record; a longer one is refused, so that memory has a bound


class Record(NamedTuple):
    """One text of a file; `number` counts lines, rows or sections from 1."""

    number: int
    text: str
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """How files are read.

    field   the field or column that holds the text
    bad     what hears of each file or record that cannot be read, after which reading goes on; None = it is raised
    """

    field: str = "text"
    bad: Callable[[BadRecord], None] | None = None

    @property
    def strict(self) -> bool:
        """Whether the first broken record ends the reading, and UTF-8 is the only encoding."""
        return self.bad is None

    def refuse(self, error: BadRecord) -> None:
        """Raise the error, or tell whoever listens and go on."""
        if self.bad is None:
            raise error
        self.bad(error)

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


def text_record(number: int, value: Any, where: str, field: str = "text") -> Record:
    """Return an object's field of text with the other fields as meta; a text that is null is an empty one.

    `where` names the place for the BadRecord that is raised when the value is no object or has no such text.
    """

    def bad(what: str, reason: str) -> BadRecord:
        return BadRecord(where + what, reason, number)

    if not isinstance(value, dict):
        raise bad(f', is not an object. Write one object with a field "{field}" a line.', "not an object")
    if field not in value:
        fields = ", ".join(map(str, value)) or "none"
        message = f', has no field "{field}" (its fields: {fields}). {other_field("FIELD")}'
        raise bad(message, f'no field "{field}"')
    text = value.pop(field)
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
    return Record(number, text, value)
