"""Templates: what one shows, by its name and parts; nothing where that is not known.

A template's parts are numbered from 1 as they come, or named: {{name|first|key=value|second}}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from hornbook.corpus.readers.files.prose import raised
from hornbook.corpus.readers.wiki import standing
from hornbook.corpus.readers.wiki.functions import function, variable
from hornbook.corpus.readers.wiki.numbers import amount, date, fraction, value
from hornbook.corpus.readers.wiki.page import BREAK, GONE, NOTHING, Page
from hornbook.corpus.readers.wiki.words import DISAMBIGUATION

Arguments = Mapping[str, str]
# Before a template's name these words change how it is taken in, not what it shows.
_MODIFIERS = ("subst:", "safesubst:", "msg:", "msgnw:", "raw:", "template:")
# Families of names that say: this page only tells apart what has one name.
_FAMILY = re.compile(r".* disambiguation$|homonymie\b|(?!voir\b|autres?\b).* homonymes$")
_LANGUAGE = re.compile(r"lang-([a-z]{2,3}(?:-[a-z-]+)?)")
_SOUNDS = re.compile(r"ipa-[a-z]{2,3}(?:-[a-z-]+)?")
_CODE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,8})?")
_LINK = re.compile(r"(?:link-|internal link helper/)[a-z-]{2,12}")  # to another language, on wikis in Chinese
_CENTURIES = ("s", "s-", "siècle")  # of French wikis alone
_GERMAN = re.compile(r"[a-z]{2,3}s")  # {{enS|word}} on a wiki in German


def template(parts: list[str], page: Page) -> str:
    """Return what {{name|part|...}} shows; GONE for nothing."""
    name = _name(parts[0], page)
    if (known := variable(name, page)) is not None:
        return known
    if (shown := function(name, parts, page)) is not None:
        return shown or GONE
    lower = name.lower()
    if lower in DISAMBIGUATION or _FAMILY.match(lower):
        page.disambiguation = True
        return GONE
    if (word := standing.WORDS.get(lower)) is not None and (len(parts) == 1 or lower in ("!", "=")):
        return word
    arguments = _arguments(parts)
    rule = _RULES.get(lower)
    shown = rule(arguments, page) if rule else _by_pattern(lower, arguments, page)
    return shown or GONE


def _name(text: str, page: Page) -> str:
    """Return a template's name as its wiki lists it, but for the case of letters."""
    name = text.replace(GONE, "").replace(NOTHING, "").replace("_", " ").strip()
    while True:
        lower = name.lower()
        prefix = next((word for word in (*_MODIFIERS, f"{page.template_name}:") if lower.startswith(word)), "")
        if not prefix.strip(":"):
            return name
        name = name[len(prefix) :].lstrip()


def _arguments(parts: Sequence[str]) -> Arguments:
    """Return a template's parts by their names, without blanks around."""
    arguments: dict[str, str] = {}
    number = 0
    for part in parts[1:]:
        key, equals, content = part.partition("=")
        if equals and "[" not in key and "<" not in key:
            arguments[key.strip().lower()] = content.strip()
        else:
            number += 1
            arguments[str(number)] = part.strip()
    return arguments


def _given(arguments: Arguments, *names: str) -> str:
    """Return the first of these parts that is not blank."""
    return next((arguments[name] for name in names if arguments.get(name, "").strip(GONE + " ")), "")


def positions(arguments: Arguments, first: int = 1) -> list[str]:
    """Return the parts without names, from a number on, up to one that is missing."""
    found = []
    while (text := arguments.get(str(first))) is not None:
        found.append(text)
        first += 1
    return [text for text in found if text.strip(GONE)]


def _by_pattern(name: str, arguments: Arguments, page: Page) -> str:
    """Return what a template of a family of names shows."""
    if name in standing.FIRST:
        return _given(arguments, "1", "text", "quote", "texte", "texto", "testo", "zitat", "t", "content", "תוכן", "lt")
    if name in standing.SECOND:
        return _given(arguments, "2", "text", "texte")
    if name in _CENTURIES and page.site.language not in ("", "fr"):
        return ""
    if (around := standing.AROUND.get(name)) is not None:
        first = _given(arguments, "1", "text")
        return around.replace("{}", first) if first else ""
    if found := _LANGUAGE.fullmatch(name):
        return _in_language(found[1], _given(arguments, "1", "text"), page)
    if _SOUNDS.fullmatch(name):
        sounds = _given(arguments, "1")
        return f"[{sounds}]" if sounds else ""
    if name.startswith("ipac-"):
        sounds = "".join(positions(arguments))
        return f"/{sounds}/" if sounds else ""
    if _LINK.fullmatch(name):
        return _link_label(arguments, page)
    if name.startswith("script/"):
        return _given(arguments, "1")
    if page.site.language.startswith("de") and _GERMAN.fullmatch(name):
        return _given(arguments, "1")
    return ""


def _in_language(code: str, text: str, page: Page) -> str:
    """Return a word of another language, with that language's name where the wiki is in English."""
    known = standing.ENGLISH.get(code) or standing.ENGLISH.get(code.partition("-")[0])
    english = page.site.language in ("", "en", "simple")
    return f"{known}: {text}" if text and known and english else text


def _listed(mark: str) -> Callable[[Arguments, Page], str]:
    """Return a rule that shows the parts as a list."""

    def rule(arguments: Arguments, page: Page) -> str:
        items = positions(arguments)
        return "\n" + "\n".join(f"{mark} {item}" for item in items) + "\n" if items else ""

    return rule


def _joined(between: str) -> Callable[[Arguments, Page], str]:
    def rule(arguments: Arguments, page: Page) -> str:
        return between.join(positions(arguments))

    return rule


def _quote(arguments: Arguments, page: Page) -> str:
    text = _given(
        arguments, "text", "quote", "1", "quotation", "zitat", "texte", "texto", "testo", "cita", "citat", "תוכן"
    )
    return f"\n\n{text}\n\n" if text else ""


def _ruby(arguments: Arguments, page: Page) -> str:
    base, reading = _given(arguments, "1"), _given(arguments, "2")
    return f"{base}({reading})" if reading else base


def _japanese(arguments: Arguments, page: Page) -> str:
    """{{nihongo|English|kanji|romaji|extra}}"""
    first, *rest = (arguments.get(str(number), "") for number in range(1, 5))
    inside = ", ".join(item for item in rest if item)
    return f"{first} ({inside})".strip() if inside else first


def _chinese(arguments: Arguments, page: Page) -> str:
    names = {
        "c": "Chinese", "s": "simplified Chinese", "t": "traditional Chinese", "p": "pinyin", "w": "Wade–Giles",
        "j": "Jyutping", "l": "lit. '{}'", "first": "", "poj": "Pe̍h-ōe-jī", "y": "Yale",
    }  # fmt: skip
    return "; ".join(
        names[key].replace("{}", text) if "{}" in names[key] else f"{names[key]}: {text}"
        for key, text in arguments.items()
        if text and names.get(key)
    )


def _name_to_sort(arguments: Arguments, page: Page) -> str:
    return " ".join(positions(arguments)[:2])


def _ship(arguments: Arguments, page: Page) -> str:
    return " ".join(item for item in positions(arguments)[:2] if item)


def _section_link(arguments: Arguments, page: Page) -> str:
    items = positions(arguments)
    return " § ".join(items) if items else ""


def _respelled(arguments: Arguments, page: Page) -> str:
    return "-".join(positions(arguments)).replace("-'-", " ")


def _last(arguments: Arguments, page: Page) -> str:
    items = positions(arguments)
    return items[-1] if items else ""


def _sounds(arguments: Arguments, page: Page) -> str:
    """Return what is not the code of a language: it stands before the sounds, or behind them."""
    given = positions(arguments)
    sounds = next((item for item in reversed(given) if not _CODE.fullmatch(item)), "")
    bare = sounds and _CODE.fullmatch(given[0]) and sounds[0] not in "[/"
    return f"[{sounds}]" if bare else sounds


def _address(arguments: Arguments, page: Page) -> str:
    return _given(arguments, "2") or _given(arguments, "1")


def _as_of(arguments: Arguments, page: Page) -> str:
    if "alt" in arguments:
        return arguments["alt"]
    word = "as of" if arguments.get("lc") else "As of"
    if arguments.get("since"):
        word = "since" if arguments.get("lc") else "Since"
    return f"{word} {date(positions(arguments)[:3], page)}"


def _keys(arguments: Arguments, page: Page) -> str:
    return "+".join(positions(arguments))


def _link_label(arguments: Arguments, page: Page) -> str:
    return _given(arguments, "lt", "3", "1")


def _red_link(arguments: Arguments, page: Page) -> str:
    return _given(arguments, "lt", "texte", "text", "1", "trad")


def _russian_link(arguments: Arguments, page: Page) -> str:
    return _given(arguments, "2", "1", "текст", "есть")


def _items(arguments: Arguments, page: Page) -> str:
    """Return a list that is given as wikitext: its lines begin with marks."""
    text = _given(arguments, "1", "content")
    return f"\n{text}\n" if text else ""


def _listing(arguments: Arguments, page: Page) -> str:
    """Return what a guide says of a place: {{see|name=...|content=...}}."""
    name, said = _given(arguments, "name", "nom", "nombre", "nome"), _given(arguments, "content", "description")
    return ": ".join(part for part in (name, said) if part)


_RULES: dict[str, Callable[[Arguments, Page], str]] = {}


def _rule(table: str, rule: Callable[[Arguments, Page], str]) -> None:
    _RULES.update({name.strip(): rule for name in table.split("|")})


_rule("hlist | flat list | horizontal list", _joined(", "))
_rule("ubl | unbulleted list | plain list | vunblist | bulleted list | blist | ulist | collapsible list", _listed("*"))
_rule("ordered list | olist | numbered list", _listed("#"))
_rule("plainlist | flatlist | indented plainlist | columns-list | cols | columns list | flowlist", _items)
_rule("listing | see | do | buy | eat | drink | sleep | go | learn | vcard | marker", _listing)
_rule("korean", lambda given, page: _given(given, "hangul", "1"))
_rule("quote | blockquote | bquote | quotation | cquote | rquote | pull quote | zitat | citazione", _quote)
_rule(
    "cita | citat | cytat | цитата | citation bloc | citát | poem quote | poemquote | ציטוט | 引用 | quote box", _quote
)
_rule("citaat | citação | lainaus | idézet | citace | alıntı | trích dẫn | اقتباس | نقل قول | wörtlich | cita2", _quote)
_rule("citation", lambda given, page: f"« {given['1']} »" if page.site.language == "fr" and given.get("1") else "")
_rule("ruby | ルビ | 読み仮名 | ruby-ja | furigana", _ruby)
_rule("nihongo | japonais | nihongo3 | nihongo krt | korean inline", _japanese)
_rule("zh | lang-zh | zh-full | zh-cn", _chinese)
_rule("sortname | sort name | name sort", _name_to_sort)
_rule("ship | sclass2 | sclass-", _ship)
_rule("slink | section link | lien section", _section_link)
_rule("respell | pronunciation respelling | aussprache", _respelled)
_rule("transl | xlit | transliteration | translit | color | colour | font color | fontcolor | fc | font", _last)
_rule("couleur | farbe | цвет | färg | style | stylized | background color | bg | font size | fontsize", _last)
_rule("ipa | ipa link | api | ipalink | ipablink | мфа | μφα | afi | ipa2", _sounds)
_rule("url | urln | website", _address)
_rule("as of | asof", _as_of)
_rule("key press | keypress | keys | touche | taste", _keys)
_rule("langx", lambda given, page: _in_language(given.get("1", ""), _given(given, "2", "text"), page))
_rule("le", _link_label)
_rule("tsl", lambda given, page: _given(given, "4", "3", "2"))
_rule("interlanguage link | ill | illm | lien | ill2 | 仮リンク | iw | interlanguage link multi", _red_link)
_rule("не переведено | нп | нп3 | нп5 | нп4 | не переведено 5 | не переведено 3 | не переведено 2", _russian_link)
_rule("linktext | chem | chemf | simplenuclide link | lt | wikt-link | kanji", _joined(""))
_rule("convert | cvt | conv | unité | unidad | unit | m | höhe | quantity | конвертировать", amount)
_rule("val | gaps | 10^ | e | expn | exp10", lambda given, page: value(given))
_rule(
    "frac | sfrac | fraction | bruch | frac-n | frac2 | su-frac | vulgar fraction", lambda given, page: fraction(given)
)
_rule("sup | exp | ^ | superscript", lambda given, page: raised(_given(given, "1").strip()))
_rule("start date | end date | date | dts | datum | дата | fecha | data | film date | release date", date)
_rule("birth date | birth date and age | death date | death date and age | bda | dda | birth year and age", date)
_rule("start date and age | end date and age | birth-date | death-date | launch date | dtlink | date-", date)
_rule("birth-date and age | death-date and age | datumzelle | opening date | date de naissance | date de décès", date)
_rule("reign | r.", lambda given, page: "r. " + "–".join(positions(given)[:2]) if given else "")
_rule("rating | stars", lambda given, page: "/".join(positions(given)[:2]))
_rule("marriage", lambda given, page: f"{given.get('1', '')} (m. {'–'.join(positions(given, 2)[:2])})")
_rule("poemtext", lambda given, page: given.get("1", "").replace("\n", BREAK))
_rule("overset | underset", lambda given, page: _given(given, "2"))
_rule("resize", lambda given, page: _given(given, "2") or _given(given, "1"))
_rule(
    "coord | coordinate | koordinate | coor | coordinates | flagicon | flag icon | reflist | refn | efn", lambda *_: ""
)
