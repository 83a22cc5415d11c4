"""A PDF -> its text and its facts, in the process that pdfium may bring down; `pdf_process.py` keeps that apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from hornbook.corpus.readers.files.pdf_columns import regions
from hornbook.corpus.readers.files.pdf_facts import facts_of
from hornbook.corpus.readers.files.pdf_font import use_square_font
from hornbook.corpus.readers.files.pdf_glyphs import CrowdedPage, page_words
from hornbook.corpus.readers.files.pdf_lines import Line, lines_of
from hornbook.corpus.readers.files.pdf_paragraphs import document_text

MOST_PAGES = 10_000
MOST_LETTERS = 50_000_000  # of a document
_UNKNOWN = 0.3  # of the characters: above it a document does not tell its letters
_FEW = 16  # characters: a page of pictures with no more has no text
_SHOWN = frozenset({pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT})


class Refused(ValueError):
    """A document that is not read: `reason` in few words; the message, behind the file's name, is a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Document(NamedTuple):
    """What a PDF holds; `pictures` and `damaged` are numbers of pages, from 1."""

    text: str
    facts: dict[str, Any]
    pictures: list[int]
    damaged: list[int]


def read_document(path: str, alive: Callable[[], None]) -> Document:
    """Read a document; `alive` is called after each page. Raises Refused."""
    use_square_font()
    document = _opened(path)
    try:
        count = len(document)
        if not count:
            raise Refused("no pages", "has no pages. Make it again.")
        if count > MOST_PAGES:
            raise Refused("too many pages", f"has {count:,} pages, more than {MOST_PAGES:,}. Split it.")
        pages: list[list[Line]] = []
        pictures: list[int] = []
        damaged: list[int] = []
        letters = unknown = column = 0
        for number in range(count):
            found = _page(document, number, column)
            if found is None:
                damaged.append(number + 1)
                continue
            lines, held, unclear, pictured = found
            pages.append(lines)
            column = lines[-1].column + 1 if lines else column
            letters, unknown = letters + held, unknown + unclear
            if pictured:
                pictures.append(number + 1)
            if letters > MOST_LETTERS:
                raise Refused("too long a text", f"has more than {MOST_LETTERS:,} characters. Split it.")
            alive()
        if unknown > _UNKNOWN * letters:
            message = f"has fonts that do not tell the letters of {unknown / letters:.0%} of its text. Use OCR."
            raise Refused("its fonts do not tell their letters", message)
        text = document_text(pages)
        if not text.strip() and pictures:
            raise Refused("pages are pictures: needs OCR", "holds pictures of pages, and no text. Use OCR.")
        if len(damaged) == count:
            raise Refused("damaged PDF", "is damaged: none of its pages can be read. Restore it or make it again.")
        return Document(text, facts_of(document), pictures, damaged)
    finally:
        document.close()


def _opened(path: str) -> pypdfium2.PdfDocument:
    handle = pdfium.FPDF_LoadDocument(os.fsencode(path), None)  # with an empty password, which many documents have
    if handle:
        return pypdfium2.PdfDocument(handle)
    code = pdfium.FPDF_GetLastError()
    if code == pdfium.FPDF_ERR_PASSWORD:
        raise Refused("encrypted", "is encrypted and wants a password. Save it without one.")
    if code == pdfium.FPDF_ERR_SECURITY:
        raise Refused("encrypted", "is encrypted in a manner that is not known. Save it without.")
    raise Refused("damaged PDF", "is no PDF, or a damaged one. Restore it or make it again.")


def _page(document: pypdfium2.PdfDocument, number: int, column: int) -> tuple[list[Line], int, int, bool] | None:
    """Return a page's lines, its letters, how many of them are unknown, if it is a picture; None if it is damaged."""
    page = pdfium.FPDF_LoadPage(document.raw, number)
    if not page:
        return None
    try:
        # What is filled into forms, and text written onto the page, is part of what one sees.
        if _has_fields(page) and pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
            pdfium.FPDF_ClosePage(page)
            page = pdfium.FPDF_LoadPage(document.raw, number)
        try:
            found = page_words(page)
        except CrowdedPage as error:
            raise Refused("too long a text", f"has a page with {error}, number {number + 1:,}. Split it.") from error
        lines: list[Line] = []
        for words in found.words:
            for region in regions(words):
                lines += lines_of(region, number, column)
                column += 1
        return lines, found.letters, found.unknown, found.letters <= _FEW and _is_picture(page)
    finally:
        pdfium.FPDF_ClosePage(page)


def _has_fields(page: Any) -> bool:
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), 2000)):
        note = pdfium.FPDFPage_GetAnnot(page, index)
        kind = pdfium.FPDFAnnot_GetSubtype(note)
        pdfium.FPDFPage_CloseAnnot(note)
        if kind in _SHOWN:
            return True
    return False


def _is_picture(page: Any) -> bool:
    """Say whether a page shows a picture, or so many lines and curves that they may be letters."""
    kinds = [
        pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page, index))
        for index in range(min(pdfium.FPDFPage_CountObjects(page), 2000))
    ]
    return pdfium.FPDF_PAGEOBJ_IMAGE in kinds or kinds.count(pdfium.FPDF_PAGEOBJ_PATH) > 100
