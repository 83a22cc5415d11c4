"""Kernels: the compiled loops of near duplicates, over the bytes of texts and over hashes of their shingles.

A text is read once, character by character, as prose. Where its marks and digits decide (it is short, or has many of
them, as code, commands and tables have) it is read again, literally. `tables` says what becomes of each character
(`hornbook.corpus.dedup.characters`), by code point: `factors` and `summands` uint64[2, POINTS], of prose and of literal
text, and `kinds` int8[POINTS]: LETTER, DIGIT, MARK or, for white space, BETWEEN; UNKNOWN where nobody has said yet, so
that its page is marked in `wanted`, bool[PAGES], and the result is of no use. A factor is

    BLANK     parts words
    ALONE     the summand is a word of its own
    odd       the word's hash is multiplied by it, and the summand added: 1 leaves out what is invisible

A word's hash is a polynomial of its characters, a shingle's one of its words' hashes, mixed; no shingle's is 0. All
kernels are in one file, because numba keeps compiled code until the file of the function changes, whatever else
changes. Texts come as arrays that cannot be written to, for which numba makes code of its own.

Shapes: N texts, C bytes of all texts, S shingles of a text, each once, H = bands x rows, P pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

# A change of these numbers needs one of this file too: see above.
from hornbook.corpus.dedup.characters import (
    ALONE,
    BETWEEN,
    BLANK,
    LETTER,
    LITERAL,
    LOOKED,
    MARK,
    PAGE,
    PROSE,
    RICH,
    SHORT,
    UNKNOWN,
    WHOLE,
)

Function = TypeVar("Function", bound=Callable[..., Any])
_int: Any = np.int64
_LIKELY = 10_000  # shingles that a table has room for from the beginning, if there are as many words
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, with bits in all places
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
_0, _1, _32, _33 = (np.uint64(number) for number in (0, 1, 32, 33))


def _kernel(function: Function) -> Function:
    """Compile at the first call; the code is kept for other processes where there is a place to write to."""
    settings: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(Function, numba.njit(cache=True, **settings)(function))
    except RuntimeError:  # no such place
        return cast(Function, numba.njit(**settings)(function))


@_kernel
def mixed(value: Any) -> Any:
    """Return a number of which each bit depends on all of `value`: the finalizer of MurmurHash3."""
    value = (value ^ (value >> _33)) * _MIX_1
    value = (value ^ (value >> _33)) * _MIX_2
    return value ^ (value >> _33)


@_kernel
def _next(data: Any, place: Any, end: Any) -> Any:
    """Return the code point of the character at a place, which is not below 128, and the place behind it."""
    point = _int(data[place])
    more = 1 + _int(point >= 0xE0) + _int(point >= 0xF0)
    point &= 0x3F >> more
    place += 1
    for _ in range(more):
        if place < end:
            point = (point << 6) | (_int(data[place]) & 0x3F)
            place += 1
    return point, place


@_kernel
def _words(data: Any, place: Any, end: Any, way: Any, tables: Any, wanted: Any, into: Any) -> Any:
    """Fill `into` with the hashes of the words of data[place:end], uint8, and return their number.

    Characters below 128 take no branch: one that is a blank makes 0 of the hash, and the next word takes the place
    of the one that was put there last unless that was one.
    """
    factors, summands, kinds = tables[0][way], tables[1][way], tables[2]
    number = 0
    word = _0
    alone = False
    while place < end:
        point = _int(data[place])
        if point < 0x80:
            into[number] = word
            number += _int((factors[point] == BLANK) & (word != _0))
            word = word * factors[point] + summands[point]
            place += 1
            alone = alone and factors[point] == _1  # a character that counts for nothing parts no mark from its letter
            continue
        point, place = _next(data, place, end)
        by = factors[point]
        if by in (BLANK, ALONE):
            wanted[point // PAGE] |= kinds[point] == UNKNOWN
            into[number] = word
            number += _int(word != _0)
            word = _0
            alone = by == ALONE
            if alone:
                into[number] = summands[point]
                number += 1
        elif by == _1 and alone:
            into[number - 1] += summands[point]
        else:
            word = word * by + summands[point]
            alone = False
    into[number] = word
    return number + _int(word != _0)


@_kernel
def _decide(data: Any, place: Any, end: Any, tables: Any, wanted: Any) -> Any:
    """Return how many words of prose the beginning of a text has, and whether its marks and digits decide."""
    factors, kinds = tables[0][PROSE], tables[2]
    number = runs = 0
    before = BETWEEN
    end = min(end, place + LOOKED)
    while place < end:
        point = _int(data[place])
        kind = kinds[point]
        if point < 0x80:
            place += 1
        else:
            point, place = _next(data, place, end)
            kind = kinds[point]
            wanted[point // PAGE] |= kind == UNKNOWN
            if factors[point] == _1:
                continue
            elif factors[point] == ALONE:
                number += 1
                before = BETWEEN
                continue
        number += _int((kind < MARK) & (before >= MARK))
        runs += _int((kind != before) & (kind != LETTER) & (kind != BETWEEN))
        before = kind
    return number, runs > RICH * number


@_kernel
def _read(data: Any, place: Any, end: Any, length: Any, tables: Any, wanted: Any, into: Any) -> Any:
    """Fill `into` with the hashes of a text's words in the way that suits it; return their number and a shingle's."""
    number, rich = _decide(data, place, end, tables, wanted)
    if number >= SHORT and not rich:
        return _words(data, place, end, PROSE, tables, wanted, into), length
    number = _words(data, place, end, LITERAL, tables, wanted, into)
    return number, max(length, number) if number < WHOLE else length


@_kernel
def words(data: Any, offsets: Any, way: Any, tables: Any, wanted: Any, into: Any) -> Any:
    """Fill `into` with the words of texts read in one way; return where each text's end, and whether its marks decide.

    uint8[C], int64[N+1], uint64[C + 1] -> int64[N], bool[N]
    """
    ends = np.empty(len(offsets) - 1, np.int64)
    rich = np.empty(len(ends), np.bool_)
    at = 0
    for text in range(len(ends)):
        begin, end = offsets[text], offsets[text + 1]
        at += _words(data, begin, end, way, tables, wanted, into[at:])
        ends[text] = at
        _, rich[text] = _decide(data, begin, end, tables, wanted)
    return ends, rich


@_kernel
def _most(offsets: Any) -> Any:
    """Return how many hashes `_words` may put down for any of the texts between offsets."""
    longest = 0
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    return longest + 1


@_kernel
def _slot(table: Any, value: Any) -> Any:
    """Return where in an open table a value other than 0 is, or the empty place where it belongs."""
    last = len(table) - 1
    at = _int(value >> _32) & last
    while table[at] != _0 and table[at] != value:
        at = (at + 1) & last
    return at


@_kernel
def _size(number: Any) -> Any:
    """Return how large a table shall be for so many values: a power of two, at most half full."""
    size = 64
    while size < 2 * number:
        size *= 2
    return size


@_kernel
def _filled(table: Any, size: Any, values: Any) -> Any:
    """Return a table, the given one if it has this size, a power of two, with the values in it and no others."""
    if len(table) == size:
        table[:] = _0
    else:
        table = np.zeros(size, np.uint64)
    for place in range(len(values)):
        table[_slot(table, values[place])] = values[place]
    return table


@_kernel
def _set(hashes: Any, number: Any, length: Any, table: Any) -> Any:
    """Put the hashes of all runs of `length` of the first words in their place, each once; return number and table.

    Fewer words are one run.
    """
    leaving = _1
    for _ in range(length - 1):
        leaving *= _FACTOR
    size = _size(min(number, _LIKELY))
    table = _filled(table, size, hashes[:0])
    found = 0
    run, oldest = _0, _0
    for last in range(number):
        hashes[last] = mixed(hashes[last])
        run = (run - oldest * leaving) * _FACTOR + hashes[last]
        if last >= length - 1 or last == number - 1:
            oldest = hashes[max(last - length + 1, 0)]  # below, something may be written there, and never beyond
            value = mixed(run) | np.uint64(run == _0)
            at = _slot(table, value)
            if table[at] == _0:
                table[at] = value
                hashes[found] = value
                found += 1
                if 2 * found > size:
                    size *= 2
                    table = _filled(table, size, hashes[:found])
    return found, table


@_kernel
def _signature(shingles: Any, minima: Any, open_: Any) -> None:
    """Fill uint64[H] with the signature of a set that is not empty (Dahlgaard, Knudsen and Thorup 2017, Algorithm 1).

    In each round every shingle falls into one of H places, and a place keeps the least of the first round that reached
    it; so two sets agree in a place with the probability of their Jaccard similarity. In the first H rounds the place
    is drawn, in the H after them it is one and the same for all, so that none stays empty.
    """
    places = len(minima)
    minima[:] = _NONE
    left = places
    for turn in range(2 * places):
        open_[:] = minima == _NONE
        for shingle in shingles:
            drawn = shingle if turn == 0 else mixed(shingle + np.uint64(turn) * _FACTOR)
            place = _int(((drawn >> _32) * np.uint64(places)) >> _32) if turn < places else turn - places
            value = (drawn << _32) | (drawn >> _32)  # the upper half has said the place
            if open_[place] and value < minima[place]:
                left -= _int(minima[place] == _NONE)
                minima[place] = value
        if left == 0:
            break


@_kernel
def sketches(data: Any, offsets: Any, tables: Any, wanted: Any, length: Any, bands: Any, rows: Any) -> Any:
    """Return of each text the number of its shingles and a key of each band, equal where all rows of it are.

    uint8[C], int64[N+1] -> uint64[N, 1 + bands]; zeros for a text without words.
    """
    texts = len(offsets) - 1
    found = np.zeros((texts, 1 + bands), np.uint64)
    hashes = np.empty(_most(offsets), np.uint64)
    table = np.empty(0, np.uint64)
    minima = np.empty(bands * rows, np.uint64)
    open_ = np.empty(bands * rows, np.bool_)
    for text in range(texts):
        number, run = _read(data, offsets[text], offsets[text + 1], length, tables, wanted, hashes)
        if number == 0:
            continue
        size, table = _set(hashes, number, run, table)
        found[text, 0] = size
        _signature(hashes[:size], minima, open_)
        for band in range(bands):
            key = _0
            for row in range(rows):
                key = mixed(key * _FACTOR + minima[band * rows + row])
            found[text, 1 + band] = key
    return found


@_kernel
def sets(data: Any, offsets: Any, which: Any, tables: Any, wanted: Any, length: Any, into: Any) -> Any:
    """Fill `into` with the hashes of the shingles of some texts, one text's behind the other's; return their number.

    uint8[C], int64[N+1], int64 of the texts. Raises IndexError where there are more than there is room for.
    """
    hashes = np.empty(_most(offsets), np.uint64)
    table = np.empty(0, np.uint64)
    at = 0
    for text in which:
        number, run = _read(data, offsets[text], offsets[text + 1], length, tables, wanted, hashes)
        size, table = _set(hashes, number, run, table)
        if at + size > len(into):
            raise IndexError("more shingles than were counted before")
        into[at : at + size] = hashes[:size]
        at += size
    return at


@_kernel
def jaccards(values: Any, begins: Any, pairs: Any, threshold: Any) -> Any:
    """Return the Jaccard similarity of each pair of sets, 0 where it is seen on the way to be below the threshold.

    uint64 of all sets, int64[N+1], int64[P, 2] -> float64[P]. Pairs with the same first set should stand together.
    """
    found = np.zeros(len(pairs))
    table = np.empty(0, np.uint64)
    current = -1
    for number in range(len(pairs)):
        first, second = pairs[number]
        mine = values[begins[first] : begins[first + 1]]
        other = values[begins[second] : begins[second + 1]]
        both = len(mine) + len(other)
        spare = len(other) - threshold / (1.0 + threshold) * both + 1.0  # that may be missing; one more for rounding
        if spare < 0.0 or spare < len(other) - len(mine):
            continue
        if first != current:
            table = _filled(table, _size(len(mine)), mine)
            current = first
        missing = 0
        for value in other:
            missing += _int(table[_slot(table, value)] == _0)
            if missing > spare:
                break
        if missing <= spare:
            shared = len(other) - missing
            found[number] = shared / (both - shared)
    return found


@_kernel
def components(pairs: Any, number: Any) -> Any:
    """Return for each of `number` the number of its connected component, these numbered by their lowest members.

    int64[P, 2] -> int64[number]
    """
    label = np.arange(number)
    for edge in range(len(pairs)):
        low, high = pairs[edge]
        while label[low] != low:
            label[low] = label[label[low]]
            low = label[low]
        while label[high] != high:
            label[high] = label[label[high]]
            high = label[high]
        if low < high:
            label[high] = low
        else:
            label[low] = high
    found = 0
    for place in range(number):  # the root of each is its lowest member, and so has its number already
        if label[place] == place:
            label[place] = found
            found += 1
        else:
            label[place] = label[label[place]]
    return label
