"""`hornbook scaling`: scaling laws of points that you have."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Json, answer, place
from hornbook.console import View, quantity
from hornbook.errors import UserError

app = typer.Typer(help="Fit scaling laws, and read off the best size for a budget.", no_args_is_help=True)
_EXAMPLES = """Examples

hornbook scaling fit points.csv --flops 1e21 --flops 1e24

hornbook scaling fit runs.csv --params params --params params_no_embed --loss loss_c4_val

hornbook scaling fit runs/sweep  ·  the points of a sweep or of a study

A file needs the columns params, tokens and loss, one row for each run that was trained to its end; flops and unique
(tokens of the text) may stand beside them, and rows with a mark in a column `excluded` are left out."""


@app.command(epilog=_EXAMPLES)
def fit(
    points: Annotated[
        Path,
        Argument(metavar="POINTS", parser=place, help="CSV file, or directory of a sweep.", show_default=False),
    ],
    params: Annotated[
        list[str] | None, Option(metavar="COLUMN", help="Column with the parameters; several for one fit each.")
    ] = None,
    loss: Annotated[str, Option(metavar="COLUMN", help="Column with the loss in nats per token.")] = "loss",
    flops: Annotated[list[float] | None, Option(metavar="C", help="Budget to find the best size for.")] = None,
    approach: Annotated[str, Option(help="Approaches to use, separated by commas; 3 is the answer.")] = "1,2,3",
    resamples: Annotated[int, Option(min=0, help="Resamples of the points for intervals; 0 = none.")] = 1000,
    as_json: Json = False,
) -> None:
    """Fit L = E + A/N^alpha + B/D^beta to points, with intervals, beside the other two approaches of Hoffmann et al."""
    from hornbook.cli.scaling_tables import print_conventions, print_summary
    from hornbook.scaling.points import conventions
    from hornbook.scaling.summary import summarise
    from hornbook.study.points import points_file

    chosen = _approaches(approach)
    file = points_file(points)
    view, found = View(silent=as_json), {}
    others = [] if params else [name for name in conventions(file) if name != "params"]
    for column in [*(params or ["params"]), *others]:
        with view.stage(f"fitting the law ({column})", "resamples") as update:
            number = 0 if column in others else resamples
            found[column] = summarise(file, column, loss, flops or (), number, chosen, update)
        if not as_json and column not in others:
            print_summary(column, found[column])
    if as_json:
        told = found if params else found["params"] | ({"conventions": found} if others else {})
        answer(told, True, print)
    elif len(found) > 1 and 3 in chosen:
        print_conventions(found)


def _approaches(given: str) -> list[int]:
    names = [name.strip() for name in given.split(",")]
    if not names or any(name not in ("1", "2", "3") for name in names):
        raise UserError(f"--approach takes 1, 2 and 3, separated by commas, not {given!r}.")
    return sorted({int(name) for name in names})


@app.command()
def rates(
    points: Annotated[
        Path,
        Argument(metavar="POINTS", parser=place, help="CSV file: params, tokens, lr, batch, loss.", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """Read off the best learning rate and batch of each size and number of tokens, from runs over a grid of both."""
    from hornbook.cli.scaling_tables import print_rates
    from hornbook.scaling.rates import power_laws, read_rates

    found = read_rates(points)
    laws = power_laws(found)
    told = {"settings": [dataclasses.asdict(one) for one in found], "power_laws": laws}
    answer(told, True, print) if as_json else print_rates(found, laws)


PLAN_EXAMPLES = """Examples

hornbook plan --flops 1e24  ·  what each law and rule spends them on

hornbook plan --flops 1e21 --unique 10e9  ·  with 10 billion tokens of text, repeats counted at what they are worth

hornbook plan --flops 1e18 --fit points.csv  ·  beside a law of your own runs

hornbook plan --params 175e9 --tokens 300e9  ·  what a run spends, and what else that would buy"""


def plan(
    flops: Annotated[float | None, Option(metavar="C", help="Training FLOPs to spend.")] = None,
    params: Annotated[float | None, Option(metavar="N", help="Parameters of a run; with --tokens.")] = None,
    tokens: Annotated[float | None, Option(metavar="D", help="Tokens that the run reads; with --params.")] = None,
    unique: Annotated[float | None, Option(metavar="U", help="Tokens of text at hand; more are repeats.")] = None,
    points: Annotated[
        Path | None, Option("--fit", metavar="POINTS", parser=place, help="Runs of yours, as for `scaling fit`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which size and how many tokens a number of FLOPs is best spent on, by each law and rule that is known."""
    from hornbook.scaling.fit import fit_law
    from hornbook.scaling.plans import choices, spent
    from hornbook.scaling.points import read_points

    if (flops is None) == (params is None) or (params is None) != (tokens is None):
        raise UserError("Say either --flops, or --params and --tokens together.")
    run = None
    if params is not None and tokens is not None:
        flops, ratio = spent(params, tokens)
        run = {"parameters": params, "tokens": tokens, "flops": flops, "tokens_per_parameter": ratio}
    assert flops is not None
    own = {} if points is None else {points.name: fit_law(read_points(points)).law}
    found = choices(flops, math.inf if unique is None else unique, own)
    if as_json:
        answer({"run": run, "flops": flops, "choices": [dataclasses.asdict(choice) for choice in found]}, True, print)
        return
    if run is not None:
        tables.sentence(
            f"{quantity(run['parameters'])} parameters on {quantity(run['tokens'])} tokens: {flops:.2e} FLOPs "
            f"(6 N D), {run['tokens_per_parameter']:.2f} tokens a parameter."
        )
    tables.sentence(f"What {flops:.2e} FLOPs are best spent on", "bold")
    rows = []
    for choice in found:
        far = f"; {choice.beyond:,.0f} times beyond its points" if choice.beyond > 1 else ""
        read = "" if choice.epochs is None else f"{choice.epochs:.2f}"
        loss = "" if choice.loss is None else f"{choice.loss:.3f}"
        rows.append((
            choice.name, quantity(choice.parameters), quantity(choice.tokens),
            f"{choice.tokens / choice.parameters:.1f}", read, loss, f"{choice.mark}: {choice.source}{far}",
        ))  # fmt: skip
    columns = ("by", "parameters", "tokens", "tokens each", "epochs", "loss", "what it is")
    tables.table(dict.fromkeys(columns, "") | {"by": "bold"}, rows, numbers=True)
    tables.sentence("Losses are of each law's own text and tokenizer: compare them within a row, not between rows.")
