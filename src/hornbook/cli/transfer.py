"""`hornbook transfer` and `hornbook predict`: a model on a task of the user's own, and what it says of new examples."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Json, Plain, answer, is_main_process, loading, opened_run, place
from hornbook.console import phase, work_lasts
from hornbook.errors import UserError

if TYPE_CHECKING:
    from hornbook.recipes.transferred import Transferred

EXAMPLES = """Examples

hornbook transfer runs/book train.tsv --test test.tsv  ·  text and label in each line: a class for a text

hornbook transfer runs/book train.tsv --dev dev.tsv --test test.tsv --seeds 5 --out runs/sst2

hornbook transfer runs/book train.jsonl --shots 16,64,256,all  ·  how many examples does it need?

hornbook transfer runs/book names.conll --task tag --probe  ·  what does the model know without being changed?

hornbook transfer ./roberta-base squad.json transfer.rates=1e-4 training.batch_rows=32

hornbook transfer --resume runs/sst2  ·  continue a stopped one

hornbook predict runs/sst2 new.tsv  ·  what does it say of new examples?

The task is what the fields of the file say: text, label · text_a, text_b, label · tokens, tags · context, question,
answers · source, target · instruction, output."""

PREDICT_EXAMPLES = """Examples

hornbook predict runs/sst2 new.tsv > said.jsonl

hornbook predict runs/sst2 new.tsv --out said.tsv

echo '{"text": "what a film"}' | hornbook predict runs/sst2 -"""


def transfer(
    model: Annotated[
        str | None,
        Argument(metavar="MODEL", help="A run, or a folder of transformers.", show_default=False),
    ] = None,
    train: Annotated[
        str | None,
        Argument(metavar="TRAIN", help="Examples to learn from: .tsv, .csv, .jsonl, .json, CoNLL.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None,
        Argument(
            metavar="[SETTING]...",
            help="transfer.sight=one|both, transfer.epochs, transfer.rates, training.*, model.dropout.",
            show_default=False,
        ),
    ] = None,
    dev: Annotated[
        str, Option(metavar="FILE", help="Examples that choose rate and epoch. Default: a tenth of TRAIN.")
    ] = "",
    test: Annotated[str, Option(metavar="FILE", help="Examples that are scored once, at the end.")] = "",
    task: Annotated[
        str, Option(help="classify, pairs, tag, answer, write or instruct. Default: what the fields say.")
    ] = "",
    shots: Annotated[
        str, Option(metavar="N,N,all", help="Numbers of examples to learn from, each a training of its own.")
    ] = "",
    seeds: Annotated[int, Option(min=1, help="Trainings whose test is scored; one makes no verdict.")] = 3,
    probe: Annotated[bool, Option("--probe", help="Train the head alone; the model stays as it is.")] = False,
    scratch: Annotated[
        bool, Option("--scratch", help="Begin with first weights: what is pre-training worth here?")
    ] = False,
    out: Annotated[
        Path | None, Option(metavar="PATH", parser=place, help="Run directory to create. Default: runs/DATE-MODEL.")
    ] = None,
    resume: Annotated[Path | None, Option(parser=place, metavar="RUN", help="Continue a stopped transfer.")] = None,
    seed: Annotated[int, Option(min=0, help="Seed of everything that is random.")] = 0,
    as_json: Json = False,
    plain: Plain = False,
) -> None:
    """Train a model on examples of your task: four rates, several seeds, the test scored once, an interval on all.

    A tenth of the examples, or --dev, chooses rate and epoch. A simple model is trained on the same examples and
    printed beside.
    """
    work_lasts()
    with loading():
        from hornbook.api import default_transfer
        from hornbook.transfer import search
        from hornbook.transfer.request import Request, read_shots, with_settings

    if resume is not None:
        if model or train or settings:
            raise UserError("A transfer that goes on keeps what it was asked for: give --resume RUN alone.")
        directory = resume
        found = search.resume(directory, plain=plain, silent=as_json)
    else:
        if not model or not train:
            raise UserError("Name a model and a file of examples: hornbook transfer RUN TRAIN.tsv.")
        numbers = read_shots(shots) if shots else ()
        request = Request(model, train, dev, test, task, numbers, seeds, probe, scratch, seed=seed)
        directory = out or default_transfer(Path(model))
        found = search.transfer(with_settings(request, settings or []), directory, plain=plain, silent=as_json)
    if is_main_process():
        answer(found, as_json, lambda one: transferred(one, directory))


def transferred(found: Transferred, directory: Path) -> None:
    """Print what was measured of a transfer, and the command that uses it."""
    from hornbook.evaluate.numbers import Number

    several = len({number["shots"] for number in found.numbers}) > 1
    rows = []
    for entry in found.numbers:
        entry = dict(entry)
        shots = entry.pop("shots")
        number = Number(**entry)
        if several and number.name not in _headlines(found):
            continue
        beside = ", ".join(f"{name} {number.written(value)}" for name, value in number.baselines.items())
        name = f"{shots or 'all'}: {number.name}" if several else number.name
        rows.append((name, number.text, f"{number.meaning}{f'; {beside}' if beside else ''}"))
    training = found.training
    title = (
        f"{found.task}: {training['examples']:,} examples, rate {training['rate']:g}, epoch {training['epoch']:g} "
        f"chosen; {training['seeds']} seeds"
    )
    tables.numbers(title, rows)
    for sentence in found.sentences:
        tables.sentence(sentence)
    print(f"predict new examples:  hornbook predict {directory} FILE")


def measured_transfer(run: Path, paths: Sequence[str], as_json: bool) -> None:
    """Print how right a run of `transfer` is on files of examples; without any, what its test said."""
    if not paths:
        from hornbook.recipes.transferred import read_transfer

        answer(read_transfer(run), as_json, lambda one: transferred(one, run))
        return
    opened = opened_run(run).opened
    from hornbook.transfer.predict import measured

    with phase("measuring"):
        found = {path: measured(opened, Path(path)) for path in paths}
    if as_json:
        answer([dataclasses.asdict(number) | {"data": path} for path in paths for number in found[path]], True, print)
        return
    for path, numbers in found.items():
        tables.numbers(path, [(number.name, number.text, number.meaning) for number in numbers])


def _headlines(found: Transferred) -> set[str]:
    first = str(found.numbers[0]["name"])
    return {first, f"{first} of seeds"}


def predict(
    run: Annotated[Path, Argument(metavar="RUN", parser=place, help="A run of `transfer`.", show_default=False)],
    file: Annotated[
        str, Argument(metavar="FILE", help="Examples, as for `transfer`; - = JSON lines from standard input.")
    ],
    out: Annotated[
        Path | None,
        Option(metavar="FILE", parser=place, help="Write here: a table if it ends in .tsv, else JSON lines."),
    ] = None,
) -> None:
    """Say what a run of `transfer` makes of new examples: one JSON line for each, with how sure it is."""
    opened = opened_run(run).opened
    from hornbook.artifacts import write_file
    from hornbook.console import View
    from hornbook.transfer.predict import as_lines, as_table
    from hornbook.transfer.predict import predict as said

    with tempfile.TemporaryDirectory() as folder:
        path = Path(file)
        if file == "-":
            path = Path(folder) / "standard-input.jsonl"
            path.write_text(sys.stdin.read(), encoding="utf-8")
        if out is None:
            print(as_lines(said(opened, path)), end="")
            return
        with View().stage("predicting", "rows") as update:
            found = said(opened, path, update)
    write_file(out, as_table(found) if out.suffix == ".tsv" else as_lines(found))
