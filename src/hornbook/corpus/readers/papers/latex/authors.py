"""The line of authors of a paper -> their names."""

from __future__ import annotations

import re

from hornbook.corpus.readers.papers.words import words

_MARKS = re.compile(r"[\d*†‡§¶∗#^]|\([^)]*\)|\[[^\]]*\]|\S*@\S*|\$[^$]*\$")
_BETWEEN = re.compile(r"\s*(?:;|,|\band\b|&|\n| und | et )\s*")
_TITLES = re.compile(
    r"^(?:Dr|Prof|Professor)\.?\s+|,?\s*(?:Ph\.?D\.?|Member|Senior Member|Fellow|IEEE|Student Member)\b.*$"
)
_PARTICLES = frozenset(
    words("""
    van von der den de di da do das del della la le el al bin ibn ben ter ten zu zur af av y e i
""")
)
_NAME = re.compile(r"[^\W\d_]")


def names_of(text: str) -> list[str]:
    """Return the names in a line of authors: parted by commas, semicolons or `and`, without marks and addresses."""
    names = []
    for part in _BETWEEN.split(_MARKS.sub(" ", text)):
        words = _TITLES.sub("", " ".join((part or "").split()).strip(" .,;:~-{}")).split()
        words = words[: next((i for i, word in enumerate(words) if word.islower() and word not in _PARTICLES), 7)]
        name = " ".join(words)
        if 0 < len(words) <= 6 and len(name) <= 60 and _NAME.match(name):
            names.append(name + "." * (len(words[-1]) == 1))
    return names
