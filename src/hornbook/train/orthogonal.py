"""Muon whose arithmetic is that of the run, with all matrices of one shape at once.

torch's Muon orthogonalises in bf16 everywhere. Where a processor has no bf16 products they are emulated, and cost more
than the whole rest of a small model's step; here a run that computes in fp32 orthogonalises in fp32 (docs/LOG.md).

Shapes: N matrices of one shape [R, C].
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

# Coefficients and number of the Newton-Schulz steps (Jordan et al. 2024): steep at 0, so that five steps bring every
# singular value to between about 0.7 and 1.2.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5
_SMALLEST_NORM = 1e-7
_MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) with Nesterov momentum and decoupled decay; its state is that of torch's.

    The update is scaled to the usual size of AdamW's, 0.2 sqrt(max(R, C)) ("match_rms", Liu et al. 2025, section 2.2).
    """

    def __init__(self, matrices: Iterable[Tensor], *, rate: float, weight_decay: float, bf16: bool) -> None:
        super().__init__(list(matrices), {"lr": rate, "weight_decay": weight_decay})
        self._dtype = torch.bfloat16 if bf16 else torch.float32

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            shapes: dict[tuple[int, ...], list[Tensor]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shapes.setdefault(tuple(matrix.shape), []).append(matrix)
            for shape, matrices in shapes.items():
                updates = orthogonal(torch.stack([self._momentum(matrix) for matrix in matrices]).to(self._dtype))
                size = 0.2 * math.sqrt(max(shape)) * group["lr"]
                for matrix, update in zip(matrices, updates.unbind(), strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-size)

    def _momentum(self, matrix: Tensor) -> Tensor:
        """Advance the matrix's momentum by its gradient and return Nesterov's mean of the two [R, C]."""
        assert matrix.grad is not None
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix.grad)
        momentum: Tensor = state["momentum_buffer"].lerp_(matrix.grad, 1 - _MOMENTUM)
        return matrix.grad.lerp(momentum, _MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return [N, R, C] with the same singular vectors and singular values near 1, by Newton and Schulz's iteration."""
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    wide = wide / wide.norm(dim=(1, 2), keepdim=True).clamp(min=_SMALLEST_NORM)
    for _ in range(_STEPS):
        gram = wide @ wide.mT
        wide = torch.baddbmm(wide, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), wide, beta=_A)
    return wide if matrices.shape[1] <= matrices.shape[2] else wide.mT
