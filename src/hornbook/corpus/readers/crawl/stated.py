"""What a web page states of itself in its HTML and its header: title, licence, wishes of its owner towards robots.

    <title>          <a rel="license" href>, <link rel="license" href>, <meta name="dcterms.license" content>
    <meta name="robots" content="noindex, noai">        X-Robots-Tag: noai
    <meta name="tdm-reservation" content="1">           tdm-reservation: 1          (TDMRep, W3C community group 2024)

The page is looked through once, tag by tag: comments and scripts state nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hornbook.corpus.readers.facts import known, spdx

# Wishes of text and data mining; noimageai is of pictures alone, noindex of search.
OPT_OUTS = frozenset({"noai", "noml", "tdm-reservation"})
_TAG = re.compile(r"<!--|<(script|style|title|meta|link|a)(?=[\s>/])", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_LONGEST = 4_096  # characters of a tag
_ROBOTS = ("robots", "googlebot")
_LICENCES = ("dcterms.license", "dc.rights.license", "dcterms.rights.license")
# Of an agent that wishes are for, before them: every other word with a colon is a wish with a value.
_VALUED = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")


class Stated(NamedTuple):
    """What a page states; empty = nothing.

    title    as it is shown in a window
    license  an SPDX identifier, or the address of the licence
    robots   wishes, in the order found, such as ("noindex", "noai")
    """

    title: str = ""
    license: str = ""
    robots: tuple[str, ...] = ()


def stated(page: str, header: Mapping[str, str]) -> Stated:
    """Return what a page states in its HTML, and in the header by which its server sent it."""
    title, place = "", 0
    licences: list[str] = []
    wishes = header_wishes(header)
    while found := _TAG.search(page, place):
        name = (found[1] or "").lower()
        if not name or name in ("script", "style"):
            ending = f"</{name}" if name else "-->"
            place = _after(page, ending, found.end())
            if place < 0:
                break
            continue
        end = page.find(">", found.end(), found.end() + _LONGEST)
        if end < 0:
            place = found.end()
            continue
        place = end + 1
        if name == "title":
            close = page.find("<", place)
            title = title or _line(page[place:close] if close >= 0 else "")
        elif name == "meta" or "license" in page[found.end() : end].lower():  # of a thousand links none may have it
            _look(name, _attributes(page[found.end() : end]), licences, wishes)
    return Stated(title, spdx(licences[0]) if licences else "", tuple(dict.fromkeys(wishes)))


def stated_in(title: str, elements: Iterable[Mapping[str, object]], header: Mapping[str, str]) -> Stated:
    """Return what a page states of whose title, elements and header another has taken note."""
    licences: list[str] = []
    wishes = header_wishes(header)
    for element in elements:
        items = {str(name).lower(): str(value) for name, value in element.items()}
        _look("meta" if "content" in items else "link", items, licences, wishes)
    return Stated(_line(title), spdx(licences[0]) if licences else "", tuple(dict.fromkeys(wishes)))


def _line(title: str) -> str:
    return " ".join(html.unescape(title).split())


def _after(page: str, ending: str, place: int) -> int:
    """Return where a comment or script ends, -1 where it never does."""
    if ending == "-->":
        end = page.find(ending, place)
        return end + 3 if end >= 0 else -1
    found = re.compile(re.escape(ending), re.IGNORECASE).search(page, place)
    return found.end() if found else -1


def _attributes(text: str) -> dict[str, str]:
    items: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        items.setdefault(name.lower(), html.unescape(double or single or bare).strip())
    return items


def _look(name: str, items: dict[str, str], licences: list[str], wishes: list[str]) -> None:
    """Add what one element states."""
    if name == "meta":
        what = items.get("name", items.get("property", "")).lower()
        content = items.get("content", "")
        if what in _ROBOTS:
            wishes += _words(content)
        elif what == "tdm-reservation" and content == "1":
            wishes.append(what)
        elif what in _LICENCES and content:
            licences.append(content)
    elif "license" in items.get("rel", "").lower().split() and items.get("href"):
        licences.append(items["href"])


def header_wishes(header: Mapping[str, str]) -> list[str]:
    """Return the wishes in a server's header, whose names are in lower case."""
    wishes = []
    words, mine = re.split(r"[,;]", header.get("x-robots-tag", "")), True
    for word in words:
        agent, colon, rest = word.partition(":")
        if colon and agent.strip().lower() not in _VALUED:
            # Wishes behind the name of a robot are for it, up to the next name.
            mine, word = agent.strip().lower() in _ROBOTS, rest
        if mine:
            wishes += _words(word)
    return [*wishes, "tdm-reservation"] if header.get("tdm-reservation") == "1" else wishes


def _words(text: str) -> list[str]:
    return [word for word in (part.strip().lower() for part in re.split(r"[,;]", text)) if word]


def opt_outs(robots: Iterable[str]) -> list[str]:
    """Return those wishes that are about text for machines to learn from."""
    return [wish for wish in robots if wish in OPT_OUTS]


def facts_of(stated: Stated) -> dict[str, str]:
    """Return what a page states as the fields of its document, each only where it is known."""
    return known(title=stated.title, license=stated.license, robots=", ".join(stated.robots))
