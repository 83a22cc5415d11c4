"""Tags of entities: IOB2 alone is used inside; IOB1 and BIOES are read into it; what is none of them is refused.

IOB2   B-x begins an entity of type x, I-x goes on in it, O is outside            B-per I-per O
IOB1   I-x begins it too; B-x only where an entity of its type ends right before  I-per I-per O
BIOES  E-x ends it, S-x is one of a single word (also written L-x, U-x)           B-per E-per O
"""

from __future__ import annotations

import re
from collections.abc import Sequence

OUTSIDE = "O"
_FORM = re.compile(r"O|[BIESLU]-\S.*")
_SINGLE = {"S": "B", "U": "B", "E": "I", "L": "I"}

Entity = tuple[str, int, int]  # type, first word, the word behind its last


def entities(tags: Sequence[str]) -> list[Entity]:
    """Return the entities of a sentence in IOB2, strictly: what X

    >>> entities(["B-per", "I-per", "O", "I-loc", "B-loc", "I-per"])
    [('per', 0, 2), ('loc', 4, 5)]
    """
    found: list[Entity] = []
    kind, begin = "", -1
    for place, tag in enumerate([*tags, OUTSIDE]):
        if begin >= 0 and tag != f"I-{kind}":
            found.append((kind, begin, place))
            begin = -1
        if tag.startswith("B-"):
            kind, begin = tag[2:], place
    return found


def repaired(tags: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return tags in which each I-x that no B-x or I-x stands before is B-x, and the number of those changed.

    >>> repaired(["I-per", "I-per", "I-loc", "O"])
    (('B-per', 'I-per', 'B-loc', 'O'), 2)
    """
    found: list[str] = []
    for tag, before in zip(tags, (OUTSIDE, *tags), strict=False):
        orphan = tag.startswith("I-") and before[2:] != tag[2:]
        found.append(f"B-{tag[2:]}" if orphan else tag)
    return tuple(found), sum(a != b for a, b in zip(found, tags, strict=True))


def wrong_form(tag: object) -> bool:
    """Say whether something is no tag of any scheme."""
    return not isinstance(tag, str) or not _FORM.fullmatch(tag)


def as_iob2(sentences: Sequence[Sequence[str]]) -> tuple[list[tuple[str, ...]], str] | int:
    """Return all sentences of a file in IOB2 and the scheme that they were in, or the number of a sentence in none.

    A file in which some entity begins with I-x is in IOB1 only if no B-x stands where IOB1 has none.
    """
    scheme = "IOB2"
    if any(tag[0] in _SINGLE for tags in sentences for tag in tags):
        if (broken := next((n for n, tags in enumerate(sentences) if not _is_bioes(tags)), None)) is not None:
            return broken
        sentences, scheme = [[_SINGLE.get(tag[0], tag[0]) + tag[1:] for tag in tags] for tags in sentences], "BIOES"
    orphans = [number for number, tags in enumerate(sentences) if repaired(tags)[1]]
    if orphans and (scheme == "BIOES" or not all(map(_is_iob1, sentences))):
        return orphans[0]
    return [repaired(tags)[0] for tags in sentences], "IOB1" if orphans else scheme


def _is_iob1(tags: Sequence[str]) -> bool:
    return all(
        before[:2] in ("B-", "I-") and before[2:] == tag[2:]
        for tag, before in zip(tags, (OUTSIDE, *tags), strict=False)
        if tag.startswith("B-")
    )


def _is_bioes(tags: Sequence[str]) -> bool:
    """Say whether each entity of several words ends with E-x or L-x, and goes on in its type."""
    inside = ""
    for tag in tags:
        sign, kind = tag[0], tag[2:]
        if inside and (sign not in "IEL" or kind != inside):
            return False
        if not inside and sign in "IEL":
            return False
        inside = kind if sign in "BI" else ""
    return not inside
