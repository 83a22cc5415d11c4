"""The smallest parts: linear map, table, norm, and the type in which a block computes.

They are made without values (`hornbook.model.initialise` gives them), so that building one costs nothing and touches no
global generator. Under autocast the residual stream and all norms stay in the weights' fp32; each block casts what it
reads to the compute type once.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.model.config import ModelConfig


def compute_type(x: Tensor) -> torch.dtype:
    """Return the type of matrix products with x: autocast's where it is on, else x's own."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


class Linear(nn.Module):
    """x W^T + b: weight [out, in], bias [out] or none."""

    def __init__(self, inputs: int, outputs: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class Embedding(nn.Module):
    """Rows looked up by index: weight [rows, width]."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width))

    def forward(self, index: Tensor) -> Tensor:
        return F.embedding(index, self.weight)


class Norm(nn.Module):
    """RMSNorm (Zhang and Sennrich 2019) or LayerNorm (Ba et al. 2016) over the last axis, in the weights' precision."""

    def __init__(self, width: int, epsilon: float, centred: bool, bias: bool) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.centred = centred
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        if self.centred:
            return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)
        if x.device.type == "cpu" and not torch.compiler.is_compiling():
            if not torch.is_grad_enabled():  # short rows feel what a function with a gradient costs
                return _root_mean_square(x, self.epsilon)[0].mul_(self.weight)
            scaled: Tensor = _RootMeanSquare.apply(x, self.weight, self.epsilon)  # type: ignore[no-untyped-call]
            return scaled
        return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)


def _root_mean_square(x: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Return x over its root mean square, and one over that, in as few passes over x as operations allow."""
    square = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()
    inverse = square.div_(x.shape[-1]).add_(epsilon).rsqrt_()
    return x * inverse, inverse


class _RootMeanSquare(torch.autograd.Function):
    """RMSNorm with its own gradient: the library has no fused kernel of it on a CPU.

    With y = x / rms and g the gradient that arrives: dx = (g w - y mean(g w y)) / rms and dw = sum(g y).
    """

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        y, inverse = _root_mean_square(x, epsilon)
        context.save_for_backward(y, inverse, weight)
        scaled: Tensor = y * weight
        return scaled

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        (slope,) = upstream
        y, inverse, weight = context.saved_tensors
        product = slope * y
        with torch.autocast(slope.device.type, enabled=False):
            mean = (product @ weight)[..., None] / y.shape[-1]
        for_x: Tensor = torch.addcmul(slope * weight, y, mean, value=-1).mul_(inverse)
        for_weight: Tensor = product.reshape(-1, y.shape[-1]).sum(0)
        return for_x, for_weight, None


def make_norm(config: ModelConfig, width: int = 0) -> Norm:
    """Return the config's norm over a width, D if 0; RMSNorm has no bias, LayerNorm has one where linear maps have."""
    centred = config.norm == "layer"
    return Norm(width or config.width, config.norm_epsilon, centred, centred and config.biases)
