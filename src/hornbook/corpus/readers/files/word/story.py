"""One story of a Word document (its body, a note, a text box) -> blocks.

Insertions that were tracked are text, deletions are not; of a field its result is, its code is not. Hidden text,
tables of contents and comments are left out; text boxes follow the paragraph that they hang on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.files.formulas import dollars, omml
from hornbook.corpus.readers.files.prose import Block, Prose, superscript, tidy
from hornbook.corpus.readers.files.word.styles import Lists, Styles, W, is_on, value

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DATA = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}dm"
_THROUGH = frozenset(W + n for n in ("ins", "moveTo", "smartTag", "customXml", "hyperlink", "bdo", "dir", "sdtContent"))
_SIGNS = {f"{W}tab": "\t", f"{W}ptab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "\u2011"}
_UNSEEN_FIELDS = frozenset({"TOC", "INDEX", "TOA", "PAGE", "NUMPAGES", "SECTIONPAGES", "XE", "TC", "RD"})
# The font Symbol: its letters are Greek.
_SYMBOL = dict(zip("ABGDEZHQIKLMNXOPRSTUFCYWabgdezhqiklmnxoprstufcyw", 
                   "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψω", strict=True)) | {
    "\xb7": "•", "\xb1": "±", "\xb4": "×", "\xb8": "÷", "\xb9": "≠", "\xa3": "≤", "\xb3": "≥", "\xa5": "∞", "\xae": "→",
    "\xac": "←", "\xde": "⇒", "\xdb": "⇔", "\xce": "∈", "\xc7": "∩", "\xc8": "∪", "\xd6": "√", "\xe5": "∑", "\xf2": "∫",
    "\xb0": "°", "\xbb": "≈", "\xb6": "∂", "\xd1": "∇", "\x2d": "−", "\xd7": "⋅",
}  # fmt: skip

_SIGN = re.compile("[\uf000-\uf0ff]")  # how Word writes the 256 signs of a font of symbols


class Story:
    """Reads elements into `prose`; `notes` are the notes that are referred to, in order: their kind and their id.

    diagram   returns the text of a diagram by the id of its data
    chunk     returns the blocks of a document of another format that is put in at a place, by its id
    """

    def __init__(
        self,
        styles: Styles,
        lists: Lists,
        diagram: Callable[[str], list[str]] = lambda _: [],
        chunk: Callable[[str], list[Block]] = lambda _: [],
    ) -> None:
        self.prose = Prose()
        self.notes: list[tuple[str, str]] = []
        self._styles, self._lists, self._diagram, self._chunk = styles, lists, diagram, chunk
        self._fields: list[list[str]] = []  # of each open field: its code, and "result" from its result on
        self._boxes: list[Element] = []
        self._style = ""
        self._code: list[str] = []

    def read(self, container: Element) -> None:
        """Read the paragraphs and tables of an element."""
        for child in container:
            tag = child.tag
            if tag == f"{W}p":
                self._paragraph(child)
            elif tag == f"{W}tbl":
                self._end_code()
                self._table(child)
            elif tag == f"{W}sdt":
                gallery = value(child.find(f"{W}sdtPr/{W}docPartObj"), "docPartGallery")
                if gallery != "Table of Contents" and not _is_unfilled(child):
                    self.read(child)
            elif tag == f"{W}altChunk":
                self._end_code()
                self.prose.blocks += self._chunk(child.get(_ID, ""))
            elif tag in _THROUGH:
                self.read(child)
            elif tag == f"{_COMPATIBLE}AlternateContent":
                for choice in _alternative(child):
                    self.read(choice)
            elif tag in (f"{MATH}oMathPara", f"{MATH}oMath"):
                self.prose.write(dollars(omml(child), display=True))
                self.prose.end()
        self._end_code()

    def _paragraph(self, paragraph: Element) -> None:
        properties = paragraph.find(f"{W}pPr")
        self._style = value(properties, "pStyle")
        mark = None if properties is None else properties.find(f"{W}rPr")
        is_verbatim = self._styles.is_verbatim(properties)
        if not is_verbatim:
            self._end_code()
        in_contents = self._styles.is_contents(properties)
        begin = self.prose.mark
        self._inline(paragraph)
        self._fields = [item for item in self._fields if item[1]]  # a code without a result ends with its paragraph
        if in_contents:
            self.prose.cut(begin)
        if mark is not None and (mark.find(f"{W}del") is not None or mark.find(f"{W}moveFrom") is not None):
            return  # the end of the paragraph was deleted: it goes on in the next one
        frame = None if properties is None else properties.find(f"{W}framePr")
        if frame is not None and frame.get(f"{W}dropCap") in ("drop", "margin"):
            return  # a large initial, which the next paragraph goes on with
        text = self.prose.cut(0)
        if is_verbatim:
            self._code.append(text)
        else:
            self._end_paragraph(properties, text)
        boxes, self._boxes = self._boxes, []
        for box in boxes:
            self.read(box)

    def _end_paragraph(self, properties: Element | None, text: str) -> None:
        is_heading = self._styles.is_heading(properties)
        found = self._styles.numbering(properties)
        label = self._lists.label(*found) if found and tidy(text) else ""
        if label and is_heading:
            text = ("" if label == "- " else label) + text
        elif label and found:
            self.prose.item(label, found[1])
        self.prose.write(text)
        self.prose.end("heading" if is_heading else "paragraph")
        self.prose.end_item()

    def _end_code(self) -> None:
        if self._code:
            self.prose.verbatim("\n".join(self._code))
            self._code = []

    def _inline(self, element: Element) -> None:
        for child in element:
            tag = child.tag
            if tag == f"{W}r":
                self._run(child)
            elif tag in _THROUGH or (tag == f"{W}sdt" and not _is_unfilled(child)):
                self._inline(child)
            elif tag == f"{W}fldSimple":
                self._fields.append([child.get(f"{W}instr", "").lstrip(), "result"])
                self._inline(child)
                self._fields.pop()
            elif tag == f"{_COMPATIBLE}AlternateContent":
                for choice in _alternative(child):
                    self._inline(choice)
            elif tag == f"{MATH}oMathPara" and self._seen:
                self.prose.write(
                    " ".join(dollars(omml(formula), display=True) for formula in child.iter(f"{MATH}oMath"))
                )
            elif tag == f"{MATH}oMath" and self._seen:
                self.prose.write(dollars(omml(child)))

    @property
    def _seen(self) -> bool:
        """Whether text at this place is shown, and no code of a field, nor a result that is left out."""
        return all(phase and code.partition(" ")[0].upper() not in _UNSEEN_FIELDS for code, phase in self._fields)

    def _run(self, run: Element) -> None:
        properties = run.find(f"{W}rPr")
        is_hidden = self._styles.is_hidden(properties, self._style)
        begin = self.prose.mark
        fonts = None if properties is None else properties.find(f"{W}rFonts")
        font = "" if fonts is None else fonts.get(f"{W}ascii", "").lower()
        for child in run:
            tag = child.tag
            if tag == f"{W}fldChar":
                self._field(child.get(f"{W}fldCharType", ""))
            elif tag == f"{W}instrText":
                if self._fields and not self._fields[-1][1]:
                    self._fields[-1][0] = (self._fields[-1][0] + (child.text or "")).lstrip()
            elif not is_hidden and self._seen:
                self._piece(child, font)
        if value(properties, "vertAlign") == "superscript" and self.prose.mark > begin:
            text = self.prose.cut(begin)
            self.prose.write(superscript(self.prose.since(max(begin - 3, 0)), text))

    def _field(self, kind: str) -> None:
        if kind == "begin":
            self._fields.append(["", ""])
        elif kind == "separate" and self._fields:
            self._fields[-1][1] = "result"
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _piece(self, child: Element, font: str = "") -> None:
        tag = child.tag
        if tag == f"{W}t":
            self.prose.write(in_font((child.text or "").replace("\n", " "), font))
        elif tag in _SIGNS:
            self.prose.write(_SIGNS[tag])
        elif tag == f"{W}sym":
            self.prose.write(_symbol(child))
        elif tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
            self.notes.append((tag.removeprefix(W).removesuffix("Reference"), child.get(f"{W}id", "")))
        elif tag == f"{W}ruby":
            base = child.find(f"{W}rubyBase")
            if base is not None:
                self._inline(base)
        elif tag == f"{_COMPATIBLE}AlternateContent":
            for choice in _alternative(child):
                for inner in choice:
                    self._piece(inner, font)
        elif tag in (f"{W}drawing", f"{W}pict", f"{W}object"):
            self._boxes += _boxes(child)
            for item in child.iter(_DIAGRAM):
                for text in self._diagram(item.get(_DATA, "")):
                    self.prose.write(f"\n{text}")

    def _table(self, table: Element) -> None:
        rows: list[list[Prose]] = []
        for row in _parts(table, f"{W}tr"):
            properties = row.find(f"{W}trPr")
            if properties is not None and (properties.find(f"{W}del") is not None or is_on(properties, "hidden")):
                continue
            rows.append([])
            for cell in _parts(row, f"{W}tc"):
                about = cell.find(f"{W}tcPr")
                if _goes_on(about, "hMerge"):
                    continue
                around, self.prose = self.prose, Prose()
                if not _goes_on(about, "vMerge"):
                    self.read(cell)
                rows[-1].append(self.prose)
                self.prose = around
        self.prose.table(rows)


def _goes_on(properties: Element | None, name: str) -> bool:
    """Say whether a cell goes on from the one above it or before it."""
    found = None if properties is None else properties.find(W + name)
    return found is not None and found.get(f"{W}val", "continue") == "continue"


def _parts(element: Element, wanted: str) -> Iterator[Element]:
    """Yield rows of a table or cells of a row, also those in content controls."""
    for child in element:
        if child.tag == wanted:
            yield child
        elif child.tag in _THROUGH or child.tag == f"{W}sdt":
            yield from _parts(child, wanted)


def _alternative(element: Element) -> Iterator[Element]:
    """Yield the first of several forms of the same content."""
    found = element.find(f"{_COMPATIBLE}Choice")
    if found is None or not len(found):
        found = element.find(f"{_COMPATIBLE}Fallback")
    if found is not None:
        yield found


def _boxes(element: Element) -> Iterator[Element]:
    """Yield the contents of the text boxes in a drawing; those in them come with them."""
    for child in element:
        if child.tag == f"{W}txbxContent":
            yield child
        elif child.tag == f"{_COMPATIBLE}AlternateContent":
            for choice in _alternative(child):
                yield from _boxes(choice)
        else:
            yield from _boxes(child)


def in_font(text: str, font: str) -> str:
    """Return text with the letters that the font Symbol shows; signs of other fonts of pictures are left out."""
    if font == "symbol":
        text = "".join(_SYMBOL.get(letter, letter) for letter in text)
    return _SIGN.sub(lambda found: _SYMBOL.get(chr(ord(found[0]) - 0xF000), "") if font == "symbol" else "", text)


def _is_unfilled(control: Element) -> bool:
    """Say whether a content control still asks for its text, as in "Click here to enter text."."""
    properties = control.find(f"{W}sdtPr")
    return properties is not None and is_on(properties, "showingPlcHdr")


def _symbol(element: Element) -> str:
    try:
        code = int(element.get(f"{W}char", ""), 16)
    except ValueError:
        return ""
    if 0xF000 <= code <= 0xF0FF:
        return in_font(chr(code), element.get(f"{W}font", "").lower())
    return chr(code) if code < 0xD800 else ""
