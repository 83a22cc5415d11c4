"""Presentations of PowerPoint (.pptx and its relatives) -> one document a file.

Slides come in the order in which they are shown. The title of each is a heading; the other shapes follow from top to
bottom and from left to right, placeholders at the place that the layout gives them. Numbers of slides, dates, footers
and the words of masters are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.facts import known
from hornbook.corpus.readers.files.formulas import dollars, omml
from hornbook.corpus.readers.files.office.ooxml import A, diagram, document_facts, main_part, office_xml
from hornbook.corpus.readers.files.package import Package, Relation, opened
from hornbook.corpus.readers.files.prose import Prose, numeral, superscript
from hornbook.corpus.readers.packed import BadRecord, Place
from hornbook.corpus.readers.record import Part, Reading, Record

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_TITLES, _RUNNING = ("title", "ctrTitle"), ("dt", "ftr", "sldNum", "hdr")
_LISTS = ("body", "obj", "")  # kinds of placeholders whose paragraphs the master makes items of a list
_BULLETS = tuple(A + name for name in ("buNone", "buChar", "buAutoNum", "buBlip"))
_NUMBERS = re.compile(r"(arabic|romanLc|romanUc|alphaLc|alphaUc)(ParenBoth|ParenR|Period|Plain)")
_FORMS = {"arabic": "1", "romanLc": "i", "romanUc": "I", "alphaLc": "a", "alphaUc": "A"}
_AROUND = {"ParenBoth": "({})", "ParenR": "{})", "Period": "{}.", "Plain": "{}"}
_BAND = 342_900  # EMU, a twentieth of a slide's height: shapes that begin within it stand beside each other
_LEVELS = 9


@dataclass(frozen=True)
class Pptx:
    """Read .pptx files.

    speaker_notes   add what a speaker noted to each slide
    hidden_slides   read slides that are not shown
    """

    speaker_notes: bool = False
    hidden_slides: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of the file."""
        with opened(place) as package:
            main = main_part(package, "ppt/presentation.xml")
            root = office_xml(package, main)
            if root.tag != f"{P}presentation":
                raise BadRecord(f"{package.where} is no presentation.", "no presentation")
            related = package.relations(main)
            prose = Prose()
            for number, item in enumerate(root.iter(f"{P}sldId"), start=1):
                relation = related.get(item.get(f"{_R}id", ""))
                if relation is None or relation.name not in package:
                    message = f"{package.where} names a slide that it does not have (slide {number})."
                    reading.refuse(BadRecord(message, "a slide is missing", number))
                    continue
                self._slide(package, relation.name, prose)
            facts = document_facts(package)
            if "title" not in facts and prose.sections:
                facts["title"] = prose.sections[0]
            yield Record(1, prose.text(), {**facts, **known(sections=prose.sections)})

    def _slide(self, package: Package, name: str, prose: Prose) -> None:
        slide = office_xml(package, name)
        if slide.get("show") in ("0", "false") and not self.hidden_slides:
            return
        related = package.relations(name)
        reader = _Slide(package, related, _layouts(package, related), prose)
        reader.read(slide.find(f"{P}cSld/{P}spTree"))
        notes = _part(package, related, "notesSlide") if self.speaker_notes else None
        for shape in () if notes is None else notes.iter(f"{P}sp"):
            if _kind(shape) == "body":
                reader.text(shape, is_list=False)


class _Layout(NamedTuple):
    """The placeholders of a layout or a master, and the list styles of its body."""

    shapes: list[Element]
    body: Element | None


def _layouts(package: Package, related: dict[str, Relation]) -> list[_Layout]:
    """Return the layout of a slide and the master of that."""
    found = []
    for kind in ("slideLayout", "slideMaster"):
        name = next((item.name for item in related.values() if item.kind == kind), "")
        if not name:
            break
        root = office_xml(package, name, optional=True)
        found.append(_Layout(list(root.iter(f"{P}sp")), root.find(f"{P}txStyles/{P}bodyStyle")))
        related = package.relations(name)
    return found


def _part(package: Package, related: dict[str, Relation], kind: str) -> Element | None:
    name = next((item.name for item in related.values() if item.kind == kind), "")
    return office_xml(package, name, optional=True) if name else None


def _placeholder(shape: Element) -> Element | None:
    return shape.find(f"{P}nvSpPr/{P}nvPr/{P}ph")


def _kind(shape: Element) -> str:
    """Return the kind of a placeholder, "" for one without, "-" for another shape."""
    found = _placeholder(shape)
    return "-" if found is None else found.get("type", "")


class _Slide:
    """Reads the shapes of one slide."""

    def __init__(self, package: Package, related: dict[str, Relation], layouts: list[_Layout], prose: Prose) -> None:
        self._package, self._related, self._layouts, self._prose = package, related, layouts, prose

    def read(self, tree: Element | None) -> None:
        shapes = [] if tree is None else list(_shapes(tree))
        titles = [shape for shape in shapes if shape.tag == f"{P}sp" and _kind(shape) in _TITLES]
        for title in titles:
            self.text(title, is_list=False, block="heading")
        for shape in sorted((shape for shape in shapes if shape not in titles), key=self._place):
            self._shape(shape)

    def _place(self, shape: Element) -> tuple[int, int]:
        for each in (shape, *self._patterns(shape)):
            for offset in each.iter(f"{A}off"):
                return _whole(offset.get("y")) // _BAND, _whole(offset.get("x"))
            for frame in each.iter(f"{P}xfrm"):
                for offset in frame.iter(f"{A}off"):
                    return _whole(offset.get("y")) // _BAND, _whole(offset.get("x"))
        return -1, -1

    def _patterns(self, shape: Element) -> Iterator[Element]:
        """Yield the placeholders of layout and master that a placeholder is made from."""
        found = _placeholder(shape) if shape.tag == f"{P}sp" else None
        if found is None:
            return
        for layout in self._layouts:
            for other in layout.shapes:
                theirs = _placeholder(other)
                if theirs is None:
                    continue
                same_kind = theirs.get("type", "body") == found.get("type", "body")
                same = theirs.get("idx") == found.get("idx") if found.get("idx") else same_kind
                if same or (layout is self._layouts[-1] and same_kind):
                    yield other
                    break

    def _shape(self, shape: Element) -> None:
        if shape.tag == f"{P}grpSp":
            for inner in sorted(_shapes(shape), key=self._place):
                self._shape(inner)
        elif shape.tag == f"{P}graphicFrame":
            for table in shape.iter(f"{A}tbl"):
                self._table(table)
            for item in shape.iter(_DIAGRAM):
                for text in diagram(self._package, self._related, item.get(f"{_R}dm", "")):
                    self._prose.write(text)
                    self._prose.end()
        elif _kind(shape) not in _RUNNING:
            self.text(shape, is_list=_kind(shape) in _LISTS)

    def text(self, shape: Element, is_list: bool, block: str = "paragraph") -> None:
        """Read the paragraphs of a shape."""
        body = shape.find(f"{P}txBody")
        counts: list[int] = [0] * (_LEVELS + 1)
        lists = [None if body is None else body.find(f"{A}lstStyle")]
        if is_list:
            lists += [each.find(f"{P}txBody/{A}lstStyle") for each in self._patterns(shape)]
            lists += [layout.body for layout in self._layouts]
        if block == "heading":
            lines = [] if body is None else body.findall(f"{A}p")
            for number, paragraph in enumerate(lines):
                self._prose.write(" " if number else "")
                _line(paragraph, self._prose)
            self._prose.end(block)
            return
        for paragraph in () if body is None else body.findall(f"{A}p"):
            self._paragraph(paragraph, lists, counts)

    def _paragraph(self, paragraph: Element, lists: list[Element | None], counts: list[int]) -> None:
        properties = paragraph.find(f"{A}pPr")
        level = min(_whole("0" if properties is None else properties.get("lvl", "0")), _LEVELS - 1)
        inner = Prose()
        _line(paragraph, inner)
        if not inner.closed():
            return
        bullet = _bullet(properties, lists, level)
        if bullet is None or bullet.tag == f"{A}buNone":
            self._prose.blocks += inner.blocks
            counts[level:] = [0] * (len(counts) - level)
            return
        counts[level] += 1
        counts[level + 1 :] = [0] * (len(counts) - level - 1)
        label = "- "
        if bullet.tag == f"{A}buAutoNum" and (form := _NUMBERS.fullmatch(bullet.get("type", ""))):
            number = counts[level] - 1 + max(_whole(bullet.get("startAt", "1")), 1)
            label = _AROUND[form[2]].format(numeral(number, _FORMS[form[1]])) + " "
        self._prose.item(label, level)
        self._prose.write("\n".join(block.text for block in inner.blocks))
        self._prose.end_item()

    def _table(self, table: Element) -> None:
        rows: list[list[Prose]] = []
        for row in table.findall(f"{A}tr"):
            rows.append([])
            for cell in row.findall(f"{A}tc"):
                if cell.get("hMerge") in ("1", "true"):
                    continue
                rows[-1].append(Prose())
                if cell.get("vMerge") not in ("1", "true"):
                    for paragraph in cell.iter(f"{A}p"):
                        _line(paragraph, rows[-1][-1])
                        rows[-1][-1].end()
        self._prose.table(rows)


def _shapes(tree: Element) -> Iterator[Element]:
    for child in tree:
        if child.tag == f"{_COMPATIBLE}AlternateContent":
            choice = child.find(f"{_COMPATIBLE}Choice")
            if choice is None or not len(choice):
                choice = child.find(f"{_COMPATIBLE}Fallback")
            yield from () if choice is None else _shapes(choice)
        elif child.tag in (f"{P}sp", f"{P}grpSp", f"{P}graphicFrame"):
            yield child


def _bullet(properties: Element | None, lists: list[Element | None], level: int) -> Element | None:
    """Return the sign of a list that a paragraph has, by itself or by what its shape is made from."""
    name = f"{A}lvl{level + 1}pPr"
    for each in (properties, *(None if item is None else item.find(name) for item in lists)):
        for child in () if each is None else each:
            if child.tag in _BULLETS:
                return child
    return None


def _line(paragraph: Element, prose: Prose) -> None:
    """Write the text of a paragraph, which the caller ends."""
    for child in paragraph:
        if child.tag == f"{A}br":
            prose.write("\n")
        elif child.tag == f"{A}fld" and child.get("type", "").startswith(("slidenum", "datetime")):
            continue
        elif child.tag in (f"{A}r", f"{A}fld"):
            text = (child.findtext(f"{A}t") or "").replace("\v", "\n").replace("_x000B_", "\n")
            properties = child.find(f"{A}rPr")
            is_raised = _whole("0" if properties is None else properties.get("baseline", "0")) > 0
            prose.write(superscript(prose.since(max(prose.mark - 3, 0)), text) if is_raised else text)
        elif child.tag == f"{_COMPATIBLE}AlternateContent":
            choice = child.find(f"{_COMPATIBLE}Choice")
            for formula in () if choice is None else choice.iter(_MATH):
                prose.write(dollars(omml(formula)))


def _whole(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,12}", text) else 0
