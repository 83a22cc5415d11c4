"""`hornbook evaluate`: a model's numbers on held-out text, or its answers to tasks; one model, or several."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from hornbook.cli.common import Json, RunPath, answer, loading, opened_run, place
from hornbook.cli.tables import evaluate_tables
from hornbook.cli.transfer import measured_transfer
from hornbook.console import phase
from hornbook.errors import UserError
from hornbook.recipes.transferred import TRANSFER

if TYPE_CHECKING:
    from hornbook.api import Run
    from hornbook.evaluate.answers import Answers
    from hornbook.evaluate.evaluation import Evaluation
    from hornbook.evaluate.tasks import Task

_NO_TASK = ("few", "shots", "pool", "like", "template", "labels")  # what only tasks have


def evaluate(
    run: RunPath,
    data: Annotated[
        list[str] | None, Option("--data", metavar="PATH", help="Text to measure on. Default: the run's held-out text.")
    ] = None,
    more: Annotated[
        list[str] | None,
        Argument(
            metavar="RUN|PATH",
            help="More models beside the first: runs, or folders of transformers. Other paths are text, "
            "such as a shell makes of --data *.txt.",
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        Option("--task", metavar="FILE", help="Task to answer instead: a file, or my.py:Task; may be repeated."),
    ] = None,
    way: Annotated[
        str,
        Option(
            help="How to ask: continuation, rewrite, sentinel, span-pll, pll, pll-word, bound, replaced; or exact, "
            "bound, pseudo: the model's first of that kind. Default: as it learned."
        ),
    ] = "auto",
    few: Annotated[
        bool, Option("--few", help="Answer a part of each task, chosen by key: 50 pairs a group, 500 items.")
    ] = False,
    shots: Annotated[
        str, Option(metavar="N[,N...]", help="Answered items in front of each item; several numbers: each in turn.")
    ] = "0",
    pool: Annotated[
        str, Option(metavar="FILE", help="Where the shots are taken from. Default: the other items of the task.")
    ] = "",
    like: Annotated[
        str, Option(metavar="lm-eval", help="Put a blank before texts without context, as lm-evaluation-harness does.")
    ] = "",
    template: Annotated[
        str, Option(metavar="TEXT", help="Prompt of each item, with {field} for its fields, as in '{text} It was'.")
    ] = "",
    labels: Annotated[
        str, Option(metavar="LABEL=WORD,...", help="Words for the labels of a classification: 0=terrible,1=great.")
    ] = "",
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
    old: Annotated[
        list[str] | None,
        Option(
            "--old",
            metavar="PATH",
            help="Text like that of the model that the run began with: what was gained on the run's text, or on "
            "--data, and forgotten of this.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure a model on held-out text, next to simple models of the same tokens; or on tasks. Intervals are of 95 %.

    A task is a file of JSON lines, or a table with a header. Its fields say which: sentence_good and sentence_bad;
    question, choices and label; context_options, continuation and label; context and target; text and label. Several
    models give one table, and the differences from the first, item by item. A run of `transfer` is measured on examples
    of its task; without --data it shows what its test said.
    """
    models, texts = _sorted(run, more or [])
    if task:
        if old:
            raise UserError("--old measures text, and --task asks a task: leave one of them out.")
        if texts or data:
            raise UserError(f"{[*texts, *(data or [])][0]} is no model: --task takes runs and folders, and no text.")
        with loading():
            from hornbook.evaluate.task_files.fields import Wording
            from hornbook.evaluate.task_files.read import labels_of
            from hornbook.run.answer import Asking, read_task
        wording = Wording(prompt=template, labels=labels_of(labels) if labels else {})
        # Read before any model is: what is wrong with a file is said at once.
        asked = [
            read_task(name, Asking(few, number, pool, like, wording)) for name in task for number in _counts(shots)
        ]
        _answer_tasks(models, asked, way, as_json)
        return
    given = {"few": few, "shots": shots != "0", "pool": pool, "like": like, "template": template, "labels": labels}
    for name in (name for name in _NO_TASK if given[name]):
        raise UserError(f"--{name} is for tasks: name one with --task.")
    if old:
        if models[1:] or by:
            raise UserError(
                "--old compares one run with the model that it began with: leave out other models and --by."
            )
        opened = opened_run(run)
        from hornbook.run.measure import measured_adaptation

        with phase("measuring"):
            adapted = measured_adaptation(opened.opened, old, [*(data or []), *texts], stride=stride)
        if as_json:
            answer({**dataclasses.asdict(adapted), "sentence": adapted.sentence}, True, print)
        else:
            evaluate_tables.adaptation(adapted)
        return
    if (run / TRANSFER).is_file() and not models[1:]:
        if stride or by:
            raise UserError(f"{run} is a run of transfer, which has no windows: leave out --stride and --by.")
        measured_transfer(run, [*(data or []), *texts], as_json)
        return
    measured = [_measured(model, [*(data or []), *texts], stride, by, as_json) for model in models]
    for model, found in zip(models, measured, strict=True):
        if as_json:
            break
        if models[1:]:
            print(model)  # the title of its table
        evaluate_tables.evaluation(found)
    if as_json:
        answer(measured if models[1:] else measured[0], True, print)


def _measured(model: Path, paths: Sequence[str], stride: int, by: str, as_json: bool) -> Evaluation:
    """Return a model's numbers on text."""
    opened = opened_run(model)
    from hornbook.console import View
    from hornbook.run.measure import evaluate

    whole = bool(stride) and not as_json
    with View().stage("scoring whole documents", "tokens") if whole else phase("measuring") as progress:
        return evaluate(opened.opened, paths, stride=stride, by=by, progress=progress)


def _sorted(run: Path, more: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return the models among paths, of which the first is one, and the texts: a model is a folder that holds one."""
    from hornbook.recipes.settings import RECIPE

    models, texts = [run], []
    for path in more:
        is_model = Path(path).is_dir() and any((Path(path) / name).is_file() for name in (RECIPE, "config.json"))
        if is_model:
            models.append(place(path))
        else:
            texts.append(path)
    return models, texts


def _counts(shots: str) -> list[int]:
    """Return the numbers of shots. Raises UserError."""
    found = [part.strip() for part in shots.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 5 for part in found):
        raise UserError(f"--shots are whole numbers of at least 0, separated by commas, not {shots!r}.")
    return list(dict.fromkeys(map(int, found)))


def _answer_tasks(models: Sequence[Path], tasks: Sequence[Task], way: str, as_json: bool) -> None:
    """Answer each task by each model, and print the numbers: at once, or all together as a table or as JSON."""
    from hornbook.console import View

    view = View()
    found: list[list[Answers]] = []
    for model in models:
        opened = opened_run(model)
        found.append([])
        for task in tasks:
            found[-1].append(_answered(opened, task, way, None if as_json else view))
            if not as_json and not models[1:]:
                evaluate_tables.answers(found[-1][-1])
    if as_json:
        answer([_plain(one, first) for mine in found for one, first in zip(mine, found[0], strict=True)], True, print)
    elif models[1:]:
        evaluate_tables.compared([str(model) for model in models], found)


def _answered(opened: Run, task: Task, way: str, view: Any) -> Answers:
    from hornbook.run.answer import answer_task

    what = f"{opened.directory.name} answers {' '.join([task.name, *task.part])}"
    with contextlib.nullcontext() if view is None else view.stage(what, "items", len(task.items)) as update:
        return answer_task(opened.opened, task, way, update)


def _plain(found: Answers, first: Answers) -> dict[str, Any]:
    """Return answers as JSON has them: the header, the numbers, and the difference from the first model's."""
    numbers = [dataclasses.asdict(number) for number in found.numbers()]
    difference = None if found is first else dataclasses.asdict(found.against(first))
    return {**found.header, "numbers": numbers, "difference": difference}
