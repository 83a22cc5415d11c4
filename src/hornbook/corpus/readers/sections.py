"""Cut one long text into documents, so that a single book still has a part to learn from and a part to measure on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SECTIONS = 100  # a text of medium length has at least so many
SHORTEST = 2_000  # characters: about 500 tokens, a row of context for the words to be predicted from
LONGEST = 64_000  # characters

# Where a section may end, best first: after blank lines, a line, a blank.
_BOUNDARIES = (re.compile(r"\n(?:[ \t\r]*\n)+"), re.compile(r"\n"), re.compile(r"\s"))


def section_length(characters: int) -> int:
    """Return the length in characters that sections of a text of this length aim at and do not exceed."""
    return min(max(characters // SECTIONS, SHORTEST), LONGEST)


def sections(pieces: str | Iterable[str]) -> Iterator[str]:
    """Yield consecutive pieces of a text, itself given in pieces, whose concatenation is the text.

    A section ends at the last blank line in the second half of the target length, else at the last line end there, else
    at the last blank, else at the target length. None is blank unless the whole text is: white space that fills a
    section is left with its neighbour, and only such a section is longer than the target. Of a text that is longer than
    what decides the target, no more than a piece is held in memory.
    """
    rest = iter([pieces] if isinstance(pieces, str) else pieces)
    held: list[str] = []
    length = 0
    while length < SECTIONS * LONGEST and (piece := next(rest, None)) is not None:
        held.append(piece)
        length += len(piece)
    text, target = "".join(held), section_length(length)
    held.clear()
    waiting = ""  # a section that is whole unless only white space follows
    start = position = 0
    while True:
        while len(text) - position > target:
            end = _boundary(text, position + target // 2, position + target)
            if not text[position:end].isspace():
                if waiting:
                    yield waiting
                waiting, start = text[start:end], end
            position = end
        following = next(rest, None)
        if following is None:
            break
        text, position, start = text[start:] + following, position - start, 0
    if text[start:].strip():
        if waiting:
            yield waiting
        yield text[start:]
    elif waiting or text:
        yield waiting + text[start:]


def _boundary(text: str, low: int, high: int) -> int:
    """Return the best place in (low, high] to cut."""
    for pattern in _BOUNDARIES:
        end = max((match.end() for match in pattern.finditer(text, low, high)), default=0)
        if end:
            return end
    return high
