"""Tallies: the account of a block as nested counts, added up in any order to the same total.

{"in": {SOURCE: [documents, bytes, words, tokens]},      as read
 "unread": {SOURCE: {REASON: number}}, "passed": {SOURCE: {REASON: number}},
 "repaired": {SOURCE: {ENCODING: number}},
 "steps": {NUMBER: {"dropped": {REASON: {SOURCE: [4]}},
                    "changed": {SOURCE: [documents, and bytes, words, tokens taken out]},
                    "changes": {"characters": number taken out, "examples": [[key, id, before, after], ...]},
                    "counts": {NAME: number}, "examples": {REASON: [[key, id, text, told], ...]},
                    "languages": {...}, "clusters": {...}}},
 "kept": {SOURCE: [4]}, "lengths": {"in" | "kept": {BIN: number}}, "languages": {...}}
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.artifacts import json_text

EXAMPLES = 5  # of each reason
_EXCERPT = 300  # characters
_NEAR = 20  # characters that an example of a change shows before it
_HELD = 1_000  # changes
Tally = dict[str, Any]


def add(total: Tally, other: Mapping[str, Any]) -> Tally:
    """Add `other` to `total` and return it: counts are summed, of lists of examples those with the least keys kept."""
    for name, value in other.items():
        before = total.get(name)
        if isinstance(value, Mapping):
            add(total.setdefault(name, {}), value)
        elif not isinstance(value, list):
            total[name] = (before or 0) + value
        elif value and isinstance(value[0], list):
            total[name] = sorted([*(before or []), *value])[:EXAMPLES]
        else:
            total[name] = [a + b for a, b in zip(before, value, strict=True)] if before else list(value)
    return total


def added(parts: Iterable[Mapping[str, Any]]) -> Tally:
    return functools.reduce(add, parts, {})


def example(identity: str, text: str, told: Mapping[str, Any]) -> list[str]:
    """Return a document as an example: a key that chooses among them, its id, the start of its text, what was told."""
    return [
        _key(identity),
        identity,
        text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]} …",
        json_text(dict(told), default=str),
    ]


def _key(identity: str) -> str:
    """Return what chooses among examples: the hash of a document's id."""
    return hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()


def changes(documents: Iterable[tuple[str, str, str]]) -> Tally:
    """Return how many characters were taken out of documents, given as id and text before and after; and examples."""
    characters = 0
    found: list[list[str]] = []
    for identity, before, after in documents:
        characters += len(before) - len(after)
        found.append([_key(identity), identity, before, after])
        if len(found) > _HELD:
            found = sorted(found)[:EXAMPLES]
    examples = [
        [key, name, *_around_first_change(before, after)] for key, name, before, after in sorted(found)[:EXAMPLES]
    ]
    return {"characters": characters, "examples": examples} if examples else {}


def _around_first_change(before: str, after: str) -> tuple[str, str]:
    """Return what stands in two texts from shortly before the first character that differs."""
    first = next((place for place, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
    low = max((min(len(before), len(after)) if first is None else first) - _NEAR, 0)
    return before[low : low + 4 * _NEAR], after[low : low + 4 * _NEAR]


def clusters(ids: Sequence[str], metas: Sequence[Mapping[str, Any]]) -> Tally:
    """Return the clusters whose kept documents are here, those that say of how many `copies` they are the one kept.

    {"clusters": {COPIES: number of clusters}, "largest": {"clusters": [[key, id, copies], ...]}}
    """
    found = [(int(meta["copies"]), name) for name, meta in zip(ids, metas, strict=True) if "copies" in meta]
    if not found:
        return {}
    largest = sorted([f"{(1 << 40) - copies:013d}", name, str(copies)] for copies, name in found)[:EXAMPLES]
    return {"clusters": count(str(copies) for copies, _ in found), "largest": {"clusters": largest}}


def by_source(sources: Sequence[str], sizes: NDArray[np.int64]) -> Tally:
    """Return for each source the number of its rows and the sums of their sizes; sizes int64[N, 3]."""
    rows: dict[str, list[int]] = {}
    for index, name in enumerate(sources):
        rows.setdefault(name, []).append(index)
    return {name: [len(mine), *map(int, sizes[mine].sum(axis=0))] for name, mine in rows.items()}


def lengths(words: Iterable[int]) -> Tally:
    """Return how many documents have each length, by powers of two: "4" stands for 4 to 7 words."""
    return count(str(1 << (int(number).bit_length() - 1)) if number else "0" for number in words)


def count(names: Iterable[str]) -> Tally:
    return dict(Counter(names))
