"""What the styles and the numbering of a Word document say of a paragraph: heading, list, label, hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.files.prose import numeral

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading \d|title", re.IGNORECASE)
_CONTENTS = re.compile(r"toc \d|toc heading|contents heading|table of figures|index \d|index heading", re.IGNORECASE)
_VERBATIM = frozenset({"html preformatted", "source code", "preformatted text", "code", "code block"})
_BODY_LEVEL = 9  # of the outline: no heading
_LEVELS = 9  # of a list
_CHINESE = ("chineseCounting", "chineseCountingThousand", "taiwaneseCounting", "taiwaneseCountingThousand",
            "japaneseCounting", "ideographDigital", "koreanCounting")  # fmt: skip
_FORMS = {"lowerLetter": "a", "upperLetter": "A", "lowerRoman": "i", "upperRoman": "I"}
_PLACE = re.compile(r"%([1-9])")


def value(element: Element | None, name: str, otherwise: str = "") -> str:
    """Return the value of a property, the child NAME of an element of properties."""
    found = None if element is None else element.find(W + name)
    return otherwise if found is None else found.get(f"{W}val", otherwise)


def is_on(element: Element | None, name: str) -> bool:
    """Say whether a property that is on or off is on."""
    found = None if element is None else element.find(W + name)
    return found is not None and found.get(f"{W}val", "true") not in ("0", "false", "off")


def whole(text: str, otherwise: int) -> int:
    """Return a whole number as Word writes it."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else otherwise


class Styles:
    """The styles of a document: questions go up from a style to those that it is based on."""

    def __init__(self, root: Element | None) -> None:
        found = () if root is None else root.findall(f"{W}style")
        self._styles = {item.get(f"{W}styleId", ""): item for item in found}
        self._default = next(
            (
                item.get(f"{W}styleId", "")
                for item in found
                if item.get(f"{W}type") == "paragraph" and item.get(f"{W}default") in ("1", "true")
            ),
            "",
        )

    def chain(self, name: str) -> Iterator[Element]:
        """Yield a style and those that it is based on."""
        seen: set[str] = set()
        name = name or self._default
        while name in self._styles and name not in seen:
            seen.add(name)
            yield self._styles[name]
            name = value(self._styles[name], "basedOn")

    def name(self, style: str) -> str:
        """Return the name of a style, which is English in documents of all languages."""
        return value(next(self.chain(style), None), "name")

    def is_heading(self, properties: Element | None) -> bool:
        """Say whether a paragraph of these properties is a heading."""
        style = value(properties, "pStyle")
        for element in (properties, *(item.find(f"{W}pPr") for item in self.chain(style))):
            if level := value(element, "outlineLvl"):
                return whole(level, _BODY_LEVEL) < _BODY_LEVEL
        return any(_HEADING.fullmatch(value(item, "name")) for item in self.chain(style))

    def is_contents(self, properties: Element | None) -> bool:
        """Say whether a paragraph is a line of a table of contents."""
        return bool(_CONTENTS.fullmatch(self.name(value(properties, "pStyle"))))

    def is_verbatim(self, properties: Element | None) -> bool:
        """Say whether a paragraph is code."""
        return self.name(value(properties, "pStyle")).lower() in _VERBATIM

    def is_hidden(self, properties: Element | None, paragraph: str) -> bool:
        """Say whether text of a run is hidden, by itself, by its style or by the style of its paragraph."""
        if properties is not None and properties.find(f"{W}vanish") is not None:
            return is_on(properties, "vanish")
        for style in (value(properties, "rStyle"), paragraph):
            for item in self.chain(style) if style else ():
                run = item.find(f"{W}rPr")
                if run is not None and run.find(f"{W}vanish") is not None:
                    return is_on(run, "vanish")
        return False

    def numbering(self, properties: Element | None) -> tuple[str, int] | None:
        """Return the id of the list that a paragraph is in, and its level from 0; None where it is in none."""
        style = value(properties, "pStyle")
        level = -1
        for element in (properties, *(item.find(f"{W}pPr") for item in self.chain(style))):
            numbers = None if element is None else element.find(f"{W}numPr")
            if numbers is None:
                continue
            level = level if level >= 0 else whole(value(numbers, "ilvl"), -1)
            if number := value(numbers, "numId"):
                return None if number == "0" else (number, min(max(level, 0), _LEVELS - 1))
        return None


@dataclass
class _Level:
    start: int
    form: str
    text: str
    legal: bool


@dataclass
class _List:
    """A list that counts: lists of one definition count on from each other."""

    definition: str
    levels: dict[int, _Level]
    starts: dict[int, int] = field(default_factory=dict)  # levels that this list begins anew, once


class Lists:
    """The numbering of a document, and how far it has counted."""

    def __init__(self, root: Element | None, styles: Styles) -> None:
        definitions = {} if root is None else {i.get(f"{W}abstractNumId", ""): i for i in root.iter(f"{W}abstractNum")}
        numbers = {} if root is None else {item.get(f"{W}numId", ""): item for item in root.findall(f"{W}num")}
        self._lists: dict[str, _List] = {}
        self._counts: dict[str, list[int | None]] = {}
        for name, item in numbers.items():
            definition = value(item, "abstractNumId")
            for _ in range(_LEVELS):  # a definition may be a link to that of a style
                link = value(definitions.get(definition), "numStyleLink")
                style = next(styles.chain(link), None) if link else None
                number = "" if style is None else value(style.find(f"{W}pPr/{W}numPr"), "numId")
                if number not in numbers:
                    break
                definition = value(numbers[number], "abstractNumId")
            if definition in definitions:
                self._lists[name] = _list(definition, definitions[definition], item)

    def label(self, number: str, level: int) -> str:
        """Count one paragraph of a list, and return what Word shows before it; "- " for a bullet, "" for nothing."""
        found = self._lists.get(number)
        if found is None or level not in found.levels:
            return ""
        counts = self._counts.setdefault(found.definition, [None] * _LEVELS)
        mine = found.levels[level]
        if level in found.starts:
            counts[level] = found.starts.pop(level)
        else:
            count = counts[level]
            counts[level] = mine.start if count is None else count + 1
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)
        if mine.form == "bullet":
            return "- "

        def shown(match: re.Match[str]) -> str:
            index = int(match[1]) - 1
            other = found.levels.get(index, mine)
            count = counts[index]
            return _numeral(other.start if count is None else count, "decimal" if mine.legal else other.form)

        text = _PLACE.sub(shown, mine.text).strip()
        return f"{text} " if text else ""


def _list(definition: str, abstract: Element, number: Element) -> _List:
    levels = {whole(item.get(f"{W}ilvl", ""), 0): _level(item) for item in abstract.findall(f"{W}lvl")}
    found = _List(definition, levels)
    for override in number.findall(f"{W}lvlOverride"):
        index = whole(override.get(f"{W}ilvl", ""), 0)
        inner = override.find(f"{W}lvl")
        if inner is not None:
            levels[index] = _level(inner)
        if start := value(override, "startOverride"):
            found.starts[index] = whole(start, 1)
    return found


def _level(item: Element) -> _Level:
    text = value(item, "lvlText")
    return _Level(whole(value(item, "start"), 1), value(item, "numFmt", "decimal"), text, is_on(item, "isLgl"))


def _numeral(number: int, form: str) -> str:
    if form == "none":
        return ""
    if form == "decimalZero":
        return f"{number:02d}"
    if form == "ordinal":
        return f"{number}{'th' if 10 < number % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
    if form in _CHINESE and 0 < number < 100:
        digits = "〇一二三四五六七八九"
        tens, ones = divmod(number, 10)
        head = "" if not tens else "十" if tens == 1 else f"{digits[tens]}十"
        return head + (digits[ones] if ones else "")
    return numeral(number, _FORMS.get(form, "1"))
