"""Tensor parallelism: the heads and the MLP's columns of each layer spread over a group of processes.

    q, k, v, gate, up     rows of the matrix, so each process has whole heads and columns of its own
    o, down               columns of the matrix: products of a part each, added up over the group (Shoeybi et al. 2019)
    relative positions    columns of the table, one for each head
    all else              whole in every process: embeddings, norms, the output head and what stands before it

Every process of the group reads the same rows and draws the same dropout, so what is whole stays equal. Weights are
plain tensors of a part each: kernels of our own, of the loss or of a norm, need not know of it, and FSDP may spread
what is left. (torch's ColwiseParallel wants its own Linear and has no word for heads, tables and norms of a head.)

Shapes: B rows, T positions, D width, P processes of the group.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.errors import UserError
from hornbook.model.attention import Attention
from hornbook.model.layers import MLP, Stack


class _Copy(torch.autograd.Function):
    """What all read: itself forward, the sum of all gradients backward."""

    @staticmethod
    def forward(context: Any, x: Tensor, group: dist.ProcessGroup) -> Tensor:
        context.group = group
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        total = upstream[0].contiguous().clone()
        dist.all_reduce(total, group=context.group)
        return total, None


class _Sum(torch.autograd.Function):
    """What each has a part of: the sum forward, the gradient itself backward."""

    @staticmethod
    def forward(context: Any, x: Tensor, group: dist.ProcessGroup) -> Tensor:
        total = x.contiguous().clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        return upstream[0], None


class Summed(nn.Module):
    """x W^T + b where each process has columns of W: products are added up, then comes the bias."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None, group: dist.ProcessGroup) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias
        self._group = group

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(F.linear(x, self.weight), self._group)  # type: ignore[no-untyped-call]
        return total if self.bias is None else total + self.bias.to(total.dtype)


def check(model: nn.Module, size: int) -> None:
    """Raise UserError where the layers of a model cannot be divided among `size` processes."""
    for module in model.modules():
        counts: dict[str, int] = {}
        if isinstance(module, Attention):
            counts = {"heads": module.heads, "key-value heads": module.key_heads}
        elif isinstance(module, MLP):
            counts = {"MLP columns": len(module.up.weight)}
        for what, count in counts.items():
            if count % size:
                raise UserError(
                    f"training.tensor_parallel {size} must divide the {count} {what} of the model's layers: choose a "
                    "divisor, or use training.shards=0 instead."
                )


def split(model: nn.Module, group: dist.ProcessGroup) -> tuple[dict[str, int], frozenset[str]]:
    """Keep this process's part of the layers, in place; every process of the group calls it with equal weights.

    Returns the dimension by which each parameter was divided, and the names of those that are whole but of whose
    gradient each process then knows the part that its heads give. Raises UserError as `check` does.
    """
    size = dist.get_world_size(group)
    check(model, size)
    divided: dict[str, int] = {}
    partial: set[str] = set()

    def keep(owner: nn.Module, name: str, dimension: int) -> None:
        parameter = getattr(owner, name)
        if parameter is not None:
            mine = parameter.detach().chunk(size, dimension)[dist.get_rank(group)].clone()
            setattr(owner, name, nn.Parameter(mine))
            divided[f"{paths[owner]}.{name}"] = dimension

    paths = {module: path for path, module in model.named_modules()}
    for module, path in paths.items():
        if isinstance(module, Attention):
            module.heads, module.key_heads = module.heads // size, module.key_heads // size
            inner, outer = [module.q, module.k, module.v], "o"
            norms = [name for name in ("q_norm", "k_norm") if getattr(module, name) is not None]
            partial |= {f"{path}.{name}.weight" for name in norms}
        elif isinstance(module, MLP):
            inner, outer = [part for part in (module.gate, module.up) if part is not None], "down"
        else:
            if isinstance(module, Stack) and module.relative is not None:
                keep(module.relative, "weight", 1)
            continue
        for part in inner:
            keep(part, "weight", 0)
            keep(part, "bias", 0)
        last = getattr(module, outer)
        keep(last, "weight", 1)
        setattr(module, outer, Summed(last.weight, last.bias, group))
        module.register_forward_pre_hook(_copier(group), with_kwargs=True)
    return divided, frozenset(partial)


def _copier(group: dist.ProcessGroup) -> Any:
    """Return a hook by which what a block reads, x and the memory, gives back the whole gradient."""

    def copy(value: Any) -> Any:
        return _Copy.apply(value, group) if isinstance(value, Tensor) and value.requires_grad else value  # type: ignore[no-untyped-call]

    def hook(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if "memory" in kwargs:
            kwargs = {**kwargs, "memory": copy(kwargs["memory"])}
        return (copy(args[0]), *args[1:]), kwargs

    return hook
