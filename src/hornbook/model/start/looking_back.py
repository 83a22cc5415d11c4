"""A start for attention: heads that look a fixed number of tokens back, from the first step on.

A model finds such heads by itself ("previous token heads", Elhage et al. 2021), but spends its first hundred steps on
it. Here they are made by hand, out of weights alone, so that every export stays as it is: all that an attention reads
shares one direction; queries and keys are made from that direction alone, and the queries are turned by the rotary
rates as if they stood `distance` tokens earlier (Su et al. 2021: a score depends on the difference of turns alone).
What the heads pass on is left to training.

Shapes: D width, H query heads, G key-value heads, K head width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hornbook.model.attention import Attention
from hornbook.model.config import ModelConfig
from hornbook.model.rotary import rotary_rates

# The root mean square of queries and keys: at a width of 64, 0.96 of a head's attention is on its distance.
SIZE = 2.0
# The share that stays of the random first values of these queries and keys, by which the heads are free to learn.
RANDOM = 0.3


def look_back(attention: Attention, config: ModelConfig, shared: Tensor, distances: Sequence[int]) -> None:
    """Make head i of a rotary attention look distances[i] tokens back (ahead if negative), in place.

    shared [D] is the mean of what the attention reads at each position, from which no position is far: each should
    have about the same product with it. With norms of queries and keys, their gains become SIZE, in all heads; without,
    the sizes of the two matrices make the scores the same. Keys that serve several heads serve all their distances.
    """
    width, groups = attention.key_width, attention.heads // attention.key_heads
    rates = rotary_rates(config, config.rotary_base)
    pairs = rates**0.25  # the fast ones tell neighbours apart, the slow ones tell far from near
    pairs = pairs * (SIZE * width**0.5 / torch.linalg.vector_norm(pairs))
    reads = shared / shared.square().sum()  # [D]: its product with what each position reads is about 1
    key = torch.cat((pairs, torch.zeros_like(pairs)))
    with torch.no_grad():
        for head, distance in enumerate(distances):
            turned = torch.cat((pairs * torch.cos(distance * rates), -pairs * torch.sin(distance * rates)))
            _write(attention.q.weight, head, turned, reads)
            if head % groups == 0:
                _write(attention.k.weight, head // groups, key, reads)
        for norm in (attention.q_norm, attention.k_norm):
            if norm is not None:
                norm.weight.fill_(SIZE)


def _write(weight: Tensor, head: int, wanted: Tensor, reads: Tensor) -> None:
    """Make a head's rows of a matrix [heads * K, D] give `wanted` [K] for every input, and little else."""
    width = len(wanted)
    rows = weight[head * width : (head + 1) * width]
    rows.mul_(RANDOM).addr_(wanted, reads)
