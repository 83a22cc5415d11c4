"""Running heads, running feet and page numbers are told from text, and left out.

A line among the outermost rows of a page is furniture where the same letters stand at the same height of other pages;
a lone number, where it grows with the pages. Where most pages have such a line at one height, set off from the text,
so are the others at that height: a head that names the section changes as often as the sections do.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from hornbook.corpus.readers.files.pdf_lines import Line

_OUTER = 3  # rows at the top and as many at the bottom
_HEIGHT = 4.0  # points: what is less apart is at the same height
_LARGE = 1.15  # of the usual size: larger lines are titles, which slides repeat
_SET_OFF = 1.5  # of the size of type below the next row's distance
_LOST = 0.5  # of the text: so much is no furniture
_MOST = 0.6  # of the pages
_NUMBER = re.compile(
    r"(?:page|p\.|seite|s\.|página|стр\.)?\s*[-–—|(\[]*\s*(\d{1,5}|[ivxlc]{1,7})\s*[-–—|)\]]*"
    r"(?:\s*(?:of|/|von|de|sur)\s*\d{1,5})?",
    re.I,
)
_NO_LETTERS = re.compile(r"[\W\d_]+")

Place = tuple[int, int]  # page, index of the line in it


def without_furniture(pages: Sequence[list[Line]], size: float) -> list[list[Line]]:
    """Return the lines of each page without its furniture; `size` is the usual size of type of the document."""
    rows = [_outer_rows(lines) for lines in pages]
    outer = {(page, index): depth for page, found in enumerate(rows) for index, depth in found.items()}
    gone = _repeated(pages, outer, size) | _numbers(pages, outer)
    gone |= _same_height(pages, outer, gone)
    taken = sum(len(pages[page][index].text) for page, index in gone)
    if taken > _LOST * sum(len(line.text) for lines in pages for line in lines):
        return list(pages)  # pages that are all alike, such as certificates
    return [[line for index, line in enumerate(lines) if (page, index) not in gone] for page, lines in enumerate(pages)]


def _outer_rows(lines: list[Line]) -> dict[int, int]:
    """Return the indices of the lines in a page's outermost rows, and how many rows are farther out."""
    order = sorted(range(len(lines)), key=lambda index: lines[index].base)
    rows: list[list[int]] = []
    for index in order:
        if rows and lines[index].base - lines[rows[-1][0]].base < 2:
            rows[-1].append(index)
        else:
            rows.append([index])
    found: dict[int, int] = {}
    for side in (rows, rows[::-1]):
        for depth, row in enumerate(side[:_OUTER]):
            found |= {index: min(depth, found.get(index, depth)) for index in row}
    return found


def _heights(line: Line) -> tuple[int, int]:
    """Return the two heights that a line counts for, so that no border parts two that are close."""
    return int(line.base // _HEIGHT), int(line.base // _HEIGHT) + 1


def _repeated(pages: Sequence[list[Line]], outer: dict[Place, int], size: float) -> set[Place]:
    """Return the lines whose letters stand at one height of three pages; of two, if they are set off from the text."""
    found: dict[tuple[str, int], set[Place]] = defaultdict(set)
    for page, index in outer:
        line = pages[page][index]
        letters = _NO_LETTERS.sub("", line.text.casefold())
        if letters and line.size <= _LARGE * size:
            for height in _heights(line):
                found[letters, height].add((page, index))
    gone: set[Place] = set()
    for places in found.values():
        count = len({page for page, _ in places})
        if count >= 3 or (count == 2 and all(_set_off(pages[page], pages[page][index]) for page, index in places)):
            gone |= places
    return gone


def _numbers(pages: Sequence[list[Line]], outer: dict[Place, int]) -> set[Place]:
    """Return the lines that are page numbers: they grow by one from page to page; a single page has a 1 at its foot."""
    offsets: dict[int, set[Place]] = defaultdict(set)
    for (page, index), depth in outer.items():
        found = _NUMBER.fullmatch(pages[page][index].text.strip())
        if found and depth < 2:
            number = int(found[1]) if found[1].isdigit() else _roman(found[1].lower())
            offsets[number - page].add((page, index))
    gone: set[Place] = set()
    for offset, places in offsets.items():
        if len({page for page, _ in places}) >= 2 or (len(pages) == 1 and offset == 1 and _is_last(pages[0], places)):
            gone |= places
    return gone


def _is_last(lines: list[Line], places: set[Place]) -> bool:
    lowest = max(line.base for line in lines)
    return len(lines) > 1 and any(lines[index].base == lowest for _, index in places)


def _roman(text: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[letter] for letter in text]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))


def _same_height(pages: Sequence[list[Line]], outer: dict[Place, int], gone: set[Place]) -> set[Place]:
    """Return the outermost lines, set off from the text, at heights where most pages have furniture."""
    if len(pages) < 4:
        return set()
    heights: Counter[int] = Counter()
    heights.update(
        height for _, height in {(page, height) for page, index in gone for height in _heights(pages[page][index])}
    )
    usual = {height for height, count in heights.items() if count >= _MOST * len(pages)}
    found = set()
    for (page, index), depth in outer.items():
        line = pages[page][index]
        if depth == 0 and usual.intersection(_heights(line)) and _set_off(pages[page], line):
            found.add((page, index))
    return found


def _set_off(lines: list[Line], line: Line) -> bool:
    distances = [abs(other.base - line.base) for other in lines if abs(other.base - line.base) > 2]
    return not distances or min(distances) > _SET_OFF * line.size
