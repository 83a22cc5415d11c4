"""Cut one long text into documents, so that a single book still has a part to learn from and a part to measure on."""

from __future__ import annotations

import re
from collections.abc import Iterator

SECTIONS = 100  # a text of medium length has at least so many
SHORTEST = 2_000  # characters: about 500 tokens, a row of context for the words to be predicted from
LONGEST = 64_000  # characters

# Where a section may end, best first: after blank lines, a line, a blank.
_BOUNDARIES = (re.compile(r"\n(?:[ \t\r]*\n)+"), re.compile(r"\n"), re.compile(r"\s"))


def section_length(characters: int) -> int:
    """Return the length in characters that sections of a text of this length aim at and do not exceed."""
    return min(max(characters // SECTIONS, SHORTEST), LONGEST)


def sections(text: str) -> Iterator[str]:
    """Yield consecutive pieces of `text` whose concatenation is `text`.

    A piece ends at the last blank line in the second half of the target length, else at the last line end there, else
    at the last blank, else at the target length. No piece is blank unless the whole text is: white space that fills a
    piece is left with its neighbour, and only such a piece is longer than the target.
    """
    target = section_length(len(text))
    ends: list[int] = []
    start = position = 0
    while len(text) - position > target:
        end = _boundary(text, position + target // 2, position + target)
        if not text[position:end].isspace():
            ends.append(end)
            start = end
        position = end
    if ends and (start == len(text) or text[start:].isspace()):
        ends.pop()
    start = 0
    for end in (*ends, len(text)):
        if end > start:
            yield text[start:end]
        start = end


def _boundary(text: str, low: int, high: int) -> int:
    """Return the best place in (low, high] to cut."""
    for pattern in _BOUNDARIES:
        end = max((match.end() for match in pattern.finditer(text, low, high)), default=0)
        if end:
            return end
    return high
