"""The words of a page -> regions in reading order, each of one column.

A gutter is a strip of white, at least GUTTER wide, that rows of text leave free one after the other while prose stands
on both sides of it. The page is cut at the gutter with the most rows: what is above it, the left side, the right side,
what is below; and each of these again, so that titles, abstracts and tables over the whole width keep their place. Rows
of a table leave strips free too, but its cells are too short for prose. This is the XY cut of Nagy and Seth (1984) with the
order of the cuts turned round, as columns of one page need not share their lines.

    R rows, B bins across, each a quarter of the usual size of type
    taken  bool[R, B]   whether a word of the row stands there
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.readers.files.pdf_glyphs import Word

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
CJK = re.compile("[\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3190-\u31bf\u31f0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")  # fmt: skip
RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_LETTER = re.compile(r"[^\W\d_]")

Rows = list[list[Word]]


def usual(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the value, rounded to a tenth, that weighs most; the smaller of equals."""
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
    steps = [after[0].base - before[0].base for before, after in zip(rows, rows[1:], strict=False)]
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
    for start, stop, middle in _strips(taken, width)[:_TRIES]:
        place = origin + middle * unit
        if found := _prose(rows, start, stop, place):
            return *found, place
    return None


def _prose(rows: Rows, start: int, stop: int, place: float) -> tuple[int, int] | None:
    """Return the rows, as many as can be, that are prose on both sides of a gutter: rows of figures may stand around."""
    looks = [
        [_look([word for word in row if ((word.left + word.right) / 2 >= place) == side]) for side in (False, True)]
        for row in rows[start:stop]
    ]
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


def _has_prose(looks: list[list[_Look]]) -> bool:
    """Say whether there are lines of text on one side at least."""
    return any(sum(look[side].longest >= 2 * _PROSE for look in looks) >= _ROWS for side in (0, 1))


def _strips(taken: NDArray[np.bool_], width: int) -> list[tuple[int, int, float]]:
    """Return (first row, row after the last, middle in bins) of white strips with rows on both sides, the best first."""
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
    groups: dict[tuple[int, int], list[int]] = {}
    for index in good.tolist():
        groups.setdefault((int(first[index]), int(last[index])), []).append(index)
    ranked = []
    for (start, stop), members in groups.items():
        strip = np.split(where[members], np.flatnonzero(np.diff(where[members]) > 1) + 1)
        for places in strip:
            index = members[int(np.searchsorted(where[members], places[0]))]
            ranked.append((-int(poorer[index]), -len(places), start, stop, float(places.mean()) + width / 2))
    return [(start, stop, middle) for _, _, start, stop, middle in sorted(ranked)]


class _Look(NamedTuple):
    """What the words of a row on one side of a gutter look like: widths of its pieces, the characters of the longest."""

    widths: list[float]
    longest: int
    characters: int
    letters: int
    eastern: int


def _look(words: list[Word]) -> _Look:
    widths: list[float] = []
    counts: list[int] = []
    edge: float | None = None
    for word in sorted(words, key=lambda word: word.left):
        if edge is None or word.left - edge > _CELL * word.size:
            widths.append(0.0)
            counts.append(0)
        widths[-1] += word.right - word.left
        counts[-1] += len(word.text)
        edge = word.right
    text = "".join(word.text for word in words)
    return _Look(widths, max(counts, default=0), len(text), len(_LETTER.findall(text)), len(CJK.findall(text)))


def _is_prose(looks: list[_Look]) -> bool:
    """Say whether the rows of one side are lines of text, not cells of a table."""
    widths = [width for look in looks for width in look.widths]
    characters = sum(look.characters for look in looks)
    if sum(bool(look.widths) for look in looks) < _ROWS or sum(look.letters for look in looks) < 0.5 * characters:
        return False
    least = _PROSE_CJK if sum(look.eastern for look in looks) > characters / 3 else _PROSE
    return characters / len(widths) >= least and sorted(widths)[len(widths) // 2] >= _FILLED * max(widths)
