"""Linear cross-entropy: the output head and the loss in one, chunk by chunk, so that no array of all logits exists.

Shapes: N scored positions, C positions of a chunk, D width, V vocabulary.

The loss is a number, so the gradient that reaches it is a number too, and the gradients of hidden states and head can
be computed in the forward pass, while a chunk's logits are at hand (as in Liger-Kernel; Hsu et al. 2024). The backward
pass only multiplies. Products run in the compute type, softmax and the sum of the head's gradient in fp32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

CHUNK = 1024
Kernel = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def nats_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Return each position's -log p(target) [C] in full precision, from logits [C, V] and targets int64[C]."""
    return -torch.log_softmax(logits.to(_full(logits.dtype)), -1).gather(1, targets[:, None])[:, 0]


def nats_and_slope(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return nats [C] and the gradient of sum(weights * nats) by the logits: weights * (softmax - one-hot) [C, V]."""
    log = torch.log_softmax(logits.to(_full(logits.dtype)), -1)
    said = log.gather(1, targets[:, None])  # [C, 1]
    weights = weights[:, None].to(log.dtype)
    slope = (log.exp_() * weights).to(logits.dtype)
    slope.scatter_(1, targets[:, None], (said.expm1() * weights).to(logits.dtype))
    return -said[:, 0], slope


def linear_nats(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, kind: torch.dtype) -> Tensor:
    """Return -log p(target) [N] of the logits hidden @ weight.T + bias, without gradients.

    hidden [N, D], weight [V, D], bias [V] or None, targets int64[N]; `kind` is the type of the matrix products.
    """
    with torch.no_grad(), torch.autocast(hidden.device.type, enabled=False):
        hidden, weight = hidden.to(kind), weight.to(kind)
        bias = None if bias is None else bias.to(kind)
        parts = [
            nats_of(torch.nn.functional.linear(hidden[chunk], weight, bias), targets[chunk])
            for chunk in _chunks(len(hidden))
        ]
        return torch.cat(parts) if parts else hidden.new_zeros(0, dtype=_full(kind))


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    weights: Tensor,
    kind: torch.dtype,
    kernel: Kernel = nats_and_slope,
) -> Tensor:
    """Return sum(weights * nats), a number in full precision, with gradients for hidden, weight and bias.

    Arguments are those of `linear_nats`; weights [N]. `kernel` is `nats_and_slope` or a compiled form of it.
    """
    if not torch.is_grad_enabled():
        nats = linear_nats(hidden, weight, bias, targets, kind)
        return (nats * weights.to(nats.dtype)).sum()
    loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, bias, targets, weights, kind, kernel)  # type: ignore[no-untyped-call]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        weights: Tensor,
        kind: torch.dtype,
        kernel: Kernel,
    ) -> Tensor:
        full = _full(kind)
        with torch.autocast(hidden.device.type, enabled=False):
            low, low_weight = hidden.to(kind), weight.to(kind)
            low_bias = None if bias is None else bias.to(kind)
            loss = torch.zeros((), dtype=full, device=hidden.device)
            for_hidden = torch.empty_like(low)
            for_weight = torch.zeros_like(weight, dtype=full)
            for_bias = None if bias is None else torch.zeros_like(bias, dtype=full)
            for chunk in _chunks(len(hidden)):
                logits = torch.nn.functional.linear(low[chunk], low_weight, low_bias)  # [C, V]
                nats, slope = kernel(logits, targets[chunk], weights[chunk])
                loss += (nats * weights[chunk]).sum()
                torch.mm(slope, low_weight, out=for_hidden[chunk])
                for_weight += slope.T @ low[chunk]
                if for_bias is not None:
                    for_bias += slope.sum(0, dtype=full)
        context.save_for_backward(for_hidden, for_weight, for_bias)
        context.types = hidden.dtype, weight.dtype
        return loss

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        for_hidden, for_weight, for_bias = context.saved_tensors
        (slope,) = upstream
        return (
            (for_hidden * slope).to(context.types[0]),
            (for_weight * slope).to(context.types[1]),
            None if for_bias is None else (for_bias * slope).to(context.types[1]),
            None,
            None,
            None,
            None,
        )


def _chunks(length: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, length)) for start in range(0, length, CHUNK)]


def _full(kind: torch.dtype) -> torch.dtype:
    return torch.float64 if kind == torch.float64 else torch.float32
