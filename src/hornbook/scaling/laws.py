"""Scaling laws: the loss of a model of N parameters after D tokens, and the best N and D for a budget.

    L(N, D) = E + A / N**alpha + B / D**beta                                    Hoffmann et al. 2022, approach 3
    C = 6 N D                                                                  FLOPs
    N*(C) = G (C / 6)**(beta / (alpha + beta)),  G = (alpha A / (beta B))**(1 / (alpha + beta))

Where a text of U tokens is read more than once, D counts as the fewer new tokens that are worth as much, and parameters
beyond those that U can teach count less too (Muennighoff et al. 2023, section 3.1):

    D' = U   + U   R_D (1 - exp(-(D / U   - 1) / R_D))
    N' = U_N + U_N R_N (1 - exp(-(N / U_N - 1) / R_N)),  U_N = min(N, N*(of the budget for which D* is U))

A loss is in nats per token of the tokenizer and text that the law was fitted on; compare it with no other. What N
counts (with or without embeddings) is the fit's own too. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hornbook.errors import UserError

# The rounded coefficients of Hoffmann et al. 2022, section D.2: N at 1e24 FLOPs comes out a fifth too small.
_ROUNDED, _NEAR = (1.69, 406.4, 410.7, 0.34, 0.28), 2e-3  # 406 and 411 are the same, rounded once more
_STEPS = 200  # of a search between bounds: each leaves two thirds


@dataclass(frozen=True)
class Law:
    """L(N, D) with its coefficients.

    epochs_worth      R_D: a text read for ever is worth at most 1 + R_D readings of new text; 0 = repeats are not known
    parameters_worth  R_N, likewise of parameters beyond those that the text can teach
    source            where the coefficients come from
    span              the smallest and largest FLOPs that it was fitted on; (0, 0) where unknown

    >>> law = PUBLISHED["hoffmann"]
    >>> size, tokens = law.optimum(1e24)
    >>> round(size / 1e9, 1), round(tokens / 1e12, 2)
    (51.9, 3.21)
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    epochs_worth: float = 0.0
    parameters_worth: float = 0.0
    source: str = ""
    span: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) and value > 0 for value in (self.A, self.B, self.alpha, self.beta)):
            raise UserError("A scaling law needs A, B, alpha and beta above 0.")
        if all(math.isclose(*pair, rel_tol=_NEAR) for pair in zip(self.coefficients, _ROUNDED, strict=True)):
            raise UserError(
                "These are the rounded coefficients of Hoffmann et al. 2022: at 1e24 FLOPs they give a model a fifth "
                "too small. Use the law named hoffmann, in full precision, or epoch."
            )

    @property
    def coefficients(self) -> tuple[float, float, float, float, float]:
        """E, A, B, alpha, beta."""
        return self.E, self.A, self.B, self.alpha, self.beta

    def loss(self, parameters: float, tokens: float, unique: float = math.inf) -> float:
        """Return L in nats per token; `unique` is the size of a text that is read as often as `tokens` need."""
        if tokens > unique and self.epochs_worth:
            taught = min(parameters, self.size_for(unique))
            tokens = _worth(tokens, unique, self.epochs_worth)
            if self.parameters_worth:
                parameters = _worth(parameters, taught, self.parameters_worth)
        return float(self.E + self.A / parameters**self.alpha + self.B / tokens**self.beta)

    def optimum(self, flops: float, unique: float = math.inf) -> tuple[float, float]:
        """Return the (parameters, tokens) of least loss for so many FLOPs, by C = 6 N D."""
        total = self.alpha + self.beta
        factor = (self.alpha * self.A / (self.beta * self.B)) ** (1 / total)
        parameters = factor * (flops / 6) ** (self.beta / total)
        if flops / 6 / parameters <= unique or not self.epochs_worth:
            return parameters, flops / 6 / parameters
        low, high = math.log(parameters) - 20, math.log(parameters) + 20
        for _ in range(_STEPS):
            third = (high - low) / 3
            left, right = (math.exp(end) for end in (low + third, high - third))
            if self.loss(left, flops / 6 / left, unique) < self.loss(right, flops / 6 / right, unique):
                high -= third
            else:
                low += third
        parameters = math.exp((low + high) / 2)
        return parameters, flops / 6 / parameters

    def size_for(self, tokens: float) -> float:
        """Return the parameters of the budget whose best tokens are these."""
        total = self.alpha + self.beta
        factor = (self.alpha * self.A / (self.beta * self.B)) ** (1 / total)
        # D* = (C / 6)**(alpha / total) / factor
        size = (tokens * factor) ** (total / self.alpha)
        return float(factor * size ** (self.beta / total))

    def tokens_for(self, parameters: float) -> float:
        """Return the tokens of the budget whose best size this is."""
        total = self.alpha + self.beta
        factor = (self.alpha * self.A / (self.beta * self.B)) ** (1 / total)
        # N* = factor (C / 6)**(beta / total)
        return float((parameters / factor) ** (total / self.beta) / parameters)


def _worth(amount: float, unique: float, limit: float) -> float:
    """Return what an amount is worth of which only `unique` is new.

    >>> [round(_worth(epochs, 1, 15.387756), 3) for epochs in (2, 4, 8, 16, 44)]
    [1.968, 3.726, 6.624, 10.582, 15.447]
    """
    return unique + unique * limit * (1 - math.exp(-(amount / unique - 1) / limit))


PUBLISHED: Mapping[str, Law] = MappingProxyType({
    "epoch": Law(
        1.81686, 482.006, 2085.43, 0.34781, 0.36585,
        source="Besiroglu et al. 2024, a new fit of the points of Hoffmann et al.", span=(1e18, 6e21),
    ),
    "hoffmann": Law(
        math.exp(0.5267228), math.exp(6.0073404), math.exp(6.0179186), 0.33917084, 0.2849083,
        source="Hoffmann et al. 2022, approach 3, in full precision", span=(1e18, 6e21),
    ),
    "muennighoff": Law(
        1.86914, math.exp(6.255414), math.exp(7.3049974), 0.3526596, 0.3526596, 15.387756, 5.309743,
        source="Muennighoff et al. 2023, C4, with what repeated tokens are worth", span=(1e18, 2e21),
    ),
})  # fmt: skip
