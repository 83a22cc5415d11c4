"""What volunteers put into the text of a book: page numbers, marks of pictures and notes, underscores for italics.

All of it follows the guidelines of Distributed Proofreaders and of Project Gutenberg's FAQ (V.94 to V.110), or the many
ways that were usual before these.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

_LONGEST = 30_000  # characters of a note in brackets
_NUMBER = r"(?:[ivxlcdm]{1,9}|\d{1,4}[a-z]?)"
_PAGE = re.compile(rf"[\[{{]\s*(?:pg|page|pag|p|pp|seite|s|blz|fol)\b\.?\s*{_NUMBER}\s*[\]}}]", re.I)
_BARE = {
    "braces": re.compile(r"\{\s*(\d{1,4})\s*\}"),
    "brackets": re.compile(r"\[\s*(\d{1,4})\s*\]"),
    "lines": re.compile(r"^[ \t]*(?:page|pg\.?|p\.)[ \t]*(\d{1,4})[ \t]*$", re.I | re.M),
    "dashes": re.compile(r"^[ \t]*-{1,2}[ \t]*(\d{1,4})[ \t]*-{1,2}[ \t]*$", re.M),
}
_FEWEST = 3  # numbers of pages in a book that has such
_TRANSCRIBER = (
    r"(?:(?:original )?transcriber(?:['’´`]?s['’]?)?(?:['’]s)?[- ]+(?:end ?)?(?:foot)?(?:note|comment|remark|"
    r"correction|errat|amendment)|notes? d[eu] (?:la )?transcri|notes? sur (?:la|cette) transcription|anmerkung(?:en)? "
    r"(?:zur transkription|de[rs] (?:bearbeiter|transkript))|hinweise? zur transkription|"
    r"notas? de[l]? (?:la )?transcri[pt]|nota d[eo]l? trascri|notas? d[eo] transcri|"
    r"(?:opmerking|aantekening)(?:en)? van de (?:be|trans)|tn:|t\.n\.|note project gutenberg|"
    r"note (?:of|by) the transcriber)"
)
NOTE = re.compile(rf"\W*(?:the )?{_TRANSCRIBER}", re.I)
_NOTE_OPENS = re.compile(rf"[\[{{]\s*(?:(?:the )?{_TRANSCRIBER}|This e-?text (?:includes|is intended|uses))", re.I)
_PICTURE = re.compile(
    r"\[\s*(?:illustrations?|illustrated|decoration|decorative|ornament|vignette|abbildung|gravure|ilustraci[oó]n|"
    r"ilustração|illustrazione|afbeelding|kuva|blank page)\b[ \t:.\d]*\n*",
    re.I,
)
_REMARK = re.compile(r"\[\s*(?:(?:foot|end)note|fussnote|fußnote|note|voetnoot)\s*(\w{0,5}|\*{1,3})\s*:\s*", re.I)
_MARGIN = re.compile(r"\[\s*(?:side ?-?note|margin(?:al)? ?note|headnote|randnotiz)\s*:\s*", re.I)
_BRACKETS = re.compile(r"[\[\]]")
_BRACES = re.compile(r"[{}]")


def cleaned(text: str, whole: bool = True) -> str:
    """Return the body of a book without page numbers, boxes and notes of transcribers; captions and notes are bare.

    Bare numbers are told to be pages by all of a book; they stay in a text that is not the `whole` of one.
    """
    text = _without_boxes(text) if whole else text
    text = _opened(text, _NOTE_OPENS, lambda *_: "")
    text = _without_pages(text) if whole else _dropped(text, _PAGE)
    text = _opened(text, _PICTURE, _caption)
    text = _opened(text, _REMARK, _remark)
    return _opened(text, _MARGIN, lambda inner, _, alone: inner if alone else "")


def _opened(text: str, opens: re.Pattern[str], becomes: Callable[[str, re.Match[str], bool], str]) -> str:
    """Replace what stands in brackets that open like this by what `becomes` makes of it."""
    parts: list[str] = []
    place = 0
    for found in opens.finditer(text):
        close = _close(text, found.start()) if found.start() >= place else -1
        if close < 0:
            continue
        begin = text.rfind("\n", 0, found.start()) + 1
        stop = text.find("\n", close)
        stop = len(text) if stop < 0 else stop
        alone = not text[begin : found.start()].strip() and not text[close + 1 : stop].strip()
        inner = text[found.end() : close].strip("\n").rstrip()
        made = becomes(inner if "\n" in inner else inner.strip(), found, alone)
        if not alone:
            parts += [text[place : found.start()], made]
            place = close + 1
            continue
        # The blank lines around it come behind it, so that a caption does not look like the heading of a chapter.
        before = text[place:begin].rstrip("\n")
        behind = len(text) - len(text[stop:].lstrip("\n"))
        gap = max(begin - place - len(before), behind - stop, 2)
        parts += [before, "\n\n" + made if made else "", "\n" * gap]
        place = behind
    return "".join([*parts, text[place:]])


def _close(text: str, start: int) -> int:
    """Return where the bracket that opens at `start` closes, others inside it counted; -1 where it does not."""
    depth = 0
    for found in (_BRACKETS if text[start] == "[" else _BRACES).finditer(text, start, start + _LONGEST):
        depth += 1 if found[0] in "[{" else -1
        if not depth:
            return found.start()
    return -1


def _caption(inner: str, _: re.Match[str], alone: bool) -> str:
    """A caption is a paragraph; in the midst of one it is not kept, nor is the name of a picture's file."""
    return inner if alone else ""


def _remark(inner: str, opened: re.Match[str], alone: bool) -> str:
    return f"[{opened[1]}] {inner}" if opened[1] else inner


def _without_boxes(text: str) -> str:
    """Remove frames of dashes and bars around notes of transcribers."""
    kept: list[str] = []
    box: list[str] = []
    for line in [*text.split("\n"), ""]:
        bare = line.strip()
        if len(bare) > 1 and bare[0] in "+|" and bare[-1] in "+|":
            box.append(line)
            continue
        if box and not any(NOTE.match(held.strip(" |+")) for held in box):
            kept += box
        box = []
        kept.append(line)
    return "\n".join(kept[:-1])


def _without_pages(text: str) -> str:
    text = _dropped(text, _PAGE)
    for kind, pattern in _BARE.items():
        numbers = [int(found[1]) for found in pattern.finditer(text)]
        rising = sum(before < after for before, after in pairwise(numbers))
        pages = len(numbers) >= _FEWEST and rising >= 0.9 * (len(numbers) - 1)
        if kind == "brackets":  # notes have such numbers too, but then twice: in the text, and before the note
            pages = len(numbers) >= 2 * _FEWEST and rising == len(numbers) - 1
        if pages:
            text = _dropped(text, pattern)
    return text


def _dropped(text: str, marks: re.Pattern[str]) -> str:
    """Remove marks of pages; a paragraph that one of them parts becomes whole again."""
    parts: list[str] = []
    place = 0
    for found in marks.finditer(text):
        before, after = text[place : found.start()], found.end()
        begin = text.rfind("\n", 0, found.start()) + 1
        stop = text.find("\n", after)
        stop = len(text) if stop < 0 else stop
        if not text[begin : found.start()].strip() and not text[after:stop].strip():
            before = text[place : max(begin, place)]
            after = min(stop + 1, len(text))
            rest = text[after : after + 400].lstrip()
            lead = before.rstrip()
            if before.endswith("\n\n") and _goes_on(lead, rest):
                before, after = lead + "\n", after + len(text[after:]) - len(text[after:].lstrip())
        elif before.endswith(" ") and text[after : after + 1] == " ":
            after += 1
        parts.append(before)
        place = max(after, place)
    return "".join([*parts, text[place:]])


def _goes_on(before: str, after: str) -> bool:
    """Say whether a sentence goes on behind a break."""
    return bool(before and after) and before[-1] not in ".!?:;\"'”’)*_]" and after[0].islower()


_ITALIC = re.compile(r"(?<![\w_])_(?=[^\s_])([^_]{1,3000}?)(?<=[^\s_])_(?![\w_])")
_NESTED = 3  # italics within italics: what is upright again
_SYLLABLE = re.compile(r"(?<=[^\W_])_([^\W\d_]{1,15}|[a-z]{1,4}\.)_(?![\w])|(?<![\w])_([^\W\d_]{1,15})_(?=[^\W_])")
_BOLD = re.compile(r"(?<![\w=])=(?=[^\s=])([^=\n]{1,300}?)(?<=[^\s=])=(?![\w=])")


def plain(text: str) -> str:
    """Return the text of a part without the underscores and equals signs that stand for italics and bold type.

    >>> plain("Of 10_s._ 6_d._ and _s_o.")
    'Of 10s. 6d. and so.'
    >>> plain("It is _so_, said =he=; not snake_case, a_b_c or x = y = z.")
    'It is so, said he; not snake_case, a_b_c or x = y = z.'
    """
    for _ in range(_NESTED if "_" in text else 0):
        text = _SYLLABLE.sub(r"\1\2", _ITALIC.sub(r"\1", text))
    return _BOLD.sub(r"\1", text) if "=" in text else text
