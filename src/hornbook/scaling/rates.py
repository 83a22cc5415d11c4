"""The best learning rate and batch of each setting, read off a quadratic in their logarithms through the best runs.

    ln L = c0 + c1 r + c2 b + c3 r^2 + c4 r b + c5 b^2        r = ln(lr), b = ln(batch)

Far from the optimum a loss is no quadratic, and some runs diverge: only the runs near the best one are fitted. Where
the quadratic has no minimum inside what was tried, the optimum lies on the edge: the best run is told, and that.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import UserError
from hornbook.scaling.points import opened

Floats = NDArray[np.float64]
_NEAR = 0.0045  # runs within this share of the best loss are fitted: chosen on the runs of Li et al. 2025
_FITTED, _FEWEST = 15, 9  # as many at least, of a setting with so many runs: there are six coefficients
COLUMNS = ("params", "tokens", "lr", "batch", "loss")


@dataclass(frozen=True)
class BestRate:
    """What is best for models of one size on so many tokens.

    rate, batch       at the minimum of the quadratic; the best run's where `inside` is false
    loss              predicted there
    best_run          (rate, batch, loss) of the best run
    grid_steps        how many steps of the rates and of the batches tried the minimum is from the best run
    runs, fitted      how many there are, and how many the quadratic is through
    inside            whether the minimum lies within what was tried
    """

    parameters: float
    tokens: float
    rate: float
    batch: float
    loss: float
    best_run: tuple[float, float, float]
    grid_steps: tuple[float, float]
    runs: int
    fitted: int
    inside: bool


def read_rates(path: Path) -> list[BestRate]:
    """Return what is best for each setting (params, tokens) of a CSV file with params, tokens, lr, batch and loss.

    A column whose name begins with batch will do. Rows without a finite loss are runs that diverged, and left out.
    Raises UserError where a column is missing, a value is no number above 0, or a setting has too few runs.
    """
    rows = _read(path)
    found = []
    for parameters, tokens in sorted({(row[0], row[1]) for row in rows}):
        own = np.array([row[2:] for row in rows if (row[0], row[1]) == (parameters, tokens)])
        found.append(best_rate(parameters, tokens, own[:, 0], own[:, 1], own[:, 2]))
    return found


def best_rate(parameters: float, tokens: float, rate: Floats, batch: Floats, loss: Floats) -> BestRate:
    """Return what is best of one setting's runs, float64[n] each."""
    rates, batches = len(np.unique(rate)), len(np.unique(batch))
    if len(loss) < _FEWEST or rates < 3 or batches < 3:
        raise UserError(
            f"The setting of {parameters:g} parameters and {tokens:g} tokens has {len(loss)} runs, {rates} rates and "
            f"{batches} batches: it takes {_FEWEST} runs, 3 rates and 3 batches."
        )
    order = np.argsort(loss, kind="stable")
    near = max(min(_FITTED, len(loss)), int((loss <= (1 + _NEAR) * loss.min()).sum()))
    chosen, best = order[:near], int(order[0])
    middle = np.log(rate[best]), np.log(batch[best])
    r, b = np.log(rate[chosen]) - middle[0], np.log(batch[chosen]) - middle[1]
    terms = np.stack([np.ones(near), r, b, r * r, r * b, b * b], 1)
    height, by_rate, by_batch, bend, cross, bow = np.linalg.lstsq(terms, np.log(loss[chosen]), rcond=None)[0].tolist()
    curve = np.array([[2 * bend, cross], [cross, 2 * bow]])
    run = (float(rate[best]), float(batch[best]), float(loss[best]))
    x = np.zeros(2)
    inside = bool(np.all(np.linalg.eigvalsh(curve) > 0))
    if inside:
        x = np.linalg.solve(curve, [-by_rate, -by_batch])
        place = x + middle
        inside = all(
            values.min() * (1 - 1e-9) <= math.exp(at) <= values.max() * (1 + 1e-9)
            for values, at in zip((rate, batch), place.tolist(), strict=True)
        )
    if not inside:
        return BestRate(parameters, tokens, *run, run, (0.0, 0.0), len(loss), near, False)
    told = height + by_rate * x[0] + by_batch * x[1] + 0.5 * float(x @ curve @ x)
    steps = _steps(rate, math.exp(x[0])), _steps(batch, math.exp(x[1]))
    return BestRate(
        parameters, tokens, run[0] * math.exp(x[0]), run[1] * math.exp(x[1]), math.exp(told), run, steps, len(loss),
        near, True,
    )  # fmt: skip


def _steps(tried: Floats, factor: float) -> float:
    """Return a factor in steps of the values that were tried, the median one between neighbours."""
    return abs(math.log(factor)) / float(np.median(np.diff(np.log(np.unique(tried)))))


def power_laws(found: Sequence[BestRate]) -> Mapping[str, float]:
    """Return the exponents of rate ~ N^a D^b and batch ~ D^c through the optima; empty below four of them."""
    inside = [one for one in found if one.inside]
    if len(inside) < 4 or len({one.parameters for one in inside}) < 2 or len({one.tokens for one in inside}) < 2:
        return {}
    size, tokens = (np.log([getattr(one, name) for one in inside]) for name in ("parameters", "tokens"))
    terms = np.stack([np.ones(len(inside)), size, tokens], 1)
    _, by_size, by_tokens = np.linalg.lstsq(terms, np.log([one.rate for one in inside]), rcond=None)[0].tolist()
    slope = float(np.polyfit(tokens, np.log([one.batch for one in inside]), 1)[0])
    return {"rate_by_params": by_size, "rate_by_tokens": by_tokens, "batch_by_tokens": slope}


def _read(path: Path) -> list[tuple[float, ...]]:
    with opened(path) as file:
        reader = csv.DictReader(file)
        names = [name for name in reader.fieldnames or () if name]
        taken = {column: column for column in COLUMNS}
        taken["batch"] = next((name for name in names if name.startswith("batch")), "batch")
        for name in taken.values():
            if name not in names:
                raise UserError(f"{path} has no column {name!r}; it has {', '.join(names) or 'none'}.")
        rows = []
        for row in reader:
            values = tuple(_number(row[name], name, path, reader.line_num) for name in taken.values())
            if math.isfinite(values[-1]):
                rows.append(values)
    if not rows:
        raise UserError(f"{path} has no runs.")
    return rows


def _number(text: str | None, name: str, path: Path, line: int) -> float:
    if name == "loss" and (text or "").strip().lower() in ("", "nan", "inf"):
        return math.inf
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not value > 0:
        raise UserError(f"{path}, line {line}: {name} must be a number above 0, not {text!r}.")
    return value
