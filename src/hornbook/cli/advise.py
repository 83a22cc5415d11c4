"""`hornbook advise`: which objective for a task, by rules, by studies here, and by a pilot."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Json, Plain, answer, loading, place
from hornbook.console import work_lasts
from hornbook.errors import UserError

if TYPE_CHECKING:
    from hornbook.advice.advise import Advice

EXAMPLES = """Examples

hornbook advise tag  ·  what is said, what it is worth, and what studies below runs/ found

hornbook advise generation BOOK.txt --minutes 20 --pilot  ·  try the candidates on your own text

hornbook advise classify BOOK.txt --minutes 30 --pilot --train train.tsv --test test.tsv

Tasks: generation, infilling, embeddings, scoring, few-shot, general, and those of `transfer`: classify, pairs, tag,
answer, write, instruct. Plain words are taken too: ner, sentiment, question answering, summarization."""


def advise(
    task: Annotated[str, Argument(metavar="TASK", help="What the model is for.", show_default=False)],
    text: Annotated[
        list[str] | None, Argument(metavar="[TEXT]...", help="Text to train on.", show_default=False)
    ] = None,
    minutes: Annotated[float, Option(help="Minutes of the whole pilot, and of the run that is recommended.")] = 10.0,
    pilot: Annotated[bool, Option("--pilot", help="Try the candidates on the text, within the minutes.")] = False,
    train: Annotated[str, Option(metavar="FILE", help="Examples of the task, as for `transfer`.")] = "",
    dev: Annotated[str, Option(metavar="FILE", help="Examples that choose rate and epoch.")] = "",
    test: Annotated[str, Option(metavar="FILE", help="Examples that are scored.")] = "",
    studies: Annotated[
        Path | None, Option(metavar="DIR", parser=place, help="Where studies of yours lie. Default: runs.")
    ] = None,
    out: Annotated[
        Path | None,
        Option(metavar="PATH", parser=place, help="Directory of the pilot. Default: runs/DATE-advise-TASK."),
    ] = None,
    as_json: Json = False,
    plain: Plain = False,
) -> None:
    """Advise on the objective for a task: rules with their worth, studies on this machine, a pilot, one command.

    Each line says what it is: published (with what it is of), measured here (with its seeds), or a rule of thumb.
    """
    from hornbook.advice.advise import advise as advised
    from hornbook.api import examples_of

    if pilot:
        work_lasts()
        with loading():
            import hornbook.advice.pilot  # noqa: F401 with it PyTorch
    elif train or dev or test or out:
        raise UserError("Examples and --out are for a pilot: add --pilot, or leave them out.")
    examples = examples_of(train, dev, test)
    shown = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
    with shown:
        found = advised(
            task,
            text or (),
            minutes=minutes,
            pilot=pilot,
            examples=examples,
            studies=studies or Path("runs"),
            out=out,
            plain=plain,
        )
    if as_json:
        answer(found.plain(), True, print)
    else:
        _print(found)


def _print(found: Advice) -> None:
    tables.sentence(f"{found.task}: {found.meaning}", "bold")
    rows = []
    for line in found.lines:
        speaks = ", ".join(line.favours) or "none"
        rows.append((line.mark, speaks, line.says, f"{line.by}{f' ({line.beyond})' if line.beyond else ''}"))
    columns = ("what it is", "speaks for", "what it says", "by")
    tables.table(dict.fromkeys(columns, "") | {"what it is": "bold", "speaks for": "green"}, rows)
    for sentence in found.disagree:
        tables.sentence(f"They disagree: {sentence}")
    tables.sentence(f"Recommended: {found.objective}, by {found.why}.", "bold")
    for command in found.commands:
        print(command)
