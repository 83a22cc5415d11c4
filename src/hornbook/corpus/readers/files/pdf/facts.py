"""What a PDF says of itself -> facts: title, authors, date, language, pages, sections; no names of programs."""

from __future__ import annotations

import contextlib
import ctypes
import re
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from hornbook.corpus.readers.facts import iso_date, known, language

_PROGRAMS = re.compile(
    r"^(?:microsoft (?:word|powerpoint|excel)(?: - .*)?|powerpoint presentation|slide \d+|untitled.?\d*|sans titre"
    r"|ohne titel|unbekannt|unknown|document\d*|dokument\d*|title|layout \d+|print|scan[\d_.-]*|about:blank"
    r"|\(anonymous\)"
    r"|.*\.(?:docx?|dotx?|odt|rtf|tex|dvi|ps|pdf|indd|qxd|pptx?|xlsx?|pages|p65|fm|wpd|txt|html?|cdr|ai|eps|tiff?|jpe?g))$",
    re.I,
)
_NOBODY = re.compile(
    r"^(?:unknown|admin(?:istrator)?|user|owner|author|default|root|\(?anonymous\)?|unspecified|.*\\.*|[\w.]{1,2})$",
    re.I,
)
_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?\s*(?:([+\-Z])(?:(\d\d)'?(\d\d)?'?)?)?")
_MOST_SECTIONS = 1000


def facts_of(document: pypdfium2.PdfDocument) -> dict[str, Any]:
    """Return the facts that the document holds, those alone that are known."""
    says = {name: _clean(document.get_metadata_value(name)) for name in ("Title", "Author", "CreationDate")}
    return known(
        title="" if _PROGRAMS.match(says["Title"]) else says["Title"],
        authors=authors(says["Author"]),
        date=date_of(says["CreationDate"]),
        language=_language(document),
        pages=len(document),
        sections=_sections(document),
    )


def _clean(text: str) -> str:
    """Return a text in one line, without controls and halves of characters."""
    sound = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in sound).split())


def authors(text: str) -> list[str]:
    """Return the names in a line of authors; commas part them where each piece has a first and a last name.

    >>> authors("Ada Lovelace, Charles Babbage and Mary Somerville")
    ['Ada Lovelace', 'Charles Babbage', 'Mary Somerville']
    >>> authors("Lovelace, Ada; Babbage, Charles")
    ['Lovelace, Ada', 'Babbage, Charles']
    """
    pieces = re.split(r"\s*[;&]\s*", text)
    if len(pieces) == 1:
        by_commas = [piece for piece in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", text) if piece]
        pieces = by_commas if all(" " in piece for piece in by_commas) else re.split(r"\s+and\s+", text)
    return [piece for piece in pieces if piece and not _NOBODY.match(piece) and not _PROGRAMS.match(piece)]


def date_of(text: str) -> str:
    """Return a date of a PDF in the form of ISO 8601, as exact as it is; "" where it is none.

    >>> date_of("D:20240103142559+01'00'")
    '2024-01-03T14:25:59+01:00'
    """
    found = _DATE.fullmatch(text.strip())
    if not found:
        return ""
    year, month, day, hour, minute, second, sign, off, more = found.groups()
    if not month or not day:
        return f"{year}-{month}" if month and 1 <= int(month) <= 12 and int(year) else year if int(year) else ""
    zone = "" if not sign else "+00:00" if sign == "Z" or not off else f"{sign}{off}:{more or '00'}"
    date = f"{year}-{month}-{day}"
    shown = f"{date}T{hour}:{minute or '00'}:{second or '00'}{zone}" if hour else date
    return iso_date(shown)


def _language(document: pypdfium2.PdfDocument) -> str:
    size = pdfium.FPDFCatalog_GetLanguage(document.raw, None, 0)
    if not 2 < size < 200:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    pdfium.FPDFCatalog_GetLanguage(document.raw, buffer, size)
    return language(bytes(buffer).decode("utf-16-le", "replace").strip("\0 "))


def _sections(document: pypdfium2.PdfDocument) -> list[str]:
    """Return the titles of the outline."""
    found: list[str] = []
    with contextlib.suppress(pypdfium2.PdfiumError):
        for item in document.get_toc(max_depth=6):
            if len(found) == _MOST_SECTIONS:
                break
            if title := _clean(item.get_title()):
                found.append(title)
    return found
