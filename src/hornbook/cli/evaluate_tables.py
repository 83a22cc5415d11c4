"""What `hornbook evaluate` prints: numbers with their intervals, of one model or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from hornbook.cli import tables

if TYPE_CHECKING:
    from hornbook.evaluate.answers import Answers
    from hornbook.evaluate.evaluation import Evaluation
    from hornbook.evaluate.numbers import Number


def evaluation(found: Evaluation) -> None:
    """Print a model's numbers on held-out text, each with its meaning."""
    tables.numbers(found.title, [(number.name, number.text, number.account) for number in found.numbers])
    for remark in found.remarks:
        tables.console().print(Text(remark, style="yellow"))


def answers(found: Answers) -> None:
    """Print a task's numbers with their intervals of 95 %, and what guessing gives."""
    rows = [(number.name, number.text, number.meaning + _beside(number)) for number in found.numbers()]
    told = found.header
    tables.numbers(f"{_task(found)}, {told['items']:,} items, {_way(found)}; intervals of 95 %", rows)
    if told["shots"]:
        print(f"  {told['shots_realised']:.1f} of {told['shots']} shots before each item")
    if told["cut"]:
        print(
            f"  {told['cut']:,} of {told['items']:,} contexts are cut at their beginning: the model's texts are shorter"
        )


def compared(found: Sequence[Sequence[Answers]]) -> None:
    """Print the answers of several models: a line for each, a column for each task, then what each differs by."""
    columns = dict.fromkeys(("model", *(_task(one) for one in found[0])), "")
    rows = [
        (str(mine[0].header["model"]), *(f"{_first(one).name} {_first(one).text} {_way(one)}" for one in mine))
        for mine in found
    ]
    tables.table(
        {"intervals of 95 %" if name == "model" else name: style for name, style in columns.items()}, rows, True
    )
    for mine in found[1:]:
        for one, first in zip(mine, found[0], strict=True):
            number = one.against(first)
            signed = f"{number.value:+.1%} ({number.low or 0:+.1%} to {number.high or 0:+.1%})"
            tables.console().print(Text(f"{one.header['model']} on {_task(one)}: {signed}, {number.meaning}"))


def _task(found: Answers) -> str:
    return " ".join([found.header["task"], *found.header["part"]])


def _first(found: Answers) -> Number:
    return found.numbers()[0]


def _way(found: Answers) -> str:
    """Return by which way a model answered, of which kind its scores are, and whether it was trained so."""
    off = "" if found.header["trained"] else ", off its training"
    return f"by {found.header['way']} ({found.header['kind']}{off})"


def _beside(number: Number) -> str:
    return "".join(f"; {name} {number.written(value)}" for name, value in number.baselines.items())
