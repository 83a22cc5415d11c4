"""Muon among processes: each matrix is orthogonalised once, whole, by the process it falls to.

    momentum and update      of the part that is here, element by element
    parts -> whole           sent to the process that the matrix falls to, in the precision in which Muon computes
    orthogonalised           there, by the function that Muon alone uses
    whole -> parts           sent back to all who hold any of it

An orthogonal matrix cannot be made of its rows alone, so somebody has to see the whole. Every process could: but work
that is done once a step and does not shrink with the rows would soon be most of it. Dealt out it is the same work,
with the same result to the bit, in a share of the time, for two or four bytes sent each way for each weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from hornbook.train.muon import MOMENTUM, advance, descend, orthogonal
from hornbook.train.parallel import Parallel, ShardBounds


class SharedMuon:
    """`orthogonal.Muon` of matrices that processes share; see the module. `bf16` = its products are in bfloat16."""

    def __init__(
        self,
        names: Sequence[str],
        parallel: Parallel,
        rate: float,
        weight_decay: float,
        bf16: bool,
        momentum: float = MOMENTUM,
    ) -> None:
        parts = [parallel.parts[name] for name in names]
        locals_ = [part.local for part in parts]
        self.param_groups: list[dict[str, Any]] = [
            {"params": locals_, "lr": rate, "weight_decay": weight_decay, "momentum": momentum}
        ]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self._dtype = torch.bfloat16 if bf16 else torch.float32
        self._group = parallel.muon_group
        self._size, self._me = dist.get_world_size(self._group), dist.get_rank(self._group)
        self._shapes = [part.shape for part in parts]
        self._owners = _deal([rows * columns * min(rows, columns) for rows, columns in self._shapes], self._size)
        # Of each process, the numbers of the matrices that fall to it.
        self._fall = [[n for n, owner in enumerate(self._owners) if owner == rank] for rank in range(self._size)]
        self._mine = self._fall[self._me]
        ranks = dist.get_process_group_ranks(self._group)
        self._held = [[parallel.rectangle(name, rank) for rank in ranks] for name in names]
        nothing: ShardBounds = ((0, 0), (0, 0))
        replicated = parallel.group is None  # each holds all: the one it falls to needs nothing from the others
        self._given = [
            [place if not replicated or rank == owner else nothing for rank, place in enumerate(places)]
            for places, owner in zip(self._held, self._owners, strict=True)
        ]

    @torch.no_grad()
    def step(self) -> None:
        (group,) = self.param_groups
        locals_: list[Tensor] = group["params"]
        for local in locals_:
            if local.grad is None:
                local.grad = torch.zeros_like(local)
        updates = advance(self.state, locals_, group["momentum"])
        wholes = self._collect([update.to(self._dtype) for update in updates])
        for number, whole in wholes.items():
            wholes[number] = orthogonal(whole[None])[0]
        turned = self._return(wholes)
        for shape in dict.fromkeys(self._shapes):
            alike = [number for number, other in enumerate(self._shapes) if other == shape]
            moved = [turned[number].to(locals_[number].dtype) for number in alike]
            descend([locals_[number] for number in alike], moved, shape, group)

    def _collect(self, updates: Sequence[Tensor]) -> dict[int, Tensor]:
        """Return the matrices that fall to this process, whole, by number."""
        sent = [[updates[n] for n in theirs if _cells(self._given[n][self._me])] for theirs in self._fall]
        received = [sum(_cells(self._given[n][rank]) for n in self._mine) for rank in range(self._size)]
        wholes = {n: updates[0].new_empty(self._shapes[n]) for n in self._mine}
        for rank, flat in enumerate(self._exchange(sent, received, updates[0])):
            _spread(flat, {n: self._given[n][rank] for n in self._mine}, lambda n, place: wholes[n][_slices(place)])
        return wholes

    def _return(self, wholes: Mapping[int, Tensor]) -> list[Tensor]:
        """Return this process's part of every matrix's orthogonalised update, by number."""
        sent = [[wholes[n][_slices(self._held[n][rank])] for n in self._mine] for rank in range(self._size)]
        received = [sum(_cells(self._held[n][self._me]) for n in theirs) for theirs in self._fall]
        locals_: list[Tensor] = self.param_groups[0]["params"]
        found = [torch.empty(local.shape, dtype=self._dtype, device=local.device) for local in locals_]
        for theirs, flat in zip(self._fall, self._exchange(sent, received, found[0]), strict=True):
            _spread(flat, {n: self._held[n][self._me] for n in theirs}, lambda n, place: found[n])
        return found

    def _exchange(self, sent: Sequence[Sequence[Tensor]], received: Sequence[int], like: Tensor) -> Sequence[Tensor]:
        """Send each process its tensors, flat; return what each sent here, flat, of the given numbers of cells."""
        flat = [torch.cat([t.reshape(-1) for t in tensors]) if tensors else like.new_empty(0) for tensors in sent]
        arrived, sizes, lengths = like.new_empty(sum(received)), list(received), [len(tensor) for tensor in flat]
        dist.all_to_all_single(arrived, torch.cat(flat), sizes, lengths, group=self._group)
        return list(torch.split(arrived, sizes))


def _deal(costs: Sequence[int], size: int) -> list[int]:
    """Return to which of `size` processes each piece of work falls: the dearest first, each to the least busy."""
    owners, busy = [0] * len(costs), [0] * size
    for number in sorted(range(len(costs)), key=lambda n: (-costs[n], n)):
        owners[number] = busy.index(min(busy))
        busy[owners[number]] += costs[number]
    return owners


def _spread(flat: Tensor, places: Mapping[int, ShardBounds], target: Callable[[int, ShardBounds], Tensor]) -> None:
    """Cut a flat tensor into the cells of each place, and copy them to where `target` says."""
    pieces = torch.split(flat, [_cells(place) for place in places.values()])
    for (number, place), cells in zip(places.items(), pieces, strict=True):
        if len(cells):
            into = target(number, place)
            into.copy_(cells.view(into.shape))


def _cells(place: ShardBounds) -> int:
    (top, bottom), (left, right) = place
    return (bottom - top) * (right - left)


def _slices(place: ShardBounds) -> tuple[slice, ...]:
    return tuple(slice(begin, end) for begin, end in place)
