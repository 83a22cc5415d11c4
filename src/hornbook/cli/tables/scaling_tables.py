"""What `hornbook scaling` prints of fits, sweeps and rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hornbook.cli import tables
from hornbook.console import quantity

if TYPE_CHECKING:
    from hornbook.scaling.rates import BestRate
    from hornbook.study.grid import Grid

_FAR = 10.0  # an extrapolation beyond that says so louder


def print_summary(column: str, found: Mapping[str, Any]) -> None:
    """Print what `hornbook.scaling.summary` found of points for one way of counting parameters."""
    low, high = found["flops"]
    left_out = f", {found['dropped']} more are marked as excluded" if found["dropped"] else ""
    tables.sentence(f"{found['points']} points from {low:.1e} to {high:.1e} FLOPs{left_out}; N is {column}", "bold")
    law = found.get("approach3", {})
    if "refused" in law:
        tables.sentence(f"No law of size and tokens: {law['refused']}.")
        told = found["compute"]
        tables.sentence(
            f"What they tell is the loss of compute alone, for models like these: L = {told['E']:.4g} + "
            f"{told['K']:.4g} / C^{told['gamma']:.4g}. It says nothing of the best size."
        )
    _coefficients(found)
    held = found.get("hold_out", {})
    if "median" in held:
        tables.sentence(
            f"The law of the smaller budgets predicts the largest {held['points']} points, up to "
            f"{held['beyond']:.1f} times beyond them, with a median error of {held['median']:.2%} "
            f"(90 %: {held['p90']:.2%})."
        )
    elif held:
        tables.sentence(f"No hold-out: {held['refused']}")
    if repeats := found.get("repeats"):
        tables.sentence(
            f"Repeats are not known: {repeats['refused']}."
            if "refused" in repeats
            else f"Repeats: R_D is {repeats['R_D']:.3g}, from {repeats['runs']} runs of up to "
            f"{repeats['most_epochs']:.0f} readings; the published one is 15.4."
        )
    if found["noise"] is not None:
        tables.sentence(f"Between seeds the loss differs by {found['noise']:.2%} (one standard deviation).")
    for best in found["optima"]:
        _optimum(best)


def _coefficients(found: Mapping[str, Any]) -> None:
    law, rows = found.get("approach3", {}), []
    ends = law.get("intervals", {})
    if "E" in law:
        rows = [
            (name, f"{law[name]:.6g}", f"{ends[name][0]:.4g} to {ends[name][1]:.4g}" if name in ends else "")
            for name in ("E", "A", "B", "alpha", "beta")
        ]
        rows.append(("sum of Huber losses", f"{law['objective']:.6e}", ""))
        rows.append(("exponent of N", f"{law['exponent']:.4f}", "approach 3"))
    for number in (1, 2):
        if f"approach{number}" in found:
            power = found[f"approach{number}"]
            rows.append(
                ("exponent of N", f"{power['exponent']:.4f}", f"approach {number}")
                if power
                else ("exponent of N", "-", f"approach {number}: fewer than three budgets have an optimum")
            )
    if rows:
        tables.table({"law": "bold", "value": "green", "interval of 95 %": ""}, rows, numbers=True)


def _optimum(best: Mapping[str, Any]) -> None:
    within = best["N_interval"]
    sure = f" ({quantity(within[0])} to {quantity(within[1])})" if within else ""
    far = ""
    if best["beyond"] > 1:
        far = f"; {best['beyond']:.3g} times beyond the points"
        far += ", an extrapolation" if best["beyond"] > _FAR else ""
    others = [
        f"approach {number} says {quantity(best[f'approach{number}']['N'])} "
        f"({best[f'approach{number}']['difference']:+.0%})"
        for number in (1, 2)
        if f"approach{number}" in best
    ]
    beside = f"; {', '.join(others)}" if others else ""
    tables.sentence(
        f"For {best['flops']:.2e} FLOPs: {quantity(best['N'])} parameters{sure}, {quantity(best['D'])} tokens, "
        f"{best['tokens_per_parameter']:.3g} each; loss {best['loss']:.3f}{far}{beside}."
    )


def print_conventions(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the laws of several ways of counting parameters, side by side, with the ratio D / N of each."""
    rows, budgets = [], list[float]()
    for column, told in found.items():
        law = told["approach3"]
        if "refused" in law:
            rows.append((column, *[""] * 4, law["refused"]))
            continue
        budgets = [best["flops"] for best in told["optima"]]
        ratios = " ".join(f"{best['tokens_per_parameter']:.3g}" for best in told["optima"])
        rows.append((
            column, f"{law['E']:.4f}", f"{law['alpha']:.4f}", f"{law['beta']:.4f}", f"{law['exponent']:.4f}", ratios,
        ))  # fmt: skip
    ratio = f"D / N at {', '.join(f'{budget:.1e}' for budget in budgets)} FLOPs"
    tables.sentence("The same runs, parameters counted in other ways", "bold")
    columns = ("N is", "E", "alpha", "beta", "exponent of N", ratio)
    tables.table(dict.fromkeys(columns, "") | {"N is": "bold"}, rows, numbers=True)
    tables.sentence('"Tokens a parameter" depends on what is counted: compare it only within one way of counting.')


def print_rates(found: Sequence[BestRate], laws: Mapping[str, float]) -> None:
    """Print the best rate and batch of each setting, beside the best run, and the power laws through them."""
    rows = [
        (
            quantity(one.parameters), quantity(one.tokens), f"{one.rate:.3g}", f"{one.batch:.4g}", f"{one.loss:.4f}",
            f"{one.best_run[0]:.3g}, {one.best_run[1]:.4g}, {one.best_run[2]:.4f}",
            f"{one.grid_steps[0]:.2f}, {one.grid_steps[1]:.2f}" if one.inside else "no minimum inside",
            f"{one.fitted} of {one.runs}",
        )
        for one in found
    ]  # fmt: skip
    columns = ("parameters", "tokens", "rate", "batch", "loss", "best run", "steps of the grid from it", "runs fitted")
    tables.table(dict.fromkeys(columns, "") | {"parameters": "bold", "rate": "green", "batch": "green"}, rows, True)
    if laws:
        tables.sentence(
            f"rate ~ N^{laws['rate_by_params']:.2f} D^{laws['rate_by_tokens']:.2f}, batch ~ "
            f"D^{laws['batch_by_tokens']:.2f}; few settings tell these exponents only roughly. Li et al. 2025 have "
            "-0.71, 0.31 and 0.57."
        )


def print_costs(grid: Grid) -> None:
    """Print what a sweep will do and take, before it does."""
    from hornbook.study.grid import work

    tokens = [number * grid.tokens_per_step for number in grid.steps]
    whole = work(grid.steps)
    costs = dict(grid.costs)
    rows = [
        (
            size.name, quantity(size.params), f"{size.seconds:.3g}", f"{whole * size.flops:.2e}",
            " ".join(f"{count / size.params:.3g}" for count in tokens), f"{costs[size.name] / 60:.1f}",
        )
        for size in grid.sizes
    ]  # fmt: skip
    rows.append(("second seeds", "", "", "", "", f"{costs['second seeds'] / 60:.1f}"))
    tables.sentence(
        f"{len(grid.sizes)} sizes, each on {', '.join(map(quantity, tokens))} tokens, {grid.rows} rows a step, one "
        f"text of {quantity(grid.unique)} tokens (read up to {tokens[-1] / grid.unique:.1f} times), objective "
        f"{grid.asked.objective}",
        "bold",
    )
    columns = ("width x layers", "parameters", "seconds a step", "FLOPs", "tokens a parameter", "minutes")
    tables.table(dict.fromkeys(columns, "") | {"width x layers": "bold"}, rows, numbers=True)
    tables.sentence(
        f"Steps take about {grid.seconds / 60:.1f} of the {grid.asked.minutes:g} minutes; starts and measurements take "
        f"the rest. Trunks and branches cost {whole / grid.steps[-1]:.2f} times the longest runs, instead of "
        f"{sum(grid.steps) / grid.steps[-1]:.2f}."
    )
