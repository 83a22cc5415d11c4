"""Part: one paragraph of a book, one heading, or lines that belong together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Part(NamedTuple):
    """A piece of a book that blank lines part from others.

    text   without blanks at line ends; of prose one line
    gap    blank lines before it: Project Gutenberg leaves 4 before a chapter and 2 before a section
    kind   prose, lines (verse, tables, title pages) or heading (of HTML)
    level  of a heading of HTML, 1 to 6
    """

    text: str
    gap: int = 1
    kind: str = "prose"
    level: int = 0


def text_of(parts: Iterable[Part]) -> str:
    """Return the text of parts, a blank line between them."""
    return "\n\n".join(part.text for part in parts)
