"""Muon (Jordan et al. 2024): the momentum of a weight matrix, orthogonalised, is its step.

    buffer <- lerp(buffer, gradient, 1 - momentum)
    X      <- lerp(gradient, buffer, momentum)                    Nesterov's form
    X      <- X / |X|, then five times:  X <- (a + b G + c G G) X,  G = X X^T
    weight <- (1 - rate decay) weight - rate 0.2 sqrt(max(m, n)) X

The factor of the last line gives a step AdamW's usual size ("match_rms", Liu et al. 2025, section 2.2). The same steps
as torch.optim.Muon, but for two things. Matrices of one shape are multiplied together, in one batched product. And the
products are in the weights' own type unless bfloat16 is asked for: torch's are always in bfloat16, which a processor
without bf16 units multiplies thirty times more slowly than fp32.

Without bfloat16 a long matrix is iterated through G alone, of m x m, and multiplied once at the end: A = a + b G + c GG
commutes with G, so the next G is A G A, and X is the product of all A times the first X. bfloat16 has too few digits
for that.

Shapes: N matrices of R rows and C columns; m the smaller of the two, n the larger.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

_A, _B, _C, _STEPS = 3.4445, -4.7750, 2.0315, 5
MOMENTUM = 0.95  # torch's, and that of runs whose recipe names none
_LEAST_NORM = 1e-7
# From n = 1.5 m on, the way through G needs fewer operations: 34 m + 4 n against 10 m + 20 n, each times m * m.
_LONG = 1.5
# Elements of the matrices that are multiplied together, so that their copies stay small beside a large model.
_TOGETHER = 1 << 24


class Muon:
    """Muon over matrices, its products in bfloat16 or in their own type; its state is that of torch's."""

    def __init__(
        self, matrices: Iterable[Tensor], *, rate: float, weight_decay: float, bf16: bool, momentum: float = MOMENTUM
    ) -> None:
        self.param_groups: list[dict[str, Any]] = [
            {"params": list(matrices), "lr": rate, "weight_decay": weight_decay, "momentum": momentum}
        ]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self._bf16 = bf16

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for matrices in _batches([matrix for matrix in group["params"] if matrix.grad is not None]):
                updates = torch.stack(advance(self.state, matrices, group["momentum"]))
                updates = orthogonal(updates.bfloat16() if self._bf16 else updates)
                descend(matrices, list(updates.to(matrices[0].dtype)), matrices[0].shape, group)


def advance(states: dict[Tensor, dict[str, Tensor]], matrices: Sequence[Tensor], momentum: float) -> tuple[Tensor, ...]:
    """Advance the momentum of matrices by their gradients and return Nesterov's mean of the two, each [R, C].

    All are computed by one call, which is one kernel on a GPU instead of one for each matrix.
    """
    grads = []
    for matrix in matrices:
        assert matrix.grad is not None
        grads.append(matrix.grad)
        state = states.setdefault(matrix, {})
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix.grad)
    momenta = [states[matrix]["momentum_buffer"] for matrix in matrices]
    torch._foreach_lerp_(momenta, grads, 1 - momentum)
    return torch._foreach_lerp(grads, momenta, momentum)


def descend(matrices: list[Tensor], updates: list[Tensor], shape: Sequence[int], group: Mapping[str, Any]) -> None:
    """Move matrices, or parts of some of this shape, by their orthogonalised updates, in AdamW's usual step size."""
    size = 0.2 * math.sqrt(max(shape)) * group["lr"]
    torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
    torch._foreach_add_(matrices, updates, alpha=-size)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return [N, R, C] with the same singular vectors and singular values near 1, by Newton and Schulz's iteration.

    The products are in the type of the matrices.
    """
    x = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT  # [N, m, n]
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=_LEAST_NORM)
    if x.dtype == torch.bfloat16 or x.shape[2] < _LONG * x.shape[1]:
        for _ in range(_STEPS):
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    else:
        gram = x @ x.mT
        product = factor = _factor(gram)
        for _ in range(_STEPS - 1):
            gram = factor @ gram @ factor
            factor = _factor(gram)
            product = factor @ product
        x = product @ x
    return x if matrices.shape[1] <= matrices.shape[2] else x.mT


def _factor(gram: Tensor) -> Tensor:
    """Return a + b G + c G G for G [N, m, m]."""
    factor = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
    factor.diagonal(dim1=1, dim2=2).add_(_A)
    return factor


def _batches(matrices: list[Tensor]) -> list[list[Tensor]]:
    """Return the matrices in lists of one shape each, none of them with many more elements than _TOGETHER."""
    shapes: dict[torch.Size, list[Tensor]] = {}
    for matrix in matrices:
        shapes.setdefault(matrix.shape, []).append(matrix)
    batches = []
    for shape, alike in shapes.items():
        size = max(1, _TOGETHER // shape.numel())
        batches += [alike[start : start + size] for start in range(0, len(alike), size)]
    return batches
