"""All that fits of points say, as plain values: for JSON, tables and pictures.

approach1..3   exponents, coefficients, intervals, objective
compute        L = E + K / C**gamma, which points that identify no law of size and tokens tell all the same
hold_out       how the law of the smaller budgets predicts the largest
isoflops       the runs of each budget, and the parabola through them
residuals      of each run: what was measured, what the law says, the difference of their logarithms
noise          deviation of ln L between runs of one size and token count, such as seeds; None where there are none
repeats        what repeated tokens are worth, where points have them
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.errors import UserError
from hornbook.scaling.fit import Fit, envelope, fit_law, hold_out, isoflops, loss_of_compute, parabolas
from hornbook.scaling.points import Points, read_points, unidentified
from hornbook.scaling.repeats import fit_repeats

NAMES = ("E", "A", "B", "alpha", "beta")
APPROACHES = (1, 2, 3)
_NOT_SIX = 0.1


def summary(points: Points, fit: Fit | None, approaches: Sequence[int] = APPROACHES) -> dict[str, Any]:
    """Return what the chosen approaches say of points, and how far approaches 1 and 2 are from 3.

    fit   approach 3; None where the points identify no law: then its place has the reason, and `compute` is the answer
    Raises UserError where points identify nothing at all.
    """
    found: dict[str, Any] = {"points": len(points), "dropped": points.dropped, "flops": points.span}
    for number, power in ((1, envelope(points)), (2, parabolas(points))):
        if number in approaches:
            found[f"approach{number}"] = power and {
                "exponent": power.exponent, "factor": power.factor, "budgets": len(power.optima),
                "optima": [{"flops": flops, "N": size} for flops, size in power.optima],
            }  # fmt: skip
    if 3 in approaches:
        found["approach3"] = {"refused": unidentified(points)} if fit is None else _law(fit)
    try:
        found["compute"] = dict(zip(("E", "K", "gamma"), loss_of_compute(points), strict=True))
    except UserError as error:
        if fit is None:
            raise UserError(f"{unidentified(points)[:1].upper()}{unidentified(points)[1:]}. {error}") from error
        found["compute"] = {"refused": str(error)}
    found["isoflops"] = _isoflops(points)
    found["noise"] = _noise(points)
    if fit is not None:
        found["hold_out"] = _hold_out(points)
        found["residuals"] = _residuals(points, fit)
        found["repeats"] = fit_repeats(points, fit)
    return found


def _law(fit: Fit) -> dict[str, Any]:
    law = fit.law
    found: dict[str, Any] = {**dict(zip(NAMES, law.coefficients, strict=True)), "objective": fit.objective}
    found["exponent"] = law.beta / (law.alpha + law.beta)
    if fit.resampled:
        ends = [fit.interval(operator.attrgetter(name)) for name in NAMES]
        found["intervals"] = dict(zip(NAMES, ends, strict=True))
    return found


def _hold_out(points: Points) -> dict[str, Any]:
    try:
        median, most, number = hold_out(points)
    except UserError as error:
        return {"refused": str(error)}
    last = np.sort(points.flops)
    return {"median": median, "p90": most, "points": number, "beyond": float(last[-1] / last[-number - 1])}


def _noise(points: Points) -> float | None:
    pairs = np.stack([points.parameters, points.tokens], 1)
    _, which, number = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    degrees = int((number - 1).sum())
    if not degrees:
        return None
    which, loss = which.ravel(), np.log(points.loss)
    means = np.bincount(which, loss) / number
    return math.sqrt(float(((loss - means[which]) ** 2).sum()) / degrees)


def _isoflops(points: Points) -> list[dict[str, Any]]:
    return [
        {
            "flops": one.flops, "sizes": one.points.parameters.tolist(), "losses": one.points.loss.tolist(),
            "parabola": [one.curve, one.slope, one.height],  # of ln N
            "best": None if one.best is None else math.exp(one.best),
        }
        for one in isoflops(points)
    ]  # fmt: skip


def _residuals(points: Points, fit: Fit) -> list[dict[str, float]]:
    columns = (points.parameters, points.tokens, points.flops, points.loss)
    found = []
    for size, tokens, flops, loss in zip(*(column.tolist() for column in columns), strict=True):
        told = fit.law.loss(size, tokens)
        found.append({
            "params": size, "tokens": tokens, "flops": flops, "loss": loss, "predicted": told,
            "residual": math.log(loss / told),
        })  # fmt: skip
    return found


def cost_of_a_pair(points: Points) -> float:
    """Return C / (N D): 6, or the median of the points where that is more than a tenth from it.

    In small models it is: attention has a share, and what N does not count.
    """
    found = float(np.median(points.flops / points.parameters / points.tokens))
    return found if abs(found / 6 - 1) > _NOT_SIX else 6.0


def optimum(points: Points, fit: Fit, flops: float, found: dict[str, Any]) -> dict[str, Any]:
    """Return the best size and tokens for a budget, with the interval of the size, and how far that is beyond.

    The budget is in FLOPs as the points have them. `found` is the summary of the points: for what approaches 1 and 2
    say of the size, and how far that is from approach 3.
    """
    share = 6 / cost_of_a_pair(points)
    size, tokens = fit.law.optimum(share * flops)
    interval = fit.interval(lambda law: law.optimum(share * flops)[0]) if fit.resampled else None
    low, high = points.span
    told: dict[str, Any] = {
        "flops": flops, "N": size, "D": tokens, "tokens_per_parameter": tokens / size, "N_interval": interval,
        "loss": fit.law.loss(size, tokens), "beyond": max(flops / high, low / flops, 1.0),
    }  # fmt: skip
    for number in (1, 2):
        if power := found.get(f"approach{number}"):
            other = power["factor"] * flops ** power["exponent"]
            told[f"approach{number}"] = {"N": other, "difference": other / size - 1}
    return told


def summarise(
    path: Path,
    column: str,
    loss: str,
    flops: Sequence[float],
    resamples: int,
    approaches: Sequence[int] = APPROACHES,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Return the summary of a file's points for one way of counting parameters, with the optima of budgets.

    Without any budget given, the optimum of the largest one among the points is told.
    """
    points = read_points(path, column, loss)
    identified = not unidentified(points)
    fit = fit_law(points, resamples if 3 in approaches else 0, progress) if identified else None
    found = summary(points, fit, approaches)
    found["flops_per_parameter_and_token"] = cost_of_a_pair(points)
    found["optima"] = (
        [] if fit is None else [optimum(points, fit, budget, found) for budget in flops or points.span[1:]]
    )
    return found
