"""Parts of a book -> documents: a chapter each, short ones with the next, long ones cut between paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hornbook.corpus.readers.books.parts import Part, text_of
from hornbook.corpus.readers.sections import LONGEST, SHORTEST, section_length

_COUNT = r"(?:[IVXLCDM]+|\d{1,3})\b"
_WORD = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
    r"(?:-\w+)?|(?:the )?(?:\w+st|second|third|\w+th|last)|prem\w+|segund\w+|prim\w+|ein\w*|first)"
)
_NUMBERED = (
    "chapter|chap\\.|book|part|volume|vol\\.|act|canto|letter|stave|section|lecture|essay|sermon|scene|tale|story|fable|"
    "kapitel|kap\\.|buch|theil|teil|band|akt|aufzug|auftritt|szene|scene|gesang|abschnitt|chapitre|livre|partie|tome|acte|"
    "scène|chant|lettre|cap[íi]tulo|libro|parte|acto|escena|tomo|capitolo|canto|atto|hoofdstuk|deel|boek|bedrijf|kapitlet|"
    "kapittel|del|bok|luku|osa|rozdział|kapitola|fejezet|глава|часть|книга|caput|liber|κεφαλαιον|κεφάλαιον"
)
_NAMED = (
    "preface|foreword|introduction|introductory|prologue|epilogue|conclusion|appendix|afterword|dedication|contents|notes|"
    "index|glossary|bibliography|footnotes|preamble|vorwort|vorrede|einleitung|nachwort|anhang|inhalt|préface|avant-propos|"
    "épilogue|prólogo|epílogo|prefacio|prefazione|introduzione|voorwoord|inleiding|förord|forord|esipuhe|предисловие"
)
_ORDINAL = (
    r"(?:erst|zweit|dritt|viert|fünft|sechst|siebent?|acht|neunt|zehnt|elft|zwölft|letzt)e[rs]?|premi[èe]re?|seconde?|"
    "deuxième"
)
_HEADING = re.compile(
    rf"(?:(?:{_NUMBERED})[ \t]+(?:(?-i:{_COUNT})|{_WORD}\b)|(?:{_ORDINAL}|{_WORD}) +(?:{_NUMBERED})\b|"
    rf"\d{{1,3}}\. (?:{_NUMBERED})\b|(?:{_NAMED})\b|第 *[一二三四五六七八九十百千零〇两0-9]{{1,5}} *[章回卷節节部篇]|"
    r"[IVXLC]+\.? +(?:luku|fejezet|rozdział|kapitel)\b)",
    re.I,
)
_NUMERAL = re.compile(r"(?:[IVXLC]+|\d{1,3}|[A-Z])\.?")  # and the letters of a dictionary
_TITLED = re.compile(r"(?:[IVXLC]+|\d{1,3})\.? ?[-—:]* +\S")
_HEADLINE = 120  # characters of a heading


class Chapter(NamedTuple):
    """A document of a book, with the headings in it."""

    headings: list[str]
    text: str


def chapters_of(parts: list[Part]) -> Iterator[Chapter]:
    """Yield the documents of a book.

    A chapter shorter than SHORTEST goes together with the next, at the end with the one before; one longer than LONGEST
    is cut between paragraphs, and so is a book of one chapter, into the lengths that a text without chapters is cut to.
    """
    merged: list[tuple[list[str], list[Part]]] = []
    size = SHORTEST
    for heading, held in _chapters(parts):
        length = sum(len(part.text) + 2 for part in held)
        if size >= SHORTEST:
            merged.append(([], []))
            size = 0
        merged[-1][0].extend([heading] if heading else [])
        merged[-1][1].extend(held)
        size += length
    if len(merged) > 1 and size < SHORTEST:
        headings, held = merged.pop()
        merged[-1][0].extend(headings)
        merged[-1][1].extend(held)
    longest = LONGEST if len(merged) > 1 else section_length(sum(len(part.text) + 2 for part in parts))
    for headings, held in merged:
        for piece in _cut(held, longest):
            yield Chapter(headings, text_of(piece))


def _chapters(parts: list[Part]) -> Iterator[tuple[str, list[Part]]]:
    """Yield the heading of each chapter, "" before the first, and its parts, the heading's own included."""
    level = _level(parts)
    heading = ""
    held: list[Part] = []
    for number, part in enumerate(parts):
        found = _heading(parts, number, level)
        if found:
            if held:
                yield heading, held
            heading, held = found, []
        held.append(part)
    if held:
        yield heading, held


def _level(parts: list[Part]) -> int:
    """Return the lowest level of the headings of chapters in HTML: the first that three have; 0 for text."""
    levels = [part.level for part in parts if part.kind == "heading"]
    if not levels:
        return 0
    return next((level for level in range(1, 7) if levels.count(level) >= 3), max(levels))


def _heading(parts: list[Part], number: int, level: int) -> str:
    """Return the heading that a part is, with the title below it; "" for another part."""
    part = parts[number]
    if level:
        is_one = part.kind == "heading" and part.level <= level
    else:
        is_one = len(part.text) <= _HEADLINE and part.text.count("\n") < 4 and _is_heading(part)
    if not is_one:
        return ""
    heading = " ".join(part.text.split())
    following = parts[number + 1] if number + 1 < len(parts) else None
    if following and not level and _NUMERAL.fullmatch(heading.rpartition(" ")[2]) and _is_title(following):
        heading += ("" if heading.endswith(".") else ".") + " " + " ".join(following.text.split())
    return heading


def _is_heading(part: Part) -> bool:
    """Say whether a short part of a text is a heading: by its words, or by the four blank lines before it."""
    line = part.text.strip(" *_")
    if "\n" in line and sum(_HEADING.match(each.strip()) is not None for each in line.split("\n")) > 1:
        return False  # contents
    if part.gap >= 2 and (_NUMERAL.fullmatch(line) or (_TITLED.match(line) and line[-1] not in ",;:")):
        return not line[0].isdigit() or part.gap >= 3 or len(line) < 5
    if found := _HEADING.match(line):
        rest = line[found.end() :].strip()
        strict = part.gap >= 2 or line.isupper() or not rest
        return strict and (not rest or rest[0] != ",") and line[-1] not in ",;"
    words = [word for word in line.split() if word[0].isalpha()]
    titled = bool(words) and sum(word[0].isupper() for word in words) * 2 >= len(words)
    return part.gap >= 4 and titled and line[0].isalnum() and line[-1] not in ",;" and len(line) < 80


def _is_title(part: Part) -> bool:
    """Say whether a part below the number of a chapter is its title."""
    text = part.text.strip()
    return part.gap == 1 and len(text) < _HEADLINE and (text.isupper() or text[-1] not in '.!?"”,;:')


def _cut(parts: list[Part], longest: int) -> Iterator[list[Part]]:
    """Yield runs of parts of at most so many characters, at least one part each."""
    held: list[Part] = []
    size = 0
    for part in parts:
        if held and size + len(part.text) > longest:
            yield held
            held, size = [], 0
        held.append(part)
        size += len(part.text) + 2
    if held:
        yield held
