"""Do fits of scaling laws find what is known, and do their intervals hold the truth as often as they say?

    python benchmarks/scaling_fit.py [POINTS.csv ...]     writes its result; a few minutes of one core
    python benchmarks/scaling_fit.py --simulations 20     fewer simulations

Each file is fitted as it is, in its column `params` and, where it has it, `params_no_embed`, on each column that begins
with `loss`. Each simulation draws a law, its losses at 6 sizes x 4 token counts with noise of half a percent, and the
interval of 95 % from resampled points; told is how often the interval holds the law's own value.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import math
import operator
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.artifacts import write_file
from hornbook.scaling.fit import fit_law
from hornbook.scaling.laws import Law
from hornbook.scaling.points import Points, read_points
from hornbook.scaling.summary import summary

RESULT = Path(__file__).parent / "results" / "scaling_fit.json"
NOISE, RESAMPLES = 0.005, 200
KNOWN: dict[str, Callable[[Law], float]] = {
    **{name: operator.attrgetter(name) for name in ("E", "alpha", "beta")},
    "exponent of N": lambda law: law.beta / (law.alpha + law.beta),
    "N, 10 times beyond the points": lambda law: law.optimum(2e21)[0],
    "loss there": lambda law: law.loss(*law.optimum(2e21)),
}


def fitted(path: Path) -> list[dict[str, Any]]:
    """Return the fits of each column of parameters and of losses in a file."""
    with path.open(encoding="utf-8") as file:
        names = next(csv.reader(file))
    rows = []
    for parameters in [name for name in names if name in ("params", "params_no_embed")]:
        for loss in [name for name in ("loss", "loss_paloma_c4", "loss_c4_val") if name in names]:
            points = read_points(path, parameters, loss)
            rows.append({"file": path.name, "parameters": parameters, "loss": loss, **summary(points, fit_law(points))})
    return rows


def simulated(number: int) -> dict[str, bool]:
    """Return for each known value whether its interval holds it."""
    draws = np.random.default_rng(number)
    alpha, beta = draws.uniform(0.25, 0.45), draws.uniform(0.2, 0.45)
    law = Law(1.8, 0.6 * 1e8**alpha, 0.6 * 3e9**beta, alpha, beta)
    size, tokens = map(np.ravel, np.meshgrid(np.logspace(7, 9, 6), np.logspace(8.5, 10.5, 4)))
    loss = law.E + law.A / size**alpha + law.B / tokens**beta
    points = Points(size, tokens, 6 * size * tokens, loss * np.exp(draws.normal(0, NOISE, len(loss))))
    found = fit_law(points, RESAMPLES)
    ends = {name: found.interval(what) for name, what in KNOWN.items()}
    return {name: low <= KNOWN[name](law) <= high for name, (low, high) in ends.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points", nargs="*", type=Path)
    parser.add_argument("--simulations", type=int, default=200)
    given = parser.parse_args()
    begun = time.monotonic()
    fits = [row for path in given.points for row in fitted(path)]
    for row in fits:
        law = row["approach3"]
        told = " ".join(f"{name} {law[name]:.6g}" for name in ("E", "A", "B", "alpha", "beta"))
        print(f"{row['file']} {row['parameters']} {row['loss']}: {told} objective {law['objective']:.6e}")
    held: list[dict[str, bool]] = []
    for number in range(given.simulations):
        held.append(simulated(number))
        if number % 10 == 9:
            print(f"{number + 1} of {given.simulations} simulations, {time.monotonic() - begun:.0f} s", flush=True)
    coverage = {name: float(np.mean([row[name] for row in held])) for name in KNOWN} if held else {}
    for name, share in coverage.items():
        print(f"interval of 95 % holds {name}: {share:.1%} (+- {1.96 * math.sqrt(0.05 * 0.95 / len(held)):.1%})")
    result = {
        "date": datetime.date.today().isoformat(), "fits": fits, "coverage": coverage, "simulations": given.simulations,
        "noise": NOISE, "resamples": RESAMPLES,
    }  # fmt: skip
    write_file(RESULT, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
