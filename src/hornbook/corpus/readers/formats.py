"""One file -> its records: the recipe, else its ending and how it begins, choose the reader; an unknown one is text.

A new format is one file with a reader, and one line in FORMATS.

Everything is streamed, so memory does not grow with the file. Whatever is wrong with a file ends in a BadRecord that
names it, and the line where there is one: raised when one reads strictly, told to a listener when one does not.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hornbook.corpus.readers.answers.exchange import StackExchange
from hornbook.corpus.readers.answers.rows import table_of
from hornbook.corpus.readers.archives import members, names_of_books
from hornbook.corpus.readers.books.editions import OTHER, superseded
from hornbook.corpus.readers.books.frame import is_marked
from hornbook.corpus.readers.books.gutenberg import Gutenberg
from hornbook.corpus.readers.code.files import Code, is_source
from hornbook.corpus.readers.code.notebooks import Notebook
from hornbook.corpus.readers.code.projects import project_of
from hornbook.corpus.readers.code.repositories import Repository
from hornbook.corpus.readers.columns import Arrow, Parquet
from hornbook.corpus.readers.crawl.doubles import crawl_file
from hornbook.corpus.readers.crawl.warc import Warc
from hornbook.corpus.readers.crawl.web import Html
from hornbook.corpus.readers.discovery import is_known
from hornbook.corpus.readers.endings import begins_as_text
from hornbook.corpus.readers.fields.choose import kept
from hornbook.corpus.readers.files.epub import Epub
from hornbook.corpus.readers.files.markdown import Markdown
from hornbook.corpus.readers.files.office.odf import OpenDocument
from hornbook.corpus.readers.files.office.pptx import Pptx
from hornbook.corpus.readers.files.office.rtf import Rtf
from hornbook.corpus.readers.files.office.xlsx import Xlsx
from hornbook.corpus.readers.files.pdf import Pdf
from hornbook.corpus.readers.files.word.docx import Docx
from hornbook.corpus.readers.jsons import JsonFile, JsonLines
from hornbook.corpus.readers.packed import BLOCK, BadRecord, Place, ending, shown, unpacked
from hornbook.corpus.readers.papers import arxiv, jats, pubmed, s2orc, unarxive
from hornbook.corpus.readers.papers.arxiv import Arxiv
from hornbook.corpus.readers.papers.jats import Jats
from hornbook.corpus.readers.papers.pubmed import PubMed
from hornbook.corpus.readers.papers.s2orc import S2Orc
from hornbook.corpus.readers.papers.tex import Latex
from hornbook.corpus.readers.papers.unarxive import ArxivMetadata, UnarXive
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
from hornbook.corpus.readers.tables import Separated, file_text
from hornbook.corpus.readers.talk.chat_logs import ChatLog, is_irc, is_whatsapp
from hornbook.corpus.readers.talk.chats import Chats, is_discord
from hornbook.corpus.readers.talk.mail import Mail
from hornbook.corpus.readers.talk.subtitles import Subtitles
from hornbook.corpus.readers.wiki.dump import MediaWiki
from hornbook.corpus.readers.wiki.export import begins as is_dump
from hornbook.errors import UserError, nearest

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


@dataclass(frozen=True)
class Format:
    """What a file can be.

    kind      its name in a recipe
    reader    its reader: a frozen dataclass, whose fields are settings that all have defaults
    endings   in lower case, below a compression's
    begins    whether the first 64 KiB, unpacked, are of this format, where an ending has several; None = they are
    library   the module that reading it takes; empty = none beside the core's
    extra     the extra that brings the library
    """

    kind: str
    reader: type[Any]
    endings: tuple[str, ...]
    begins: Callable[[bytes], bool] | None = None
    library: str = ""
    extra: str = ""

    def make(self) -> Reader:
        """Return the reader with its default settings."""
        return self.reader()  # type: ignore[no-any-return]

    @property
    def missing(self) -> bool:
        """Whether the library is not installed."""
        return bool(self.library) and importlib.util.find_spec(self.library) is None


TEXT = Format("text", PlainText, (".txt", ".md"))
# The first that fits is taken: those that look at how a file begins stand before those that do not.
FORMATS: tuple[Format, ...] = (
    Format("s2orc", S2Orc, (".jsonl", ".json"), s2orc.begins),
    Format("unarxive", UnarXive, (".jsonl",), unarxive.begins),
    Format("arxiv-metadata", ArxivMetadata, (".json", ".jsonl"), unarxive.lists_arxiv),
    Format("jats", Jats, (".nxml", ".xml"), jats.begins),
    Format("pubmed", PubMed, (".xml",), pubmed.begins),
    Format("arxiv", Arxiv, (".tar",), arxiv.begins),
    Format("latex", Latex, (".tex", ".ltx", ".latex")),
    Format("json-lines", JsonLines, (".jsonl", ".ndjson")),
    Format("chats", Chats, (".json",), is_discord),
    Format("json", JsonFile, (".json",)),
    Format("csv", Separated, (".csv", ".tsv")),
    Format("parquet", Parquet, (".parquet",), None, "pyarrow", "parquet"),
    Format("arrow", Arrow, (".arrow",), None, "pyarrow", "parquet"),
    Format("gutenberg", Gutenberg, (".txt", ".html", ".htm", ".utf-8", ".utf8"), is_marked),
    Format("html", Html, (".html", ".htm"), None, "trafilatura", "web"),
    Format("warc", Warc, (".warc", ".wet", ".wat"), None, "trafilatura", "web"),
    Format("mediawiki", MediaWiki, (".xml",), is_dump),
    Format("stack-exchange", StackExchange, (".xml",), lambda start: bool(table_of(start)), "lxml", "sources"),
    Format("zip", Zip, (".zip",)),
    Format("tar", Tar, (".tar",)),
    Format("7z", SevenZip, (".7z",), None, "py7zr", "sources"),
    Format("notebook", Notebook, (".ipynb",)),
    Format("code", Code, ()),
    Format("repository", Repository, ()),
    Format("docx", Docx, (".docx", ".docm", ".dotx", ".dotm", ".doc")),
    Format("pptx", Pptx, (".pptx", ".pptm", ".ppsx", ".potx", ".ppt")),
    Format("xlsx", Xlsx, (".xlsx", ".xlsm", ".xls")),
    Format("open-document", OpenDocument, (".odt", ".ott", ".odp", ".ods")),
    Format("rtf", Rtf, (".rtf",)),
    Format("subtitles", Subtitles, (".srt", ".vtt", ".ass", ".ssa", ".sub")),
    Format("mail", Mail, (".eml", ".emlx", ".mbox")),
    Format("whatsapp", ChatLog, (".txt",), is_whatsapp),
    Format("irc", ChatLog, (".txt", ".log"), is_irc),
    Format("markdown", Markdown, (".md", ".markdown")),
    Format("epub", Epub, (".epub",), None, "lxml", "files"),
    Format("pdf", Pdf, (".pdf",), None, "pypdfium2", "files"),
    TEXT,
)
_RECORDS = (".json", ".csv", ".tsv")
_READ = [item for item in FORMATS if not (item.extra == "files" and item.missing)]
# Files of a folder that are read. Those that only the extra `files` could read are left out, by name, without it.
ENDINGS = tuple(dict.fromkeys(name for item in (TEXT, *_READ) for name in item.endings))


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
    return _code() if _is_of_project(place, found, reading) else found.make()


@functools.cache
def _code() -> Code:
    return Code()


def _is_of_project(place: Place, found: Format, reading: Reading) -> bool:
    """Say whether a file is read as source: it lies in a project, and is no file of records with the text's field."""
    if reading.root is None or not isinstance(place, Path) or not is_source(place) or found.begins is not None:
        return False
    if project_of(place, reading.root) is None:
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
        if item.begins is None:
            return item
        start = _start(place) if start is None else start
        if item.begins(start):
            return item
    return TEXT


def passed_over(places: Sequence[Path | str], chosen: Sequence[Chosen] = ()) -> dict[str, str]:
    """Return, by name, why files are passed over beside others that are read with them and hold their text."""
    named = {shown(place): place for place in places}
    over = superseded(list(named), lambda name: isinstance(reader_of(named[name], chosen), Gutenberg))
    reasons = dict.fromkeys(over, OTHER)
    for name in filter(crawl_file, named):
        instead = getattr(reader_of(named[name], chosen), "instead", None)
        if instead is not None and (reason := instead(name, named.keys())):
            reasons[name] = reason
    return reasons


def of_kind(kind: str) -> Format:
    """Return the format that a recipe calls by its kind. Raises UserError where there is none."""
    for item in FORMATS:
        if item.kind == kind:
            return item
    raise UserError(f"There is no reader '{kind}'.{nearest(kind, [item.kind for item in FORMATS])}")


def _start(place: Place) -> bytes:
    """Return a file's first bytes, unpacked; none of one that cannot be read, as its reader will say."""
    start = b""
    with contextlib.suppress(BadRecord):
        for piece in unpacked(place):
            start += piece
            if len(start) >= _HEAD:
                break
    return start[:_HEAD]
