"""OpenDocument (LibreOffice): texts, slides and sheets -> one document a file.

.odt .ott   headings, paragraphs, lists with their numbers, tables; notes at the end
.odp        slides in their order, the title of each as a heading
.ods        each sheet: its name as a heading, then its rows
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.facts import iso_date, known, language
from hornbook.corpus.readers.files.formulas import mathml
from hornbook.corpus.readers.files.office.odf_text import DRAW, OFFICE, PRESENTATION, TABLE, Story, Styles
from hornbook.corpus.readers.files.package import Package, opened, resolved
from hornbook.corpus.readers.files.prose import Prose
from hornbook.corpus.readers.packed import BadRecord, Place
from hornbook.corpus.readers.record import Part, Reading, Record

_DC = "{http://purl.org/dc/elements/1.1/}"
_META = "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}"
_LOCK = b"encryption-data"
_LONGEST = 1 << 26  # characters of a sheet that repeats its rows


@dataclass(frozen=True)
class OpenDocument:
    """Read .odt, .odp and .ods files.

    notes           add footnotes and endnotes, as paragraphs at the end
    speaker_notes   add what a speaker noted to each slide
    hidden_slides   read slides that are not shown
    """

    notes: bool = True
    speaker_notes: bool = False
    hidden_slides: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of the file."""
        with opened(place) as package:
            if "META-INF/manifest.xml" in package and _LOCK in package.read("META-INF/manifest.xml"):
                raise BadRecord(f"{package.where} is encrypted. Save it without a password.", "encrypted")
            content = package.xml("content.xml")
            styles = Styles(package.optional("styles.xml"), content)
            story = Story(styles, lambda address: _formula(package, address))
            body = content.find(f"{OFFICE}body")
            if body is None:
                raise BadRecord(f"{package.where} has no body of OpenDocument.", "no OpenDocument")
            for kind in body:
                if kind.tag == f"{OFFICE}presentation":
                    self._slides(kind, story, styles)
                elif kind.tag == f"{OFFICE}spreadsheet":
                    _sheets(kind, story)
                else:
                    story.read(kind)
            for note in story.notes if self.notes else ():
                inner = Story(styles)
                inner.read(note)
                story.prose.blocks += inner.prose.closed()
            prose = story.prose
            facts = _facts(package.optional("meta.xml"))
            yield Record(1, prose.text(), {**facts, **known(sections=prose.sections)})

    def _slides(self, presentation: Element, story: Story, styles: Styles) -> None:
        for page in presentation.findall(f"{DRAW}page"):
            style = page.get(f"{DRAW}style-name", "")
            hidden = styles.says(style, "drawing-page", f"{PRESENTATION}visibility") == "hidden"
            if hidden and not self.hidden_slides:
                continue
            shapes = [item for item in page if item.get(f"{PRESENTATION}placeholder") != "true"]
            titles = [item for item in shapes if item.get(f"{PRESENTATION}class") == "title"]
            for title in titles:
                inner = Story(styles)
                inner.read(title)
                story.prose.write(inner.prose.line())
                story.prose.end("heading")
            for shape in shapes:
                if shape not in titles and shape.get(f"{PRESENTATION}class") not in _RUNNING:
                    story.read(_around(shape))
            notes = page.find(f"{PRESENTATION}notes") if self.speaker_notes else None
            for frame in () if notes is None else notes.iter(f"{DRAW}text-box"):
                story.read(frame)


_RUNNING = ("header", "footer", "date-time", "page-number")


def _around(shape: Element) -> Element:
    """Return an element that holds the shape alone, so that it is read like others."""
    outer = Element("shapes")
    outer.append(shape)
    return outer


def _sheets(spreadsheet: Element, story: Story) -> None:
    left = _LONGEST
    for table in spreadsheet.findall(f"{TABLE}table"):
        rows: list[list[Prose]] = []
        for times, cells in story.rows(table):
            while cells and not cells[-1].closed():
                cells.pop()
            length = sum(len(cell.line()) for cell in cells)
            rows += itertools.repeat(cells, min(times, left // max(length, 1))) if length else ()
            left -= length * times
        if rows:
            story.prose.write(table.get(f"{TABLE}name", ""))
            story.prose.end("heading")
            story.prose.table(rows, layout=False)


def _formula(package: Package, address: str) -> str:
    """Return the formula of an object in the file, "" where it is something else."""
    with contextlib.suppress(BadRecord):
        root = package.optional(resolved("", f"{address}/content.xml"))
        if root is not None and root.tag.rpartition("}")[2] == "math":
            return mathml(root)
    return ""


def _facts(root: Element | None) -> dict[str, object]:
    meta = None if root is None else root.find(f"{OFFICE}meta")
    if meta is None:
        return {}

    def text(tag: str) -> str:
        return " ".join((meta.findtext(tag) or "").split())

    author = text(f"{_META}initial-creator") or text(f"{_DC}creator")
    return known(
        title=text(f"{_DC}title"),
        authors=[author] if author else [],
        date=iso_date(text(f"{_META}creation-date")[:19]) or iso_date(text(f"{_DC}date")[:19]),
        language=language(text(f"{_DC}language")),
        tags=[word for item in meta.findall(f"{_META}keyword") if (word := (item.text or "").strip())],
    )
