"""Every format that a file can have: its kind, its reader, the endings, and how it begins.

A reader is named here and imported when a file wants it: all of them together take longer to import than a small text
takes to read.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hornbook.errors import UserError, nearest

if TYPE_CHECKING:
    from hornbook.corpus.readers.record import Reader

_ROOM = "hornbook.corpus.readers"


@functools.cache
def _named(place: str) -> Any:
    """Return what MODULE:NAME below this room is."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"{_ROOM}.{module}"), name)


@dataclass(frozen=True)
class Format:
    """What a file can be.

    kind      its name in a recipe
    place     MODULE:CLASS below corpus/readers of its reader: a frozen dataclass of settings that all have defaults
    endings   in lower case, below a compression's
    begins    MODULE:FUNCTION that says whether the first 64 KiB, unpacked, are of this format, where an ending has
              several; empty = they are
    library   the module that reading it takes; empty = none beside the core's
    extra     the extra that brings the library
    """

    kind: str
    place: str
    endings: tuple[str, ...]
    begins: str = ""
    library: str = ""
    extra: str = ""

    @property
    def reader(self) -> type[Any]:
        """The class of its reader."""
        return _named(self.place)  # type: ignore[no-any-return]

    def make(self) -> Reader:
        """Return the reader with its default settings."""
        return self.reader()  # type: ignore[no-any-return]

    def fits(self, start: bytes) -> bool:
        """Say whether a file that begins so is of this format."""
        return not self.begins or bool(_named(self.begins)(start))

    @property
    def missing(self) -> bool:
        """Whether the library is not installed."""
        return bool(self.library) and importlib.util.find_spec(self.library) is None


TEXT = Format("text", "formats:PlainText", (".txt", ".md"))
# The first that fits is taken: those that look at how a file begins stand before those that do not.
FORMATS: tuple[Format, ...] = (
    Format("s2orc", "papers.s2orc:S2Orc", (".jsonl", ".json"), "papers.s2orc:begins"),
    Format("unarxive", "papers.unarxive:UnarXive", (".jsonl",), "papers.unarxive:begins"),
    Format("arxiv-metadata", "papers.unarxive:ArxivMetadata", (".json", ".jsonl"), "papers.unarxive:lists_arxiv"),
    Format("jats", "papers.jats:Jats", (".nxml", ".xml"), "papers.jats:begins"),
    Format("pubmed", "papers.pubmed:PubMed", (".xml",), "papers.pubmed:begins"),
    Format("arxiv", "papers.arxiv:Arxiv", (".tar",), "papers.arxiv:begins"),
    Format("latex", "papers.tex:Latex", (".tex", ".ltx", ".latex")),
    Format("json-lines", "jsons:JsonLines", (".jsonl", ".ndjson")),
    Format("chats", "talk.chats:Chats", (".json",), "talk.chats:is_export"),
    Format("json", "jsons:JsonFile", (".json",)),
    Format("csv", "tables:Separated", (".csv", ".tsv")),
    Format("parquet", "columns:Parquet", (".parquet",), "", "pyarrow", "parquet"),
    Format("arrow", "columns:Arrow", (".arrow",), "", "pyarrow", "parquet"),
    Format(
        "gutenberg", "books.gutenberg:Gutenberg", (".txt", ".html", ".htm", ".utf-8", ".utf8"), "books.frame:is_marked"
    ),
    Format("html", "crawl.web:Html", (".html", ".htm"), "", "trafilatura", "web"),
    Format("warc", "crawl.warc:Warc", (".warc", ".wet", ".wat"), "", "trafilatura", "web"),
    Format("mediawiki", "wiki.dump:MediaWiki", (".xml",), "wiki.export:begins"),
    Format("stack-exchange", "answers.exchange:StackExchange", (".xml",), "answers.rows:table_of", "lxml", "sources"),
    Format("zip", "formats:Zip", (".zip",)),
    Format("tar", "formats:Tar", (".tar",)),
    Format("7z", "formats:SevenZip", (".7z",), "", "py7zr", "sources"),
    Format("notebook", "code.notebooks:Notebook", (".ipynb",)),
    Format("code", "code.files:Code", ()),
    Format("repository", "code.repositories:Repository", ()),
    Format("docx", "files.word.docx:Docx", (".docx", ".docm", ".dotx", ".dotm", ".doc")),
    Format("pptx", "files.office.pptx:Pptx", (".pptx", ".pptm", ".ppsx", ".potx", ".ppt")),
    Format("xlsx", "files.office.xlsx:Xlsx", (".xlsx", ".xlsm", ".xls")),
    Format("open-document", "files.office.odf:OpenDocument", (".odt", ".ott", ".odp", ".ods")),
    Format("rtf", "files.office.rtf:Rtf", (".rtf",)),
    Format("subtitles", "talk.subtitles:Subtitles", (".srt", ".vtt", ".ass", ".ssa", ".sub")),
    Format("mail", "talk.mail:Mail", (".eml", ".emlx", ".mbox")),
    Format("whatsapp", "talk.chat_logs:ChatLog", (".txt",), "talk.chat_logs:is_whatsapp"),
    Format("irc", "talk.chat_logs:ChatLog", (".txt", ".log"), "talk.chat_logs:is_irc"),
    Format("markdown", "files.markdown:Markdown", (".md", ".markdown")),
    Format("epub", "files.epub:Epub", (".epub",), "", "lxml", "files"),
    Format("pdf", "files.pdf.reader:Pdf", (".pdf",), "", "pypdfium2", "files"),
    TEXT,
)
_READ = [item for item in FORMATS if not (item.extra == "files" and item.missing)]
# Files of a folder that are read. Those that only the extra `files` could read are left out, by name, without it.
ENDINGS = tuple(dict.fromkeys(name for item in (TEXT, *_READ) for name in item.endings))


def of_kind(kind: str) -> Format:
    """Return the format that a recipe calls by its kind. Raises UserError where there is none."""
    for item in FORMATS:
        if item.kind == kind:
            return item
    raise UserError(f"There is no reader '{kind}'.{nearest(kind, [item.kind for item in FORMATS])}")
