"""The text of a licence -> its SPDX identifier, by a few of the words that only this licence has.

A text is taken as lower-case words with one blank between them, so that layout, marks and years do not matter. A
licence is known by short phrases (licenses.txt): all of some are there, and none of others. No text of one is kept.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class _Words(NamedTuple):
    """What tells a licence."""

    name: str
    all_of: tuple[str, ...]
    none_of: tuple[str, ...] = ()


_COMMONS = (
    ("BY-NC-SA", "attribution noncommercial sharealike"),
    ("BY-NC-ND", "attribution noncommercial noderivatives"),
    ("BY-NC-ND", "attribution noncommercial noderivs"),
    ("BY-NC", "attribution noncommercial"),
    ("BY-ND", "attribution noderivatives"),
    ("BY-ND", "attribution noderivs"),
    ("BY-SA", "attribution sharealike"),
    ("BY", "attribution"),
)


@functools.cache
def _table() -> Mapping[str, tuple[_Words, ...]]:
    """Return what tells whole texts ("text"), and the notices that stand for one at the head of files ("notice")."""
    found: dict[str, list[_Words]] = {"text": [], "notice": []}
    for line in Path(__file__).with_name("licenses.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            kind, name, needed, foreign = (cell.strip() for cell in f"{line} | ".split(" | ")[:4])
            found[kind].append(_Words(name, tuple(needed.split("; ")), tuple(filter(None, foreign.split("; ")))))
    for version in (2, 3, 4):
        for short, words in _COMMONS:
            name = f"CC-{short}-{version}.0"
            found["text"].append(_Words(name, ("creative commons", f"{words} {version} 0")))
            address = f"creativecommons org licenses {short.lower().replace('-', ' ')} {version} 0"
            found["notice"].append(_Words(name, (address,)))
    return {kind: tuple(held) for kind, held in found.items()}


_LONGEST = 200_000  # characters of a text that are looked at
_STATED = re.compile(r"SPDX-License-Identifier:[ \t]*([\w.+()-]+(?: (?:AND|OR|WITH|and|or|with) [\w.+()-]+)*)")
_EXPRESSION = 300  # characters of an expression that a person wrote
_WORD = re.compile(r"[a-z0-9]+")


def words_of(text: str) -> str:
    """Return a text as lower-case words with a blank around each."""
    return f" {' '.join(_WORD.findall(text[:_LONGEST].lower()))} "


def stated(text: str) -> str:
    """Return the SPDX expression behind `SPDX-License-Identifier:`, "" where there is none.

    >>> stated("// SPDX-License-Identifier: MIT OR Apache-2.0")
    'MIT OR Apache-2.0'
    """
    found = _STATED.search(text) if "SPDX-License-Identifier" in text else None
    if not found or len(found[1]) > _EXPRESSION or found[1].count("(") != found[1].count(")"):
        return ""
    return found[1].rstrip(".")


def license_of(text: str) -> str:
    """Return the SPDX identifier of the text of a licence, several joined by AND, "" where it is not known.

    The GNU licences do not say in their text whether later versions may be taken: of these alone it is "-only".
    """
    if expression := stated(text):
        return expression
    words = words_of(text)
    for told in _table().values():
        found = [item.name for item in told if _is(item, words)]
        if "Python-2.0" in found:  # its text holds those of Python's earlier owners
            return "Python-2.0"
        if found:
            return " AND ".join(dict.fromkeys(found))
    return ""


def _is(told: _Words, words: str) -> bool:
    return all(f" {phrase} " in words for phrase in told.all_of) and not any(
        f" {phrase} " in words for phrase in told.none_of
    )
