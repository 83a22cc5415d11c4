"""What `hornbook evaluate` prints: a model's numbers on text, its answers to a task, or those of several models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hornbook.cli import tables

if TYPE_CHECKING:
    from hornbook.evaluate.adaptation import Adaptation
    from hornbook.evaluate.answers import Answers
    from hornbook.evaluate.evaluation import Evaluation


def evaluation(found: Evaluation) -> None:
    """Print a model's numbers on held-out text, each with its meaning."""
    tables.numbers(found.title, [(number.name, number.text, number.account) for number in found.numbers])
    for remark in found.remarks:
        tables.sentence(remark, "yellow")


def adaptation(found: Adaptation) -> None:
    """Print what a model gained and forgot: a line for each text, before, after and the difference."""
    columns = dict.fromkeys(("bits per byte, intervals of 95 %", "before", "after", "difference"), "")
    rows = []
    for name, (before, after, changed) in (("new text", found.numbers[:3]), ("old text", found.numbers[3:])):
        rows.append((name, before.text, after.text, f"{changed.name} {changed.text}"))
    tables.table(columns, rows, True)
    tables.sentence(found.sentence[0].upper() + found.sentence[1:])


def answers(found: Answers) -> None:
    """Print a task's numbers with their intervals of 95 %, and what guessing gives."""
    rows = [(number.name, number.text, number.account) for number in found.numbers()]
    told = found.header
    tables.numbers(f"{_task(found)}, {told['items']:,} items, {_way(found)}; intervals of 95 %", rows)
    if told["shots"]:
        print(f"  {told['shots_realised']:.1f} of {told['shots']} shots before each item")
    if told["cut"]:
        print(
            f"  {told['cut']:,} of {told['items']:,} contexts are cut at their beginning: the model's texts are shorter"
        )


def compared(names: Sequence[str], found: Sequence[Sequence[Answers]]) -> None:
    """Print the answers of models: a line for each, a column for each task; then the differences from the first."""
    tasks = [_task(one) for one in found[0]]
    titles = [
        title if tasks.count(title) == 1 else f"{title} {one.header['data'][:8]}"
        for title, one in zip(tasks, found[0], strict=True)
    ]
    rows = [(name, *map(_cell, mine)) for name, mine in zip(names, found, strict=True)]
    tables.table(dict.fromkeys(("intervals of 95 %", *titles), ""), rows, numbers=True)
    for name, mine in zip(names[1:], found[1:], strict=True):
        for one, first in zip(mine, found[0], strict=True):
            number = one.against(first)
            interval = (
                "" if number.low is None or number.high is None else f" ({number.low:+.1%} to {number.high:+.1%})"
            )
            told = f"{name} on {_task(one)}: {number.value:+.1%}{interval}, {number.meaning}"
            tables.sentence(told)


def _cell(found: Answers) -> str:
    number = found.numbers()[0]
    return f"{number.name} {number.text} {_way(found)}"


def _task(found: Answers) -> str:
    return " ".join([found.header["task"], *found.header["part"]])


def _way(found: Answers) -> str:
    """Return by which way a model answered, of which kind its scores are, and whether it was trained so."""
    off = "" if found.header["trained"] else ", off its training"
    return f"by {found.header['way']} ({found.header['kind']}{off})"
