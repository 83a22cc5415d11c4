"""Products with weights that do not learn any more: x W^T + b, the weights as they are, in bf16 or in int8.

    fp32    the model's own weights, whichever type they have; joined and laid out input by input where that is asked
            for, so that a few rows read them in order
    bf16    half of the memory; products in bf16, on a CPU with such units from weights in the order that they ask for
    int8    a quarter: each output's weights are whole numbers to -127 ... 127 times its own factor, and so is each row
            that is multiplied with them (Dettmers et al. 2022, 3.1: vector-wise quantization). On a CPU alone

Shapes: N rows, I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from hornbook.model.parts import Linear
from hornbook.schema import Weights

_SMALLEST = 1e-30  # what is divided by is at least so large


class Product(Protocol):
    """x W^T + b."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs [N, O] of x [N, I]."""

    def added(self, x: Tensor, read: Tensor) -> Tensor:
        """Return x [N, O] plus the outputs of read [N, I], in the type of x."""


@dataclass(frozen=True, eq=False)
class Plain:
    """weights: of maps side by side, each [I, O]; bias [O of all] or None."""

    weights: tuple[Tensor, ...]
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        x = x.to(self.weights[0].dtype)
        if len(self.weights) == 1:
            return x @ self.weights[0] if self.bias is None else torch.addmm(self.bias, x, self.weights[0])
        found = torch.cat([x @ weight for weight in self.weights], -1)
        return found if self.bias is None else found + self.bias

    def added(self, x: Tensor, read: Tensor) -> Tensor:
        if self.bias is None and len(self.weights) == 1 and x.dtype == read.dtype == self.weights[0].dtype:
            return torch.addmm(x, read, self.weights[0])
        return x + self(read)


@dataclass(frozen=True, eq=False)
class Packed:
    """weights: bf16[O, I] in oneDNN's own order, so that no product sorts them anew; bias bf16[O] or None."""

    weights: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x.bfloat16(), self.weights, self.bias, "none", [], "")
        return found

    def added(self, x: Tensor, read: Tensor) -> Tensor:
        return x + self(read)


@dataclass(frozen=True, eq=False)
class Int8:
    """numbers: of the weights, int8[I, O]; step [O]: by which each output's are multiplied; bias [O] or None."""

    numbers: Tensor
    step: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        x = x.float()
        size = torch.linalg.vector_norm(x, torch.inf, -1, keepdim=True).clamp_(min=_SMALLEST).div_(127)
        found = torch._int_mm((x / size).round_().to(torch.int8), self.numbers).float()
        found = found.mul_(size).mul_(self.step)
        return found if self.bias is None else found.add_(self.bias)

    def added(self, x: Tensor, read: Tensor) -> Tensor:
        return x + self(read)


def product(maps: Sequence[Linear], weights: Weights, laid_out: bool) -> Product:
    """Return one product for maps of the same inputs, their outputs side by side."""
    bias = None
    if any(part.bias is not None for part in maps):
        without = [part.weight.new_zeros(len(part.weight)) if part.bias is None else part.bias for part in maps]
        bias = torch.cat(without).detach()
    return of_weights([part.weight.detach() for part in maps], bias, weights, laid_out)


def of_weights(parts: Sequence[Tensor], bias: Tensor | None, weights: Weights, laid_out: bool) -> Product:
    """Return one product of weights, each [O, I], and the bias of all."""
    if weights == "int8":
        whole = torch.cat([*parts]).float()
        step = whole.abs().amax(1).clamp(min=_SMALLEST) / 127
        numbers = (whole / step[:, None]).round_().to(torch.int8)
        return Int8(numbers.t(), step, None if bias is None else bias.float())
    if weights == "bf16":
        bias = None if bias is None else bias.bfloat16()
        parts = [torch.cat([*parts]).bfloat16()]
        if laid_out and _packs(parts[0].device):
            return Packed(torch.ops.mkldnn._reorder_linear_weight(parts[0]), bias)
    if laid_out:
        return Plain((torch.cat([*parts]).t().contiguous(),), bias)
    return Plain(tuple(part.t() for part in parts), bias)


def _packs(device: torch.device) -> bool:
    """Return whether oneDNN multiplies in bf16 here."""
    here = device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return here and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
