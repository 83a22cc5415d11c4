"""Templates and links, from the inside out: each is replaced by what it shows.

One walk over the marks with a stack, as MediaWiki's preprocessor does it (Preprocessor_Hash): time is linear in the
text. Where that leaves broken markup standing as text, here its marks are left out, and the words stay. Beyond DEEPEST
marks inside each other, which MediaWiki does not expand either, marks are left out.
"""

from __future__ import annotations

import re

from hornbook.corpus.readers.wiki.links import link
from hornbook.corpus.readers.wiki.page import EQUALS, GONE, NOTHING, Page
from hornbook.corpus.readers.wiki.templates import template

DEEPEST = 60  # MediaWiki's limit of expansion is 100, templates within templates of a page included
# A link and a template that hold no others are taken whole: most are such.
_MARKS = re.compile(
    r"\[\[([^\[\]{}|\n]++)(?:\|([^\[\]{}|]*+))?\]\]|\{\{(?!\{)([^\[\]{}]*+)\}\}(?!\})|\{\{+|\}\}+|\[\[|\]\]|\|"
)
_VARIANT_BAR = re.compile(r"-\{([a-zA-Z;+-]*)\|")
_VARIANT = re.compile(r"-\{([^{}]*)\}-")
_PARAGRAPH_END = re.compile(r"\n[ \t]*(?:\n|(?==))")
# Which of the variants of a text is shown, best first: what most of the texts of a wiki are written in.
_VARIANTS = ("zh-cn", "zh-hans", "zh", "zh-sg", "zh-tw", "zh-hant", "zh-hk", "sr-ec", "sr-el", "kk-cyrl", "ku-latn")


class _Open:
    """A mark that is open: how many braces it has (0 = it is a link), and its parts between bars, in pieces."""

    __slots__ = ("braces", "parts", "pieces")

    def __init__(self, braces: int) -> None:
        self.braces = braces
        self.parts: list[list[str]] = [[]]
        self.pieces = self.parts[0]

    def strings(self) -> list[str]:
        return ["".join(part) for part in self.parts]


def without_braces(text: str, page: Page) -> str:
    """Return wikitext in which templates and links are what they show."""
    if "-{" in text:
        text = _VARIANT_BAR.sub(f"-{{\\1{NOTHING}", text)
    walk = _Walk(page)
    place = 0
    for found in _MARKS.finditer(text):
        start = found.start()
        if start > place:
            walk.top.pieces.append(text[place:start])
        place = found.end()
        kind = found.lastindex
        if kind is None:
            walk.mark(found[0])
        elif kind == 3:
            walk.shown(template(found[3].split("|"), page))
        else:
            walk.shown(link([found[1]] if kind == 1 else [found[1], found[2]], page))
    walk.top.pieces.append(text[place:])
    text = walk.end().replace(EQUALS, "=")
    return _VARIANT.sub(_variant, text) if "-{" in text else text


class _Walk:
    """The marks that are open; the first stands for the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.top = _Open(-1)
        self.stack = [self.top]
        self.templates = 0  # of the open marks
        self.beyond = {"{": 0, "[": 0}  # open marks that are left out, being too deep

    def shown(self, text: str) -> None:
        """Take what a template or link shows; within a template no sign of equality in it names a part of that."""
        self.top.pieces.append(text.replace("=", EQUALS) if self.templates and "=" in text else text)

    def mark(self, mark: str) -> None:
        """Take the next mark."""
        kind = mark[0]
        if kind == "|":
            if self.top.braces < 0:
                self.top.pieces.append("|")
            else:
                self.top.pieces = []
                self.top.parts.append(self.top.pieces)
        elif kind in "{[":
            if len(self.stack) > DEEPEST:
                self.beyond[kind] += 1
                return
            self.top = _Open(len(mark) if kind == "{" else 0)
            self.templates += kind == "{"
            self.stack.append(self.top)
        elif kind == "]":
            if self.beyond["["]:
                self.beyond["["] -= 1
            elif self.top.braces == 0:
                closed = self._pop()
                self.shown(link(closed.strings(), self.page))
            elif self.top.braces > 0:
                self.top.pieces.append(mark)  # of the template's text, as MediaWiki has it
        else:
            self._close(len(mark))

    def _pop(self) -> _Open:
        closed = self.stack.pop()
        self.top = self.stack[-1]
        return closed

    def _close(self, braces: int) -> None:
        """Close templates with so many braces; links that are open inside them are broken."""
        while braces >= 2 and self.beyond["{"]:
            self.beyond["{"] -= 1
            braces -= 2
        while braces >= 2 and self.templates:
            broken: list[_Open] = []
            while self.top.braces == 0:
                broken.append(self._pop())
            self.top.pieces += [_broken(item, self.page) for item in reversed(broken)]
            closed = self._pop()
            self.templates -= 1
            taken = min(braces, closed.braces, 3)
            braces -= taken
            left = closed.braces - taken
            strings = closed.strings()
            shown = _parameter(strings) if taken == 3 else template(strings, self.page)
            if left >= 2:
                self.top = _Open(left)
                self.templates += 1
                self.stack.append(self.top)
            elif left:
                self.top.pieces.append("{")
            self.shown(shown)
        if braces == 1:
            self.top.pieces.append("}")

    def end(self) -> str:
        """Return the text; marks that are still open are broken."""
        return "".join("".join(item.pieces) if item.braces < 0 else _broken(item, self.page) for item in self.stack)


def _parameter(parts: list[str]) -> str:
    """Return what a parameter of a template shows on a page of its own: its default."""
    return parts[1] if len(parts) > 1 else GONE


def _broken(item: _Open, page: Page) -> str:
    """Return the words of a mark that is never closed.

    Of a template its first paragraph is lost, if that looks like one; of a picture its line.
    """
    parts = item.strings()
    text = "|".join(parts)
    if item.braces:
        head = _PARAGRAPH_END.search(text)
        place = head.start() if head else len(text)
        return GONE + (text[place:] if "|" in text[:place] or "\n" in text[:place] else text)
    prefix, colon, _ = parts[0].partition(":")
    if colon and prefix.strip().lower() in page.file_names | page.category_names:
        return GONE + text[text.find("\n") :] if "\n" in text else GONE
    return "|".join(parts[1:]) if len(parts) > 1 and "\n" not in parts[0] else text


def _variant(found: re.Match[str]) -> str:
    """Return the text that is shown of -{flags|zh-hans:A;zh-hant:B}-."""
    flags, bar, rest = found[1].rpartition(NOTHING)
    if bar and set(flags) & set("HTRD-") and "zh" not in flags:
        return rest if flags in ("R", "D") else GONE
    choices = {}
    for item in rest.split(";"):
        code, colon, shown = item.partition(":")
        if not colon or not re.fullmatch(r"\s*[a-z]{2,3}(?:-[a-z]+)?\s*", code):
            continue
        choices[code.strip()] = shown.strip()
    if not choices:
        return rest
    return next((choices[code] for code in _VARIANTS if code in choices), next(iter(choices.values())))
