"""Comments and extension tags of wikitext: what they hold is no wikitext, so it is looked at first.

MediaWiki pairs such a tag with the next end of its name, whatever stands between (Preprocessor_Hash). Here a reference
that is not closed ends where the next begins, so that no text is lost in it.
"""

from __future__ import annotations

import re
from functools import cache

from hornbook.corpus.readers.wiki.inline import entities
from hornbook.corpus.readers.wiki.lists import names_of
from hornbook.corpus.readers.wiki.page import BREAK, GONE, NOTHING, Page

# With all that they hold these show no text of the page.
_DROPPED = names_of(
    """
    ref references gallery timeline score graph chart mapframe maplink imagemap hiero categorytree inputbox
    templatedata templatestyles indicator includeonly dynamicpagelist rss quiz languages pages pagelist section
    charinsert phonos startfeed endfeed listing ambox metadata inputbox createbox forum youtube embedvideo
    widget
    """
)
_MATHEMATICS = frozenset({"math", "chem", "ce"})
_CODE = frozenset({"pre", "syntaxhighlight", "source"})
_NAMES = "|".join(sorted({*_DROPPED, *_MATHEMATICS, *_CODE, "nowiki", "poem"}, key=len, reverse=True))
_OPEN = re.compile(rf"<(?:!--|(?i:({_NAMES}))(?![\w-]))")  # with a first letter that search is fast by
_REFERENCE = re.compile(r"<(?:(/(?i:ref)\s*>)|(?i:ref)(?:\s[^<>]*[^<>/])?>)")
_TAG_END = re.compile("[<>]")
_NOWIKI = re.compile(r"</?nowiki\s*/?>", re.IGNORECASE)
_BLOCK_MATHEMATICS = re.compile(r"display\s*=\s*[\"']?block", re.IGNORECASE)


@cache
def _end(name: str) -> re.Pattern[str]:
    return re.compile(rf"</(?i:{name})\s*>")


def without_elements(text: str, page: Page) -> str:
    """Return wikitext without comments and extension tags; what of them is text is kept as it is."""
    if "<" not in text:
        return text
    out: list[str] = []
    place = 0
    unclosed: set[str] = set()  # names that have no end in the rest of the text
    while found := _OPEN.search(text, place):
        start = found.start()
        out.append(text[place:start])
        if not (name := (found[1] or "").lower()):
            place = _after_comment(text, start, out)
            continue
        place, inside = found.end(), ""
        end = _tag_end(text, place)
        attributes = text[place:end]
        place = end + 1 if text[end : end + 1] == ">" else end
        if place == end or attributes.endswith("/") or name in unclosed:
            out.append(NOTHING if name == "nowiki" else GONE if name in _DROPPED else "")
            continue
        ends = (_REFERENCE if name == "ref" else _end(name)).search(text, place)
        if ends is None:
            unclosed.add(name)
            out.append(" " if name == "ref" else "")
        elif name != "ref" or ends[1]:
            inside, place = text[place : ends.start()], ends.end()
            out.append(_shown(name, attributes, inside, page))
    out.append(text[place:])
    return "".join(out)


def _tag_end(text: str, place: int) -> int:
    """Return where a tag's attributes end: at its >, or at the next < where that is missing."""
    found = _TAG_END.search(text, place)
    return found.start() if found else len(text)


def _after_comment(text: str, start: int, out: list[str]) -> int:
    """Return where the text goes on behind a comment; one that fills a line takes the line with it."""
    end = text.find("-->", start + 4)
    if end < 0:
        return len(text)
    end += 3
    begun = out[-1].rstrip(" \t") if out else ""
    rest = end
    while text[rest : rest + 1] in (" ", "\t"):
        rest += 1
    if text[rest : rest + 1] == "\n" and (begun.endswith("\n") or (not begun and start == 0)):
        out[-1] = begun
        return rest + 1
    return end


def _shown(name: str, attributes: str, inside: str, page: Page) -> str:
    """Return what the text shows for an extension tag with its content."""
    if name in _DROPPED:
        return GONE
    if name == "nowiki":
        return page.keep(entities(inside)) if inside else NOTHING
    if name in _MATHEMATICS:
        return _mathematics(name, attributes, inside, page)
    if name == "poem":
        lines = [line.strip().lstrip(": ") for line in without_elements(inside, page).strip("\n").split("\n")]
        return "\n\n" + BREAK.join(lines).replace(BREAK * 2, "\n\n") + "\n\n"
    if name == "pre":
        return page.keep_block(_lines(entities(_NOWIKI.sub("", inside))))
    if re.search(r"\binline\b", attributes):
        return page.keep(inside.strip())
    return page.keep_block(_lines(inside))


def _mathematics(name: str, attributes: str, inside: str, page: Page) -> str:
    formula = " ".join(entities(inside).split())
    if not formula:
        return GONE
    if name != "math" or "chem" in attributes:
        formula = rf"\ce{{{formula}}}"
    block = _BLOCK_MATHEMATICS.search(attributes)
    return page.keep_block(f"$${formula}$$") if block else page.keep(f"${formula}$")


def _lines(code: str) -> str:
    return "\n".join(line.rstrip() for line in code.split("\n"))
