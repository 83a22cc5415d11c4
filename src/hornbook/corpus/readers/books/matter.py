"""What stands at both ends of a book and is not of it: who produced the file, and notes of transcribers."""

from __future__ import annotations

import re

from hornbook.corpus.readers.books.frame import CLOSE
from hornbook.corpus.readers.books.marks import NOTE
from hornbook.corpus.readers.books.parts import Part

_HEAD = 30  # parts at the begin among which credits stand
_NOTE = 4_000  # characters of a note of several paragraphs
_PROSE = 150  # characters of a paragraph with which a book has begun
_TAIL = 0.25  # of a book, at its end, where notes of transcribers stand
_DONE = (
    "produced|prepared|transcribed|scanned|typed|digiti[sz]ed|proof-?(?:ed|read)|entered|updated|posted|converted|"
    "created|provided|keyed|made available|compiled for project gutenberg"
)
_THING = (
    "(?:this|the) (?:[\\w-]+ ){0,3}(?:e-?texts?|e-?book|file|text|edition|html|version)|e-?texts?|e-?books?|text|"
    "html(?: version| edition| file)?"
)
# A note that does not say whose it is: how italics are shown, and what was corrected.
_ABOUT = re.compile(
    r"^.?This e?-?text (?:includes|is intended|uses)|\b(?:italic|italique|kursiv|cursie)\w*\b.{0,120}(?:_|underscore)|"
    r"\b(?:errata|typo|typographical|misprint|spelling|hyphenation|punctuation)\w*\b.{0,200}"
    r"\b(?:corrected|retained|preserved|standardi[sz]ed)\b",
    re.I | re.S,
)
_CREDIT = re.compile(
    rf"\W*(?:(?:(?:{_THING}) )?(?:(?:was|were) )?(?:originally )?(?:{_DONE})(?:,? (?:and|&) [\w-]+)?(?: [\w-]+)? "
    r"(?:by|from|in|for|at)\b|credits?:|scan(?:s|ning)? (?:by|and)|proof-?read(?:ing)? by|transcription by|"
    r"(?:html|e-?text) (?:version )?(?:by|from)|by the online distributed|updater:|"
    r"note: (?:project gutenberg|images of|the original|see)|(?:this file|\(this (?:file|book|ebook)) was|"
    r"images (?:of the original|generously)|special thanks|transcribed from the|i would like to thank|thanks to|"
    r"this e-?(?:text|book) is for the use|there (?:are several|is an improved) edition|welcome to project gutenberg)",
    re.I,
)
_PEOPLE = re.compile(
    r"distributed proofread|pgdp\.net|proofreading team|internet archive|archive\.org/details|pglaf\.org|"
    r"gutenberg\.(?:org|net)|project gutenberg|ibiblio\.org|\.zip\b|-h\.htm\b|images generously|gallica\.bnf",
    re.I,
)


def own(parts: list[Part]) -> list[Part]:
    """Return the parts of a book without credits, notes of transcribers and lines that close a file."""
    parts = [part for part in parts if not (len(part.text) < 400 and CLOSE.match(part.text) and not _is_end(part))]
    return _without_tail(_without_head(parts))


def _is_end(part: Part) -> bool:
    """Say whether a part is the author's own end, such as "The End of the Book"."""
    return "gutenberg" not in part.text.lower() and not re.search(r"\be-?(?:text|book)\b", part.text, re.I)


def _without_head(parts: list[Part]) -> list[Part]:
    kept: list[Part] = []
    number = 0
    crediting = begun = False
    while number < min(_HEAD, len(parts)):
        part = parts[number]
        begins = not begun and _CREDIT.match(part.text) is not None
        about = len(part.text) < 1_500 and _PEOPLE.search(part.text) is not None
        if not begun and (NOTE.match(part.text) or (not kept and _ABOUT.search(part.text))):
            number = _after_note(parts, number)
            crediting = False
        elif (begins and (len(kept) < 4 or about)) or (about and not begun and (crediting or len(kept) < 4)):
            number += 1
            crediting = True
        elif crediting and part.gap == 1 and part.kind != "heading" and len(part.text) < 200 and _is_names(part.text):
            number += 1
        else:
            kept.append(part)
            number += 1
            crediting = False
            begun = begun or (part.kind == "prose" and len(part.text) > _PROSE)
    kept += parts[number:]
    while kept and re.fullmatch(r"[\W_]*", kept[0].text):
        kept = kept[1:]
    return kept


def _is_names(text: str) -> bool:
    """Say whether a short part goes on with credits: an address, a name in brackets."""
    return bool(re.match(r"\W*(?:https?:|www\.|\S+@\S+|and the online|see |or$|\(https?:)", text, re.I))


def _after_note(parts: list[Part], number: int) -> int:
    """Return the number of the first part behind a note: a heading, a rule or a larger gap near by ends it."""
    note = NOTE.match(parts[number].text)
    # A heading, whose note is the next part at least.
    alone = note is not None and re.search(r"\w{3}", parts[number].text[note.end() :]) is None
    size = 0
    for end in range(number + 1, len(parts)):
        part = parts[end]
        if end > number + 1 or not alone:
            if part.kind == "heading" or part.gap >= 3:
                return end
            if re.fullmatch(r"[\W_]*", part.text):
                return end + 1
        size += len(part.text)
        if size > _NOTE:
            break
    return min(number + 1 + alone, len(parts))


def _without_tail(parts: list[Part]) -> list[Part]:
    """Cut the notes of transcribers at the end, with all that follows."""
    sizes = [len(part.text) for part in parts]
    left = _TAIL * sum(sizes)
    behind = 0
    cut = len(parts)
    for number in range(len(parts) - 1, -1, -1):
        behind += sizes[number]
        if behind > left:
            break
        if NOTE.match(parts[number].text) or (
            cut == len(parts) and _CREDIT.match(parts[number].text) and behind < 1_500
        ):
            cut = number
    parts = parts[:cut]
    while parts and re.fullmatch(r"[\W_]*", parts[-1].text):
        parts = parts[:-1]
    return parts
