"""First weights from counted pairs where one table is both read and predicted from: tied decoders, alone or behind an
encoder.

What a token says of the next one, U_i V_j (see `hornbook.model.start.counted`), must leave the position that reads i,
but the head would compare what stands there, i's own row, with all rows. So the last layer's MLP begins as a linear
map, which takes the row away and puts U_i in the place where rows have V:

    row of i in the table     [ U_i | V_i | same number in all | log p_i | rest of U_i | rest of V_i | 0           ]
    behind the last MLP       [ 0   | U_i | same number in all | same    | 0           | 0           | rest of U_i ]

The rests make all rows equally long, so that no norm changes anything. A gated MLP is linear where its gate reads only
the number that all rows share; another one where its activation is beyond its bend.

Shapes: V vocabulary, D width, F MLP width, R rank of the factors.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hornbook.model.config import ModelConfig
from hornbook.model.initialise import TABLE
from hornbook.model.layers import MLP, Layer
from hornbook.model.start.counted import factored, rotation
from hornbook.model.transformer import Transformer

_OTHERS = 5  # directions beside those of the factors
_OPEN = 4.0  # what an open gate reads
_STRAIGHT = 16.0  # from here on every activation is the identity


def holds_tied_counts(config: ModelConfig) -> bool:
    """Say whether a model of this shape, its table tied to its head, can begin from counts."""
    return (
        config.topology != "encoder"
        and (config.norm, config.norm_place) == ("rms", "pre")
        and config.final_norm
        and config.tied
        and not (config.embedding_norm or config.head_transform or config.embedding_width or config.biases)
        and config.positions in ("rotary", "none", "bucketed")
        and config.task_head == "none"
        and config.inner_width > config.width
    )


@torch.no_grad()
def begin_tied(model: Transformer, counts: Tensor, seed: int) -> None:
    """Fill the table, the last layer's MLP and the decoder's maps to the residual stream, in place; see the module.

    counts   float64[V, V], sparse: how often token i is read (row) where token j must be predicted (column)
    seed     of the decomposition and the rotation

    The model must be one that `holds_tied_counts`; its other parameters, and the encoder's, keep their values.
    """
    config, state = model.config, dict(model.named_parameters())
    width = config.width
    found = factored(counts, (width - _OTHERS) // 2, seed)
    read, said = found.read, found.said
    rank = read.shape[1]
    centred = found.log_unigram - found.log_unigram @ found.log_unigram.exp()
    of_read = float(read.square().sum(1).max().clamp(min=1e-3))
    # With g the gain of U, w the unigram's number and s its factor in the table: g^2 = (shared^2 + w^2) / of_read and
    # w s = g, of which the first makes the logits right where the table's scale is twice the least possible.
    shared = math.sqrt(of_read)
    gain = math.sqrt(2.0)
    logs = centred * gain / shared
    apart = said.square().sum(1) + logs.square()
    of_said = float(apart.max())
    spare = read.new_zeros(len(read), width - _OTHERS - 2 * rank)
    columns = [read, said, torch.full_like(logs, shared)[:, None], logs[:, None]]
    columns += [(most - part).clamp(min=0).sqrt()[:, None] for most, part in
                ((of_read, read.square().sum(1)), (of_said, apart))]  # fmt: skip
    table = torch.cat([*columns, torch.zeros_like(logs)[:, None], spare], 1)
    turned = rotation(width, seed)
    scale = math.sqrt(2 * of_read / (1.0 if config.output_scale == "width" else width))
    length = math.sqrt(shared**2 + of_read + of_said)
    state[TABLE].copy_(table @ turned * scale)
    for name, parameter in state.items():
        if name.startswith("decoder.layers.") and name.endswith(("o.weight", "down.weight")):
            parameter.zero_()
    moved = torch.zeros(width, width, dtype=torch.float64)  # from the row to what is added to it
    both = 2 * rank
    moved[range(both), range(both)] = -1.0
    moved[range(rank, both), range(rank)] = gain
    shared_at, logs_at, read_rest, said_rest, kept = range(both, both + _OTHERS)
    for place in (logs_at, read_rest, said_rest):
        moved[place, place] = -1.0
    moved[logs_at, shared_at] = 1.0
    moved[kept, read_rest] = gain
    assert model.decoder is not None
    last = model.decoder.layers[-1]
    assert isinstance(last, Layer)
    normalised = math.sqrt(width) / length  # what a norm multiplies a row with, the scale apart
    make_linear(
        last.mlp, config, turned.T @ moved @ turned * (scale / normalised), turned[shared_at] / (shared * normalised)
    )


def make_linear(mlp: MLP, config: ModelConfig, map_: Tensor, shared: Tensor) -> None:
    """Make an MLP the linear map_ [D, D] of what it reads, of which `shared` [D] reads 1; other neurons stay silent."""
    left, singular, right = torch.linalg.svd(map_)
    root, number = singular.sqrt(), len(map_)
    into, out = root[:, None] * right, left * root
    if mlp.gate is not None:
        opened = float(mlp.activation(torch.tensor(_OPEN, dtype=torch.float64)))
        mlp.gate.weight[:number].copy_((shared * _OPEN).expand(number, -1))
        mlp.up.weight[:number].copy_(into)
        mlp.down.weight[:, :number].copy_(out / opened)
        return
    # What is read lies within its largest length times the root of the width on both sides of 0.
    beyond = _STRAIGHT + float(torch.linalg.vector_norm(into, dim=1).max()) * math.sqrt(len(shared))
    mlp.up.weight[:number].copy_(into + beyond * shared)
    mlp.up.weight[number].copy_(beyond * shared)
    mlp.down.weight[:, :number].copy_(out)
    mlp.down.weight[:, number].copy_(-out.sum(1))
