"""First weights from counted pairs for encoders: what hides behind a mask is said by the tokens on both sides of it.

With M = U V^T the factors of neighbouring tokens (see `hornbook.model.start.counted`), a token left of the mask gives
what is hidden U_left V_j, and one on its right V_right U_j, since M is read from either side. Both are sums over one
table:

    row of i in the table        [ U_i     | V_i    | same number in all | rest of U_i | rest of V_i | 0      | 0      ]
    behind the first attention   [ V_right | U_left | (what the mask's row has)                      | rests of both   ]

Half of the first layer's heads look one position back and move U to where V is, the others look one ahead and move V
to where U is (how: `hornbook.model.start.looking_back`); the mask's own row has neither. The head's dense map begins as
the projection on what the table has, plus a number so large that the activation is the identity; its norm takes the
number away. The rests keep all lengths equal, so that no norm changes anything. The unigram is the head's bias.

Shapes: V vocabulary, D width, K head width, H heads, R rank of the factors.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hornbook.model.attention import Attention
from hornbook.model.config import ModelConfig
from hornbook.model.initialise import TABLE
from hornbook.model.layers import Layer
from hornbook.model.start.counted import factored, rotation
from hornbook.model.start.looking_back import look_back
from hornbook.model.transformer import Transformer

_OTHERS = 6  # directions beside those of the factors: five, and that of ones, which LayerNorm takes away
_OPEN = 4.0  # beyond the bend of every activation
# Two neighbours share part of what they say: their sum is too sure of itself (docs/LOG.md).
_TOGETHER = 0.9


def holds_neighbours(config: ModelConfig) -> bool:
    """Say whether a model of this shape can begin from counted neighbours: an encoder with ModernBERT's block."""
    return (
        config.topology == "encoder"
        and config.norm_place == "pre"
        and config.final_norm
        and config.tied
        and config.embedding_norm
        and config.head_transform
        and config.head_bias
        and not (config.embedding_width or config.shared_layers or config.qk_norm)
        and config.positions == "rotary"
        and config.attention_scale == "head"
        and config.key_heads == config.heads > 1
        and config.task_head == "none"
    )


@torch.no_grad()
def begin_from_neighbours(model: Transformer, counts: Tensor, mask: int | None, seed: int) -> None:
    """Fill the tables, the first layer's attention, the head and the maps to the residual stream, in place.

    counts   float64[V, V], sparse: how often token j stands right behind token i
    mask     the mask token's id, or None where there is none
    seed     of the decomposition and the rotation

    The model must be one that `holds_neighbours`; its other parameters keep their values.
    """
    config, state = model.config, dict(model.named_parameters())
    assert model.encoder is not None
    first = model.encoder.layers[0]
    assert isinstance(first, Layer)
    width = config.width
    sides = min(config.heads // 2, math.ceil(width / 2 / config.key_width))  # heads of each side
    rank = min((width - _OTHERS) // 2, sides * config.key_width - 1)
    found = factored(counts, rank, seed)
    before, behind, rank = found.read, found.said, found.read.shape[1]
    if mask is not None:
        before[mask] = behind[mask] = 0.0
    lengths = [float(part.square().sum(1).max().clamp(min=1e-3)) for part in (before, behind)]
    shared = math.sqrt(sum(lengths))
    length = math.sqrt(2.0) * shared  # of each row
    rests = [(most - part.square().sum(1)).clamp(min=0).sqrt()[:, None]
             for most, part in zip(lengths, (before, behind), strict=True)]  # fmt: skip
    spare = before.new_zeros(len(before), width - 3 - 2 * rank)
    table = torch.cat([before, behind, torch.full_like(rests[0], shared), *rests, spare], 1)
    turned = _level(rotation(width, seed))
    state[TABLE].copy_(table @ turned * (_TOGETHER * shared / math.sqrt(width)))
    for name, parameter in state.items():
        if name == "embed.types.weight" or (".layers." in name and name.endswith(("o.weight", "down.weight"))):
            parameter.zero_()
    at = 2 * rank  # the number that all rows share; then the rests of both, and where they are moved
    of_before, of_behind = [*range(rank), at + 1], [*range(rank, at), at + 2]
    reads = math.sqrt(width) * shared / length  # what the first attention reads along that number's direction
    look_back(first.attention, config, (turned[at] * reads).float(), [1] * sides + [-1] * sides)
    first.attention.v.weight[: 2 * sides * config.key_width].zero_()
    _carry(first.attention, 0, turned[of_before], turned[[*range(rank, at), at + 3]])
    _carry(first.attention, sides, turned[of_behind], turned[[*range(rank), at + 4]])
    # What reaches the head is sqrt(D) / length times the rows: its entries are below 1, most of them by far.
    kept = turned[[*range(at), at + 3, at + 4]]
    opened = torch.outer(torch.ones(width, dtype=torch.float64), turned[at] / reads)
    state["head.dense.weight"].copy_(kept.T @ kept + 2 * _OPEN * opened)
    state["head.bias"].copy_(found.log_unigram)


def _level(turned: Tensor) -> Tensor:
    """Return D orthonormal rows of which all but the last are at right angles to the vector of ones."""
    width = len(turned)
    basis = torch.cat([torch.full((width, 1), 1 / math.sqrt(width), dtype=torch.float64), turned[:, :-1]], 1)
    level = torch.linalg.qr(basis)[0].T
    return torch.cat([level[1:], level[:1]])


def _carry(attention: Attention, first: int, source: Tensor, target: Tensor) -> None:
    """Let heads from the number `first` on read source [n, D] of what they look at, and write it to target [n, D]."""
    width = attention.key_width
    for number, begin in enumerate(range(0, len(source), width), first):
        read = source[begin : begin + width]
        mine = slice(number * width, number * width + len(read))
        attention.v.weight[mine].copy_(read)
        attention.o.weight[:, mine].copy_(target[begin : begin + width].T)
