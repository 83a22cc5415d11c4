"""Files in the forms in which sources are published, made of texts that are given: what a source's reader takes apart.

Each maker writes one source into a folder and returns the path that a user would name. The same texts give the same
bytes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

_WIKI = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Wikipedia</sitename><dbname>enwiki</dbname>
    <base>https://en.wikipedia.org/wiki/Main_Page</base>
    <generator>MediaWiki 1.45.0</generator><case>first-letter</case>
    <namespaces>
      <namespace key="-2" case="first-letter">Media</namespace><namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Talk</namespace><namespace key="6" case="first-letter">File</namespace>
      <namespace key="10" case="first-letter">Template</namespace>
      <namespace key="14" case="first-letter">Category</namespace>
    </namespaces>
  </siteinfo>
"""


def paragraphs(text: str) -> list[str]:
    """Return a text's paragraphs, each on one line, without signs that mean something to a format."""
    plain = "".join(sign if sign.isalnum() or sign in " .,;:?!()'-\n" else " " for sign in text)
    found = [" ".join(piece.split()) for piece in plain.split("\n\n")]
    return [piece for piece in found if len(piece) > 40]


def mediawiki(folder: Path, texts: Sequence[str]) -> Path:
    """A dump of pages, each hundred a bzip2 stream of its own, with templates, links, references and redirects."""
    path = folder / "enwiki-20260101-pages-articles-multistream.xml.bz2"
    streams = [bz2.compress(_WIKI.encode())]
    pages: list[str] = []
    for number, text in enumerate(texts, start=1):
        body = "\n\n".join(paragraphs(text)) or "Nothing."
        wikitext = f"{{{{Short description|a page}}}}\n'''Page {number}''' is [[Text|text]].<ref>A source.</ref>\n\n"
        wikitext += f"== Contents ==\n{body}\n\n[[Category:Pages]]"
        pages.append(_page(2 * number, f"Page {number}", wikitext))
        pages.append(_page(2 * number + 1, f"Old page {number}", f"#REDIRECT [[Page {number}]]", f"Page {number}"))
        if len(pages) >= 100:
            streams.append(bz2.compress("".join(pages).encode()))
            pages = []
    streams += [bz2.compress("".join(pages).encode()), bz2.compress(b"</mediawiki>\n")]
    path.write_bytes(b"".join(streams))
    return path


def _page(number: int, title: str, text: str, target: str = "") -> str:
    redirect = f'<redirect title="{escape(target)}" />' if target else ""
    return (
        f"  <page>\n    <title>{escape(title)}</title><ns>0</ns><id>{number}</id>{redirect}\n"
        f"    <revision><id>{number}</id>"
        f"<timestamp>2026-01-02T03:04:05Z</timestamp><model>wikitext</model><format>text/x-wiki</format>"
        f'<text bytes="{len(text)}" xml:space="preserve">{escape(text, quote=False)}</text></revision>\n  </page>\n'
    )


def stack_exchange(folder: Path, texts: Sequence[str]) -> Path:
    """The dump of one site as .7z: questions with two answers each, and tables that are no posts."""
    import py7zr

    rows = []
    for number, text in enumerate(texts):
        first, *rest = paragraphs(text) or ["Nothing."]
        question, half = 3 * number + 1, len(rest) // 2
        bodies = [(1, f"<p>{escape(first)}</p>"), (2, _html(rest[:half])), (2, _html(rest[half:]))]
        for offset, (kind, body) in enumerate(bodies):
            more = (
                f'Title="How is it, {number}?" Tags="|text|" AnswerCount="2" '
                if kind == 1
                else f'ParentId="{question}" '
            )
            rows.append(
                f'  <row Id="{question + offset}" PostTypeId="{kind}" CreationDate="2020-05-06T07:08:09.010" '
                f'Score="{(number + offset) % 7}" {more}Body="{escape(body)}" ContentLicense="CC BY-SA 4.0" />'
            )
    posts = '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n' + "\n".join(rows) + "\n</posts>\n"
    path = folder / "words.stackexchange.com.7z"
    with py7zr.SevenZipFile(path, "w") as archive:
        badge = '<row Id="1" UserId="1" Name="Teacher" Date="2020-05-06T07:08:09.010" Class="3" TagBased="False" />'
        archive.writestr(f'<?xml version="1.0" encoding="utf-8"?>\n<badges>\n  {badge}\n</badges>\n', "Badges.xml")
        archive.writestr(posts, "Posts.xml")
    return path


def _html(pieces: Sequence[str]) -> str:
    return "".join(f"<p>{escape(piece)}</p>" for piece in pieces) or "<p>Yes.</p>"


def gutenberg(folder: Path, texts: Sequence[str]) -> Path:
    """A folder of books as Project Gutenberg has them, each of several chapters."""
    books = folder / "gutenberg"
    for number in range(1, len(texts) // 8 + 1):
        chapters = [
            f"CHAPTER {place}\n\n\n" + "\n\n".join(_wrapped(piece) for piece in paragraphs(text))
            for place, text in enumerate(texts[8 * number - 8 : 8 * number], start=1)
        ]
        book = (
            f"The Project Gutenberg eBook of Book {number}\n\nThis ebook is for the use of anyone anywhere.\n\n"
            f"Title: Book {number}\n\nAuthor: A. Writer\n\nRelease date: January 3, 2001 [eBook #{number}]\n\n"
            f"Language: English\n\n\n*** START OF THE PROJECT GUTENBERG EBOOK BOOK {number} ***\n\n\n"
            + "\n\n\n\n".join(chapters)
            + f"\n\n\n*** END OF THE PROJECT GUTENBERG EBOOK BOOK {number} ***\n\nUpdated editions will replace this.\n"
        )
        path = books / str(number) / f"{number}-0.txt"
        path.parent.mkdir(parents=True)
        path.write_text(book, encoding="utf-8")
    return books


def _wrapped(text: str) -> str:
    import textwrap

    return textwrap.fill(text, 70)


def arxiv(folder: Path, texts: Sequence[str]) -> Path:
    """A tar of sources: of every second paper one file, of the others a tar with an input."""
    path = folder / "arXiv_src_2601_001.tar"
    with tarfile.open(path, "w") as outer:
        for number, text in enumerate(texts, start=1):
            body = "\n\n".join(paragraphs(text)) or "Nothing."
            preamble = "\\documentclass{article}\n\\newcommand{\\eg}{e.g.}\n\\author{A. Writer}\n"
            preamble += f"\\title{{Paper {number}}}\n"
            start = (
                "\\begin{document}\n\\maketitle\n\\section{Introduction} % a comment\nAs \\cite{a}, \\eg{} $x^2$.\n\n"
            )
            end = "\n\\end{document}\n"
            if number % 2:
                data = (preamble + start + body + end).encode()
            else:
                inner = io.BytesIO()
                with tarfile.open(fileobj=inner, mode="w") as tar:
                    _add(tar, "main.tex", (preamble + start + "\\input{body}" + end).encode())
                    _add(tar, "body.tex", body.encode())
                data = inner.getvalue()
            _add(outer, f"2601/2601.{number:05d}.gz", gzip.compress(data, mtime=0))
    return path


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    item = tarfile.TarInfo(name)
    item.size = len(data)
    tar.addfile(item, io.BytesIO(data))


def jats(folder: Path, texts: Sequence[str]) -> Path:
    """A package of articles as PubMed Central publishes them."""
    path = folder / "oa_comm_xml.PMC000xxxxxx.baseline.2026-01-01.tar.gz"
    with (
        path.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for number, text in enumerate(texts, start=1):
            body = "".join(
                f"<p>{escape(piece)} <xref ref-type='bibr' rid='b1'>1</xref></p>" for piece in paragraphs(text)
            )
            article = (
                '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving and Interchange DTD v1.3 '
                '20210610//EN" "JATS-archivearticle1-3.dtd">\n<article xml:lang="en" article-type="research-article">'
                f'<front><article-meta><article-id pub-id-type="pmc">PMC{number}</article-id><title-group>'
                f"<article-title>Article {number}</article-title></title-group>"
                "<abstract><p>What was done.</p></abstract></article-meta></front>"
                f"<body><sec><title>Results</title>{body}</sec></body>"
                "<back><ref-list><ref id='b1'><mixed-citation>A source.</mixed-citation></ref></ref-list></back>"
                "</article>"
            )
            _add(tar, f"PMC000xxxxxx/PMC{number}.xml", article.encode())
    return path


def code(folder: Path, texts: Sequence[str]) -> Path:
    """Checkouts of projects, with files that are written by programs."""
    root = folder / "repositories"
    for number, text in enumerate(texts):
        project = root / f"project{number // 20}"
        if number % 20 == 0:
            (project / ".git").mkdir(parents=True)
            (project / ".git" / "config").write_text('[remote "origin"]\n\turl = https://example.org/a/b.git\n')
            (project / "README.md").write_text("# Project\n\nWords in functions.\n")
            (project / "node_modules").mkdir()
            (project / "node_modules" / "x.js").write_text("module.exports = 1;\n")
        lines = [
            f'def words_{place}():\n    """{piece[:200]}"""\n    return {piece[:60]!r}\n'
            for place, piece in enumerate(paragraphs(text))
        ]
        (project / f"module{number}.py").write_text("\n\n".join(lines) or "X = 1\n", encoding="utf-8")
    return root


def crawl(folder: Path, texts: Sequence[str]) -> Path:
    """A WET file, each record a gzip member of its own."""
    path = folder / "CC-MAIN-20260101000000-20260101030000-00000.warc.wet.gz"
    with path.open("wb") as stream:
        for number, text in enumerate(texts):
            body = "\n".join(paragraphs(text)).encode() or b"Nothing."
            head = (
                "WARC/1.0\r\nWARC-Type: conversion\r\n"
                f"WARC-Target-URI: https://site{number % 9}.example/{number}\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
                f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{number:012d}>\r\n"
                "WARC-Identified-Content-Language: eng\r\n"
                f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            stream.write(gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0))
    return path


def fineweb(folder: Path, texts: Sequence[str]) -> Path:
    """A part of FineWeb."""
    import pyarrow
    from pyarrow import parquet

    path = folder / "000_00000.parquet"
    bodies = ["\n".join(paragraphs(text)) or "Nothing." for text in texts]
    columns = {
        "text": bodies,
        "id": [f"<urn:uuid:{number}>" for number in range(len(texts))],
        "dump": ["CC-MAIN-2026-01"] * len(texts),
        "url": [f"https://site.example/{number}" for number in range(len(texts))],
        "date": ["2026-01-01T00:00:00Z"] * len(texts),
        "file_path": ["s3://commoncrawl/x"] * len(texts),
        "language": ["en"] * len(texts),
        "language_score": [0.9] * len(texts),
        "token_count": [len(body.split()) for body in bodies],
    }
    parquet.write_table(pyarrow.table(columns), path, row_group_size=100)
    return path


def pdfs(folder: Path, texts: Sequence[str]) -> Path:
    """A folder of reports as PDF, each of one text."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    style = getSampleStyleSheet()["BodyText"]
    root = folder / "reports"
    root.mkdir()
    for number, text in enumerate(texts):
        document = SimpleDocTemplate(str(root / f"report{number:03d}.pdf"), title=f"Report {number}", invariant=1)
        document.build([Paragraph(escape(piece), style) for piece in paragraphs(text)])
    return root


_OFFICE = "http://schemas.openxmlformats.org"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_DOCX = {
    "[Content_Types].xml": f'<Types xmlns="{_OFFICE}/package/2006/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_WORD}"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
}


def documents(folder: Path, texts: Sequence[str]) -> Path:
    """A zip of documents of Word."""
    path = folder / "documents.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as outer:
        for number, text in enumerate(texts):
            inner = io.BytesIO()
            with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as package:
                for name, part in _DOCX.items():
                    package.writestr(zipfile.ZipInfo(name), part)
                body = "".join(f"<w:p><w:r><w:t>{escape(piece)}</w:t></w:r></w:p>" for piece in paragraphs(text))
                xml = f'<w:document xmlns:w="{_OFFICE}/wordprocessingml/2006/main"><w:body>'
                package.writestr(zipfile.ZipInfo("word/document.xml"), f"{xml}{body}</w:body></w:document>")
            outer.writestr(zipfile.ZipInfo(f"letters/letter{number}.docx"), inner.getvalue())
    return path


def mail(folder: Path, texts: Sequence[str]) -> Path:
    """A mailbox."""
    path = folder / "list.mbox"
    parts = []
    for number, text in enumerate(texts):
        body = "\n\n".join(_wrapped(piece) for piece in paragraphs(text)).replace("\nFrom ", "\n>From ")
        parts.append(
            "From writer@example.org Thu Jan  1 00:00:00 2026\nFrom: A Writer <writer@example.org>\n"
            f"Subject: Letter {number}\nDate: Thu, 01 Jan 2026 00:00:00 +0000\nMessage-ID: <{number}@example.org>\n"
            f"Content-Type: text/plain; charset=utf-8\n\n{body}\n\n-- \nA Writer\n\n"
        )
    path.write_text("".join(parts), encoding="utf-8")
    return path


def chats(folder: Path, texts: Sequence[str]) -> Path:
    """Conversations as OpenAI's messages."""
    path = folder / "chats.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        for text in texts:
            pieces = paragraphs(text) or ["Nothing."]
            messages = [
                {"role": ("user", "assistant")[place % 2], "content": piece} for place, piece in enumerate(pieces)
            ]
            stream.write(json.dumps({"messages": messages}) + "\n")
    return path


MAKERS: dict[str, Callable[[Path, Sequence[str]], Path]] = {
    "mediawiki": mediawiki,
    "stack-exchange": stack_exchange,
    "gutenberg": gutenberg,
    "arxiv": arxiv,
    "jats": jats,
    "code": code,
    "crawl": crawl,
    "fineweb": fineweb,
    "pdf": pdfs,
    "documents": documents,
    "mail": mail,
    "chats": chats,
}
