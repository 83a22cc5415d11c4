"""`hornbook scaling`: scaling laws of points that you have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Json, answer, place
from hornbook.console import View, quantity

if TYPE_CHECKING:
    from hornbook.scaling.fit import Fit
    from hornbook.scaling.points import Points

app = typer.Typer(help="Fit scaling laws, and read off the best size for a budget.", no_args_is_help=True)
_EXAMPLES = """Examples

hornbook scaling fit points.csv --flops 1e21 --flops 1e24

hornbook scaling fit runs.csv --params params --params params_no_embed --loss loss_c4_val

A file needs the columns params, tokens and loss, one row for each run that was trained to its end; flops may stand
beside them, and rows with a mark in a column `excluded` are left out."""


@app.command(epilog=_EXAMPLES)
def fit(
    points: Annotated[
        Path, Argument(metavar="POINTS", parser=place, help="CSV file: params, tokens, loss.", show_default=False)
    ],
    params: Annotated[
        list[str] | None, Option(metavar="COLUMN", help="Column with the parameters; several for one fit each.")
    ] = None,
    loss: Annotated[str, Option(metavar="COLUMN", help="Column with the loss in nats per token.")] = "loss",
    flops: Annotated[list[float] | None, Option(metavar="C", help="Budget to find the best size for.")] = None,
    resamples: Annotated[int, Option(min=0, help="Resamples of the points for intervals; 0 = none.")] = 1000,
    as_json: Json = False,
) -> None:
    """Fit L = E + A/N^alpha + B/D^beta to points, with intervals, beside the other two approaches of Hoffmann et al."""
    from hornbook.scaling.fit import fit_law, summary
    from hornbook.scaling.points import read_points

    view, found = View(silent=as_json), {}
    for column in params or ["params"]:
        read = read_points(points, column, loss)
        with view.stage(f"fitting the law ({column})", "resamples") as update:
            law = fit_law(read, resamples, update)
        found[column] = {**summary(read, law), "optima": [_optimum(law, budget) for budget in flops or ()]}
        if not as_json:
            _print(column, read, law, found[column])
    if as_json:
        answer(found if params else found["params"], True, print)


def _optimum(fit: Fit, flops: float) -> dict[str, Any]:
    """Return the best size and tokens for a budget, with the interval of the size, and how far that is beyond."""
    size, tokens = fit.law.optimum(flops)
    interval = fit.interval(lambda law: law.optimum(flops)[0]) if fit.resampled else None
    beyond = max(flops / fit.law.span[1], fit.law.span[0] / flops, 1.0)
    return {"flops": flops, "N": size, "D": tokens, "N_interval": interval, "beyond": beyond}


def _print(column: str, points: Points, fit: Fit, found: dict[str, Any]) -> None:
    low, high = points.span
    left_out = f", {points.dropped} more are marked as excluded" if points.dropped else ""
    tables.sentence(f"{len(points)} points from {low:.1e} to {high:.1e} FLOPs{left_out}; N is {column}", "bold")
    ends = found["approach3"].get("intervals", {})
    law = fit.law
    rows = [
        (name, f"{value:.6g}", "" if name not in ends else f"{ends[name][0]:.4g} to {ends[name][1]:.4g}")
        for name, value in zip(("E", "A", "B", "alpha", "beta"), law.coefficients, strict=True)
    ]
    rows.append(("sum of Huber losses", f"{fit.objective:.6e}", ""))
    rows.append(("exponent of N", f"{law.beta / (law.alpha + law.beta):.4f}", "approach 3"))
    for name in ("approach1", "approach2"):
        if found[name]:
            rows.append(("exponent of N", f"{found[name]['exponent']:.4f}", f"approach {name[-1]}"))
    tables.table({"law": "bold", "value": "green", "interval of 95 %": ""}, rows, numbers=True)
    held = found["hold_out"]
    if "median" in held:
        tables.sentence(
            f"The law of the smaller budgets predicts the largest {held['points']} points with a median error of "
            f"{held['median']:.2%} (90 %: {held['p90']:.2%})."
        )
    for best in found["optima"]:
        within = best["N_interval"]
        sure = f" ({quantity(within[0])} to {quantity(within[1])})" if within else ""
        far = f"; {best['beyond']:.0f} times beyond the points" if best["beyond"] > 1 else ""
        tables.sentence(
            f"For {best['flops']:.2e} FLOPs: {quantity(best['N'])} parameters{sure}, {quantity(best['D'])} tokens{far}."
        )
