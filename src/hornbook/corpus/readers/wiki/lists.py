"""Lists of names as they are written in the files here: over several lines, parted by bars."""

from __future__ import annotations


def names_of(table: str) -> frozenset[str]:
    """Return the names of a list that is parted by bars, or by blanks where no bar is in it."""
    parts = table.replace("\n", " ").split("|") if "|" in table else table.split()
    return frozenset(name.strip() for name in parts)
