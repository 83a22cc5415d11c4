"""Plans: the size of model and the tokens that a number of FLOPs is best spent on, by each law and rule that is known.

Every choice carries its mark: what it is (a published fit, a published table, a rule of thumb) and its source.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hornbook.errors import UserError
from hornbook.scaling.laws import PUBLISHED, Law

Mark = Literal["published", "rule of thumb", "your own fit"]
TOKENS_PER_PARAMETER = 20
# Hoffmann et al. 2022, Table 3 (approach 1): parameters, FLOPs, tokens of compute-optimal models.
_TABLE = (
    (4e8, 1.92e19, 8.0e9), (1e9, 1.21e20, 20.2e9), (1e10, 1.23e22, 205.1e9), (6.7e10, 5.76e23, 1.5e12),
    (1.75e11, 3.85e24, 3.7e12), (2.8e11, 9.90e24, 5.9e12), (5.2e11, 3.43e25, 11.0e12), (1e12, 1.27e26, 21.2e12),
    (1e13, 1.30e28, 216.2e12),
)  # fmt: skip
_RULE = f"{TOKENS_PER_PARAMETER} tokens a parameter"
_RULE_OF = "Hoffmann et al. 2022, approaches 1 and 2, in round numbers"
_TABLE_NAME, _TABLE_OF = "table of approach 1", "Hoffmann et al. 2022, Table 3"


@dataclass(frozen=True)
class Choice:
    """One way to spend the FLOPs.

    name         law or rule
    parameters   N, counted as its source counts them; tokens = D, repeats included
    loss         nats per token of the source's text and tokenizer; None where it predicts none
    epochs       how often a text of the given size is read; None without one
    beyond       how many times the budget lies beyond what the source has seen; 1 = within
    """

    name: str
    parameters: float
    tokens: float
    loss: float | None
    epochs: float | None
    beyond: float
    mark: Mark
    source: str


def choices(flops: float, unique: float = math.inf, own: Mapping[str, Law] | None = None) -> list[Choice]:
    """Return what each law and rule says of so many FLOPs, your own fits first.

    unique   tokens of the text at hand: beyond them tokens are repeats
    own      laws that were fitted to runs of yours, by name
    """
    if not (math.isfinite(flops) and flops > 0 and unique > 0):
        raise UserError(f"A plan needs FLOPs and tokens above 0, not {flops:g} and {unique:g}.")
    found: list[tuple[str, float, float, float | None, float, Mark, str]] = []
    for name, law in {**(own or {}), **PUBLISHED}.items():
        size, tokens = law.optimum(flops, unique)
        beyond = _beyond(flops, law.span)
        mark: Mark = "published" if name in PUBLISHED else "your own fit"
        found.append((name, size, tokens, law.loss(size, tokens, unique), beyond, mark, law.source))
    size = math.sqrt(flops / 6 / TOKENS_PER_PARAMETER)
    found.append((_RULE, size, TOKENS_PER_PARAMETER * size, None, 1.0, "rule of thumb", _RULE_OF))
    if _TABLE[0][1] <= flops <= _TABLE[-1][1]:
        size, tokens = (_between(flops, [(row[1], row[part]) for row in _TABLE]) for part in (0, 2))
        found.append((_TABLE_NAME, size, tokens, None, 1.0, "published", _TABLE_OF))
    return [
        Choice(name, size, tokens, loss, tokens / unique if unique < math.inf else None, beyond, mark, source)
        for name, size, tokens, loss, beyond, mark, source in found
    ]


def tokens_for(parameters: float, own: Mapping[str, Law] | None = None) -> list[Choice]:
    """Return for how many tokens each law and rule would take a model of so many parameters, your own fits first."""
    if not (math.isfinite(parameters) and parameters > 0):
        raise UserError(f"A model has parameters above 0, not {parameters:g}.")
    found = []
    for name, law in {**(own or {}), **PUBLISHED}.items():
        tokens = law.tokens_for(parameters)
        mark: Mark = "published" if name in PUBLISHED else "your own fit"
        loss, beyond = law.loss(parameters, tokens), _beyond(6 * parameters * tokens, law.span)
        found.append(Choice(name, parameters, tokens, loss, None, beyond, mark, law.source))
    found.append(
        Choice(_RULE, parameters, TOKENS_PER_PARAMETER * parameters, None, None, 1.0, "rule of thumb", _RULE_OF)
    )
    if _TABLE[0][0] <= parameters <= _TABLE[-1][0]:
        tokens = _between(parameters, [(size, tokens) for size, _, tokens in _TABLE])
        found.append(Choice(_TABLE_NAME, parameters, tokens, None, None, 1.0, "published", _TABLE_OF))
    return found


def spent(parameters: float, tokens: float) -> tuple[float, float]:
    """Return (FLOPs by 6 N D, tokens per parameter) of a run.

    >>> spent(175e9, 300e9)
    (3.15e+23, 1.7142857142857142)
    """
    if not (parameters > 0 and tokens > 0 and math.isfinite(parameters * tokens)):
        raise UserError(f"A run has parameters and tokens above 0, not {parameters:g} and {tokens:g}.")
    return 6 * parameters * tokens, tokens / parameters


def _beyond(flops: float, span: tuple[float, float]) -> float:
    """Return how many times a budget lies beyond a span; 1 = within."""
    low, high = span
    return max(flops / high, low / flops, 1.0) if high else 1.0


def _between(x: float, rows: list[tuple[float, float]]) -> float:
    """Return y at x, straight in logarithms between ascending rows (x, y)."""
    xs, ys = zip(*[(math.log(a), math.log(b)) for a, b in rows], strict=True)
    place = next(number for number in range(1, len(xs)) if math.log(x) <= xs[number] or number == len(xs) - 1)
    share = (math.log(x) - xs[place - 1]) / (xs[place] - xs[place - 1])
    return math.exp(ys[place - 1] + share * (ys[place] - ys[place - 1]))
