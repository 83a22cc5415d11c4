"""`hornbook evaluate`: a model's numbers on held-out text, or its answers to tasks."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Json, RunPath, answer, opened_run
from hornbook.console import phase

if TYPE_CHECKING:
    from hornbook.api import Run


def evaluate(
    run: RunPath,
    data: Annotated[
        list[str] | None, Option("--data", metavar="PATH", help="Text to measure on. Default: the run's held-out text.")
    ] = None,
    more: Annotated[
        list[str] | None, Argument(metavar="[PATH]...", help="More text, such as a shell makes of --data *.txt.")
    ] = None,
    task: Annotated[
        list[Path] | None, Option("--task", metavar="FILE", help="Task to answer instead; may be repeated.")
    ] = None,
    way: Annotated[
        str, Option(help="How to ask: continuation, bound, pll, pll-word ... Default: as it learned.")
    ] = "auto",
    few: Annotated[
        bool, Option("--few", help="Answer a part of each task, chosen by key: 50 pairs a group, 500 items.")
    ] = False,
    examples: Annotated[int, Option(min=0, help="Answered items in front of each item.")] = 0,
    stride: Annotated[
        int,
        Option(
            min=0,
            help="Score whole documents in windows that each score this many tokens. Default: the rows of training.",
        ),
    ] = 0,
    by: Annotated[
        str, Option(metavar="FIELD", help="Give numbers by the values of this field of the documents, or by `source`.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Measure a model on held-out text, next to simple models of the same tokens; or on tasks. Intervals are of 95 %.

    A task is a file of JSON lines. Its fields say which: sentence_good and sentence_bad; question, choices and label;
    context_options, continuation and label; context and target.
    """
    opened = opened_run(run)
    if task:
        _answer_tasks(opened, task, way, few, examples, as_json)
        return
    from hornbook.console import View
    from hornbook.run.measure import evaluate

    paths = [*(data or []), *(more or [])]
    whole = bool(stride) and not as_json
    with View().stage("scoring whole documents", "tokens") if whole else phase("measuring") as progress:
        found = evaluate(opened.opened, paths, stride=stride, by=by, progress=progress)
    answer(found, as_json, tables.evaluation)


def _answer_tasks(opened: Run, task: Sequence[Path], way: str, few: bool, examples: int, as_json: bool) -> None:
    """Answer each task, and print its numbers: at once, or all together as JSON."""
    from hornbook.console import View
    from hornbook.run.measure import answer_task

    view, found = View(), []
    for path in task:
        with contextlib.nullcontext(None) if as_json else view.stage(f"answering {path.name}", "items") as update:
            found.append(answer_task(opened.opened, path, way=way, few=few, examples=examples, progress=update))
        if not as_json:
            tables.answers(found[-1])
    if as_json:
        numbers = [[dataclasses.asdict(number) for number in one.numbers()] for one in found]
        answer([{**one.header, "numbers": mine} for one, mine in zip(found, numbers, strict=True)], True, print)
