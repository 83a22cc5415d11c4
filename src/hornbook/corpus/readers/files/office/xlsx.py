"""Workbooks of Excel (.xlsx and its relatives) -> one document a file: each sheet's name, then its rows.

A cell is what it holds: numbers as they are stored, dates in ISO 8601, of a formula its last result. Hidden sheets are
left out.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.facts import known
from hornbook.corpus.readers.files.office.ooxml import document_facts, main_part, office_xml
from hornbook.corpus.readers.files.package import Package, opened
from hornbook.corpus.readers.files.prose import Prose
from hornbook.corpus.readers.packed import BadRecord, Place
from hornbook.corpus.readers.record import Part, Reading, Record

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DATES = frozenset({14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 59)})  # the built-in formats of dates
_DATE_FORM = re.compile(r"[ymdjeag]", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_PLACE = re.compile(r"([A-Z]{1,3})\d+")
_COLUMNS = 16_384
_CELLS = 1 << 21  # of a sheet, the empty ones between others too


@dataclass(frozen=True)
class Xlsx:
    """Read .xlsx files.

    hidden_sheets   read sheets that are not shown
    """

    hidden_sheets: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of the file."""
        with opened(place) as package:
            main = main_part(package, "xl/workbook.xml")
            root = office_xml(package, main)
            if root.tag != f"{S}workbook":
                raise BadRecord(f"{package.where} is no workbook.", "no workbook")
            related = package.relations(main)
            names = {item.kind: item.name for item in related.values()}
            shared = _shared(package, names.get("sharedStrings", ""))
            dates = _date_styles(package, names.get("styles", ""))
            properties = root.find(f"{S}workbookPr")
            from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
            prose = Prose()
            for sheet in root.iter(f"{S}sheet"):
                relation = related.get(sheet.get(_ID, ""))
                if relation is None or relation.kind != "worksheet" or relation.name not in package:
                    continue
                if sheet.get("state", "visible") == "visible" or self.hidden_sheets:
                    rows = _rows(office_xml(package, relation.name), shared, dates, from_1904, package.where)
                    _sheet(sheet.get("name", ""), rows, prose)
            yield Record(1, prose.text(), {**document_facts(package), **known(sections=prose.sections)})


def _sheet(name: str, rows: list[list[str]], prose: Prose) -> None:
    cells = [[_cell(text) for text in row] for row in rows]
    if cells:
        prose.write(name)
        prose.end("heading")
        prose.table(cells, layout=False)


def _cell(text: str) -> Prose:
    prose = Prose()
    prose.write(text)
    return prose


def _shared(package: Package, name: str) -> list[str]:
    root = office_xml(package, name, optional=True) if name else Element("none")
    return [_string(item) for item in root.findall(f"{S}si")]


def _string(item: Element) -> str:
    """Return a string, of one run or of several; how it is read aloud is left out."""
    return "".join(part.text or "" for child in item if child.tag != f"{S}rPh" for part in child.iter(f"{S}t"))


def _date_styles(package: Package, name: str) -> list[bool]:
    """Return of each format of cells whether it shows dates."""
    root = office_xml(package, name, optional=True) if name else Element("none")
    own = {
        item.get("numFmtId", ""): bool(_DATE_FORM.search(_QUOTED.sub("", item.get("formatCode", ""))))
        for item in root.iter(f"{S}numFmt")
    }
    forms = [item.get("numFmtId", "0") for item in root.findall(f"{S}cellXfs/{S}xf")]
    return [own.get(form, form.isdecimal() and len(form) < 4 and int(form) in _DATES) for form in forms]


def _rows(root: Element, shared: list[str], dates: list[bool], from_1904: bool, where: str) -> list[list[str]]:
    rows: list[list[str]] = []
    count = 0
    for row in root.findall(f"{S}sheetData/{S}row"):
        cells: list[str] = []
        for cell in row.findall(f"{S}c"):
            text = " ".join(_value(cell, shared, dates, from_1904).split())
            if not text:
                continue
            place = _PLACE.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else len(cells)
            cells += [""] * (min(column, _COLUMNS) - len(cells))
            cells.append(text)
        count += len(cells)
        if count > _CELLS:
            raise BadRecord(f"{where} has a sheet of more than {_CELLS:,} cells.", "too many cells")
        if cells:
            rows.append(cells)
    return rows


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: Element, shared: list[str], dates: list[bool], from_1904: bool) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        found = cell.find(f"{S}is")
        return "" if found is None else _string(found)
    text = cell.findtext(f"{S}v") or ""
    if kind == "s":
        return shared[int(text)] if text.isdecimal() and len(text) < 10 and int(text) < len(shared) else ""
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(text, text)
    style = cell.get("s", "")
    if kind == "n" and style.isdecimal() and len(style) < 7 and int(style) < len(dates) and dates[int(style)]:
        return _date(text, from_1904) or text
    return text


def _date(text: str, from_1904: bool) -> str:
    """Return a number of days as a date, with the time where there is one; "" where it is none."""
    try:
        days = float(text)
        if not math.isfinite(days) or days < 1:
            return ""
        begin = datetime.datetime(1904, 1, 1) if from_1904 else datetime.datetime(1899, 12, 30)
        moment = begin + datetime.timedelta(seconds=round(days * 86_400))
    except (ValueError, OverflowError):
        return ""
    return moment.date().isoformat() if moment.time() == datetime.time() else moment.isoformat(" ")
