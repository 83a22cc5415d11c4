"""Tables: rows of cells joined by bars, as the page shows them; boxes beside the text are left out.

{| class="wikitable"      opens a table, a line of its own      ! head !! head      cells of a head
|+ caption                                                      |}                  closes it
|-                        begins a row                          {| in a cell        a table inside it
| cell || cell            cells; what stands before a single bar in one are its attributes
"""

from __future__ import annotations

import re

from hornbook.corpus.readers.wiki.inline import finished
from hornbook.corpus.readers.wiki.page import NOTHING, Page

# Classes of tables that stand beside the text or lead elsewhere.
_BOXES = re.compile(
    r"infobox|navbox|vertical-navbox|sidebar|metadata|[acfiot]mbox|\btoc\b|taxobox|noprint|succession|nowraplinks|"
    r"toccolours|sinottico|info[_-]?boks|display:\s*none|speaker-?box",
    re.IGNORECASE,
)
_DATA = re.compile(r"wikitable|prettytable|sortable|datatable|rowheaders", re.IGNORECASE)
_HTML = re.compile(r"<(/?)((?i:table|tr|td|th|caption|thead|tbody|tfoot))\b([^<>]*)>")
_OPENED = re.compile(r"[ \t]*[:*#]*[ \t]*\{\|(.*)")
_HEADING = re.compile(r"={1,6}[^=].*=[ \t]*$")
_ITEM = re.compile(r"^[*#:;]+[ \t]*", re.MULTILINE)
_BLANKS = re.compile(r"[ \t\n]+")
DEEPEST = 20  # tables inside each other


def without_tables(text: str, page: Page) -> str:
    """Return wikitext in which tables are kept as rows."""
    if "<t" in text or "<T" in text:
        text = _HTML.sub(_from_html, text)
    if "{|" not in text and "\n|" not in text and not text.startswith("|"):
        return text
    lines = text.split("\n")
    closing = sum(line.lstrip().startswith("|}") for line in lines)
    out: list[str] = []
    open_tables: list[_Table] = []
    for line in lines:
        start = line.lstrip()
        if (opened := _OPENED.match(line)) and len(open_tables) < DEEPEST:
            open_tables.append(_Table(opened[1]))
        elif start.startswith("|}"):
            closing -= 1
            rest = start[2:]
            if open_tables:
                _close(open_tables, out, page)
            else:
                out.append("")
            if rest.strip():
                _add(open_tables, out, rest)
        elif not open_tables:
            out.append(f"\n{_stray(start)}\n" if start.startswith("|") else line)
        elif not closing and _HEADING.match(line):
            while open_tables:
                _close(open_tables, out, page)  # it is never closed: the text goes on here
            out.append(line)
        else:
            open_tables[-1].line(line, start)
    while open_tables:
        _close(open_tables, out, page)
    return "\n".join(out)


def _from_html(found: re.Match[str]) -> str:
    """Return a tag of HTML's tables in the marks of wikitext."""
    closing, tag, attributes = found[1], found[2].lower(), " ".join(found[3].split())
    if tag == "table":
        return "\n|}\n" if closing else f"\n{{| {attributes}\n"
    if closing or tag in ("thead", "tbody", "tfoot"):
        return ""
    return {"tr": "\n|-\n", "caption": "\n|+", "td": f"\n| {NOTHING}|", "th": f"\n! {NOTHING}|"}[tag]


def _stray(line: str) -> str:
    """Return a line of a table that was never opened, as far as it is text."""
    text = line.lstrip("|")
    return "" if not text or text[0] in "-+}" else " | ".join(_cell(cell) for cell in text.split("||"))


def _cell(text: str) -> str:
    """Return a cell without its attributes."""
    attributes, bar, content = text.partition("|")
    return (content if bar and "[[" not in attributes else text).strip()


def _close(open_tables: list[_Table], out: list[str], page: Page) -> None:
    shown = open_tables.pop().shown(page)
    _add(open_tables, out, shown)


def _add(open_tables: list[_Table], out: list[str], text: str) -> None:
    if open_tables:
        open_tables[-1].add(text)
    else:
        out.append(text)


class _Table:
    """A table that is open: its caption and its rows of cells, each with its lines."""

    def __init__(self, attributes: str) -> None:
        self.attributes = attributes
        self.caption: list[str] | None = None
        self.rows: list[list[list[str]]] = [[]]
        self.lines: list[str] | None = None  # of the cell or caption that lines go on with

    def add(self, text: str) -> None:
        """Take a line of the open cell; what stands before the first cell is not shown in its place."""
        if self.lines is not None:
            self.lines.append(text)

    def line(self, line: str, start: str) -> None:
        """Take a line of wikitext."""
        if start.startswith("|-"):
            self.rows.append([])
            self.lines = None
        elif start.startswith("|+"):
            self.caption = self.lines = [_cell(start[2:])]
        elif start.startswith(("|", "!")):
            text = start[1:].replace("!!", "||") if start[0] == "!" else start[1:]
            for cell in text.split("||"):
                self.lines = [_cell(cell)]
                self.rows[-1].append(self.lines)
        else:
            self.add(line)

    def shown(self, page: Page) -> str:
        """Return the table as a block of rows; one that only arranges text as that text."""
        if _BOXES.search(self.attributes):
            return ""
        cells = [cell for row in self.rows for cell in row]
        if not _DATA.search(self.attributes) and any(_is_text(cell) for cell in cells):
            return "\n\n".join(["", *("\n".join(cell) for cell in cells), ""])
        if not page.tables:
            return ""
        lines = [self._plain(self.caption, page)] if self.caption else []
        for row in self.rows:
            plain = [self._plain(cell, page) for cell in row]
            if any(plain):
                lines.append(_BLANKS.sub(" ", " | ".join(plain)).strip())
        return page.keep_block("\n".join(line for line in lines if line))

    @staticmethod
    def _plain(cell: list[str], page: Page) -> str:
        """Return a cell in one line; items of lists in it are parted by semicolons."""
        text = "\n".join(cell).strip()
        if "\n" in text:
            text = _ITEM.sub("", re.sub(r"\s*\n+(?=[*#])", "; ", text).replace("; *", "; ").replace("; #", "; "))
            text = re.sub(r"; [*#:;]+ *", "; ", text)
        else:
            text = _ITEM.sub("", text)
        return _BLANKS.sub(" ", page.restored(finished(text))).strip()


def _is_text(cell: list[str]) -> bool:
    """Say whether a cell holds more than a cell of data does: paragraphs, a heading, a list."""
    text = "\n".join(cell)
    return "\n\n" in text.strip() or len(text) > 1000 or bool(re.search(r"^=+[^=]+=+\s*$", text, re.MULTILINE))
