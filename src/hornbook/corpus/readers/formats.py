"""One file -> its records: its ending chooses the format, and an unknown one is plain text.

Everything is streamed, so memory does not grow with the file. Whatever is wrong with a file ends in a BadRecord that
names it, and the line where there is one: raised when one reads strictly, told to a listener when one does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from hornbook.corpus.readers.columns import arrow, parquet
from hornbook.corpus.readers.crawl.web import html, warc
from hornbook.corpus.readers.jsons import json_file, json_lines
from hornbook.corpus.readers.packed import BadRecord, ending
from hornbook.corpus.readers.record import STRICT, WHOLE, Part, Reading, Record, noted
from hornbook.corpus.readers.sections import sections
from hornbook.corpus.readers.tables import file_text, separated

_READERS: dict[str, Callable[[Path | str, Reading, Part], Iterator[Record]]] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_file,
    ".csv": separated,
    ".tsv": separated,
    ".parquet": parquet,
    ".arrow": arrow,
    ".html": html,
    ".htm": html,
    ".warc": warc,
    ".wet": warc,
}
ENDINGS = (".txt", ".md", *_READERS)


def records(path: Path | str, reading: Reading = STRICT, part: Part = WHOLE) -> Iterator[Record]:
    """Yield the texts of one file, or of a part of it, in order."""
    try:
        yield from _READERS.get(ending(path), _plain_text)(path, reading, part)
    except BadRecord as error:
        reading.refuse(error)


def _plain_text(path: Path | str, reading: Reading, part: Part) -> Iterator[Record]:
    text, encoding = file_text(path, reading)
    for number, section in enumerate(sections(text), start=1):
        yield noted(Record(number, section, {}), encoding)
