"""Lines of a text edition -> Parts: hard-wrapped prose becomes one line a paragraph, everything else keeps its lines.

A paragraph is what stands between blank lines. Its lines were wrapped if each is as full as the next word allows;
verse, tables, title pages and lists have room left. So a line is full if it and the first word of the next are longer
than the widest line of the paragraph, and prose is a paragraph of full lines that is about as wide as the book.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from itertools import pairwise

from hornbook.corpus.readers.books.parts import Part

_NARROW = 45  # characters: lines of prose are wider
_USUAL = 60  # a book whose lines are narrower is one of verse
_SLACK = 6  # characters that a line may lack to be full: people wrapped by hand, too
_FULL, _HALF = 0.75, 0.5  # of the lines of a paragraph of prose; where most begin with a small letter
_CAPITALS = 0.85  # of the lines of verse begin with a capital letter; of prose about a fifth, of German a third
_COLUMNS = re.compile(r"\S(?: {3,}|\t+ *)\S")  # blanks inside a line
_WIDE = re.compile(
    r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]"
)  # scripts that put no blanks between words
_RULES = re.compile(r"[-_=*~.+| ]{5,}")


def parts_of(body: str) -> list[Part]:
    """Return the parts of a body of text; line ends are line feeds."""
    blocks = list(_blocks(body))
    width = _width(blocks)
    parts: list[Part] = []
    for gap, lines in blocks:
        parts += _parts(gap, lines, width)
    return parts


def _blocks(body: str) -> Iterator[tuple[int, list[str]]]:
    """Yield paragraphs as lines, tabs made blanks, each with the number of blank lines before it."""
    gap, lines = 0, []
    for line in body.expandtabs(8).split("\n"):
        line = line.rstrip()
        if line:
            lines.append(line)
            continue
        if lines:
            yield gap, lines
            gap, lines = 0, []
        gap += 1
    if lines:
        yield gap, lines


def _width(blocks: list[tuple[int, list[str]]]) -> int:
    """Return how wide the prose of a book is: what a quarter of its paragraphs of several lines reach."""
    widest = [max(map(_long, lines)) for _, lines in blocks if len(lines) > 2]
    return max(int(statistics.quantiles(widest, n=4)[2]), _USUAL) if len(widest) > 3 else 70


def _parts(gap: int, lines: list[str], width: int) -> Iterator[Part]:
    """Yield a paragraph as prose or as lines; one whose prose begins anew with indented lines as several."""
    indents = [len(line) - len(line.lstrip()) for line in lines]
    least = min(indents)
    if not _is_prose(lines, indents, width):
        yield Part("\n".join(line[least:] for line in lines), gap, "lines" if len(lines) > 1 else "prose")
        return
    starts = [0]
    if least == min(indents[1:], default=0):
        starts += [
            number
            for number in range(1, len(lines))
            if 2 <= indents[number] - least <= 8 and lines[number - 1][-1] in ".!?:\"'”’)»*"
        ]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield Part(_joined(lines[start:stop]), gap if start == 0 else 1)


def _long(line: str) -> int:
    """Return how wide a line is printed: signs of Chinese and Japanese take two columns."""
    return len(line) if line.isascii() else len(line) + sum(1 for _ in _WIDE.finditer(line))


def _first(line: str) -> int:
    """Return how wide what a line may not be parted within is, at its beginning: a word, or one sign of two columns."""
    bare = line.lstrip()
    return 2 if _WIDE.match(bare) else len(bare.split(None, 1)[0])


def _is_prose(lines: list[str], indents: list[int], width: int) -> bool:
    """Say whether lines were wrapped."""
    if len(lines) == 1:
        return not _COLUMNS.search(lines[0].strip())
    widest = max(map(_long, lines))
    left = min(indents)
    if widest - left < _NARROW or (left < 4 and widest < 0.7 * width):
        return False
    if sum(bool(_COLUMNS.search(line.strip())) for line in lines) * 3 > len(lines):
        return False
    if any(_RULES.fullmatch(line.strip()) for line in lines):
        return False
    # Lines in the midst that are indented otherwise are verse, unless each begins a sentence.
    odd = sum(indent != min(indents[1:]) for indent in indents[1:])
    full = [_long(line) + 1 + _first(following) > widest - _SLACK for line, following in pairwise(lines)]
    low = sum(line.lstrip()[0].islower() for line in lines[1:])
    sure = low * 2 > len(full) and widest - left >= 0.7 * width  # no verse of most languages begins its lines like this
    if sum(full) < (_HALF if sure else _FULL) * len(full) or odd * 3 > len(lines):
        return False
    if len(lines) < 3 or not _capitals(lines):
        return True
    return sum(full) == len(full) if len(lines) == 3 else len(lines) < 6 and widest >= 0.95 * width


def _capitals(lines: list[str]) -> bool:
    """Say whether lines begin as those of verse do."""
    first = [next((sign for sign in line if sign.isalpha()), "") for line in lines]
    return sum(sign.isupper() for sign in first) >= _CAPITALS * len(first)


def _joined(lines: list[str]) -> str:
    """Return wrapped lines as one, without a blank at a hyphen, at a dash, or in a script that has none."""
    text = lines[0].strip()
    for line in lines[1:]:
        line = line.strip()
        dash = text[-1] in "-—" or line.startswith(("--", "—")) or (_WIDE.match(text[-1]) and _WIDE.match(line[0]))
        text += line if dash else " " + line
    return re.sub(" {2,}", " ", text)
