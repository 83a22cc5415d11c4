"""Fits of scaling laws to points, by the three approaches of Hoffmann et al. 2022. Needs scipy (extra `evidence`).

    approach 3   the parametric law: least SUM of Huber losses (1e-3) of ln L, from one start
    approach 2   IsoFLOP: at each budget a parabola through ln N and loss; its minimum; a power law through these
    approach 1   the best size at each budget, of the runs that there are; a power law through these

The objective of approach 3 is a sum, not a mean, and is handed to the optimizer a thousandfold: with means and usual
tolerances the optimizer stops far from the optimum (Besiroglu et al. 2024, appendix). The start is found by variable
projection: for a grid of (alpha, beta) the best (E, A, B) are a non-negative least squares problem.

Approach 2 is biased where the sampled sizes reach far, or lie to one side of the optimum: its exponent is right, its
intercept is not. It is a picture; approach 3 is the answer.

Shapes: n points; parameters of the fit are (ln A, ln B, ln E, alpha, beta).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.errors import UserError
from hornbook.scaling.laws import Law
from hornbook.scaling.points import Floats, Points, unidentified

_DELTA, _SCALE = 1e-3, 1e3
_TOLERANCE = 1e-15
_GRID = 12
_STREAM = 0x4C415753
_SAME_BUDGET = 0.15  # budgets whose logarithms are that near are one
_LOWEST = -50.0  # of ln E: a law without a floor
_FEWEST_BUDGETS, _BUDGET_SPAN = 4, 10.0
_FEWEST_SIZES, _FEWEST_OPTIMA, _SLICES = 4, 3, 25  # of a parabola; of a power law; budgets between


@dataclass(frozen=True)
class Fit:
    """Approach 3.

    law        its coefficients
    objective  sum of the Huber losses
    resampled  the laws of resampled points, for intervals; empty where none were asked for
    points     how many it was fitted on
    """

    law: Law
    objective: float
    points: int
    resampled: tuple[Law, ...] = ()

    def interval(self, what: Callable[[Law], float]) -> tuple[float, float]:
        """Return the interval of 95 % of a function of the law."""
        values = np.array([what(law) for law in self.resampled])
        low, high = np.quantile(values, [0.025, 0.975]).tolist()
        return low, high


@dataclass(frozen=True)
class Parabola:
    """The runs of one budget, and loss = curve ln(N)^2 + slope ln(N) + height through them.

    best   ln N of its minimum; None where that is not among the sizes, or there is none
    """

    points: Points
    curve: float
    slope: float
    height: float

    @property
    def flops(self) -> float:
        """The budget: the geometric mean of the runs'."""
        return float(np.exp(np.log(self.points.flops).mean()))

    @property
    def best(self) -> float | None:
        size = np.log(self.points.parameters)
        least = -self.slope / (2 * self.curve) if self.curve > 0 else math.inf
        return least if size.min() < least < size.max() else None


@dataclass(frozen=True)
class PowerLaw:
    """N = factor C**exponent, through the optima (C, N) of several budgets."""

    factor: float
    exponent: float
    optima: tuple[tuple[float, float], ...]

    def size(self, flops: float) -> float:
        """Return N for a budget."""
        return float(self.factor * flops**self.exponent)


def fit_law(points: Points, resamples: int = 0, progress: Callable[[int], None] | None = None) -> Fit:
    """Return approach 3's fit, with so many resamples of the points for intervals.

    `progress` is told how many resamples are done. Raises UserError where the points identify no law.
    """
    if why := unidentified(points):
        raise UserError(f"These {len(points)} points identify no law of size and tokens: {why}.")
    start = _start(points)
    found, objective = _optimum(points, start)
    resampled = []
    for number in range(resamples):
        draws = (keys.uniform(keys.row_keys(_STREAM, np.array([number])), len(points), 0)[0] * len(points)).astype(int)
        resampled.append(_law(_optimum(points.take(draws), found)[0], points))
        if progress is not None:
            progress(number + 1)
    return Fit(_law(found, points), objective, len(points), tuple(resampled))


def hold_out(points: Points, share: float = 0.1) -> tuple[float, float, int]:
    """Return how the law of the smaller budgets predicts the largest: (median error, 90 % error, points left out).

    Errors are shares of the loss. Raises UserError where the smaller ones identify no law.
    """
    number = max(1, round(share * len(points)))
    order = np.argsort(points.flops, kind="stable")
    law = fit_law(points.take(order[:-number])).law
    last = points.take(order[-number:])
    predicted = np.array([law.loss(n, d) for n, d in zip(last.parameters, last.tokens, strict=True)])
    errors = np.abs(predicted / last.loss - 1)
    return float(np.median(errors)), float(np.quantile(errors, 0.9)), number


def envelope(points: Points) -> PowerLaw | None:
    """Return approach 1, over the budgets at which at least two sizes were trained; None below three budgets."""
    best = [
        (group.flops[least], group.parameters[least])
        for group in _budgets(points)
        if len(group) > 1
        for least in [int(group.loss.argmin())]
    ]
    return _power(best)


def isoflops(points: Points) -> list[Parabola]:
    """Return a parabola through the runs of each budget at which at least four sizes were trained."""
    found = []
    for group in _budgets(points):
        size = np.log(group.parameters)
        if len(np.unique(size)) >= _FEWEST_SIZES:
            found.append(Parabola(group, *np.polyfit(size, group.loss, 2).tolist()))
    return found


def parabolas(points: Points) -> PowerLaw | None:
    """Return approach 2, over the budgets whose parabola has its minimum among the sizes; None below three."""
    return _power([(one.flops, math.exp(one.best)) for one in isoflops(points) if one.best is not None])


def loss_of_compute(points: Points) -> tuple[float, float, float]:
    """Return (E, K, gamma) of L = E + K / C**gamma: all that points of one ratio or one size can tell.

    Raises UserError where there are fewer than four budgets, or they span less than ten times.
    """
    budgets = 1 + int((np.diff(np.sort(np.log(points.flops))) > _SAME_BUDGET).sum())
    low, high = points.span
    if budgets < _FEWEST_BUDGETS or high / low < _BUDGET_SPAN:
        raise UserError(
            f"These {len(points)} points identify no law of compute either: they have {budgets} budgets that span a "
            f"factor of {high / low:.1f}, and it takes {_FEWEST_BUDGETS} that span {_BUDGET_SPAN:.0f}."
        )
    compute = np.log(points.flops / points.flops.min())

    def solved(gamma: float) -> tuple[float, Floats]:
        return _non_negative(np.stack([1 / points.loss, np.exp(-gamma * compute) / points.loss], 1))

    grid = np.linspace(0.02, 1.0, 197)
    gamma = float(grid[int(np.argmin([solved(value)[0] for value in grid]))])
    floor, factor = solved(gamma)[1].tolist()
    return floor, factor * float(points.flops.min()) ** gamma, gamma


def _budgets(points: Points) -> list[Points]:
    """Return the points of each budget, in ascending order.

    Where sizes were trained on the same token counts, few have one budget: then the budgets are log-spaced, and the
    loss of each size there lies straight between its own, in logarithms.
    """
    order = np.argsort(points.flops, kind="stable")
    compute = np.log(points.flops[order])
    borders = np.flatnonzero(np.diff(compute) > _SAME_BUDGET) + 1
    found = [points.take(part) for part in np.split(order, borders)]
    if sum(len(np.unique(group.parameters)) >= _FEWEST_SIZES for group in found) >= _FEWEST_OPTIMA:
        return found
    between = _between(points)
    return between if len(between) >= _FEWEST_OPTIMA else found


def _between(points: Points) -> list[Points]:
    """Return the points that interpolation gives at log-spaced budgets, where it gives enough sizes."""
    curves = []
    for size in np.unique(points.parameters):
        own = points.take(points.parameters == size)
        compute, which = np.unique(np.log(own.flops), return_inverse=True)
        loss = np.bincount(which, np.log(own.loss)) / np.bincount(which)  # of seeds the mean
        curves.append((size, compute, loss, float(np.median(own.flops / own.tokens))))
    found = []
    low, high = points.span
    for budget in np.linspace(math.log(low), math.log(high), _SLICES).tolist():
        here = [curve for curve in curves if curve[1][0] <= budget <= curve[1][-1]]
        if len(here) >= _FEWEST_SIZES:
            flops = np.full(len(here), math.exp(budget))
            loss = np.exp([np.interp(budget, compute, loss) for _, compute, loss, _ in here])
            tokens = flops / np.array([per_token for *_, per_token in here])
            found.append(Points(np.array([size for size, *_ in here]), tokens, flops, loss))
    return found


def _power(best: list[tuple[float, float]]) -> PowerLaw | None:
    if len(best) < _FEWEST_OPTIMA:
        return None
    compute, size = np.log(np.array(best)).T
    exponent, intercept = np.polyfit(compute, size, 1).tolist()
    return PowerLaw(math.exp(intercept), exponent, tuple(best))


def _start(points: Points) -> Floats:
    """Return the parameters from which the optimizer begins."""
    alphas = betas = np.linspace(0.05, 1.2, _GRID)
    found: tuple[float, float, float, Floats] = (math.inf, 0.0, 0.0, np.zeros(3))
    for _ in range(3):
        for alpha in alphas:
            for beta in betas:
                terms = np.stack([np.ones(len(points)), points.parameters**-alpha, points.tokens**-beta], 1)
                scales = terms.max(0)
                error, shares = _non_negative(terms / scales / points.loss[:, None])
                if error < found[0]:
                    found = error, float(alpha), float(beta), shares / scales
        width = float(alphas[1] - alphas[0])
        alphas = np.clip(np.linspace(found[1] - width, found[1] + width, 7), 1e-3, None)
        betas = np.clip(np.linspace(found[2] - width, found[2] + width, 7), 1e-3, None)
    floor, by_size, by_tokens = np.log(np.maximum(found[3], 1e-12)).tolist()
    return np.array([by_size, by_tokens, floor, found[1], found[2]])


def _non_negative(terms: Floats) -> tuple[float, Floats]:
    """Return (error, x) of the x >= 0 for which terms [n, k] times x is nearest to 1."""
    solution, error = _scipy().nnls(terms, np.ones(len(terms)))
    return float(error), solution


def huber(residual: Floats) -> Floats:
    """Return the Huber loss of each residual, quadratic up to 1e-3."""
    size = np.abs(residual)
    return np.where(size <= _DELTA, residual**2 / 2, _DELTA * (size - _DELTA / 2))


def objective_and_slope(values: Floats, size: Floats, tokens: Floats, loss: Floats) -> tuple[float, Floats]:
    """Return the sum of Huber losses and its gradient [5]; `size`, `tokens`, `loss` are logarithms, float64[n]."""
    a, b, e, alpha, beta = values
    parts = np.stack([a - alpha * size, b - beta * tokens, np.full(len(loss), e)])  # [3, n]
    most = parts.max(0)
    shares = np.exp(parts - most)
    total = shares.sum(0)
    residual = most + np.log(total) - loss
    shares /= total
    slope = np.clip(residual, -_DELTA, _DELTA)
    by = slope * shares
    gradient = [by[0].sum(), by[1].sum(), by[2].sum(), -(by[0] * size).sum(), -(by[1] * tokens).sum()]
    return float(huber(residual).sum()), np.array(gradient)


def _optimum(points: Points, start: Floats) -> tuple[Floats, float]:
    """Return (parameters, objective) at the optimum that is reached from `start`.

    Logarithms are centred while it searches: terms and exponents then hardly pull at each other, which saves most of
    the evaluations.
    """
    size, tokens, loss = (np.log(values) for values in (points.parameters, points.tokens, points.loss))
    middle = np.array([size.mean(), tokens.mean()])

    def scaled(values: Floats) -> tuple[float, Floats]:
        objective, slope = objective_and_slope(values, size - middle[0], tokens - middle[1], loss)
        return _SCALE * objective, _SCALE * slope

    centred = start.copy()
    centred[:2] -= start[3:] * middle
    limits = [(None, None), (None, None), (_LOWEST, None), (1e-4, None), (1e-4, None)]
    options = {"ftol": _TOLERANCE, "gtol": 1e-12, "maxiter": 5000, "maxfun": 20_000, "maxcor": 20}
    found = _scipy().minimize(scaled, centred, jac=True, method="L-BFGS-B", bounds=limits, options=options)
    values = found.x.copy()
    values[:2] += values[3:] * middle
    return values, float(found.fun) / _SCALE


def _law(values: NDArray[np.float64], points: Points) -> Law:
    a, b, e, alpha, beta = values.tolist()
    return Law(math.exp(e), math.exp(a), math.exp(b), alpha, beta, source="fitted", span=points.span)


@functools.cache
def _scipy() -> Any:
    try:
        import scipy.optimize
    except ImportError as error:
        raise UserError("Fitting a law needs scipy: install it with `pip install 'hornbook[evidence]'`.") from error
    return scipy.optimize
