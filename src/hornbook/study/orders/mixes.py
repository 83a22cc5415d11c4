"""Which mix of domains is best: weights for small runs, a regression of what they measured, and its best mix.

    proxy i    weights w_i ~ Dirichlet around the natural ones; bits per byte y_id of each domain d
    y_d        = c_d + sum_j B_dj ln w_j       ridge, its strength by leave-one-out
    target     the mean of the domains (macro), or one domain: c + sum_j B_j ln w_j
    best mix   w_j ~ -B_j where B_j < 0, within what the proxies had: the exact minimum on the simplex

After RegMix (Liu et al. 2024), which fits runs of a million parameters by the hundred. With few of them the
confirmation by ordinary runs is the result, and the regression a proposal: its leave-one-out rank correlation says how
good a one.

Shapes: P proxies, K domains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.errors import UserError
from hornbook.study.design import ArmSettings, BudgetSettings, Study

Floats = NDArray[np.float64]
MACRO = "macro"
_STREAM = 0x4D495845
_TRIES = 64  # draws among which Marsaglia and Tsang accept one with certainty, for all that matters: 19 of 20 each
_LEAST = 0.002  # weight of a domain: rows are shared out by the thousand
_STRENGTHS = tuple(10.0**power for power in range(-6, 3))


def proxy_weights(natural: Floats, number: int, seed: int = 0) -> Floats:
    """Return float64[P, K]: weights of each proxy, Dirichlet with the mean `natural` [K] and a concentration of K.

    No domain has less than 0.2 %.
    """
    count = len(natural)
    shape = np.maximum(natural * count, 0.1)
    drawn = np.stack([_gammas(shape, key) for key in np.split(keys.row_keys(seed, np.arange(number)), number)])
    weights = np.maximum(drawn / drawn.sum(1, keepdims=True), _LEAST)
    found: Floats = weights / weights.sum(1, keepdims=True)
    return found


def _gammas(shape: Floats, key: keys.Keys) -> Floats:
    """Return a draw of each gamma distribution (Marsaglia and Tsang 2000; below 1 by a power of a uniform number)."""
    count = len(shape)
    radius, angle, tried = (
        keys.uniform(key, _TRIES * count, _STREAM + turn).reshape(_TRIES, count) for turn in range(3)
    )
    normal = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * math.pi * angle)
    powers = keys.uniform(key, count, _STREAM + 3)[0]
    d = shape + 1 - 1 / 3
    cube = (1 + normal / np.sqrt(9 * d)) ** 3
    with np.errstate(invalid="ignore", divide="ignore"):
        taken = (cube > 0) & (np.log(tried) < normal**2 / 2 + d - d * cube + d * np.log(np.maximum(cube, 1e-300)))
    place = taken.argmax(0)
    found: Floats = d * cube[place, np.arange(count)] * (1 - powers) ** (1 / shape)
    return found


@dataclass(frozen=True, eq=False)
class MixFit:
    """Bits per byte of domains as a linear function of the logarithms of their weights.

    domains    K names; natural = their weights in the text
    constant   float64[K]; slopes = float64[K, K], of a domain's bits by another's ln weight
    low, high  float64[K], the weights that proxies had
    rank       Spearman's correlation of the target, predicted for each proxy by the others, with what it measured
    strength   of the ridge
    """

    domains: tuple[str, ...]
    natural: Floats
    target: str
    constant: Floats
    slopes: Floats
    low: Floats
    high: Floats
    rank: float
    strength: float

    def predicted(self, weights: Floats) -> Floats:
        """Return the bits per byte of each domain, float64[..., K], under mixes float64[..., K]."""
        found: Floats = self.constant + np.log(weights) @ self.slopes.T
        return found

    def aim(self, bits: Floats) -> Floats:
        """Return the target of bits per byte float64[..., K]."""
        return _aim(bits, self.domains, self.target)

    def best(self) -> Floats:
        """Return the mix with the lowest target, float64[K], each weight within what the proxies had."""
        slope = self.slopes.mean(0) if self.target == MACRO else self.slopes[self.domains.index(self.target)]
        gain = np.maximum(-slope, 0.0)
        # The minimum of a convex function on the simplex with bounds: w_j = clip(gain_j / price) for one price.
        prices = np.geomspace(1e-12, 1e12, 4001)
        sums = np.clip(gain / prices[:, None], self.low, self.high).sum(1)
        weights = np.clip(gain / prices[int(np.abs(sums - 1).argmin())], self.low, self.high)
        found: Floats = weights / weights.sum()
        return found


def fit_mix(domains: Sequence[str], natural: Floats, weights: Floats, bits: Floats, target: str = MACRO) -> MixFit:
    """Fit the bits per byte [P, K] that proxies of weights [P, K] measured, for a target: macro or a domain.

    Raises UserError where there are fewer proxies than the regression has to tell apart, or no such target.
    """
    check_target(target, domains)
    if len(weights) < len(domains) + 2:
        raise UserError(f"{len(weights)} finished proxies tell nothing of {len(domains)} domains: run more.")
    logs = np.log(weights)
    middle, level = logs.mean(0), bits.mean(0)
    left = {strength: _left_out(logs, bits, strength) for strength in _STRENGTHS}
    strength = min(left, key=lambda one: float(((left[one] - bits) ** 2).sum()))
    slopes = _ridge(logs - middle, bits - level, strength)
    measured = _aim(bits, domains, target)
    rank = spearman(_aim(left[strength], domains, target), measured)
    low, high = weights.min(0), weights.max(0)
    return MixFit(
        tuple(domains), natural, target, level - slopes @ middle, slopes, low, high, rank, strength
    )  # fmt: skip


def check_target(target: str, domains: Sequence[str]) -> None:
    """Raise UserError where a target is neither macro nor one of the domains."""
    if target != MACRO and target not in domains:
        raise UserError(f"The target must be {MACRO} or one of {', '.join(domains)}, not '{target}'.")


def spearman(one: Floats, other: Floats) -> float:
    """Return the rank correlation of two series; NaN where one of them does not vary.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]))
    1.0
    """
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float) for values in (one, other)]
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    return round(float(np.corrcoef(ranks)[0, 1]), 12)


def _aim(bits: Floats, domains: Sequence[str], target: str) -> Floats:
    found: Floats = bits.mean(-1) if target == MACRO else bits[..., list(domains).index(target)]
    return found


def _ridge(x: Floats, y: Floats, strength: float) -> Floats:
    """Return float64[K, K] slopes of y [P, K] on x [P, K], both centred."""
    return np.asarray(np.linalg.solve(x.T @ x + strength * len(x) * np.eye(x.shape[1]), x.T @ y).T, np.float64)


def _left_out(x: Floats, y: Floats, strength: float) -> Floats:
    """Return each row of y as it is predicted from all others."""
    found: list[Floats] = []
    for place in range(len(x)):
        others = np.arange(len(x)) != place
        middle, level = x[others].mean(0), y[others].mean(0)
        found.append(level + _ridge(x[others] - middle, y[others] - level, strength) @ (x[place] - middle))
    return np.stack(found)


def confirmation(
    text: Sequence[str], field: str, budget: BudgetSettings, seeds: int, mixes: Mapping[str, Mapping[str, float]],
    objective: str,
) -> Study:  # fmt: skip
    """Return the study that compares mixes: each arm's weights by domain."""
    arms = {
        name: ArmSettings(
            objective,
            settings=(
                f"mix.domain={field}", "mix.rule=explicit",
                "mix.weights=" + ",".join(f"{domain}={weight:.6g}" for domain, weight in weights.items()),
            ),
        )
        for name, weights in mixes.items()
    }  # fmt: skip
    return Study(tuple(text), arms, budget, seeds, trials=1)
