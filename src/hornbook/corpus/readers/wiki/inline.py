"""Within lines: bold and italic, external links, tags of HTML, magic words, entities; and nothing left over."""

from __future__ import annotations

import html
import re
from html.entities import html5

from hornbook.corpus.readers.files.prose import raised
from hornbook.corpus.readers.wiki.lists import names_of
from hornbook.corpus.readers.wiki.page import BAR, BREAK, GONE, HARD, NOTHING, SOFT

_QUOTES = re.compile("(''+)")
_LINE_ENDS = re.compile(f"([\n{SOFT}])")
_SCHEMES = (
    "https?://|ftps?://|//|mailto:|news:|irc6?s?://|gopher://|telnet://|nntp://|svn://|git://|sftp://|ssh://|tel:|sip:|"
    "sips:|sms:|geo:|magnet:|urn:|xmpp:|bitcoin:|worldwind://|mms://|redis://|matrix:"
)
_EXTERNAL = re.compile(rf"\[(?i:{_SCHEMES})[^\[\]<>\"\s{GONE}]*+[^\S\n]*+((?:[^\[\]\n]|\[[^\[\]\n]*+\])*+)\]")
_EXTERNAL_OPEN = re.compile(rf"\[+(?=(?i:{_SCHEMES}))")
EXTERNAL = re.compile(rf"(?:{_SCHEMES})", re.IGNORECASE)
# Tags that MediaWiki and its extensions take as tags; any other in angle brackets is text.
_TAGS = names_of(
    """
    abbr b bdi bdo big blockquote br caption center cite code data dd del dfn div dl dt em font h1 h2 h3 h4 h5
    h6 hr i ins kbd li link mark meta ol p pre q rb rbc rp rt rtc ruby s samp section small span strike strong
    sub sup table tbody td tfoot th thead time tr tt u ul var wbr noinclude includeonly onlyinclude nowiki poem
    ref references gallery timeline math chem ce score syntaxhighlight source graph chart mapframe maplink
    imagemap hiero categorytree inputbox templatedata templatestyles indicator languages pages pagelist
    charinsert translate tvar langconvert phonos dynamicpagelist rss quiz a img
    """
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?![\w.@-])([^<>]*)>")
_RAISED = re.compile(r"<(?i:sup)(?:\s[^<>]*)?>([0-9+−()=n-]{1,12})</(?i:sup)\s*>")
_HIDDEN = re.compile(
    r"<(span|div|small|b)\b[^<>]*(?:display\s*:\s*none|class=[\"']?(?:sortkey|noprint))[^<>]*>[^<]*</\1\s*>",
    re.IGNORECASE,
)
_SHOWN = {"br": BREAK, "rt": "(", "/rt": ")", "q": "“", "/q": "”"}
# Switches of a page, in the languages of MediaWiki: __NOTOC__, __KEIN_INHALTSVERZEICHNIS__, __目次強制__.
_SWITCH = re.compile(r"[^\W\d_]\w{2,50}")
_SWITCHES = names_of(
    """
    notoc forcetoc toc noeditsection newsectionlink nonewsectionlink nogallery hiddencat expectunusedcategory
    index noindex staticredirect notitleconvert notc nocontentconvert nocc disambig expectunusedtemplate
    archivedtalk notalk noglobal
    """
)
_CONSTANTS = names_of(
    """
    FILE LINE DATE TIME FUNCTION FUNC COUNTER VA_ARGS VA_OPT STDC GNUC CLASS DIR END DATA
    """
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_LEFT_OVER = re.compile(
    r"\{\{+|\}\}+|\[\[+|\]\]+|\{\||\|\}|''+|"
    r"</?(?i:ref|references|nowiki|gallery|noinclude|includeonly|onlyinclude)\b[^<>\n]*>?"
)
_CLOSING = (",", ".", ";", ":", "!", "?", "،", "。", "，", "、", "\n", SOFT, BREAK)
_BLANKS = re.compile(r"(?<=\S)[ \t]{2,}")


def finished(text: str) -> str:
    """Return the words of lines: no markup is left in them; what was put aside is not put back."""
    if "''" in text:
        text = "".join(_without_quotes(line) if "''" in line else line for line in _LINE_ENDS.split(text))
    if "[" in text:
        text = _EXTERNAL_OPEN.sub("", _EXTERNAL.sub(lambda found: found[1].strip() or GONE, text))
    if "<" in text:
        text = without_tags(text)
    text = text.replace(BAR, "|").replace(SOFT, " ").replace(NOTHING, "")
    if _LEFT_OVER.search(text):
        text = _LEFT_OVER.sub(" ", _LEFT_OVER.sub("", text))
    if GONE in text:
        text = _without_gaps(text)
        if _LEFT_OVER.search(text):
            text = _LEFT_OVER.sub(" ", text)
    text = entities(text).replace(BREAK, "\n")
    text = _BLANKS.sub(" ", text) if "  " in text or "\t" in text else text
    return text.replace(HARD, " ")


def without_switches(text: str) -> str:
    """Return a text without the switches of a page, such as __NOTOC__."""
    first, *rest = text.split("__")
    out = [first]
    place = 0
    while place < len(rest):
        word = rest[place].lstrip("_")
        if place + 1 < len(rest) and _is_switch(word):
            out += ["_" * (len(rest[place]) - len(word)), GONE, rest[place + 1]]
            place += 1
        else:
            out += ["__", rest[place]]
        place += 1
    return "".join(out)


def _without_gaps(text: str) -> str:
    """Return a text without the marks of what was left out, the blanks beside them, and brackets that are empty now."""
    first, *rest = text.split(GONE)
    out = [first]
    for right in rest:
        while len(out) > 1 and not out[-1]:
            out.pop()
        left, after = out[-1].rstrip(" \t"), right.lstrip(" \t")
        if not after and right is not rest[-1]:
            continue
        if left[-1:] in ("(", "（") and after[:1] in (")", "）"):
            left, after = left[:-1], after[1:]
            if left[-1:] == " " and after[:1] in (" ", *_CLOSING):
                left = left.rstrip()
        elif left[-1:] in ("(", "（"):
            after = after.lstrip(" ,;،")
        elif after[:1] in (")", "）"):
            left = left.rstrip(" ,;:،")
        elif left[-1:] in ("", "\n", BREAK):
            pass
        elif right[:1] not in _CLOSING or not right:
            left, after = (out[-1], after if out[-1] != left else right)
        out[-1] = left
        out.append(after)
    return "".join(out)


def entities(text: str) -> str:
    """Return a text with its entities resolved: those of HTML that end in a semicolon, as MediaWiki knows them."""
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    name = found[0][1:]
    return html.unescape(found[0]) if name[0] == "#" or name in html5 else found[0]


def without_tags(text: str) -> str:
    """Return a text without the tags of HTML, and with the few that are characters as these."""
    if "display" in text or "class" in text:
        text = _HIDDEN.sub("", text)
    text = _RAISED.sub(lambda found: raised(found[1]), text)
    brackets = "<rp" not in text  # it brings its own around the reading of a word

    def shown(found: re.Match[str]) -> str:
        name = found[2].lower()
        if name not in _TAGS:
            return found[0]
        if name == "rt" and not brackets:
            return ""
        return _SHOWN.get(found[1] + name, "")

    return _TAG.sub(shown, text)


def _is_switch(word: str) -> bool:
    """Say whether __word__ is one of MediaWiki's switches: a known one, or one in capitals or without any."""
    if word.lower() in _SWITCHES:
        return True
    return bool(_SWITCH.fullmatch(word)) and not any(map(str.islower, word)) and word not in _CONSTANTS


def _without_quotes(line: str) -> str:
    """Return a line without the apostrophes that mark bold and italic; those that are letters stay (doAllQuotes)."""
    pieces = _QUOTES.split(line)
    marks = pieces[1::2]
    bold = italic = 0
    for place, mark in enumerate(marks):
        size = len(mark)
        if size == 4 or size > 5:
            pieces[2 * place] += "'"
            size = 3 if size == 4 else 5
        marks[place] = "'" * size
        italic += size in (2, 5)
        bold += size in (3, 5)
    if bold % 2 and italic % 2:
        _unbold(pieces, marks)
    return "".join(pieces[::2])


def _unbold(pieces: list[str], marks: list[str]) -> None:
    """Take one mark of bold as an apostrophe and a mark of italic, where both are left open."""
    single = several = blank = -1
    for place, mark in enumerate(marks):
        if mark != "'''":
            continue
        before = pieces[2 * place]
        if before[-1:] == " ":
            blank = place if blank < 0 else blank
        elif before[-2:-1] == " ":
            single = place
            break
        elif several < 0:
            several = place
    chosen = next((place for place in (single, several, blank) if place >= 0), -1)
    if chosen >= 0:
        pieces[2 * chosen] += "'"
