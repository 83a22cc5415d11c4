"""How texts are compared, in plain Python: words, how a text is read, shingles; the kernels must say the same."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hornbook.corpus.dedup import characters
from hornbook.corpus.dedup.characters import entry, follows, is_alone, kind, literal, prose

FACTOR = 0x9E3779B97F4A7C15
WORD = 2**64


def mixed(value: int) -> int:
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> 33) * factor % WORD
    return value ^ value >> 33


def polynomial(values: list[int]) -> int:
    result = 0
    for value in values:
        result = (result * FACTOR + value) % WORD
    return result


@functools.cache
def cached(function: Callable[[str], Any], character: str) -> Any:
    return function(character)


def words_of(text: str, becomes: Callable[[str], str]) -> list[int]:
    """Return the hashes of the words of a text, read in one way."""
    found, word, alone = [], 0, False
    for character in text:
        letters = cached(becomes, character)
        if letters == " " or (letters and is_alone(letters[0])):
            found += [word] if word else []
            word, alone = 0, letters != " "
            if alone:
                found.append(entry(letters)[1])
        elif alone and all(map(follows, letters)):
            found[-1] = (found[-1] + sum(mixed(ord(letter)) for letter in letters)) % WORD
        else:
            for letter in letters:
                word = (word + mixed(ord(letter)) if follows(letter) else word * FACTOR + ord(letter) + 1) % WORD
            alone = False
    return found + ([word] if word else [])


def reading(text: str) -> tuple[int, bool]:
    """Return how many words of prose the beginning of a text has, and whether its runs of marks and digits decide."""
    number = runs = 0
    before = int(characters.BETWEEN)
    for place, character in enumerate(text):
        if len(text[:place].encode()) >= characters.LOOKED:
            break
        letters = cached(prose, character)
        if letters != " " and entry(letters)[0] == 1 and ord(character) > 127:
            continue
        if letters and is_alone(letters[0]):
            number, before = number + 1, int(characters.BETWEEN)
            continue
        now = cached(kind, character)
        number += now < characters.MARK <= before
        runs += now != before and now in (characters.DIGIT, characters.MARK)
        before = now
    return number, runs > characters.RICH * number


def read(text: str, length: int) -> tuple[list[int], int]:
    """Return the hashes of a text's words, and how many of them its shingles have."""
    number, rich = reading(text)
    if number >= characters.SHORT and not rich:
        return words_of(text, prose), length
    words = words_of(text, literal)
    return words, max(length, len(words)) if len(words) < characters.WHOLE else length


def shingles(words: list[int], length: int) -> set[int]:
    hashes = [mixed(word) for word in words]
    runs = [hashes[start : start + length] for start in range(max(1, len(hashes) - length + 1))] if words else []
    return {mixed(polynomial(run)) or 1 for run in runs}
