"""Which part of a model each process holds, and how their gradients become one.

    mesh      replica x shard x tensor, the last the nearest: rank = (replica * shards + shard) * tensor + place
    data      replica and shard together: each data rank has rows of its own; processes of one tensor group share theirs
    replica   each process has all weights; gradients are added by an all-reduce, in buckets, during the backward pass
    shard     rows of each tensor are spread, and gathered while they compute (FSDP2, `fully_shard`)
    tensor    heads and MLP columns are spread, and computed where they are (`hornbook.model.tensor_parallel`)

Optimizers, clipping and checkpoints see plain tensors only: the ParameterShard of each parameter that is here, and
where it belongs in the whole. Gradients are sums over processes, never means: the loss was divided by the count of all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from hornbook.errors import UserError
from hornbook.train.checkpoints import Piece
from hornbook.train.world import World

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

_BUCKET_BYTES = 25 << 20  # that of torch's DistributedDataParallel
ShardBounds = tuple[tuple[int, int], ...]
"""Where a part lies in its whole: [begin, end) for each dimension."""


@dataclass(frozen=True)
class MeshConfig:
    """How many processes there are of each kind, and which of them this one is.

    shards   processes that share one copy of the weights; 1 = each has all
    tensor   processes that compute each layer together
    """

    rank: int = 0
    size: int = 1
    shards: int = 1
    tensor: int = 1

    @property
    def data(self) -> tuple[int, int]:
        """(Number of this process's share of the rows, how many shares there are)."""
        return self.rank // self.tensor, self.size // self.tensor

    @property
    def place(self) -> int:
        """Number within the tensor group."""
        return self.rank % self.tensor

    def writes(self, in_tensor_group: bool, in_shards: bool) -> bool:
        """Whether it falls to this process to write what it holds, others in these groups holding the same."""
        first = self.rank < self.shards * self.tensor  # of the replicas
        return first and not (in_tensor_group and self.place) and not (in_shards and self.rank // self.tensor)

    def rectangle(self, shape: Sequence[int], split: int | None, rank: int) -> ShardBounds:
        """Return what process `rank` holds of a tensor of this shape; `split` is the dimension tensor groups divide."""
        found = [(0, length) for length in shape]
        if split is not None:
            step = shape[split] // self.tensor
            found[split] = (rank % self.tensor * step, (rank % self.tensor + 1) * step)
        if self.shards > 1:
            begin, end = found[0]
            step = -(-(end - begin) // self.shards)  # torch.chunk's
            shard = rank // self.tensor % self.shards
            found[0] = (min(begin + shard * step, end), min(begin + (shard + 1) * step, end))
        return tuple(found)


def arrange(size: int, rank: int, shards: int, tensor: int) -> MeshConfig:
    """Return the layout of `size` processes; `shards` 0 = as many as there are. Raises UserError if it does not fit.

    One process alone shares nothing, whatever the recipe says: so it goes on with what any number began.
    """
    if size == 1:
        return MeshConfig()
    if size % tensor:
        raise UserError(f"training.tensor_parallel {tensor} must divide the {size} devices of this run.")
    shards = shards or size // tensor
    if size % (shards * tensor):
        raise UserError(f"training.shards {shards} x training.tensor_parallel {tensor} must divide the {size} devices.")
    return MeshConfig(rank, size, shards, tensor)


@dataclass(frozen=True, eq=False)
class ParameterShard:
    """What this process holds of one parameter.

    parameter   as the model has it
    local       its values here, a plain tensor that shares the parameter's memory
    shape       of the whole
    split       the dimension that tensor groups divide, or None
    """

    parameter: Tensor
    local: Tensor
    shape: tuple[int, ...]
    split: int | None = None


class Parallel:
    """A model among processes; alone, it is the model itself and most of this does nothing.

    partial   names of the parameters of whose gradient each member of a tensor group knows a part only
    """

    def __init__(self, model: nn.Module, world: World | None = None, layout: MeshConfig | None = None) -> None:
        self.world, self.layout = world or World(), layout or MeshConfig()
        self.parts = {name: ParameterShard(p, p, tuple(p.shape)) for name, p in model.named_parameters()}
        self.partial: frozenset[str] = frozenset()
        self.group: dist.ProcessGroup | None = None  # those that hold one copy between them
        self._tensor_group: dist.ProcessGroup | None = None
        self._buckets: Buckets | None = None

    @property
    def muon_group(self) -> dist.ProcessGroup:
        """The processes among which whole matrices are dealt out: one copy's, or where each has a copy, all."""
        group = self.group or dist.group.WORLD
        assert group is not None
        return group

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What is here of each parameter: what an optimizer is to change."""
        return {name: part.local for name, part in self.parts.items()}

    def total(self, own: Sequence[float]) -> list[float]:
        """Return the sums of numbers over the data ranks."""
        return self.world.all_reduce_sum(own if self.layout.place == 0 else [0.0] * len(own))

    def agree(self, count: float, micro_batches: int) -> tuple[float, int, int]:
        """Return, for a step of which this process has so much: the count of all; how many micro-batches come before
        its own, in the order of the global batch; and how many it has to compute.

        Where weights are gathered all must compute as often; elsewhere each has as many as its rows make.
        """
        if self.world.size == 1:
            return count, 0, micro_batches
        mine, ranks = self.layout.data
        numbers = [0.0] * ranks
        numbers[mine] = float(micro_batches)
        count, *numbers = self.total([count, *numbers])
        return count, int(sum(numbers[:mine])), micro_batches if self.layout.shards == 1 else int(max(numbers))

    def backward(self, loss: Tensor, last: bool) -> None:
        """Add a micro-batch's gradient; with the step's last one the exchange begins while it is computed."""
        if last and self._buckets is not None:
            self._buckets.arm()
        loss.backward()  # type: ignore[no-untyped-call]

    def gather(self) -> None:
        """End the exchange: afterwards `local.grad` is this process's part of the sum over all data ranks."""
        if self._buckets is not None:
            self._buckets.finish()
        for part in self.parts.values():
            if part.local is not part.parameter:
                grad = part.parameter.grad
                part.local.grad = None if grad is None else cast(Any, grad).to_local()
        if self._tensor_group is not None:
            self._agree()

    def _agree(self) -> None:
        """Make the gradients that a tensor group has in common equal to the bit, those that are partial whole."""
        named = {name: part.local.grad for name, part in self.parts.items() if part.split is None}
        grads = {name: grad for name, grad in named.items() if grad is not None and grad.numel()}
        known = self.layout.place == 0
        mine = [g if known or n in self.partial else torch.zeros_like(g) for n, g in grads.items()]
        flat = torch.cat([grad.flatten() for grad in mine])
        dist.all_reduce(flat, group=self._tensor_group)
        torch._foreach_copy_(list(grads.values()), _views(flat, list(grads.values())))

    def clip(self, limit: float) -> Tensor:
        """Scale the gradients to a norm of at most `limit`; return the norm of the whole before, a 0-dim tensor.

        Squares are added in float64, where their order does not show: any layout finds the same norm.
        """
        graded = [(g, part) for part in self.parts.values() if (g := part.local.grad) is not None and g.numel()]
        grads = [grad for grad, _ in graded]
        mine = [grad for grad, part in graded if part.split is not None or self.layout.place == 0]
        full = torch.float32 if grads[0].device.type == "mps" else torch.float64
        norms = torch._foreach_norm(mine, dtype=full) if mine else ()
        square = torch.stack(norms).square_().sum() if norms else torch.zeros((), dtype=full, device=grads[0].device)
        if self.group is not None:
            dist.all_reduce(square, group=self.group)
        norm = square.sqrt().float()
        if math.isfinite(limit):
            torch._foreach_mul_(grads, (limit / (norm + 1e-6)).clamp(max=1.0))
        return norm

    def rectangle(self, name: str, rank: int) -> ShardBounds:
        """Return what process `rank` holds of a parameter."""
        part = self.parts[name]
        return self.layout.rectangle(part.shape, part.split, rank)

    def place(self, name: str, dimensions: int) -> ShardBounds:
        """Return where a tensor of a parameter's state lies that is here; a number belongs to all of the parameter."""
        return self.rectangle(name, self.layout.rank) if dimensions else ()

    def pieces(self, state: Mapping[str, tuple[str, Tensor]]) -> dict[str, Piece]:
        """Return what this process is to write of a state, key -> (parameter, tensor): each cell once over all."""
        found = {}
        for key, (name, values) in state.items():
            alone = self.parts[name].split is None  # equal in the whole tensor group
            spread = self.layout.shards > 1 and values.ndim > 0
            if values.numel() and self.layout.writes(alone, not spread):
                place = self.place(name, values.ndim)
                shape = self.parts[name].shape if values.ndim else ()
                found[key] = Piece(values, tuple(begin for begin, _ in place), shape)
        return found

    def forget(self) -> None:
        for part in self.parts.values():
            part.parameter.grad = part.local.grad = None

    def spread(
        self,
        model: nn.Module,
        layers: Sequence[nn.Module],
        methods: Sequence[str],
        split: Mapping[str, int],
        partial: frozenset[str],
        mesh: DeviceMesh,
    ) -> None:
        """Spread a model of which tensor groups hold their part already, in place.

        layers    gathered one at a time, where weights are sharded; what is in none of them is gathered as a whole
        methods   of the model, that compute with its weights
        split     the dimension by which each parameter was divided among a tensor group
        """
        layout = self.layout
        shapes = {name: list(value.shape) for name, value in model.named_parameters()}
        for name, dimension in split.items():
            shapes[name][dimension] *= layout.tensor
        self.partial = partial
        if layout.tensor > 1:
            self._tensor_group = mesh["tensor"].get_group()
        copy = layout.shards * layout.tensor
        if layout.shards > 1:
            shard(model, layers, methods, mesh["replica", "shard"] if layout.size > copy else mesh["shard"])
        if copy > 1:
            self.group = dist.group.WORLD if copy == layout.size else dist.new_subgroups(copy)[0]  # type: ignore[no-untyped-call]
        named = model.named_parameters()
        self.parts = {n: ParameterShard(p, _local(p), tuple(shapes[n]), split.get(n)) for n, p in named}
        if layout.shards == 1 and layout.size > layout.tensor:
            self._buckets = Buckets([part.parameter for part in self.parts.values()], mesh["replica"].get_group())


def make_mesh(layout: MeshConfig, device: torch.device) -> DeviceMesh:
    """Return the mesh replica x shard x tensor."""
    from torch.distributed.device_mesh import init_device_mesh

    shape = (layout.size // layout.shards // layout.tensor, layout.shards, layout.tensor)
    return init_device_mesh(device.type, shape, mesh_dim_names=("replica", "shard", "tensor"))


def shard(model: nn.Module, layers: Sequence[nn.Module], methods: Sequence[str], mesh: DeviceMesh) -> None:
    """Spread the rows of all parameters over a mesh; each layer, and the rest together, is gathered to compute."""
    from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method  # takes seconds

    for layer in layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for part in (*layers, model):
        assert isinstance(part, FSDPModule)
        part.set_gradient_divide_factor(1.0)
        part.set_force_sum_reduction_for_comms(True)
    for name in methods:
        register_fsdp_forward_method(model, name)


class Buckets:
    """An all-reduce of gradients that goes on while the backward pass still computes.

    As in torch's DistributedDataParallel, buckets are sent in one fixed order, each as soon as its gradients are there
    (those of the last layers come first); unlike there they are summed, what a process has no gradient of counts as
    zero, and the model's methods stay its own.
    """

    def __init__(self, parameters: Sequence[Tensor], group: dist.ProcessGroup) -> None:
        self._group = group
        self._buckets: list[list[Tensor]] = [[]]
        size = 0
        for parameter in reversed(parameters):
            if size and size + parameter.nbytes > _BUCKET_BYTES:
                self._buckets.append([])
                size = 0
            self._buckets[-1].append(parameter)
            size += parameter.nbytes
        self._number = {p: number for number, bucket in enumerate(self._buckets) for p in bucket}
        self._missing: list[int] = []
        self._sent: list[tuple[Tensor, dist.Work]] = []
        for parameter in parameters:
            parameter.register_post_accumulate_grad_hook(self._arrived)  # type: ignore[no-untyped-call]

    def arm(self) -> None:
        """Send from now on, as the gradients of the coming backward pass arrive."""
        self._missing = [len(bucket) for bucket in self._buckets]

    def _arrived(self, parameter: Tensor) -> None:
        if self._missing:
            self._missing[self._number[parameter]] -= 1
            while len(self._sent) < len(self._buckets) and self._missing[len(self._sent)] == 0:
                self._send()

    def _send(self) -> None:
        bucket = self._buckets[len(self._sent)]
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in bucket])
        work = dist.all_reduce(flat, group=self._group, async_op=True)
        assert work is not None
        self._sent.append((flat, work))

    def finish(self) -> None:
        """Send the rest and wait: every gradient is then the sum."""
        while len(self._sent) < len(self._buckets):
            self._send()
        for bucket, (flat, work) in zip(self._buckets, self._sent, strict=True):
            work.wait()
            for parameter, total in zip(bucket, _views(flat, bucket), strict=True):
                parameter.grad = total
        self._missing, self._sent = [], []


def _views(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Return consecutive pieces of a flat tensor in the shapes of others."""
    pieces = torch.split(flat, [tensor.numel() for tensor in like])
    return [piece.view_as(tensor) for piece, tensor in zip(pieces, like, strict=True)]


def _local(parameter: Tensor) -> Tensor:
    """Return the values that are here, to be changed in place."""
    return cast(Any, parameter).to_local().detach() if hasattr(parameter, "to_local") else parameter
