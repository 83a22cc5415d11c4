"""Files of a project -> records: each file whole, with its language, path, repository, commit and licence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hornbook.corpus.readers.code.languages import language_of
from hornbook.corpus.readers.code.licenses import is_allowed, license_of_file
from hornbook.corpus.readers.code.notebooks import LANGUAGE, Notebook
from hornbook.corpus.readers.code.origins import is_generated, is_vendored
from hornbook.corpus.readers.code.projects import Project, commit, project_of, repository
from hornbook.corpus.readers.code.rules import Rules
from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, decoded, find
from hornbook.corpus.readers.endings import TEXT
from hornbook.corpus.readers.packed import COMPRESSED, NotText, Place, blocks, ending, shown
from hornbook.corpus.readers.record import Part, Reading, Record, noted
from hornbook.corpus.readers.sections import LONGEST, sections

# What is source where it lies in a project, beside the endings of text (endings.py).
_ALSO = (".txt", ".md", ".html", ".htm", ".xhtml", ".json", ".csv", ".tsv", ".ipynb", "")
_PROSE = ("Text", "Markdown", "reStructuredText", "AsciiDoc", "")


def is_source(place: Place) -> bool:
    """Say whether a file is source code, or belongs to it, where it lies in a project: by its ending."""
    kind = ending(place)
    return kind in TEXT or kind in _ALSO


class Source(NamedTuple):
    """A file that is kept."""

    text: str
    language: str
    encoding: Encoding
    project: Project | None


@dataclass(frozen=True)
class Code(Rules):
    """The files of projects, each a document, with the facts of its project; others' and programs' work is left out.

    licenses            SPDX identifiers of the licences that are kept; "permissive" stands for all permissive ones
    vendored            whether copies of others' code are kept, such as node_modules (Linguist: no)
    generated           whether files that programs made are kept (Linguist, StarCoder 2: no)
    largest             bytes of a file, at most (The Stack)
    mean_line           characters of a line on average, at most (StarCoder)
    longest_line        characters of a line, at most (StarCoder)
    longest_data_line   the same for markup and data whose lines are long by nature (StarCoder 2)
    letters             share of letters and digits, at least (StarCoder)
    encoded             share of characters in runs of base64, hexadecimal or escapes, at most (StarCoder 2)
    encoded_run         characters of one such run, at most (StarCoder 2)
    least_data          characters of a JSON or YAML file, at least (StarCoder)
    most_data           characters of a JSON or YAML file, at most (StarCoder)
    data_lines          lines of a file of data, at most (StarCoder 2)
    visible             share of an HTML file that a browser shows as text, at least (StarCoder)
    least_visible       characters that a browser shows, at least (StarCoder)
    xml                 whether files that begin as XML are kept; XSLT always is (StarCoder: no)
    """

    licenses: tuple[str, ...] = ()
    vendored: bool = False
    generated: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the file as one record, or tell the reading why it is left out.

        A long text that is no code, such as a book beside the code, is cut into sections as elsewhere.
        """
        source = self.source(place, reading) if not part.start else None  # of a big file in parts the first is enough
        if source is None:
            return
        meta = facts(place, source)
        if source.language in _PROSE and len(source.text) > LONGEST:
            for number, section in enumerate(sections(source.text), start=1):
                yield noted(Record(number, section, meta), source.encoding)
        else:
            yield noted(Record(1, source.text, meta), source.encoding)

    def source(self, place: Place, reading: Reading) -> Source | None:
        """Return a file's text and language; None for one that is left out, of which the reading is told why."""
        project = project_of(place, reading.root) if isinstance(place, Path) and reading.root is not None else None
        path = project.path_of(place) if project and isinstance(place, Path) else shown(place).rpartition("/")[2]
        if reason := self._at_sight(place, path, project):
            reading.pass_over(reason)
            return None
        found = (
            self._notebook(place, reading) if path.lower().endswith(".ipynb") else _text(place, reading, self.largest)
        )
        if found is None:
            return None
        text, language, encoding = found
        made = not self.generated and is_generated(path, text)
        reason = "generated file" if made else "" if language == LANGUAGE else self.reason(language, text)
        if not reason and self.licenses and project and isinstance(place, Path):
            license = license_of_file(place, text, project)
            if not is_allowed(license, self.licenses):
                reason = f"licence: {license or 'not known'}"
        if reason:
            reading.pass_over(reason)
            return None
        return Source(text, language, encoding, project)

    def _at_sight(self, place: Place, path: str, project: Project | None) -> str:
        """Return why a file is left out before it is read."""
        if project and isinstance(place, Path) and not project.holds(place):
            return "link out of its project"
        if not self.vendored and is_vendored(path):
            return "vendored file"
        with contextlib.suppress(OSError):
            if isinstance(place, Path) and place.stat().st_size > self.largest:
                return "too large a file"
        return ""

    def _notebook(self, place: Place, reading: Reading) -> tuple[str, str, Encoding] | None:
        for record in Notebook()(place, reading, Part()):
            return record.text, LANGUAGE, UTF8
        return None


def _text(place: Place, reading: Reading, largest: int) -> tuple[str, str, Encoding] | None:
    """Return a file's text and language, None for one that is no text or is written in no encoding for sure."""
    data = bytearray()
    try:
        for block in blocks(place):
            data += block
            if len(data) > largest:
                reading.pass_over("too large a file")
                return None
        text, encoding = _decoded(bytes(data))
    except (NotText, Undecodable, UnicodeDecodeError):
        reading.pass_over("binary file")
        return None
    if encoding.other or encoding.errors != "strict":
        reading.pass_over("in no encoding for sure")
        return None
    name = shown(place).rpartition("/")[2]
    for packed in COMPRESSED:
        name = name.removesuffix(packed)
    return text, language_of(name, text), encoding


def _decoded(data: bytes) -> tuple[str, Encoding]:
    """Return a file's text and how it was written; sound UTF-8 is that at once, which in code it nearly always is."""
    if b"\0" not in data and b"\x1b" not in data:
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig"), UTF8
    encoding, mark = find(lambda: [data])
    return "".join(decoded([data], encoding, mark)), encoding


def facts(place: Place, source: Source) -> Mapping[str, Any]:
    """Return what is known of a file: programming_language, path, repository, commit, license."""
    found: dict[str, Any] = {}
    if source.language:
        found["programming_language"] = source.language
    if source.project is not None and isinstance(place, Path):
        found["path"] = source.project.path_of(place)
        found["repository"] = repository(source.project)
        found["commit"] = commit(source.project)
        found["license"] = license_of_file(place, source.text, source.project)
    return {name: value for name, value in found.items() if value}
