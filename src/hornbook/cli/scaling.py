"""`hornbook scaling`: scaling laws of points that you have."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import OBJECTIVES, Json, Plain, answer, loading, place
from hornbook.console import View, work_lasts
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
    out: Annotated[Path | None, Option(metavar="DIRECTORY", parser=place, help="Where to write charts (SVG).")] = None,
    as_json: Json = False,
) -> None:
    """Fit L = E + A/N^alpha + B/D^beta to points, with intervals, beside the other two approaches of Hoffmann et al."""
    from hornbook.cli.tables.scaling_tables import print_conventions, print_summary
    from hornbook.scaling.pictures import write_pictures
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
        if out is not None and column not in others:
            written = write_pictures(found[column], out / column if params else out)
            view.say(f"charts: {', '.join(map(str, written))}")
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


SWEEP_EXAMPLES = """Examples

hornbook scaling sweep BOOK.txt --budget 2h --out runs/sweep

hornbook scaling sweep BOOK.txt --minutes 30 --objective masked --out runs/masked  ·  by the objective's own loss

The same command goes on with a sweep that was stopped."""


@app.command(epilog=SWEEP_EXAMPLES)
def sweep(
    text: Annotated[
        list[str], Argument(metavar="TEXT", help="Text as for `pretrain`; settings a.b=c.", show_default=False)
    ],
    out: Annotated[Path, Option(metavar="PATH", parser=place, help="Directory of the sweep.", show_default=False)],
    budget: Annotated[str, Option(metavar="TIME", help="Time for all runs together: 2h, 30m.")] = "",
    minutes: Annotated[float, Option(min=0, help="The same in minutes.")] = 0,
    objective: Annotated[str, Option(help=f"{OBJECTIVES}.")] = "causal",
    resamples: Annotated[int, Option(min=0, help="Resamples of the points for intervals; 0 = none.")] = 1000,
    plain: Plain = False,
) -> None:
    """Train sizes x token counts on a text, as many as fit into a time, and fit a scaling law to them."""
    from hornbook.cli.request import is_assignment
    from hornbook.cli.tables.scaling_tables import print_costs
    from hornbook.study.grid import Asked, minutes_of

    if bool(budget) == bool(minutes):
        raise UserError("Say how long the sweep may take: --budget 2h, or --minutes.")
    work_lasts()
    settings = tuple(item for item in text if is_assignment(item))
    paths = tuple(item for item in text if item not in settings)
    with loading():
        from hornbook.study.scaling_sweep import plan_sweep, run_sweep

    asked = Asked(paths, minutes or minutes_of(budget), objective, settings)
    print_costs(plan_sweep(asked, out, View(plain)))
    run_sweep(out, plain)
    if objective != "causal":
        tables.sentence(f"The loss is that of {objective}: nats per target that it scores. Compare it with no other.")
    fit(out, None, "loss", None, "1,2,3", resamples, out, False)


@app.command()
def rates(
    points: Annotated[
        Path,
        Argument(metavar="POINTS", parser=place, help="CSV file: params, tokens, lr, batch, loss.", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """Read off the best learning rate and batch of each size and number of tokens, from runs over a grid of both."""
    from hornbook.cli.tables.scaling_tables import print_rates
    from hornbook.scaling.rates import power_laws, read_rates

    found = read_rates(points)
    laws = power_laws(found)
    told = {"settings": [dataclasses.asdict(one) for one in found], "power_laws": laws}
    answer(told, True, print) if as_json else print_rates(found, laws)
