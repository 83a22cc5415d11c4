"""Commands that make a run: `hornbook pretrain` and `hornbook import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hornbook.cli import evaluate_tables, tables
from hornbook.cli.common import OBJECTIVES, Plain, is_main_process, loading, place
from hornbook.console import phase, work_lasts
from hornbook.errors import FailedElsewhere, UserError

EXAMPLES = """Examples

hornbook pretrain  ·  train a causal model on Python's documentation for two minutes

hornbook pretrain BOOK.txt notes/ --objective masked --minutes 5

hornbook pretrain 'hf://roneneldan/TinyStories' --objective span --steps 20000 --out runs/stories

hornbook pretrain BOOK.txt --recipe bert training.learning_rate=1e-3 model.width=256 model.layers=4 model.heads=4

hornbook pretrain runs/stories/recipe.toml seed=1  ·  repeat a run with another seed

hornbook pretrain --resume runs/stories  ·  continue a stopped run

hornbook pretrain --resume runs/stories training.micro_batch=4  ·  continue it with less memory

hornbook pretrain --from runs/stories NEW.txt  ·  train that model (or a Hugging Face folder) on other text

Every a.b=c is a setting. `hornbook settings` lists them all."""


def pretrain(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        Argument(
            metavar="WHAT",
            help="Text (files, globs, folders, builtin:docs, builtin:code, hf://NAME), a recipe.toml, settings a.b=c.",
            show_default=False,
        ),
    ] = None,
    objective: Annotated[str | None, Option(help=f"{OBJECTIVES}. Default: causal.")] = None,
    recipe: Annotated[
        str | None, Option(help="Start from a named recipe or model size; `hornbook recipes` lists them.")
    ] = None,
    minutes: Annotated[float | None, Option(help="Train for about this many minutes. Default: 2.")] = None,
    steps: Annotated[int | None, Option(help="Train for this many optimizer steps.")] = None,
    tokens: Annotated[int | None, Option(help="Train on this many tokens.")] = None,
    epochs: Annotated[float | None, Option(help="Train for this many passes over the text.")] = None,
    out: Annotated[
        Path | None, Option(metavar="PATH", parser=place, help="Run directory to create. Default: runs/DATE-OBJECTIVE.")
    ] = None,
    start: Annotated[
        str | None, Option("--from", metavar="MODEL", help="Start from the model of a run or of a Hugging Face folder.")
    ] = None,
    resume: Annotated[Path | None, Option(parser=place, metavar="RUN", help="Continue a stopped run.")] = None,
    seed: Annotated[int | None, Option(help="Seed of weights, data order and noise. Default: 0.")] = None,
    devices: Annotated[
        int, Option(min=0, help="How many GPUs of this machine (or CPU processes) to use; 0 = all GPUs.")
    ] = 1,
    plain: Plain = False,
) -> None:
    """Train a model on text. One run directory holds the tokenizer, the tokens, the model and its measurements."""
    work_lasts()
    with loading("libraries"):
        from hornbook.api import default_directory
        from hornbook.cli.request import plan
        from hornbook.recipes.settings import RECIPE, load_recipe

    budget = {"minutes": minutes, "steps": steps, "tokens": tokens, "epochs": epochs}
    if resume is None:
        try:
            planned = plan(what or [], objective, recipe, budget, seed, start)
        except UserError as error:
            if is_main_process():
                raise
            raise FailedElsewhere(error.exit_code) from error  # rank 0 says it for all
        directory = out or default_directory(planned)
    else:
        directory = resume
    if devices != 1:
        with loading():
            from hornbook.run import launch

        if (number := launch.devices(devices)) > 1:
            named = [] if resume or out else ["--out", str(directory)]  # its name has the time: one for all processes
            launch.launch([*launch.without_option(context.obj), *named], number)
            return
    with loading():
        from hornbook.run import pretrain as run

    if resume is None:
        found = run.pretrain(planned, directory, plain=plain)
    else:
        chosen = {"objective": objective, "recipe": recipe, "from": start, "out": out, "seed": seed} | budget
        options = [f"--{name}" for name, value in chosen.items() if value is not None]
        found = run.resume(directory, [*(what or []), *options], plain=plain)
    if is_main_process():
        evaluate_tables.evaluation(found)
        tables.trained(load_recipe(directory / RECIPE), directory)


def import_model(
    folder: Annotated[
        Path,
        Argument(
            metavar="FOLDER",
            parser=place,
            help="A folder that save_pretrained of transformers wrote.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, Option(metavar="PATH", parser=place, help="Run directory to create. Default: runs/NAME-OF-FOLDER.")
    ] = None,
    allow_pickle: Annotated[
        bool, Option("--allow-pickle", help="Also read pytorch_model.bin. Use it only for files that you trust.")
    ] = False,
) -> None:
    """Import a Hugging Face model folder as a run."""
    from hornbook.objectives.catalogue import kind_of
    from hornbook.recipes.settings import RECIPE, load_recipe

    work_lasts()
    with loading():
        from hornbook.run.imported import import_folder

    directory = out or Path("runs") / folder.resolve().name
    with phase(f"importing {folder}"):
        record = import_folder(folder, directory, allow_pickle=allow_pickle)
    tables.imported(record, kind_of(load_recipe(directory / RECIPE).objective), directory)
