"""The words of a page -> regions in reading order, each of one column.

A gutter is a strip of white, at least GUTTER wide, that rows of text leave free one after the other while prose stands
on both sides of it. The page is cut at the gutter with the most rows: what is above it, the left side, the right side,
what is below; and each of these again, so that titles, abstracts and tables over the whole width keep their place. Rows
of a table leave strips free too, but its cells are too short for prose. This is the XY cut of Nagy and Seth (1984)
with the order of the cuts turned round, as columns of one page need not share their lines.

    R rows, B bins across, each a quarter of the usual size of type
    taken  bool[R, B]   whether a word of the row stands there
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.readers.files.pdf_words import Word

GUTTER = 0.75  # of the usual size of type
_BINS = 4  # a size of type
_ROWS = 3  # on each side of a gutter
_CELL = 1.5  # of the size of type: a wider gap parts cells
_PROSE, _PROSE_CJK = 12, 6  # characters of a piece of a row, at least, on the average
_FILLED = 0.45  # of a column's width, by its middle row
_BREAK = 2.5  # of the usual distance of rows: white so high, over the whole width, ends the columns above it
_TRIES = 12  # gutters that are looked at
_ENDS = 10  # places in a strip where prose may begin and end
_MOST_BINS = 2000
CJK = re.compile(
    "[\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3190-\u31bf\u31f0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
    "\U00020000-\U0003ffff]"
)
RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_LETTER = re.compile(r"[^\W\d_]")

Rows = list[list[Word]]


def usual(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the value, rounded to a tenth, that weighs most; the smaller of equals."""
    if values and all(value == values[0] for value in values):
        return round(values[0], 1)
    counts: Counter[float] = Counter()
    for value, weight in zip(values, weights, strict=True):
        counts[round(value, 1)] += weight  # type: ignore[assignment]
    return min(counts, key=lambda value: (-counts[value], value)) if counts else 1.0


def regions(words: list[Word]) -> Iterator[list[Word]]:
    """Yield the words of each column in the order in which they are read."""
    if not words:
        return
    size = usual([word.size for word in words], [len(word.text) for word in words])
    from_right = sum(len(RTL.findall(word.text)) for word in words) > sum(len(word.text) for word in words) / 2
    yield from _cut(rows_of(words), size, from_right, depth=0)


def rows_of(words: list[Word]) -> Rows:
    """Return words by baselines, from the top down; what differs by less than a quarter of the type is one row."""
    rows: Rows = []
    base = 0.0
    for word in sorted(words, key=lambda word: (word.base, word.left)):
        if rows and word.base - base <= 0.25 * min(word.size, rows[-1][0].size):
            rows[-1].append(word)
        else:
            rows.append([word])
            base = word.base
    return rows


def _cut(rows: Rows, size: float, from_right: bool, depth: int) -> Iterator[list[Word]]:
    found = _gutter(rows, size) if len(rows) >= _ROWS and depth < 8 else None
    if found is None:
        yield [word for row in rows for word in row]
        return
    start, stop, middle = found
    if start:
        yield from _cut(rows[:start], size, from_right, depth + 1)
    for piece in _pieces(rows[start:stop]):
        sides = [[[word for word in row if (word.left + word.right) / 2 < middle] for row in piece]]
        sides.append([[word for word in row if (word.left + word.right) / 2 >= middle] for row in piece])
        for side in reversed(sides) if from_right else sides:
            if held := [row for row in side if row]:
                yield from _cut(held, size, from_right, depth + 1)
    if stop < len(rows):
        yield from _cut(rows[stop:], size, from_right, depth + 1)


def _pieces(rows: Rows) -> Iterator[Rows]:
    """Yield the rows between white that is high and goes over the whole width."""
    steps = [after[0].base - before[0].base for before, after in itertools.pairwise(rows)]
    sizes = [word.size for row in rows for word in row]
    pitch = max(float(np.median([*steps, 1.0])), 1.2 * float(np.median(sizes)))
    start = 0
    for index, step in enumerate(steps, start=1):
        if step > _BREAK * pitch:
            yield rows[start:index]
            start = index
    yield rows[start:]


def _gutter(rows: Rows, size: float) -> tuple[int, int, float] | None:
    """Return (first row, row after the last, middle) of the gutter with the most rows on its poorer side."""
    origin = min(word.left for row in rows for word in row)
    extent = max(word.right for row in rows for word in row) - origin
    unit = max(size / _BINS, extent / _MOST_BINS)
    taken = np.zeros((len(rows), int(extent / unit) + 2), np.bool_)
    for number, row in enumerate(rows):
        for word in row:
            taken[number, int((word.left - origin) / unit + 0.3) : int((word.right - origin) / unit + 0.7)] = True
    width = max(int(GUTTER * size / unit), 1)
    if taken.shape[1] <= width + 2:
        return None
    told = [_told(row) for row in rows]
    for start, stop, middle in _strips(taken, width):
        place = origin + middle * unit
        if found := _prose(told, start, stop, place):
            return *found, place
    return None


def _prose(rows: list[list[_Told]], start: int, stop: int, place: float) -> tuple[int, int] | None:
    """Return the rows, as many as can be, that are prose on both sides of a gutter; figures may stand around them."""
    looks = [(_look(row, place, False), _look(row, place, True)) for row in rows[start:stop]]
    if all(_is_prose([look[side] for look in looks]) for side in (0, 1)):
        return start, stop
    count = stop - start
    ends = sorted({*range(0, count, max(count // _ENDS, 1)), count})
    spans = sorted((a - b, a, b) for a in ends for b in ends if b - a >= 2 * _ROWS)
    for _, first, last in spans:
        if all(_is_prose([look[side] for look in looks[first:last]]) for side in (0, 1)):
            # A figure in one column stands beside text in the other.
            first = 0 if _has_prose(looks[:first]) else first
            last = count if _has_prose(looks[last:]) else last
            return start + first, start + last
    return None


def _has_prose(looks: list[tuple[_Look, _Look]]) -> bool:
    """Say whether there are lines of text on one side at least."""
    return any(sum(look[side].longest >= 2 * _PROSE for look in looks) >= _ROWS for side in (0, 1))


def _strips(taken: NDArray[np.bool_], width: int) -> list[tuple[int, int, float]]:
    """Return (first row, row after the last, middle in bins) of white strips between rows, the best first."""
    rows, bins = taken.shape
    across = np.concatenate([np.zeros((rows, 1), np.int64), np.cumsum(taken, axis=1)], axis=1)
    free = (across[:, width:] == across[:, :-width]).T  # bool[bins - width + 1, rows]
    edges = np.diff(np.pad(free, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    where, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1]
    before = np.pad(np.cumsum(across[:, : bins - width + 1] > 0, axis=0), ((1, 0), (0, 0)))
    behind = np.pad(np.cumsum(across[:, width:] < across[:, -1:], axis=0), ((1, 0), (0, 0)))
    poorer = np.minimum(before[last, where] - before[first, where], behind[last, where] - behind[first, where])
    good = np.flatnonzero(poorer >= _ROWS)
    good = good[np.lexsort((where[good], last[good], first[good]))]
    apart = (np.diff(first[good]) != 0) | (np.diff(last[good]) != 0) | (np.diff(where[good]) > 1)
    ranked = []
    for strip in np.split(good, np.flatnonzero(apart) + 1) if len(good) else []:
        score = (-int(poorer[strip[0]]), -len(strip))  # of equal ones the widest
        ranked.append((*score, int(first[strip[0]]), int(last[strip[0]]), float(where[strip].mean()) + width / 2))
    return [(start, stop, middle) for _, _, start, stop, middle in sorted(ranked)[:_TRIES]]


class _Look(NamedTuple):
    """What the words of a row on one side of a gutter look like; `longest` counts the characters of a piece."""

    widths: list[float]
    longest: int
    characters: int
    letters: int
    eastern: int


class _Told(NamedTuple):
    """What is told of a word for that: where it stands, and how many characters of each kind it has."""

    left: float
    right: float
    size: float
    characters: int
    letters: int
    eastern: int


def _told(row: list[Word]) -> list[_Told]:
    return [
        _Told(*word[1:3], word.size, len(word.text), *_kinds(word.text))
        for word in sorted(row, key=lambda word: word.left)
    ]


def _kinds(text: str) -> tuple[int, int]:
    """Return how many letters a word has, and how many Chinese or Japanese characters."""
    if text.isascii():
        return (len(text), 0) if text.isalpha() else (len(_LETTER.findall(text)), 0)
    return len(_LETTER.findall(text)), len(CJK.findall(text))


def _look(row: list[_Told], place: float, behind: bool) -> _Look:
    """Return what the words of a row look like that stand before or behind a place."""
    widths: list[float] = []
    counts: list[int] = []
    edge = characters = letters = eastern = 0.0
    for left, right, size, count, of_letters, of_eastern in row:
        if (left + right >= 2 * place) != behind:
            continue
        if not counts or left - edge > _CELL * size:
            widths.append(0.0)
            counts.append(0)
        widths[-1] += right - left
        counts[-1] += count
        characters, letters, eastern = characters + count, letters + of_letters, eastern + of_eastern
        edge = right
    return _Look(widths, max(counts, default=0), int(characters), int(letters), int(eastern))


def _is_prose(looks: list[_Look]) -> bool:
    """Say whether the rows of one side are lines of text, not cells of a table."""
    widths = [width for look in looks for width in look.widths]
    characters = sum(look.characters for look in looks)
    if sum(bool(look.widths) for look in looks) < _ROWS or sum(look.letters for look in looks) < 0.5 * characters:
        return False
    least = _PROSE_CJK if sum(look.eastern for look in looks) > characters / 3 else _PROSE
    return characters / len(widths) >= least and sorted(widths)[len(widths) // 2] >= _FILLED * max(widths)
