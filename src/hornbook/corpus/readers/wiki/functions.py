"""Parser functions and magic words: {{#if:...}}, {{lc:...}}, {{PAGENAME}}.

What depends on nothing but the page is computed; what asks the wiki (#invoke, #property) or the day shows nothing.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable

from hornbook.corpus.readers.files.prose import raised
from hornbook.corpus.readers.wiki.page import GONE, Page

# Names that wikis have in their own languages too (ParserFunctions' messages).
_LOCAL = {
    "#wenn": "#if", "#si": "#if", "#se": "#if", "#если": "#if", "#якщо": "#if", "#לו": "#if", "#תנאי": "#if", 
    "#لو": "#if", "#اگر": "#if", "#als": "#if", "#om": "#if", "#jeśli": "#if", "#もし": "#if", "#如果": "#if",
    "#wenngleich": "#ifeq", "#wennausdruck": "#ifexpr", "#siigual": "#ifeq", "#если равно": "#ifeq", "#agora": "#time",
    "#weiche": "#switch", "#selon": "#switch", "#переключатель": "#switch", "#בחר": "#switch", "#التبديل": "#switch",
}  # fmt: skip
_DISPLAYED = ("pagename", "fullpagename", "basepagename", "subpagename", "rootpagename", "articlepagename")
_CASES: dict[str, Callable[[str], str]] = {
    "lc": str.lower,
    "uc": str.upper,
    "lcfirst": lambda text: text[:1].lower() + text[1:],
    "ucfirst": lambda text: text[:1].upper() + text[1:],
}
_AS_GIVEN = ("formatnum", "#formatdate", "#dateformat", "bidi", "#language", "gender")
_CAPITAL = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-ŽА-Я][A-Z0-9À-ÖØ-ÞĀ-ŽА-Я _]{3,}")


def variable(name: str, page: Page) -> str | None:
    """Return what a magic word shows; None where the name is no such word."""
    lower = name.lower()
    if (name.isupper() and lower.rstrip("e") in _DISPLAYED) or (lower in _DISPLAYED and name[0].isupper()):
        if lower.startswith(("basepage", "rootpage")):
            return page.title.partition("/")[0]
        return page.title.rpartition("/")[2] if lower.startswith("subpage") else page.title
    if name == "SITENAME":
        return page.site.name(4) and page.site.namespaces[4]
    if name in ("NAMESPACE", "CURRENTYEAR", "LOCALYEAR", "ns:0"):
        return GONE
    return None


def function(name: str, parts: list[str], page: Page) -> str | None:
    """Return what a parser function shows; None where the name is none."""
    head, colon, first = name.partition(":")
    if not colon:
        return None
    called = _LOCAL.get(head.strip().lower(), head.strip().lower())
    _, _, first = parts[0].partition(":")
    given = [first.strip(), *(part.strip() for part in parts[1:])]
    if called in _CASES:
        return _CASES[called](given[0])
    if called in _AS_GIVEN:
        return given[0]
    if called == "plural":
        return _at(given, 1 if given[0] in ("1", "−1", "-1") or len(given) < 3 else 2)
    if called in ("padleft", "padright"):
        return _padded(called, given)
    if called in ("urlencode", "anchorencode"):
        return urllib.parse.quote_plus(given[0])
    if called == "int":
        return ""
    if called.startswith("#"):
        return _conditional(called, given, page)
    if _CAPITAL.fullmatch(head.strip()) or not first.strip():
        return ""  # DISPLAYTITLE:, DEFAULTSORT:, SORTIERUNG: and their like
    return None


def _conditional(called: str, given: list[str], page: Page) -> str:
    if called == "#if":
        return _at(given, 1 if _said(given[0]) else 2)
    if called == "#ifeq":
        return _at(given, 2 if _same(_at(given, 0), _at(given, 1)) else 3)
    if called == "#ifexist":
        return _at(given, 1)
    if called == "#iferror":
        return _at(given, 2) or given[0]
    if called == "#switch":
        return _switch(given)
    if called == "#tag":
        return _tag(given, page)
    return ""


def _said(text: str) -> bool:
    return bool(text.strip(GONE + " \n"))


def _at(given: list[str], place: int) -> str:
    return given[place] if place < len(given) else ""


def _same(left: str, right: str) -> bool:
    try:
        return float(left) == float(right)
    except ValueError:
        return left == right


def _switch(given: list[str]) -> str:
    """Return the case that the first part is; several may share what they show; a last one stands for all."""
    wanted, *cases = given
    default = ""
    met = False
    for case in cases:
        key, equals, shown = case.partition("=")
        met = met or _same(key.strip(), wanted)
        if equals and met:
            return shown.strip()
        if key.strip() == "#default":
            default = shown.strip()
        elif not equals and case is cases[-1]:
            default = key.strip()
    return default


def _tag(given: list[str], page: Page) -> str:
    name, content = given[0].lower(), _at(given, 1)
    if name in ("nowiki", "pre", "syntaxhighlight", "source"):
        return page.keep(content)
    if name in ("math", "chem", "ce"):
        return page.keep(f"${content}$")
    if name == "sup":
        return raised(content.strip())
    return content if name in ("poem", "span", "small", "blockquote", "div", "sub", "b", "i") else ""


def _padded(called: str, given: list[str]) -> str:
    width = int(given[1]) if len(given) > 1 and given[1].isdecimal() and len(given[1]) < 4 else 0
    fill = (_at(given, 2) or "0")[:1]
    return given[0].rjust(width, fill) if called == "padleft" else given[0].ljust(width, fill)
