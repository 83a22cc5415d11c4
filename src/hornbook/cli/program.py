"""The command line: one verb per stage, each the thin face of a function; errors become messages in `main` alone.

Nothing heavy is imported before a verb runs, so that `hornbook --help` answers at once. The file is long because
every option of every verb stands here with its help, and nothing else does.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from hornbook import __version__
from hornbook.cli import corpus as corpus_cli
from hornbook.errors import FailedElsewhere, UserError, expected
from hornbook.objectives.names import MEANINGS

app = typer.Typer(
    name="hornbook",
    help="Pre-train language models under any objective: raw text in, a trained, measured, exported model out.",
    epilog="Begin with: [bold]hornbook pretrain[/bold]  ·  `--debug`, anywhere, shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_PRETRAIN_EXAMPLES = """Examples

hornbook pretrain  ·  a causal model of Python's documentation, in two minutes

hornbook pretrain BOOK.txt notes/ --objective masked --minutes 5

hornbook pretrain 'hf://roneneldan/TinyStories' --objective span --steps 20000 --out runs/stories

hornbook pretrain BOOK.txt --recipe bert training.learning_rate=1e-3 model.width=256 model.layers=4 model.heads=4

hornbook pretrain runs/stories/recipe.toml seed=1  ·  the same run, from another seed

hornbook pretrain --resume runs/stories  ·  go on where it stopped

hornbook pretrain --resume runs/stories training.micro_batch=4  ·  the same, with less memory

hornbook pretrain --from runs/stories NEW.txt  ·  go on from that model, or a folder of transformers, with other text

Every a.b=c is a setting; `hornbook settings` lists them all."""

_OBJECTIVES = ", ".join(MEANINGS)
_SHOW_EPILOG = "What each objective teaches\n\n" + "\n\n".join(f"{name}  ·  {what}" for name, what in MEANINGS.items())

app.add_typer(corpus_cli.app, name="corpus")

# Libraries make half a million objects that stay. To look through them for garbage after every few hundred, as Python
# does unasked, takes a tenth of the start-up.
_FEW_COLLECTIONS = 100_000

RunPath = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run directory, as `pretrain` made it.", show_default=False)
]
Plain = Annotated[bool, typer.Option("--plain", help="Lines instead of a live panel.")]


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: the only place where errors become messages and exit codes (see hornbook.errors).

    The command is that of this process unless arguments are given; then the process is the caller's, and goes on.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        gc.set_threshold(_FEW_COLLECTIONS)
    debug = "--debug" in given
    try:
        try:
            app(args=[item for item in given if item != "--debug"], prog_name="hornbook", obj=given)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        known = expected(error)
        # Daft's threads may be at work still: an orderly end of Python would wait for them, or crash with another code.
        abrupt = arguments is None and "daft" in sys.modules
        if known is None and not abrupt:
            raise
        if known is None or debug:
            traceback.print_exc()
        if known is not None and not isinstance(known, FailedElsewhere):
            print(f"hornbook: {known}", file=sys.stderr, flush=True)
        code = 1 if known is None else known.exit_code
        if abrupt:
            sys.stderr.flush()
            os._exit(code)
        sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"hornbook {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(epilog=_PRETRAIN_EXAMPLES)
def pretrain(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WHAT]...",
            help="Text (files, globs, folders, builtin:docs, builtin:code, hf://NAME), a recipe.toml, settings a.b=c.",
            show_default=False,
        ),
    ] = None,
    objective: Annotated[str | None, typer.Option(help=f"{_OBJECTIVES}. Default: causal.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Start from a named recipe or size; `hornbook recipes` lists them.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Train for about this long. Default: 2.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train for this many optimizer steps.")] = None,
    tokens: Annotated[int | None, typer.Option(help="Train on this many tokens.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Train for this many passes over the text.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run directory. Default: runs/DATE-OBJECTIVE.")] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", help="Go on from a model: a folder of transformers, or a run."),
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a run that was stopped.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order and noise. Default: 0.")] = None,
    devices: Annotated[
        int, typer.Option(min=0, help="Train on so many GPUs, or CPU processes, of this machine; 0 = all its GPUs.")
    ] = 1,
    plain: Plain = False,
) -> None:
    """Train a model on text: tokenizer, tokens, training and measurements, all in one run directory."""
    from datetime import datetime

    from hornbook.cli import tables as presentation
    from hornbook.objectives.catalogue import kind_of
    from hornbook.recipe.settings import load_recipe

    chosen = {"objective": objective, "recipe": recipe, "from": start, "out": out, "seed": seed}
    budget = {"minutes": minutes, "steps": steps, "tokens": tokens, "epochs": epochs}
    from hornbook.cli.request import plan

    given = [*(what or []), *(f"--{name}" for name, value in (chosen | budget).items() if value is not None)]
    if resume is None:
        try:
            planned = plan(what or [], objective, recipe, budget, seed, start)
        except UserError as error:
            if _speaks():
                raise
            raise FailedElsewhere(error.exit_code) from error  # the first says it for all
        directory = out or Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{kind_of(planned.objective)}"
    else:
        directory = resume
    if devices != 1:
        from hornbook.run import launch

        if (number := launch.devices(devices)) > 1:
            place = [] if resume or out else ["--out", str(directory)]  # a name with a time in it: the same for all
            launch.launch([*launch.without_option(context.obj), *place], number)
            return
    from hornbook.run import pretrain as run

    if resume is None:
        found = run.pretrain(planned, directory, plain=plain)
    else:
        found = run.resume(directory, given, plain=plain)
    if _speaks():
        presentation.trained(found, load_recipe(directory / "recipe.toml"), directory)


def _speaks() -> bool:
    """Whether this process is the first of those that torchrun started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


@app.command(name="import")
def import_model(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="As transformers' save_pretrained writes it.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="The run directory. Default: runs/NAME-OF-FOLDER.")] = None,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Open pytorch_model.bin too: only from a source that you trust.")
    ] = False,
) -> None:
    """Make a run of a model from elsewhere, to measure, use, export or go on from."""
    from hornbook.cli import tables as presentation
    from hornbook.objectives.catalogue import kind_of
    from hornbook.recipe.settings import load_recipe
    from hornbook.run.imported import import_folder

    directory = out or Path("runs") / folder.resolve().name
    record = import_folder(folder, directory, allow_pickle=allow_pickle)
    presentation.imported(record, kind_of(load_recipe(directory / "recipe.toml").objective), directory)


@app.command()
def settings(
    text: Annotated[
        str, typer.Argument(metavar="[FILTER]", help="Only settings whose name or help has this.", show_default=False)
    ] = "",
) -> None:
    """List every setting that `pretrain` takes as a.b=c, with its type, default and meaning."""
    from hornbook.cli import tables as presentation
    from hornbook.recipe.describe import describe_settings

    found = [line for line in describe_settings() if text.lower() in f"{line.name} {line.help}".lower()]
    if not found:
        raise UserError(f"No setting has '{text}' in its name or help; `hornbook settings` lists all.")
    presentation.settings(found)


@app.command()
def recipes(
    text: Annotated[
        str, typer.Argument(metavar="[FILTER]", help="Only recipes whose line has this.", show_default=False)
    ] = "",
) -> None:
    """List every recipe and named size that `pretrain --recipe` takes, with objective, shape and parameters.

    A size keeps its layers under another objective: --recipe mini --objective span.
    """
    from hornbook.cli import tables as presentation
    from hornbook.recipe.describe import describe_recipes

    found = [line for line in describe_recipes() if text.lower() in " ".join(line).lower()]
    if not found:
        raise UserError(f"No recipe has '{text}' in its line; `hornbook recipes` lists all.")
    presentation.recipes(found)


@app.command()
def evaluate(
    run: RunPath,
    data: Annotated[
        list[str] | None, typer.Option("--data", metavar="PATH", help="Other text than the run's held-out documents.")
    ] = None,
) -> None:
    """Measure a trained model on text it has not seen, beside simple models of the same text."""
    from hornbook import api as use
    from hornbook.cli import tables as presentation
    from hornbook.run.directory import open_run

    presentation.evaluation(use.evaluate(open_run(run), data or []))


@app.command()
def generate(
    run: RunPath,
    prompt: Annotated[list[str], typer.Argument(metavar="PROMPT...", help="Text to go on from.", show_default=False)],
    tokens: Annotated[int, typer.Option(help="At most this many new tokens.")] = 100,
    temperature: Annotated[
        float | None, typer.Option(help="0 = always the likeliest token. Default: 0.8, with beams 0.")
    ] = None,
    top_k: Annotated[int, typer.Option(help="Draw among the k likeliest; 0 = among all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw among the likeliest that make up this share.")] = 1.0,
    min_p: Annotated[float, typer.Option(help="Draw among those this share as likely as the likeliest.")] = 0.0,
    repetition_penalty: Annotated[float, typer.Option(help="Above 1 makes tokens already there less likely.")] = 1.0,
    beams: Annotated[int, typer.Option(help="Texts to keep side by side; the likeliest as a whole wins.")] = 1,
    length_penalty: Annotated[float, typer.Option(help="Of beams: above 0 favours long texts.")] = 1.0,
    early_stopping: Annotated[
        bool, typer.Option("--early-stopping", help="Of beams: end as soon as as many have ended.")
    ] = False,
    stop: Annotated[
        list[str] | None, typer.Option(help="End before this text, or at this special token; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same text.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="Continuations of each prompt.")] = 1,
) -> None:
    """Go on with text, as the model's objective taught it; on a terminal each word appears as it is written."""
    from hornbook import api as use
    from hornbook.cli import tables as presentation
    from hornbook.generate import Decoding
    from hornbook.run.directory import open_run

    decoding = Decoding(
        max_new=tokens,
        temperature=temperature if temperature is not None else 0.8 if beams == 1 else 0.0,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        beams=beams,
        length_penalty=length_penalty,
        early_stopping=early_stopping,
        stop=tuple(stop or ()),
        seed=seed,
    )
    prompts = [item for item in prompt for _ in range(count)]
    opened = open_run(run)
    if len(prompts) == 1 and beams == 1 and sys.stdout.isatty():
        presentation.streamed(use.stream_text(opened, prompts[0], decoding))
        return
    for text in use.generate_text(opened, prompts, decoding):
        print(text)


@app.command()
def fill(
    run: RunPath,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="'The [MASK] is chasing ___.'", show_default=False)],
    top: Annotated[int, typer.Option(help="Candidates for each gap, of a masked model.")] = 5,
    length: Annotated[int, typer.Option(help="Tokens of each gap, of a masked or diffusion model.")] = 1,
    steps: Annotated[int, typer.Option(help="Rounds of a diffusion model; 0 = one for each token.")] = 0,
) -> None:
    """Fill the gaps of a text, [MASK], <mask>, <extra_id_0> or ___, in the way that the model's objective taught it."""
    from hornbook import api as use
    from hornbook.cli import tables as presentation
    from hornbook.run.directory import open_run

    presentation.filled(use.fill_text(open_run(run), text, top=top, length=length, steps=steps))


@app.command(epilog=_SHOW_EPILOG)
def show(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT...", help="A text, and settings of the objective a.b=c.", show_default=False),
    ] = None,
    objective: Annotated[str | None, typer.Option(help=f"{_OBJECTIVES}. Default: the run's, else causal.")] = None,
    run: Annotated[Path | None, typer.Option(metavar="RUN", help="Use this run's tokenizer and objective.")] = None,
    row: Annotated[
        int | None, typer.Option(metavar="N", help="Instead of a text: row N, from 0, of the run's training text.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed draws other noise. Default: 0, or the run's.")] = None,
) -> None:
    """Show what an objective does to a text: what the model would read, what it must say, and who sees whom.

    Nothing is trained. Without --run, the tokenizer is made on the spot.
    """
    from hornbook.cli import tables as presentation
    from hornbook.cli.request import is_assignment
    from hornbook.prepare.preview import illustrate, illustrate_row
    from hornbook.recipe import named as recipes
    from hornbook.recipe import settings
    from hornbook.tokens.tokenizer.tokenizer import load_tokenizer

    base = settings.load_recipe(run / "recipe.toml") if run else recipes.default(objective or "causal")
    changes = [f"objective.kind={objective}"] if objective else []
    recipe = settings.override(base, changes + [item for item in what or [] if is_assignment(item)])
    text = " ".join(item for item in what or [] if not is_assignment(item))
    if row is None:
        tokenizer = load_tokenizer(run / "tokenizer.json") if run else None
        shown = illustrate(text, recipe.objective, tokenizer, seed or 0)
    elif text or run is None:
        raise UserError("Show either a text, or with --row and --run a row of that run's training text.")
    else:
        shown = illustrate_row(run, recipe, row, recipe.seed if seed is None else seed)
    presentation.picture(shown, presentation.console())


@app.command()
def export(
    run: RunPath,
    out: Annotated[Path | None, typer.Option(help="What to write. Default: RUN/export, or RUN/model.gguf.")] = None,
    family: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="FAMILY",
            help="Such as qwen3, llama, bert, t5; or gguf, for one file. Default: by the model.",
        ),
    ] = "",
    shard: Annotated[
        str, typer.Option(metavar="SIZE", help="Largest file of weights, such as 5GB. Default: one file for all.")
    ] = "",
) -> None:
    """Write a trained model as a folder that transformers opens, or as a GGUF file."""
    from hornbook import api as use
    from hornbook.run.directory import open_run

    print(use.export(open_run(run), out, family, _size(shard) if shard else 0))


_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _size(text: str) -> int:
    """Return a number of bytes from text such as 5GB."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)", text.strip().upper())
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size < 1:
        raise UserError(f"--shard wants a size such as 500MB or 5GB, not {text!r}.")
    return size


_BENCH_EPILOG = """How to read it

matrix products  ·  what the machine is best at; a step that they limit is as fast as it can be here, but for bf16

memory  ·  activations are written and read faster than they are computed with only where caches hold them: a smaller
training.micro_batch may help

the optimizers  ·  their work is done once a step: larger training.batch_rows make it a smaller share

small operations  ·  overhead, and what other programs take: compile (training.compile=yes), or close them"""


@app.command(epilog=_BENCH_EPILOG)
def bench(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Measure this machine in under a minute: matrix products, memory, our training steps and what limits them.

    Whatever else the machine does is measured too: close other programs first. `hornbook doctor` shows the last record.
    """
    import json
    from dataclasses import asdict

    from hornbook.cli import tables as presentation
    from hornbook.diagnose.bench import measure_machine

    found = measure_machine(lambda part: print(f"measuring {part} ...", file=sys.stderr))
    if as_json:
        print(json.dumps(asdict(found), indent=1))
    else:
        presentation.machine_speed(found)


@app.command()
def doctor() -> None:
    """Say what this machine and installation offer, and the command that mends each gap."""
    from hornbook.cli import tables as presentation
    from hornbook.diagnose.doctor import examine

    presentation.findings(examine(Path("runs")))
