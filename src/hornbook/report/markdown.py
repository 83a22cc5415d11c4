"""A report as Markdown: the same blocks as the page, for hubs, for terminals, and for programs that read text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from hornbook.charts.table import Table
from hornbook.report.blocks import (
    Account,
    Block,
    Figure,
    Fold,
    Grid,
    Listing,
    Paragraph,
    Part,
    Points,
    Report,
    Rules,
    Said,
    Tiles,
)
from hornbook.report.html import amount
from hornbook.report.ledger import Line, Terms
from hornbook.report.private import visible

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~&$@!])")
_FIRST = re.compile(r"^(\s*\d*)([-+.)=])(?=\s|=*$)")
_CODE = re.compile(r"(`[^`|<>\n]+`)")
_ADDRESS = re.compile(r"(?i)(?<=\w)(:)(?=//)|\b(www)(?=\.)")
_MARKS = {True: "[x]", False: "[ ]", None: "[?]"}
Draw = Callable[[Figure], str]


def markdown(report: Report, draw: Draw | None = None) -> str:
    """Return a report as Markdown. `draw` writes a chart and returns the name of its file; without it tables stand."""
    parts = [f"# {escaped(report.title)}"]
    parts += [escaped(report.subtitle)] if report.subtitle else []
    for number, section in enumerate(report.sections, 1):
        parts.append(f"## {number} {escaped(section.title)}")
        for block in section.blocks:
            parts += _block(block, draw)
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is: no link, no mark-up, no second line, nothing that is not seen.

    >>> print(escaped("<b>a|b</b> [x](http://y)"), escaped("1. x"))
    \\<b\\>a\\|b\\</b\\> \\[x\\](http&#58;//y) 1\\. x
    """
    return _FIRST.sub(r"\1\\\2", _inner(text))


def _inner(text: str) -> str:
    """Return a text that does not begin its line."""
    text = _SIGNS.sub(r"\\\1", visible(text))
    return _ADDRESS.sub(lambda found: "&#58;" if found[1] else f"{found[2]}&#8203;", text)


def prose(text: str) -> str:
    """Return a sentence; what stands in it between backticks is code.

    >>> print(prose("*Ask* `hornbook plan`"))
    \\*Ask\\* `hornbook plan`
    """
    first, *parts = _CODE.split(text)
    return escaped(first) + "".join(_inner(part) if place % 2 else visible(part) for place, part in enumerate(parts))


def table(found: Table) -> str:
    """Return a table, each cell as text."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rule = ["---", *["---:"] * (len(found.columns) - 1)]
    return "\n".join(
        [line(list(map(escaped, found.columns))), line(rule), *(line(list(map(escaped, row))) for row in found.rows)]
    )


def _block(block: Block, draw: Draw | None) -> Iterator[str]:
    """Yield the paragraphs of a block."""
    if isinstance(block, Paragraph):
        yield f"**{prose(block.text)}**" if block.lead else prose(block.text)
    elif isinstance(block, Tiles):
        rows = tuple((what, value, note) for what, value, note in block.numbers)
        yield table(Table("", ("what", "value", "note"), rows))
    elif isinstance(block, Points):
        yield "\n".join(f"- {prose(item)}" for item in block.items)
    elif isinstance(block, Grid):
        yield from ([f"*{prose(block.table.caption)}*"] if block.table.caption else [])
        yield table(block.table)
    elif isinstance(block, Figure):
        yield from _figure(block, draw)
    elif isinstance(block, Rules):
        for rule in block.rules:
            yield (
                f"- {rule.status.upper()}: **{escaped(rule.name)}**. {prose(rule.sentence)}"
                + (f" *So do this:* {prose(rule.advice)}" if rule.advice else "")
                + f" (Threshold: {escaped(rule.threshold)}. Source: {escaped(rule.source)}.)"
            )
    elif isinstance(block, Account):
        yield "\n".join(f"- {_line(line)}" for line in block.lines)
    elif isinstance(block, Listing):
        yield _fenced(block.text)
    elif isinstance(block, Said):
        yield f"> {escaped(block.asked)}"
        yield "\n".join(f"- step {step:,}: {escaped(text) or '(nothing)'}" for step, text in block.said)
    elif isinstance(block, Fold):
        yield f"*{escaped(block.title)}*"
        for one in block.blocks:
            yield from _block(one, draw)
    elif isinstance(block, Part):
        yield f"### {escaped(block.title)}"
        for one in block.blocks:
            yield from _block(one, draw)


def _figure(block: Figure, draw: Draw | None) -> Iterator[str]:
    """Yield a chart: the picture where there is one, the caption, the numbers."""
    if draw is None:
        yield f"### {escaped(block.chart.title)}"
    else:
        yield f"![{escaped(block.chart.title)}]({draw(block)})"
    yield f"*{escaped(block.chart.caption)}*"
    numbers = table(block.table)
    yield numbers if draw is None else f"<details><summary>The numbers</summary>\n\n{numbers}\n\n</details>"


def _line(line: Line) -> str:
    """Return a line of the ledger."""
    what = f"{_MARKS[line.holds]} {escaped(line.name)}, {line.unit}"
    sides = f": {_terms(line.left)} = {_terms(line.right)}" if line.left else ""
    if line.missing:
        return f"{what}{sides} (not checked: {escaped(line.missing)})"
    wrong = f" They differ by {amount(abs(line.difference))} {line.unit}." if line.holds is False else ""
    return f"{what}{sides} (from: {escaped(line.sources)}).{wrong}"


def _terms(terms: Terms) -> str:
    return " + ".join(f"{amount(value)} {escaped(name)}" for name, value in terms)


def _fenced(text: str) -> str:
    """Return text in a fence that is longer than any in it."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = "\n".join(map(visible, text.split("\n")))
    return f"{fence}\n{lines}\n{fence}"
