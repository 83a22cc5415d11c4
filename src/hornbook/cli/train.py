"""Commands that make a run: `hornbook pretrain` and `hornbook import`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from hornbook.cli import study, tables
from hornbook.cli.common import OBJECTIVES, Plain, is_main_process, loading, place
from hornbook.cli.tables import evaluate_tables
from hornbook.console import phase, work_lasts
from hornbook.errors import FailedElsewhere, UserError

if TYPE_CHECKING:
    from hornbook.study.design import Study

EXAMPLES = """Examples

hornbook pretrain  ·  train a causal model on Python's documentation for two minutes

hornbook pretrain BOOK.txt notes/ --objective masked --minutes 5

hornbook pretrain 'hf://roneneldan/TinyStories' --objective span --steps 20000 --out runs/stories

hornbook pretrain BOOK.txt --recipe bert training.learning_rate=1e-3 model.width=256 model.layers=4 model.heads=4

hornbook pretrain runs/stories/recipe.toml seed=1  ·  repeat a run with another seed

hornbook pretrain --resume runs/stories  ·  continue a stopped run

hornbook pretrain --resume runs/stories training.micro_batch=4  ·  continue it with less memory

hornbook pretrain BOOK.txt --steps 4000 training.warmup=100 --until 600 --out runs/long  ·  stop after 600 steps

hornbook pretrain --branch runs/long@600 --steps 1000  ·  end it after 1,000 steps, as if trained so from the start

hornbook pretrain BOOK.txt seed=1,2,3 training.learning_rate=1e-3,3e-3  ·  a study: two arms of three seeds, a verdict

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
    until: Annotated[
        int, Option(min=0, metavar="STEP", help="Stop after this step with a checkpoint; --resume goes on.")
    ] = 0,
    branch: Annotated[
        str | None,
        Option(metavar="RUN@STEP", help="Begin where that run was after STEP, with --steps or --tokens of its own."),
    ] = None,
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
        from hornbook.cli.request import plan, sweep_of
        from hornbook.recipes.settings import RECIPE, load_recipe
        from hornbook.study.design import STUDY

    budget = {"minutes": minutes, "steps": steps, "tokens": tokens, "epochs": epochs}
    chosen = {"objective": objective, "recipe": recipe, "from": start, "out": out, "seed": seed} | budget
    options = [f"--{name}" for name, value in chosen.items() if value is not None]
    if branch is not None:
        extra = [item for item in options if item not in ("--steps", "--tokens", "--out")]
        extra += ["--resume"] * (resume is not None) + [f"--devices {devices}"] * (devices != 1)
        directory = _branch(branch, [*(what or []), *extra], steps, tokens, out)
    elif resume is None:
        try:
            swept = sweep_of(what or [], objective, recipe, budget, seed, start)
            if swept is not None:
                _sweep(swept, out, until, devices, plain)
                return
            planned = plan(what or [], objective, recipe, budget, seed, start)
        except UserError as error:
            if is_main_process():
                raise
            raise FailedElsewhere(error.exit_code) from error  # rank 0 says it for all
        directory = out or default_directory(planned)
    else:
        directory = resume
        if (directory / STUDY).is_file() and not (directory / RECIPE).is_file():
            if extra := [*(what or []), *options]:
                raise UserError(f"{directory} is a study, which keeps its settings: leave out {' '.join(extra)}.")
            study.run(directory, plain=plain)
            return
    if devices != 1:
        with loading():
            from hornbook.run import launch

        if (number := launch.devices(devices)) > 1:
            named = [] if resume or out else ["--out", str(directory)]  # its name has the time: one for all processes
            launch.launch([*launch.without_option(context.obj), *named], number)
            return
    with loading():
        from hornbook.run import pretrain as run

    if branch is not None:
        found = run.go_on(directory, until=until, plain=plain)
    elif resume is None:
        found = run.begin(planned, directory, until=until, plain=plain)
    else:
        found = run.go_on(directory, [*(what or []), *options], until=until, plain=plain)
    if found is None:
        tables.sentence(f"Go on with: hornbook pretrain --resume {shlex.quote(str(directory))}")
    elif is_main_process():
        evaluate_tables.evaluation(found)
        tables.trained(load_recipe(directory / RECIPE), directory)
        from hornbook.report.write import report_at_end

        tables.sentence(report_at_end(directory))


def _sweep(found: Study, out: Path | None, until: int, devices: int, plain: bool) -> None:
    """Write the study that settings of several values make, and run it."""
    from hornbook.study.layout import begin, default_study

    if until or devices != 1:
        raise UserError("A sweep trains each run to its end on one device: leave out --until and --devices.")
    directory = out or default_study()
    begin(found, directory)
    seeds = found.seed_list
    tables.sentence(
        f"A study in {directory}, arms: {'; '.join(found.arms)}. Seeds: {', '.join(map(str, seeds))}."
        + (" One seed gives numbers and no verdict." if len(seeds) == 1 else "")
    )
    study.run(directory, plain=plain)


def _branch(named: str, extra: list[str], steps: int | None, tokens: int | None, out: Path | None) -> Path:
    """Write the run that begins as RUN was at STEP; return its directory."""
    with loading():
        from hornbook.api import default_directory
        from hornbook.run.branch import begin_branch, steps_of
        from hornbook.run.directory import recipe_of

    trunk, _, step = named.rpartition("@")
    if not trunk or not step.isdecimal():
        raise UserError(f"--branch needs a run and a step, such as runs/long@600, not {named!r}.")
    if extra:
        raise UserError(f"A branch has the recipe of its run but for its length: leave out {' '.join(extra)}.")
    if (steps is None) == (tokens is None):
        raise UserError("A branch needs its length, counted from its run's first step: --steps or --tokens.")
    directory = out or default_directory(recipe_of(Path(trunk)))
    begin_branch(Path(trunk), int(step), directory, steps or steps_of(Path(trunk), tokens or 0))
    return directory


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
