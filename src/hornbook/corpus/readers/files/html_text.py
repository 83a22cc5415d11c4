"""HTML or XHTML -> plain text: everything that a reader of the page sees, nothing told apart as main text.

Parsed by lxml as events, which takes any markup, nests without bound, and holds no tree: its parser alone reads 12 MB a
second, html.parser of the standard library 2.5. XHTML is parsed as XML where it is sound, since `<a id="x"/>` is whole
there. Nothing that a page refers to is fetched.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from html.entities import html5
from typing import Any

from hornbook.corpus.readers.encodings import UTF8, Encoding, marked, named
from hornbook.corpus.readers.files.formulas import Formula
from hornbook.corpus.readers.files.prose import Prose, numeral, superscript
from hornbook.corpus.readers.record import decoded_record
from hornbook.errors import needing

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCK_NAMES = """
    address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form header hgroup hr html legend main menu nav ol p search section summary ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
# What a reader of the page does not see, or what is no text of it.
_UNSEEN_NAMES = """
    applet audio button canvas datalist del embed frame frameset head iframe input link meta noembed noframes
    noscript object param progress rp rt rtc script select style svg template textarea title video
"""
_UNSEEN = frozenset(_UNSEEN_NAMES.split())
_PAGE_NUMBERS = frozenset({"pagenum", "pageno", "page-number", "pagebreak", "page-break"})
_NOTE_SIGNS = frozenset({"noteref", "backlink", "doc-noteref", "doc-backlink", "pagebreak", "doc-pagebreak"})
_NOTE_SIGN = re.compile(r"[\[(]?(?:\d{1,4}|[*†‡§¶]{1,4}|[a-z])[\])]?")
_HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_WHITE = re.compile(r"[ \t\r\n\f]+")
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_BARE = re.compile(r"<(a|b|div|em|i|iframe|p|script|span|strong|style|textarea|title|td|th|li)((?:\s[^<>]*)?)/>")
_HEAD = 1024  # bytes of a file in which it says how it is written
_SAYS = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE)
_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})


def html_text(markup: str) -> str:
    """Return the plain text of a page or of a fragment of HTML."""
    return html_prose(markup).text()


Unseen = Callable[[str, Mapping[str, str]], bool]


def html_prose(markup: str, xhtml: bool = False, unseen: Unseen = lambda tag, attributes: False) -> Prose:
    """Return the blocks of a page or a fragment.

    xhtml    whether it is meant to be XML
    unseen   says of an element, by its name and attributes, that it is left out beside what is never shown
    """
    with needing("Reading HTML", "files"):
        from lxml import etree
    markup = markup.encode("utf-8", "replace").decode()
    if xhtml and "<!ENTITY" not in markup:  # which a parser of XML would write out
        parser = etree.XMLParser(
            target=_Page(unseen), resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True
        )
        with contextlib.suppress(etree.XMLSyntaxError):
            return _parsed(parser, _plain_xml(markup))
    if xhtml:
        markup = _BARE.sub(r"<\1\2></\1>", markup)
    return _parsed(etree.HTMLParser(target=_Page(unseen), huge_tree=True), markup)


def decoded_markup(data: bytes, where: str, number: int = 0) -> tuple[str, Encoding]:
    """Return the text of a file of HTML or XML: as its mark says, else as it says itself, else UTF-8, else a guess."""
    if mark := marked(data[:_HEAD]):
        return data[mark[1] :].decode(mark[0].codec, "replace"), UTF8
    says = _SAYS.search(data[:_HEAD])
    label = (says[1] or says[2]).decode("ascii", "replace") if says else ""
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode(), UTF8
    if label and (codec := named(label, data)):
        return data.decode(codec), UTF8
    return decoded_record(data, where, number)


def _parsed(parser: Any, markup: str) -> Prose:
    parser.feed(markup.encode() if markup.startswith("<?xml") else markup)
    found = parser.close()
    assert isinstance(found, Prose)
    return found


def _plain_xml(markup: str) -> str:
    """Return XHTML without a document type, and with letters in place of the names that it declares."""

    def letter(match: re.Match[str]) -> str:
        return match[0] if match[1] in _XML else html5.get(f"{match[1]};", match[0])

    markup = re.sub(r"\A\ufeff?\s*<\?xml[^>]*\?>", "", markup)
    return _ENTITY.sub(letter, _DOCTYPE.sub("", markup, count=1))


class _Page:
    """A target of lxml's parsers: `start`, `data` and `end` as the elements come; `close` returns the blocks."""

    def __init__(self, unseen: Unseen) -> None:
        self._prose = Prose()
        self._is_unseen = unseen
        self._unseen = 0  # open elements from the one on that is not shown
        self._verbatim = 0  # open <pre>
        self._lists: list[list[Any]] = []  # of each open list: its form ("" = without numbers), its next number
        self._tables: list[tuple[Prose, list[list[Prose]]]] = []  # of each open table: what is around, its rows
        self._links: list[str] = []
        self._raised: list[tuple[int, bool]] = []  # of each open <sup>: its mark, whether it is a link inside the page
        self._formula: Formula | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        tag = tag.rpartition("}")[2].lower()
        if self._unseen:
            self._unseen += 1
        elif self._formula is not None:
            self._formula.start(tag, attributes)
        elif tag in _UNSEEN or _is_hidden(attributes) or self._is_unseen(tag, attributes):
            self._unseen = 1
        elif tag == "math":
            self._formula = Formula(attributes)
        elif tag == "br":
            self._prose.write("\n")
        elif tag == "img":
            self._image(attributes)
        elif tag == "a":
            self._links.append(attributes.get("href", ""))
            if self._raised and "#" in self._links[-1]:
                self._raised[-1] = (self._raised[-1][0], True)
        elif tag == "sup":
            self._raised.append((self._prose.mark, any("#" in link for link in self._links[-1:])))
        elif tag == "q":
            self._prose.write("“")
        else:
            self._block(tag, attributes)

    def _block(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "pre":
            if not self._verbatim:
                self._prose.end()
            self._verbatim += 1
        elif tag == "table":
            self._tables.append((self._prose, []))
            self._prose = Prose()
        elif tag in ("tr", "td", "th") and self._tables:
            self._cell(tag)
        elif tag == "li":
            self._prose.end_item()
            self._item(attributes)
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._prose.end()
            if tag in ("ol", "ul", "menu", "dir"):
                form = attributes.get("type", "1") if tag == "ol" else ""
                if not self._lists:
                    self._prose.begin_list()
                self._lists.append([form, _whole(attributes.get("start", ""), 1)])

    def _item(self, attributes: Mapping[str, str]) -> None:
        form, number = self._lists[-1] if self._lists else ("", 0)
        if form:
            number = _whole(attributes.get("value", ""), number)
            self._lists[-1][1] = number + 1
        self._prose.item(f"{numeral(number, form)}. " if form else "- ", max(len(self._lists) - 1, 0))

    def _cell(self, tag: str) -> None:
        around, rows = self._tables[-1]
        if not (rows and rows[-1] and self._prose is rows[-1][-1]):  # what stands between cells is no cell
            around.end()
            around.blocks += self._prose.closed()
        if tag == "tr":
            rows.append([])
            self._prose = Prose()
        else:
            rows[-1:] = rows[-1:] or [[]]
            self._prose = Prose()
            rows[-1].append(self._prose)

    def _image(self, attributes: Mapping[str, str]) -> None:
        alternative = attributes.get("alt", "").strip()
        if {"tex", "math", "latex"} & set(attributes.get("class", "").lower().split()):
            self._prose.write(f"${alternative}$" if alternative else "")
        elif len(alternative) == 1 and alternative.isalpha():  # an initial that is drawn
            self._prose.write(alternative)

    def end(self, tag: str) -> None:
        tag = tag.rpartition("}")[2].lower()
        if self._unseen:
            self._unseen -= 1
        elif self._formula is not None:
            if self._formula.end(tag):
                self._prose.write(self._formula.text())
                self._formula = None
        elif tag == "a" and self._links:
            self._links.pop()
        elif tag == "sup" and self._raised:
            self._raise(*self._raised.pop())
        elif tag == "q":
            self._prose.write("”")
        elif tag in _HEADINGS:
            self._prose.end("heading")
        elif tag == "pre" and self._verbatim:
            self._verbatim -= 1
            if not self._verbatim:
                self._prose.verbatim(self._prose.cut(0))
        elif tag == "table" and self._tables:
            inner = self._prose
            self._prose, rows = self._tables.pop()
            if not rows:
                self._prose.end()
                self._prose.blocks += inner.closed()
            self._prose.table(rows)
        elif tag == "li":
            self._prose.end_item()
        elif tag in _BLOCKS:
            self._end_block(tag)

    def _end_block(self, tag: str) -> None:
        self._prose.end()
        if tag in ("ol", "ul", "menu", "dir") and self._lists:
            self._lists.pop()
        if tag == "caption" and self._tables:
            around, _ = self._tables[-1]
            around.end()
            around.blocks += self._prose.closed()
            self._prose = Prose()

    def _raise(self, mark: int, is_link: bool) -> None:
        """Close <sup>: figures are raised, and the sign of a note, which is a link, is left out."""
        text = self._prose.cut(mark)
        if not (is_link and _NOTE_SIGN.fullmatch(text.strip())):
            self._prose.write(superscript(self._prose.since(max(mark - 3, 0)), text))

    def data(self, data: str) -> None:
        if self._unseen:
            return
        if self._formula is not None:
            self._formula.data(data)
            return
        if self._verbatim:
            self._prose.write(data)
            return
        text = _WHITE.sub(" ", data)
        before = self._prose.since(max(self._prose.mark - 1, 0))[-1:]
        if text.startswith(" ") and before in ("", " ", "\n"):
            text = text[1:]
        self._prose.write(text)

    def comment(self, text: str) -> None:
        pass

    def pi(self, target: str, data: str | None = None) -> None:
        pass

    def close(self) -> Prose:
        if self._verbatim:
            self._prose.verbatim(self._prose.cut(0))
        while self._tables:
            self._prose, rows = self._tables.pop()
            self._prose.table(rows)
        self._prose.end()
        return self._prose


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    """Say whether an element is not shown, or is the number of a page or of a note."""
    if not attributes:
        return False
    if "hidden" in attributes or _HIDDEN.search(attributes.get("style", "")):
        return True
    kinds = {word for name in _KINDS for word in attributes.get(name, "").split()}
    return bool(kinds & _NOTE_SIGNS or not _PAGE_NUMBERS.isdisjoint(attributes.get("class", "").lower().split()))


_KINDS = ("epub:type", "{http://www.idpf.org/2007/ops}type", "role")


def _whole(text: str, otherwise: int) -> int:
    return int(text) if re.fullmatch(r"-?\d{1,9}", text.strip(), re.ASCII) else otherwise
