"""Where a book begins and ends: the marks that Project Gutenberg has put around its books since 1971.

The forms are those of its own converter (ebookmaker, `parsers/boilerplate`), of c-w/gutenberg and of the texts:

    2002 on       *** START OF THE PROJECT GUTENBERG EBOOK ALICE ***   *** END OF THE PROJECT GUTENBERG EBOOK ALICE ***
    1991 to 2003  *END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*...   End of Project Gutenberg's Etext of Alice
    before, rare  no mark: paragraphs about Project Gutenberg          the same

Between 2003 and 2007 both ends are there. One file may hold several books, each between marks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TITLE = r"(?:(?!\n[ \t]*\n).){0,600}?(?:\*{3}|(?=\n[ \t]*\n)|\Z)"  # up to the stars, on one line or several
START = re.compile(rf"\*{{3}} ?START OF TH(?:E|IS) (?:COPYRIGHTED )?PROJECT GUTENBERG{_TITLE}", re.I | re.S)
END = re.compile(rf"\*{{3}} ?END OF TH(?:E|IS) (?:COPYRIGHTED )?PROJECT GUTENBERG{_TITLE}", re.I | re.S)
SMALL_END = re.compile(r"^[ \t]*(?:\*{0,3} ?END ?\*{0,2} ?THE SMALL PRINT|\*SMALL PRINT!).*$", re.I | re.M)
_SMALL_START = re.compile(r"^[ \t]*\*{3} ?START ?\*{0,2}.*SMALL PRINT", re.I | re.M)
# The last line of a book's own file, in the languages of its producers.
CLOSE = re.compile(
    r"[ \t*<]*(?:(?:This is )?(?:the )?End of (?:(?:the|this|an?) )?(?:Project )?(?:Gutenberg|E-?text|E-?book)"
    r"|Ende? (?:diese[sr]?|des|von) (?:Proje[ck]t[ -]Gutenberg|Etext)|Fin (?:de|du|de ce) Pro[jg]e[ck]?t[ -]Gutenberg"
    r"|Fine (?:del|di questo) Proge[ct]to Gutenberg|Fin del Proyecto Gutenberg"
    r"|Einde van (?:dit |het )?Project Gutenberg|Project Gutenberg[-\w ]*:n loppu)",
    re.I,
)
_CLOSES = re.compile(rf"^{CLOSE.pattern}", re.I | re.M)
_LICENSE = re.compile(r"^[ \t]*(?:\*{3} ?START: FULL LICENSE|THE FULL PROJECT GUTENBERG LICENSE)", re.I | re.M)
# A copyright of another kind that stands between the plays of one old edition of Shakespeare.
_INSERTED = re.compile(r"<<THIS ELECTRONIC VERSION OF.{0,2000}?>>", re.S)
_HEADER = re.compile(
    r"Project Gutenberg|\be-?texts?\b|^(?:Title|Author|Editor|Translator|Illustrator|Release Date|Language|Posting Date"
    r"|Character set encoding|Edition|Last updated)\s*:|\[(?:E-?text|E-?book) ?#|\*\*\*|copyright laws",
    re.I | re.M,
)
_GENEROUS = 25_000  # characters: the licence at the end of a file has 19,000
_LEAST = 100  # characters of a book: less than that between a mark and the end is none


class Frame(NamedTuple):
    """A file of a book, taken apart; none of them overlap."""

    header: str
    body: str
    footer: str


def is_marked(start: bytes) -> bool:
    """Say whether the first bytes of a file are those of a book of Project Gutenberg."""
    return _BEGINS.search(start) is not None


_BEGINS = re.compile(
    rb"(?:^|[>*\xbf])[ \t*]*(?:This is )?(?:The |an? )?Project Gutenberg(?:(?:'|\xe2\x80\x99|\x92|&rsquo;)s)?,?\s"
    rb"(?:E-?book|E-?text|Edition)\b|(?:^|[>*\xbf])Project Gutenberg(?:'|\xe2\x80\x99|\x92|&rsquo;)s[^<]{1,200}?\bby\b"
    rb"|\*{3} ?START OF TH(?:E|IS) (?:COPYRIGHTED )?PROJECT GUTENBERG|id=[\"']pg-header"
    rb"|Welcome To The World of Free Plain Vanilla Electronic",
    re.I | re.M,
)


def framed(text: str) -> Frame:
    """Return a file's header, its body (of several books joined by blank lines), and its footer."""
    starts = list(START.finditer(text))
    if not starts:
        begin = _old_start(text)
        end = _end(text, begin)
        return Frame(text[:begin], _INSERTED.sub("", text[begin:end]), text[end:])
    bodies, end = [], 0
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        if start.start() < end:
            continue
        end = _end(text, start.end(), following.start() if following else len(text))
        bodies.append(text[start.end() : end])
    return Frame(text[: starts[0].start()], _INSERTED.sub("", "\n\n\n\n\n".join(bodies)), text[end:])


def _old_start(text: str) -> int:
    """Return where a book without a mark of its start begins: behind the small print, else behind the header."""
    for small in reversed(list(SMALL_END.finditer(text))):
        if len(text[small.end() : _end(text, small.end())].strip()) >= _LEAST:
            return small.end()
    place = 0
    for paragraph in re.finditer(r"(?:.*\S.*\n?)+", text):
        if _HEADER.search(paragraph[0]) is None or paragraph.start() > _GENEROUS:
            break
        place = paragraph.end()
    return place


def _end(text: str, start: int, stop: int | None = None) -> int:
    """Return where the book that begins at `start` ends: at the mark, else at the last line that says so."""
    stop = len(text) if stop is None else stop
    if mark := END.search(text, start, stop):
        stop = mark.start()
    elif license_ := _LICENSE.search(text, start, stop) or _SMALL_START.search(text, start, stop):
        stop = license_.start()
    closes = [close.start() for close in _CLOSES.finditer(text, start, stop)]
    # A line that closes one of several books in a file has the next one behind it.
    return closes[-1] if closes and stop - closes[-1] < _GENEROUS and _is_last(text, closes[-1], stop) else stop


def _is_last(text: str, close: int, stop: int) -> bool:
    """Say whether no book follows a line that closes one: nothing much, or what is about Project Gutenberg."""
    rest = text[close:stop]
    return len(rest) < 1_500 or "gutenberg" in rest[400:].lower()
