"""Paragraphs, lists and tables of OpenDocument -> blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.files.prose import Prose, numeral, superscript

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_LINK = "{http://www.w3.org/1999/xlink}href"
_WHITE = re.compile(r"[ \t\r\n]+")
_UNSEEN_NAMES = """
    tracked-changes table-of-content table-index alphabetical-index illustration-index object-index user-index
    sequence-decls variable-decls user-field-decls page-number page-count hidden-text
    hidden-paragraph ruby-text note-citation
"""
_UNSEEN = frozenset(
    [TEXT + name for name in _UNSEEN_NAMES.split()]
    + [f"{OFFICE}annotation", f"{OFFICE}forms", f"{PRESENTATION}notes", f"{DRAW}glue-point"]
    + [f"{{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}}{name}" for name in ("title", "desc")]
)
_MOST_BLANKS = 1_000  # in a row, whatever a count says
_MOST_CELLS = 1_000  # that one cell or row stands for
_MOST_TRAILING = 64  # empty cells at the end of a row; a sheet ends with all that it could have


class Styles:
    """What the styles of a document say: which are hidden, raised or code, and how lists are numbered."""

    def __init__(self, *roots: Element | None) -> None:
        self.lists: dict[str, Element] = {}
        self._styles: dict[str, Element] = {}
        for root in roots:
            for item in () if root is None else root.iter():
                name = item.get(f"{STYLE}name", "")
                if item.tag == f"{TEXT}list-style":
                    self.lists[name] = item
                elif item.tag == f"{STYLE}style":
                    self._styles[name] = item

    def chain(self, name: str) -> Iterator[tuple[str, Element]]:
        """Yield a style and those that it is made from."""
        seen: set[str] = set()
        while name in self._styles and name not in seen:
            seen.add(name)
            yield name, self._styles[name]
            name = self._styles[name].get(f"{STYLE}parent-style-name", "")

    def says(self, name: str, properties: str, attribute: str) -> str:
        """Return the value of a property of a style, or of those that it is made from."""
        for _, style in self.chain(name):
            for item in style.findall(f"{STYLE}{properties}-properties"):
                if (found := item.get(attribute)) is not None:
                    return found
        return ""

    def is_verbatim(self, name: str) -> bool:
        """Say whether a paragraph of this style is code."""
        parents = [style.get(f"{STYLE}parent-style-name") for _, style in self.chain(name)]
        return "Preformatted_20_Text" in (name, *parents)


class Story:
    """Reads elements into `prose`; `notes` are the bodies of the notes that were met, in order.

    formula   returns the formula in an object inside the file, by its address
    """

    def __init__(self, styles: Styles, formula: Callable[[str], str] = lambda _: "") -> None:
        self.prose = Prose()
        self.notes: list[Element] = []
        self._styles, self._formula = styles, formula
        self._lists: list[tuple[str, list[int]]] = []  # of each open list: its style, the number that it is at
        self._ended: dict[str, int] = {}  # of outer lists, by their style or their id: the last number
        self._boxes: list[Element] = []
        self._code: list[str] = []

    def read(self, container: Element) -> None:
        """Read the blocks of an element."""
        for child in container:
            tag = child.tag
            if tag in (f"{TEXT}p", f"{TEXT}h"):
                self._paragraph(child)
                continue
            self._end_code()
            if tag == f"{TEXT}list":
                self._list(child)
            elif tag == f"{TABLE}table":
                self.prose.table([cells for _, cells in self.rows(child)])
            elif tag == f"{DRAW}object":
                self.prose.write(self._formula(child.get(_LINK, "")))
            elif tag not in _UNSEEN:
                self.read(child)
        self._end_code()

    def _paragraph(self, element: Element) -> None:
        style = element.get(f"{TEXT}style-name", "")
        if self._styles.says(style, "text", f"{TEXT}display") == "none":
            return
        self._inline(element)
        if self._styles.is_verbatim(style) and element.tag == f"{TEXT}p":
            self._code.append(self.prose.cut(0))
        else:
            text = self.prose.cut(0)
            self._end_code()
            self.prose.write(text)
            self.prose.end("heading" if element.tag == f"{TEXT}h" else "paragraph")
        boxes, self._boxes = self._boxes, []
        for box in boxes:
            self.read(box)

    def _end_code(self) -> None:
        if self._code:
            self.prose.verbatim("\n".join(self._code))
            self._code = []

    def _inline(self, element: Element) -> None:
        self._write(element.text)
        for child in element:
            self._piece(child)
            self._write(child.tail)

    def _write(self, text: str | None) -> None:
        text = _WHITE.sub(" ", text or "")
        if text.startswith(" ") and self.prose.since(max(self.prose.mark - 1, 0))[-1:] in ("", " ", "\n", "\t"):
            text = text[1:]
        self.prose.write(text)

    def _piece(self, child: Element) -> None:
        tag = child.tag
        if tag == f"{TEXT}s":
            count = child.get(f"{TEXT}c", "1")
            self.prose.write(" " * min(int(count) if count.isdecimal() else 1, _MOST_BLANKS))
        elif tag == f"{TEXT}tab":
            self.prose.write("\t")
        elif tag == f"{TEXT}line-break":
            self.prose.write("\n")
        elif tag == f"{TEXT}note":
            body = child.find(f"{TEXT}note-body")
            self.notes += [] if body is None else [body]
        elif tag == f"{DRAW}frame":
            self._frame(child)
        elif tag.startswith(DRAW):
            self._boxes.append(child)
        elif tag == f"{TEXT}span":
            self._span(child)
        elif tag not in _UNSEEN:
            self._inline(child)

    def _span(self, element: Element) -> None:
        style = element.get(f"{TEXT}style-name", "")
        if self._styles.says(style, "text", f"{TEXT}display") == "none":
            return
        mark = self.prose.mark
        self._inline(element)
        if self._styles.says(style, "text", f"{STYLE}text-position").startswith(("super", "33%")):
            text = self.prose.cut(mark)
            self.prose.write(superscript(self.prose.since(max(mark - 3, 0)), text))

    def _frame(self, element: Element) -> None:
        """Read a frame in a line: a formula stands there, a text box follows the paragraph."""
        for child in element:
            if child.tag == f"{DRAW}object":
                self.prose.write(self._formula(child.get(_LINK, "")))
            elif child.tag == f"{DRAW}text-box":
                self._boxes.append(child)

    def _list(self, element: Element) -> None:
        style = element.get(f"{TEXT}style-name", "") or (self._lists[-1][0] if self._lists else "")
        depth = len(self._lists)
        before = element.get(f"{TEXT}continue-list") if not depth else None
        if before is None and not depth and element.get(f"{TEXT}continue-numbering") == "true":
            before = style
        self._lists.append((style, [self._ended.get(before or "", self._start(style, depth) - 1)]))
        for item in element:
            if item.tag not in (f"{TEXT}list-item", f"{TEXT}list-header"):
                continue
            self.prose.end_item()
            if item.tag == f"{TEXT}list-item" and any(child.tag in (f"{TEXT}p", f"{TEXT}h") for child in item):
                start = item.get(f"{TEXT}start-value", "")
                at = self._lists[-1][1]
                at[0] = int(start) if start.isdecimal() and len(start) < 10 else at[0] + 1
                self.prose.item(self._label(depth), depth)
            self.read(item)
            self.prose.end_item()
        _, at = self._lists.pop()
        if not depth:
            self._ended[style] = self._ended[element.get(_ID, style)] = at[0]

    def _level(self, style: str, depth: int) -> Element | None:
        for item in self._styles.lists.get(style, ()):
            if item.get(f"{TEXT}level") == str(depth + 1):
                return item
        return None

    def _start(self, style: str, depth: int) -> int:
        level = self._level(style, depth)
        start = "1" if level is None else level.get(f"{TEXT}start-value", "1")
        return int(start) if start.isdecimal() and len(start) < 10 else 1

    def _label(self, depth: int) -> str:
        level = self._level(self._lists[-1][0], depth)
        form = "" if level is None else level.get(f"{STYLE}num-format", "")
        if level is None or level.tag != f"{TEXT}list-level-style-number" or not form:
            return "- "
        shown = level.get(f"{TEXT}display-levels", "1")
        count = min(int(shown), depth + 1) if shown.isdecimal() and len(shown) < 3 else 1
        numbers = []
        for index in range(depth + 1 - max(count, 1), depth + 1):
            outer = self._level(self._lists[index][0], index)
            outer_form = "" if outer is None else outer.get(f"{STYLE}num-format", "")
            if outer_form:
                numbers.append(numeral(self._lists[index][1][0], outer_form))
        return level.get(f"{STYLE}num-prefix", "") + ".".join(numbers) + level.get(f"{STYLE}num-suffix", "") + " "

    def rows(self, table: Element) -> Iterator[tuple[int, list[Prose]]]:
        """Yield how often a row stands there, and its cells."""
        for row in table:
            if row.tag in (f"{TABLE}table-header-rows", f"{TABLE}table-rows", f"{TABLE}table-row-group"):
                yield from self.rows(row)
            elif row.tag == f"{TABLE}table-row" and row.get(f"{TABLE}visibility") != "collapse":
                yield _times(row, "rows"), list(self._cells(row))

    def _cells(self, row: Element) -> Iterator[Prose]:
        waiting = 0
        for cell in row:
            if cell.tag not in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
                continue
            around, self.prose = self.prose, Prose()
            if cell.tag == f"{TABLE}table-cell":
                self.read(cell)
            found, self.prose = self.prose, around
            times = _times(cell, "columns")
            if not found.closed():
                waiting += times
                continue
            for _ in range(min(waiting, _MOST_CELLS)):
                yield Prose()
            waiting = 0
            for _ in range(times):
                yield found
        for _ in range(min(waiting, _MOST_TRAILING)):
            yield Prose()


def _times(element: Element, what: str) -> int:
    """Return how often a cell or a row stands there."""
    times = element.get(f"{TABLE}number-{what}-repeated", "1")
    return min(int(times), _MOST_CELLS) if times.isdecimal() and len(times) < 10 else 1
