"""What the header of a book says: title, people, language, date, number, licence, encoding."""

from __future__ import annotations

import re
from typing import Any

from hornbook.corpus.readers.facts import date_of, iso_date, known, spdx

# The names of languages that Project Gutenberg uses, with their tags (BCP 47).
_LANGUAGES = {
    "afrikaans": "af", "aleut": "ale", "arabic": "ar", "arapaho": "arp", "asturian": "ast", "basque": "eu",
    "bodo": "brx", "breton": "br", "bulgarian": "bg", "caló": "rmq", "catalan": "ca", "cebuano": "ceb", "chinese": "zh",
    "cornish": "kw", "corsican": "co", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "esperanto": "eo",
    "estonian": "et", "farsi": "fa", "finnish": "fi", "flemish": "nl-BE", "french": "fr", "frisian": "fy",
    "friulian": "fur", "gaelic": "gd", "scottish gaelic": "gd", "gaelic, scottish": "gd", "galician": "gl",
    "gamilaraay": "kld", "german": "de", "greek": "el", "greek, ancient": "grc", "ancient greek": "grc", "hebrew": "he",
    "hungarian": "hu", "icelandic": "is", "iloko": "ilo", "ilocano": "ilo", "interlingua": "ia", "inuktitut": "iu",
    "irish": "ga", "iroquoian": "iro", "italian": "it", "japanese": "ja", "kashubian": "csb", "khasi": "kha",
    "korean": "ko", "latin": "la", "latvian": "lv", "lithuanian": "lt", "maori": "mi", "māori": "mi",
    "mayan languages": "myn", "middle english": "enm", "english, middle": "enm", "nahuatl": "nah",
    "napoletano-calabrese": "nap", "neapolitan": "nap", "navajo": "nv", "north american indian": "nai",
    "norwegian": "no", "occitan": "oc", "ojibwa": "oj", "old english": "ang", "english, old": "ang", "polish": "pl",
    "portuguese": "pt", "romanian": "ro", "russian": "ru", "sanskrit": "sa", "serbian": "sr", "slovenian": "sl",
    "spanish": "es", "swedish": "sv", "tagalog": "tl", "telugu": "te", "tibetan": "bo", "ukrainian": "uk",
    "vietnamese": "vi", "welsh": "cy", "yiddish": "yi", "yucateco": "yua",
}  # fmt: skip
_PEOPLE = {
    "author": "authors", "authors": "authors", "editor": "editors", "editors": "editors", "translator": "translators",
    "translators": "translators", "illustrator": "illustrators", "illustrators": "illustrators",
    "contributor": "contributors", "compiler": "compilers",
}  # fmt: skip
_FIELDS = (
    r"Title|Authors?|Editors?|Translators?|Illustrators?|Contributors?|Compilers?|Commentator|Annotator|Release Date|"
    r"Posting Date|Last Updated|Most recently updated|Languages?|Character set encoding|Original publication|Credits|"
    r"Other information and formats|Edition|Subtitle|Copyright(?: Status)?|Series|Volume|Note|Online|Updated?"
)
_FIELD = re.compile(rf"^[ \t]*({_FIELDS})[ \t]*:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.I | re.M)
_NUMBER = re.compile(r"\[[ ]?(?:The )?(?:E-?books?|E-?texts?)[ ]*(?:#|No\.?|number)[ ]*(\d{1,6})[^\]]*\]", re.I)
_DATED = re.compile(r"([A-Z][a-z]+\.?(?: \d{1,2})?,? +(?:1[89]|20)\d\d)[ ,.]*\[[ ]?(?:E-?book|E-?text)", re.I)
_FIRST = re.compile(
    r"(?:The |This is The |\*+)?Project Gutenberg(?:['’]s|™)?,? *(?:E-?books?|E-?texts?|Edition)?"
    r"(?: of| version of)?,? +"
    r"(.+?)(?:,? by (.+?))?\s*(?:#\d.*)?$",
    re.I | re.S,
)
_COPYRIGHTED = re.compile(r"COPYRIGHTED (?:Project Gutenberg|E-?BOOK|E-?TEXT)|COPYRIGHT PROTECTED E", re.I)
_COPYRIGHT = re.compile(r"^[ \t]*(Copyright\b[ \t]*(?:\([cC]\)|©|\d{4}).*)$", re.I | re.M)
_COMMONS = re.compile(r"creativecommons\.org/\S+", re.I)
_DAY = re.compile(r"(?:(\d{1,2}) )?([A-Za-z]{3,9})(?: (\d{1,2}))? (\d{4})")
_ENCODING = re.compile(rb"character set(?: encoding)?:[ \t]*([\w .:()-]+)", re.I)
_CODECS = {"iso latin-1": "iso-8859-1", "unicode utf-8": "utf-8", "iso-646-us": "ascii", "us-ascii": "ascii",
           "ansi": "cp1252", "windows code page 1252": "cp1252", "codepage-1252": "cp1252", "codepage1252": "cp1252",
           "mp3": "", "tei": ""}  # fmt: skip


def facts_of(header: str) -> dict[str, Any]:
    """Return what the header of a book says of it, under the names that all sources share.

    `ebook` is its number in the catalogue. A book is in the public domain in the USA, unless its header says otherwise.
    """
    found = {name.lower(): " ".join(value.split()) for name, value in reversed(_FIELD.findall(header))}
    first, author = _first_line(header)
    title, people = found.get("title", "") or first, _people(header)
    if author and not people:
        people["authors"] = [author]
    number = _NUMBER.search(header)
    dated = found.get("release date", "") or found.get("posting date", "")
    if not dated and (old := _DATED.search(header)):
        dated = old[1]
    languages = _languages(found.get("language", "") or found.get("languages", ""))
    return known(
        title=title,
        **people,
        language=languages[0] if len(languages) == 1 else languages,
        date=_date(dated),
        license=_license(header),
        ebook=int(number[1]) if number else None,
        url=f"https://www.gutenberg.org/ebooks/{number[1]}" if number else "",
    )


def encoding_of(start: bytes) -> str:
    """Return the encoding that the header of a text states, "" where it states none."""
    found = _ENCODING.search(start)
    label = found[1].decode("ascii", "replace").strip().lower() if found else ""
    return _CODECS.get(label, label.split(" (")[0].replace(" ", "-"))


def _people(header: str) -> dict[str, list[str]]:
    """Return names by what people did, each name on a line or after a semicolon."""
    people: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(header):
        if kind := _PEOPLE.get(name.lower()):
            held = people.setdefault(kind, [])
            held += [" ".join(each.split()) for each in re.split(r"\n|;", value)]
    return {kind: list(dict.fromkeys(filter(None, names))) for kind, names in people.items()}


def _first_line(header: str) -> tuple[str, str]:
    """Return title and author as the first paragraph of an old header gives them, "" for what it does not."""
    paragraph = re.split(r"\n[ \t]*\n", header.strip("\ufeff \t\r\n"), maxsplit=1)[0]
    lines = [line for line in paragraph.split("\n") if not re.match(r"\s*#\d", line)]
    found = _FIRST.match(" ".join(" ".join(lines).split()).strip("* "))
    if not found:
        return "", ""
    return found[1].strip(" *,."), (found[2] or "").strip(" *,.")


def _languages(value: str) -> list[str]:
    """Return the tags of the languages that a header names; one that has none is left out."""
    whole = _LANGUAGES.get(value.lower().strip())
    if whole:
        return [whole]
    names = re.split(r",|;|/|&|\band\b|\bwith\b|\(|\)", value.lower())
    return list(dict.fromkeys(_LANGUAGES[name.strip()] for name in names if name.strip() in _LANGUAGES))


def _date(value: str) -> str:
    """Return a date in ISO 8601, with as much of it as is known.

    >>> [_date(value) for value in ("June 27, 2008 [EBook #11]", "March, 1994", "2005-08-25", "unknown")]
    ['2008-06-27', '1994-03', '2005-08-25', '']
    """
    bare = " ".join(value.partition("[")[0].replace(",", " ").replace(".", " ").split())
    if found := _DAY.fullmatch(bare):
        return date_of(found[4], found[2], found[1] or found[3] or "")
    return iso_date(bare) if len(bare) == 10 else ""


def _license(header: str) -> str:
    """Return the licence: an SPDX id where the header names one, else in words."""
    if commons := _COMMONS.search(header):
        return spdx(commons[0])
    stated = _COPYRIGHT.search(header)
    if _COPYRIGHTED.search(header):
        return " ".join(stated[1].split()) if stated else "Copyrighted"
    return "Public domain in the USA"
