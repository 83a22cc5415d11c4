"""Tables of words as text."""

from __future__ import annotations


def words(text: str) -> list[str]:
    """Return the words of a text, which are parted by blanks and line ends."""
    return text.split()
