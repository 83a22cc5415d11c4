"""Numbers and tables as text: quantities, durations, a line of blocks, a table for a notebook."""

from __future__ import annotations

import html
import itertools
import math
import textwrap
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: list[float], width: int) -> str:
    """Return values as a row of at most `width` blocks; each block is the mean of its values, those finite.

    >>> sparkline([3.0, 2.0, 1.0], 10)
    '█▅▁'
    """
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return ""
    count = min(width, len(values))
    edges = [round(i * len(values) / count) for i in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((mean - low) * scale)] for mean in means)


def decimal(value: float | None, places: int) -> str:
    """Return a number of a record, which is None where it was infinite or not a number.

    >>> decimal(2.5, 4), decimal(None, 4)
    ('2.5000', 'not finite')
    """
    return "not finite" if value is None else f"{value:.{places}f}"


def quantity(value: float) -> str:
    """Return a number with a metric suffix.

    >>> quantity(950), quantity(18_400), quantity(2.5e12)
    ('950', '18.4k', '2.5T')
    """
    for suffix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.1f}{suffix}"
    return f"{value:.0f}"


def duration(seconds: float) -> str:
    """Return seconds in seconds, minutes or hours.

    >>> duration(42), duration(151), duration(7300)
    ('42s', '2m31s', '2h01m')
    """
    if not math.isfinite(seconds):
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return a table as HTML, for a notebook; every text is escaped."""
    line = "<tr>{}</tr>".format
    head = line("".join(f"<th>{html.escape(name)}</th>" for name in columns))
    body = "".join(line("".join(f"<td>{html.escape(text)}</td>" for text in row)) for row in rows)
    return f"<table><caption>{html.escape(caption)}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"


def wrapped(text: str, width: int, indent: int = 0) -> str:
    """Return text wrapped at blanks; lines that go on begin `indent` blanks deeper.

    A command, a line that begins with "hornbook", and a word that is longer than a line, such as a path, stay whole:
    one copies them.

    >>> print(wrapped("one two three", 8, 2))
    one two
      three
    """
    lines = []
    for line in text.split("\n"):
        start = line[: len(line) - len(line.lstrip(" "))]
        if len(line) <= width or line.strip().startswith("hornbook "):
            lines.append(line)
        else:
            lines += textwrap.wrap(
                line.strip(), width, initial_indent=start, subsequent_indent=start + " " * indent,
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
    return "\n".join(lines)
