"""The words of a column -> its lines, top down: raised and lowered marks, large initials, blanks, cells, direction.

A line in a right-to-left script is put into the order of reading, and numbers and Latin words in it into theirs.
Digits that are smaller and raised become superscripts (`word¹`, `10⁻³`), so that a mark of a footnote is no part of a
word. Letters that stand apart for looks (`C H A P T E R`) become words again.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import NamedTuple

import numpy as np

from hornbook.corpus.readers.files.pdf.columns import CJK, RTL, Rows, rows_of, usual
from hornbook.corpus.readers.files.pdf.words import BOLD, MONO, Word
from hornbook.corpus.readers.files.prose import RAISED

CELL = 1.5  # of the size of type: a wider gap parts cells
_BLANK = 0.15  # of the size of type: a wider gap is a blank
_EASTERN = 0.6  # the same between Chinese or Japanese characters, which are set apart to fill a line
_SMALL = 0.87  # of the size beside it: marks that stand higher or lower
_INITIAL = 1.8  # of the usual size: a large initial
_WORDS = frozenset("AIOÀÉÓYaeiouyàèò")  # initials that may be words
OPEN = "\u2060"  # behind such an initial: whether a blank stands there is for the document's words to say
_STOP = re.compile(r"([.,:;!?]+)(\w.*)")
_FROM_RIGHT = 0.3  # of a column's letters: with more of them its lines begin at the right
_LATIN = re.compile(r"[A-Za-zÀ-ɏͰ-ϿЀ-ӿ]")
_MARK = re.compile(r"[\d+\-−–(),=]*\d[\d+\-−–(),=]*")
_PRESENTED = re.compile("[\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufdff\ufe70-\ufefc]")
_SYMBOL_BULLETS = re.compile("^[\uf020-\uf0ff]$")  # of Symbol and Wingdings: arrows, squares, dots
BULLET = re.compile(r"^[•‣◦▪▫●○■□◆◇➢➤►▶❖∙·–—\-*✓✔]$")
MARKER = re.compile(r"^(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]$|^\((?:\d{1,3}|[A-Za-z]|[ivx]{1,5})\)$|^\[\d{1,4}\]$")
_LEADERS = re.compile(r"(?:\s*[.…]){5,}")


class Cell(NamedTuple):
    left: float
    right: float
    text: str


class Line(NamedTuple):
    """One line of a column.

    text     in reading order
    cells    where wide gaps part it; one if none does
    left, right, base, size   in points in the frame, as of Word
    style    MONO where all its words are, BOLD likewise
    first    width of its first word, or of its first character where any may begin a line
    rtl      whether it runs from right to left
    page, column   numbers, from 0 on; those of columns ascend in the order of reading through the whole document
    """

    text: str
    cells: tuple[Cell, ...]
    left: float
    right: float
    base: float
    size: float
    style: int
    first: float
    rtl: bool
    page: int
    column: int


def lines_of(words: list[Word], page: int, column: int) -> list[Line]:
    """Return the lines of a column's words."""
    words, initials = _initials([_lettered(word) for word in words])
    text = "".join(word.text for word in words)
    from_right = len(RTL.findall(text)) if RTL.search(text) else 0
    rtl = from_right > _FROM_RIGHT * (from_right + len(_LATIN.findall(text)))
    lines = [_line(row, rtl, page, column) for row in _with_marks(rows_of(words))]
    for cap in initials:
        lines = _with_initial(lines, cap, page, column)
    return lines


def _lettered(word: Word) -> Word:
    """Make letters of ligatures and of the presentation forms of Arabic and Hebrew; hyphens that are drawn are such."""
    text = word.text
    if text.isascii():
        return word
    if _PRESENTED.search(text):
        text = _PRESENTED.sub(lambda found: unicodedata.normalize("NFKC", found[0]).strip(), text)
    if _SYMBOL_BULLETS.match(text):
        text = "•"
    text = text.replace("\u00ad", "-").replace("\u2010", "-")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return word._replace(text=text)


def _initials(words: list[Word]) -> tuple[list[Word], list[Word]]:
    """Part single large letters, beside which lines of text begin, from the other words."""
    size = usual([word.size for word in words], [len(word.text) for word in words])
    large = [w for w in words if len(w.text) <= 2 and w.text[:1].isalpha() and w.size >= _INITIAL * size]
    caps = []
    for cap in large:
        beside = [
            word
            for word in words
            if word.size < 0.6 * cap.size
            and cap.base - 0.85 * cap.size <= word.base <= cap.base + 0.1 * cap.size
            and -0.2 * size <= word.left - cap.right <= 1.2 * size
        ]
        if len({round(word.base) for word in beside}) >= 2:
            caps.append(cap)
    return [word for word in words if word not in caps], caps


def _with_initial(lines: list[Line], cap: Word, page: int, column: int) -> list[Line]:
    """Put a large initial before the highest line beside it, and let the lines beside it begin where it does."""
    top = cap.base - 0.85 * cap.size
    beside = [
        index
        for index, line in enumerate(lines)
        if top <= line.base <= cap.base + 0.1 * cap.size and 0 <= line.left - cap.left <= 2 * cap.size
    ]
    for index in beside:
        line = lines[index]
        if index == beside[0]:
            line = line._replace(text=cap.text + (OPEN if cap.text in _WORDS else "") + line.text)
            line = line._replace(cells=(Cell(cap.left, line.cells[0].right, line.text), *line.cells[1:]))
        lines[index] = line._replace(left=cap.left)
    return lines if beside else [*lines, _line([cap], False, page, column)]


def _with_marks(rows: Rows) -> Rows:
    """Join rows of raised and lowered marks to the rows that they belong to, and rows whose words only wobble."""
    sizes = [usual([word.size for word in row], [len(word.text) for word in row]) for row in rows]
    counts = [sum(len(word.text) for word in row) for row in rows]
    target = list(range(len(rows)))
    for index, row in enumerate(rows):
        best = 1.0
        for other in (index - 1, index + 1, index - 2, index + 2):
            if not 0 <= other < len(rows) or target[other] != other or target[index] != index:
                continue
            distance = row[0].base - rows[other][0].base  # negative: raised
            if sizes[index] <= _SMALL * sizes[other]:
                bound = (0.65 if distance < 0 else 0.4) * sizes[other]
                few = counts[index] <= 0.5 * counts[other] + 3
                joined = few and abs(distance) < bound and _touch(row, rows[other], 0.4 * sizes[other])
            else:
                bound = 0.4 * min(sizes[index], sizes[other])
                joined = other == index - 1 and distance < bound and not _touch(row, rows[other], 0.0)
            if joined and abs(distance) / bound < best:
                best, chosen = abs(distance) / bound, other
        if best < 1.0:
            target[index] = chosen
    groups: dict[int, list[Word]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(target[index], []).extend(row)
    return [groups[index] for index in sorted(groups)]


def _touch(row: list[Word], other: list[Word], room: float) -> bool:
    """Say whether some words of two rows stand over or beside each other, with at most so much room between them."""
    return any(a.left <= b.right + room and b.left <= a.right + room for a in row for b in other)


def _line(words: list[Word], from_right: bool, page: int, column: int) -> Line:
    """Return the line of words; `from_right` says whether its column is in a right-to-left script."""
    size = usual([word.size for word in words], [len(word.text) for word in words])
    base = usual([word.base for word in words], [len(word.text) * (word.size > _SMALL * size) for word in words])
    ordered, rtl = _ordered(words, from_right)
    ordered = _together(ordered)
    style = BOLD | MONO
    for word in ordered:
        style &= word.style
    cells: list[Cell] = []
    text = ""
    left = right = 0.0
    before: Word | None = None
    for word in ordered:
        raised = word.size <= _SMALL * size and base - word.base > 0.15 * size and _MARK.fullmatch(word.text)
        shown = word.text.translate(RAISED) if raised else word.text
        gap = 0.0 if before is None else max(word.left - before.right, before.left - word.right)
        if before is None or (gap > CELL * size and not style & MONO and not _marks(text)):
            if before is not None:
                cells.append(Cell(left, right, text))
            text, left, right = shown, word.left, word.right
        else:
            blank = _between(before, word, gap)
            if blank and style & MONO:
                blank *= max(round(gap * len(word.text) / (word.right - word.left or 1.0)), 1)
            text += blank + shown
            left, right = min(left, word.left), max(right, word.right)
        before = word
    cells.append(Cell(left, right, text))
    whole = _LEADERS.sub(" ...", " ".join(cell.text for cell in cells))
    edges = min(word.left for word in words), max(word.right for word in words)
    first = size if CJK.match(ordered[0].text) else ordered[0].right - ordered[0].left
    return Line(whole, tuple(cells), *edges, base, size, style, first, rtl, page, column)


def _marks(text: str) -> bool:
    """Say whether a text is the mark before an item of a list and nothing else."""
    return bool(BULLET.match(text) or MARKER.match(text))


def _between(before: Word, word: Word, gap: float) -> str:
    """Return the blank between two words, or nothing."""
    size = min(before.size, word.size)
    if CJK.match(before.text[-1]) and CJK.match(word.text[0]):
        return " " if gap > _EASTERN * size else ""
    return " " if (word.spaced and gap > -0.5 * size) or gap > _BLANK * size else ""


def _ordered(words: list[Word], from_right: bool) -> tuple[list[Word], bool]:
    """Return the words of a line in the order of reading, and whether it runs from right to left."""
    ahead = sorted(words, key=lambda word: (word.left, word.right))
    mine = sum(len(RTL.findall(word.text)) for word in words)
    if not mine:
        return ahead, False
    if from_right or mine > 2 * sum(len(_LATIN.findall(word.text)) for word in words):
        return _reversed_runs([_turned(word) for word in reversed(ahead)], _LATIN), True
    return _reversed_runs(ahead, RTL), False


def _turned(word: Word) -> Word:
    """Put a full stop that stands to the left of a number or a Latin word behind it, as its line ends there."""
    found = None if RTL.search(word.text) else _STOP.fullmatch(word.text)
    return word._replace(text=found[2] + found[1]) if found else word


def _reversed_runs(words: list[Word], script: re.Pattern[str]) -> list[Word]:
    """Turn round each run of words that begins and ends with the script, with words of no script between."""
    found: list[Word] = []
    index = 0
    while index < len(words):
        if not script.search(words[index].text):
            found.append(words[index])
            index += 1
            continue
        last = index
        for place in range(index + 1, len(words)):
            if script.search(words[place].text):
                last = place
            elif _LATIN.search(words[place].text) or RTL.search(words[place].text):
                break
        found += words[index : last + 1][::-1]
        index = last + 1
    return found


def _together(words: list[Word]) -> list[Word]:
    """Make words of letters that stand apart at even distances."""
    found: list[Word] = []
    start = 0
    while start < len(words):
        stop = start
        while stop < len(words) and len(words[stop].text) == 1 and words[stop].text.isalpha() and _even(words[stop]):
            stop += 1
        if stop - start < 4:
            stop = max(stop, start + 1)
            found += words[start:stop]
        else:
            found += _spread(words[start:stop])
        start = stop
    return found


def _even(word: Word) -> bool:
    return not CJK.match(word.text) and not RTL.match(word.text)


def _spread(letters: list[Word]) -> list[Word]:
    """Return the words of spread letters: wider gaps part them; or the letters, where the gaps are of no such kind."""
    gaps = [after.left - before.right for before, after in itertools.pairwise(letters)]
    usual_gap = float(np.median(gaps))
    inner = [gap for gap in gaps if gap < 1.7 * usual_gap]
    if usual_gap <= 0 or max(inner) > 1.4 * min(inner) + 0.1 * letters[0].size or len(inner) < 0.6 * len(gaps):
        return letters
    words = [letters[0]]
    for letter, gap in zip(letters[1:], gaps, strict=True):
        if gap < 1.7 * usual_gap:
            words[-1] = words[-1]._replace(text=words[-1].text + letter.text, right=letter.right)
        else:
            words.append(letter._replace(spaced=True))
    return words
