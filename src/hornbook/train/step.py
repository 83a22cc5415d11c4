"""One optimizer step: the gradients of its micro-batches, then the update. The loop takes it, and what times it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from hornbook import keys
from hornbook.train.optimizers import Optimizers
from hornbook.train.parallel import Parallel


class Counted(Protocol):
    """A batch: all the loop needs to know is its share of the denominator, and how much of it is padding."""

    @property
    def count(self) -> float:
        """Sum of the rows' counts."""

    @property
    def positions(self) -> int:
        """How many positions the model computes."""

    @property
    def padding(self) -> int:
        """Those of them that hold no token."""

    @property
    def scored_targets(self) -> int:
        """How many targets have a loss."""

    @property
    def other_targets(self) -> int:
        """How many have none."""


B = TypeVar("B", bound=Counted)


def precision(bf16: bool, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which the model computes: bfloat16 by autocast, or plain fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if bf16 else nullcontext()


def add_gradients(
    loss: Callable[[B], Tensor],
    micro_batches: Sequence[B],
    parallel: Parallel,
    device: torch.device,
    *,
    bf16: bool,
    seed: int,
    step: int,
) -> tuple[Tensor, float]:
    """Add up the gradients of a step's mean loss; return (this process's nats, 0-dim; the count of all processes).

    Dropout is drawn from (seed, step, micro-batch). A loss that is not finite makes its gradients not a number, so that
    their sum tells every process, whose own loss may be sound.
    """
    own = len(micro_batches)
    count, before, rounds = parallel.agree(sum(batch.count for batch in micro_batches), own)
    total = torch.zeros((), device=device)
    for number in range(rounds):
        torch.manual_seed(int(keys.fold(seed, step, before + number)) >> 1)  # dropout
        with precision(bf16, device):
            nats = loss(micro_batches[min(number, own - 1)])
        if number >= own:  # others have more to compute: with this one does, and adds nothing
            nats = nats * 0.0
        sound = torch.where(nats.detach().isfinite(), 1.0, math.nan)
        parallel.backward(nats * sound / max(count, 1.0), last=number == rounds - 1)
        total += nats.detach()
        del nats  # a graph that outlives its step pins memory beneath the next one's: a heap has no way around it
    return total, count


def update(parallel: Parallel, optimizers: Optimizers, clip: float, share: float) -> float:
    """Change the weights at `share` of the peak rates and forget the gradients; `clip` = their largest norm, 0 = none.

    Returns their norm before clipping, over all processes. Where it is not finite, neither the weights nor the
    optimizers' state change; all processes know the same norm, so all of them take the step or none.
    """
    parallel.gather()
    norm = float(parallel.clip(clip or math.inf))
    if math.isfinite(norm):
        optimizers.step(share)
    parallel.forget()
    return norm
