"""Optimizers: torch's AdamW and our Muon as one thing with one rate, whose state is a flat table of tensors.

Muon (`hornbook.train.muon`) takes the weight matrices inside the layers; embeddings, norms, biases and the output
head are AdamW's (Loshchilov and Hutter 2019). Neither is a torch.optim.Optimizer: to make one torch loads its compiler,
which takes a second, and a run that compiles nothing has no use for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from hornbook.errors import UserError
from hornbook.train.muon import MOMENTUM, Muon
from hornbook.train.parallel import Parallel
from hornbook.train.sharded_muon import SharedMuon

PREFIX = "optimizer."
# What the state of a parameter is called.
_ADAMW, _MUON = ("step", "exp_avg", "exp_avg_sq"), ("momentum_buffer",)
TABLE = "embed.tokens.weight"


def is_matrix(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is a matrix inside the layers: what Muon takes, and what decays."""
    return parameter.ndim == 2 and ".layers." in name


class AdamW:
    """The steps and the state of torch.optim.AdamW(fused=True), by the function that it calls.

    Each group has its `params` and `weight_decay`, and may have its own rate, `lr`. Without a gradient nothing moves.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], *, rate: float, betas: tuple[float, float], epsilon: float
    ) -> None:
        self.param_groups: list[dict[str, Any]] = [{"lr": rate} | group for group in groups]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self._betas, self._epsilon = betas, epsilon

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            graded = [(p, p.grad) for p in group["params"] if p.grad is not None]
            states = [self._state(parameter) for parameter, _ in graded]
            adamw(
                [parameter for parameter, _ in graded],
                [grad for _, grad in graded],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                fused=True, amsgrad=False, maximize=False, beta1=self._betas[0], beta2=self._betas[1],
                lr=group["lr"], weight_decay=group["weight_decay"], eps=self._epsilon,
            )  # fmt: skip

    def _state(self, parameter: Tensor) -> dict[str, Tensor]:
        """Return the number of steps, and the means of the gradient and of its square."""
        state = self.state.setdefault(parameter, {})
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        return state


class Optimizers:
    """AdamW, and Muon when asked, over the named parameters of one model.

    Beside Muon the table of tokens has a rate of its own, `embedding_rate`; AdamW alone has one rate for all.
    Decay is decoupled and touches matrices inside the layers only: neither embeddings nor norms nor biases. `bf16` is
    the precision in which Muon orthogonalises, `momentum` the share of its momentum that a step keeps.
    """

    def __init__(
        self,
        named: Iterable[tuple[str, Tensor]],
        *,
        kind: Literal["muon", "adamw"],
        learning_rate: float,
        muon_learning_rate: float,
        embedding_rate: float,
        weight_decay: float,
        betas: tuple[float, float],
        epsilon: float,
        bf16: bool = False,
        momentum: float = MOMENTUM,
        parallel: Parallel | None = None,
    ) -> None:
        """`parallel` = the parameters are shared among its processes; they are then what it holds of each."""
        self._named = dict(named)
        matrices = {name: p for name, p in self._named.items() if is_matrix(name, p)}
        muon = kind == "muon" and bool(matrices)
        tables = {name: p for name, p in self._named.items() if muon and name.endswith(TABLE)}
        others = [p for name, p in self._named.items() if name not in matrices and name not in tables]
        groups: list[dict[str, Any]] = [
            {"params": others, "weight_decay": 0.0},
            {"params": list(tables.values()), "weight_decay": 0.0, "lr": embedding_rate},
        ]
        self._parts: list[AdamW | Muon | SharedMuon] = []
        if muon and parallel is not None:
            self._parts.append(SharedMuon(list(matrices), parallel, muon_learning_rate, weight_decay, bf16, momentum))
        elif muon:
            self._parts.append(
                Muon(
                    matrices.values(), rate=muon_learning_rate, weight_decay=weight_decay, bf16=bf16, momentum=momentum
                )
            )
        else:
            groups.append({"params": list(matrices.values()), "weight_decay": weight_decay})
        groups = [group for group in groups if group["params"]]
        self._parts.append(AdamW(groups, rate=learning_rate, betas=betas, epsilon=epsilon))
        self._peaks = [[group["lr"] for group in part.param_groups] for part in self._parts]
        self._rates = {"learning_rate": learning_rate} | ({"muon_learning_rate": muon_learning_rate} if muon else {})

    def rates(self, share: float) -> dict[str, float]:
        """Return AdamW's rate, and Muon's if it is used, at `share` of their peaks, by the names of their settings."""
        return {name: peak * share for name, peak in self._rates.items()}

    def step(self, share: float) -> None:
        """Update the parameters at `share` of the peak rates, then forget the gradients."""
        for part, peaks in zip(self._parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = peak * share
            part.step()
        for parameter in self._named.values():
            parameter.grad = None

    @staticmethod
    def parameter_of(key: str) -> str:
        """Return the name of the parameter to whose state a tensor of `state` belongs."""
        return key.removeprefix(PREFIX).rpartition(".")[0]

    def state(self) -> dict[str, Tensor]:
        """Return the state as named tensors, `optimizer.<parameter>.<quantity>`."""
        names = {parameter: name for name, parameter in self._named.items()}
        return {
            f"{PREFIX}{names[parameter]}.{quantity}": value
            for part in self._parts
            for parameter, values in part.state.items()
            for quantity, value in values.items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a state of these parameters that `state` returned; UserError where another optimizer's did."""
        owner = {p: part for part in self._parts for group in part.param_groups for p in group["params"]}
        for key, value in tensors.items():
            name, _, quantity = key.removeprefix(PREFIX).rpartition(".")
            parameter = self._named[name]
            wanted = _ADAMW if isinstance(owner[parameter], AdamW) else _MUON
            if quantity not in wanted:
                raise UserError(
                    f"The checkpoint has {quantity} for {name}, which is the state of another training.optimizer: set "
                    "the one that the run was trained with."
                )
            # The number of steps too: AdamW's fused kernel reads it where the parameter is.
            owner[parameter].state.setdefault(parameter, {})[quantity] = value.to(parameter.device)
