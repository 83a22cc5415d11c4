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

from hornbook.model.config import chunk_rows

Kernel = Callable[[Tensor, Tensor], Tensor]


def nats_and_slope(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the nats [C] of logits [C, V] at targets int64[C], in full precision.

    The gradient of their sum, softmax - one-hot, is left in `logits`.
    """
    log = torch.log_softmax(logits.to(_full(logits.dtype)), -1)
    said = log.gather(1, targets[:, None])  # [C, 1]
    logits.copy_(log.exp_())
    logits.scatter_(1, targets[:, None], said.expm1().to(logits.dtype))
    return -said[:, 0]


def linear_nats(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    kind: torch.dtype,
    credit: Tensor | None = None,
) -> Tensor:
    """Return -log p(target) [N] of the logits hidden @ weight.T + bias, without gradients.

    hidden [N, D], weight [V, D], bias [V] or None, targets int64[N]; `kind` is the type of the matrix products.
    In `credit` [N], where it is given, is left 1 where the target is the likeliest entry, 1 / k where it is one of k
    such, else 0.
    """
    with torch.no_grad(), torch.autocast(hidden.device.type, enabled=False):
        hidden, weight = hidden.to(kind), weight.to(kind)
        bias = None if bias is None else bias.to(kind)
        step, block = chunk_rows(hidden.device.type, len(weight))
        nats = hidden.new_empty(len(hidden), dtype=_full(kind))
        room = hidden.new_empty(min(step, len(hidden)), len(weight))
        for chunk in _slices(0, len(hidden), step):
            logits = _logits(hidden[chunk], weight, bias, room)
            for part in _slices(chunk.start, chunk.stop, block):
                rows = logits[part.start - chunk.start : part.stop - chunk.start]
                nats[part] = -torch.log_softmax(rows.to(nats.dtype), -1).gather(1, targets[part, None])[:, 0]
                if credit is not None:
                    credit[part] = _credit(rows, targets[part])
        return nats


def _credit(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the share [C] of each target in the likeliest entries of logits [C, V]."""
    best = logits.amax(-1)
    share = (logits.gather(1, targets[:, None])[:, 0] == best).to(logits.dtype)
    hits = share.nonzero()[:, 0]
    share[hits] /= (logits[hits] == best[hits, None]).sum(-1)
    return share


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
        step, block = chunk_rows(hidden.device.type, len(weight))
        with torch.autocast(hidden.device.type, enabled=False):
            low, low_weight = hidden.to(kind), weight.to(kind)
            low_bias = None if bias is None else bias.to(kind)
            nats = torch.empty(len(hidden), dtype=full, device=hidden.device)
            scale = weights.to(full)
            scaled = low * scale[:, None].to(kind)  # the weights enter here: D columns, not V
            for_hidden = torch.empty_like(low)
            for_weight = torch.zeros_like(weight, dtype=full)
            for_bias = None if bias is None else torch.zeros_like(bias, dtype=full)
            room = low.new_empty(min(step, len(hidden)), len(weight))
            for chunk in _slices(0, len(hidden), step):
                logits = _logits(low[chunk], low_weight, low_bias, room)
                for part in _slices(chunk.start, chunk.stop, block):
                    rows = logits[part.start - chunk.start : part.stop - chunk.start]
                    nats[part] = kernel(rows, targets[part])  # from here on logits are slopes
                torch.mm(logits, low_weight, out=for_hidden[chunk])
                if kind == full:
                    for_weight.addmm_(logits.T, scaled[chunk])  # added within the product: no second array [V, D]
                else:
                    for_weight += logits.T @ scaled[chunk]
                if for_bias is not None:
                    for_bias += logits.T @ scale[chunk].to(kind)
            for_hidden *= scale[:, None].to(kind)
            loss = (nats * scale).sum()
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
            *[None] * 4,
        )


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, room: Tensor) -> Tensor:
    """Return the logits [C, V] of hidden [C, D], in the first rows of `room`.

    All chunks have one room: aligned memory that was let go is too small for the next array of its size in glibc 2.36,
    which would take it elsewhere.
    """
    logits = room[: len(hidden)]
    if bias is None:
        return torch.mm(hidden, weight.T, out=logits)
    return torch.addmm(bias, hidden, weight.T, out=logits)


def _slices(start: int, stop: int, step: int) -> list[slice]:
    return [slice(begin, min(begin + step, stop)) for begin in range(start, stop, step)]


def _full(kind: torch.dtype) -> torch.dtype:
    return torch.float64 if kind == torch.float64 else torch.float32
