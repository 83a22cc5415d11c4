"""First weights from counted pairs: a decoder that predicts, before its first step, what the token just read says.

    p(j | i) = (c_ij + T_i p_j) / (c_i + T_i)          Witten and Bell 1991: T_i different tokens were seen after i
    log p(j | i) = log p_j + log(1 + c_ij / (T_i p_j)) + a number of the row i, which a softmax does not see

The first term is one direction of the model. The second is a sparse matrix: weighted by the roots of the frequencies of
i and j and divided by a truncated singular value decomposition, it becomes the table of tokens and the output head.
(The unigram alone as the head's first bias: Meister et al. 2023.) The rows of the table are

    [ factors of i | the same number in all rows | what makes all rows equally long ] times a random rotation

so that the final norm changes nothing, and the head's are [ factors of j | log p_j over that number | 0 ] times the
same rotation. Maps that write to the residual stream begin at 0, so the layers add nothing yet. Heads of the first
layer look a few tokens back, so that the first steps learn what these tell (`hornbook.model.start.looking_back`).

Shapes: V vocabulary, D width, R rank of the factors, n pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from hornbook import keys
from hornbook.model.config import ModelConfig
from hornbook.model.initialise import COUNTED_DEVIATION, TABLE
from hornbook.model.layers import Layer
from hornbook.model.start.induction import LONGER, find_repeats, signature_width
from hornbook.model.start.looking_back import look_back
from hornbook.model.transformer import Transformer

# Singular values beyond these cost more time than they tell.
_MOST_RANK = 256
_SPARE, _ROUNDS = 16, 2  # of the randomised decomposition (Halko et al. 2011): more columns, and power iterations
_UNSEEN = 0.5  # occurrences that each token has beside those that were counted
_LOOKING_BACK = 2  # heads of the first layer that look 1, 2, ... tokens back
_STREAM = 0x434F554E


def holds_counts(config: ModelConfig) -> bool:
    """Say whether a model of this shape can begin from counts: what it embeds reaches the head as it is.

    That asks for a decoder with RMSNorm before its branches and at its end, none behind its table, an output head of
    its own and no position in the embedding.
    """
    return (
        config.topology == "decoder"
        and (config.norm, config.norm_place) == ("rms", "pre")
        and config.final_norm
        and not (config.embedding_norm or config.tied or config.head_transform or config.embedding_width)
        and config.positions in ("rotary", "none")
        and config.task_head == "none"
    )


@dataclass(frozen=True, eq=False)
class Counted:
    """What counts say: factors of the read token [V, R] and of the predicted one [V, R], log p [V], all float64."""

    read: Tensor
    said: Tensor
    log_unigram: Tensor

    @property
    def logits(self) -> Tensor:
        """The log-probabilities [V, V] of what follows each token, up to a number for each row."""
        return self.read @ self.said.T + self.log_unigram


def factored(counts: Tensor, rank: int, seed: int) -> Counted:
    """Return the factors of counted pairs: counts float64[V, V], sparse, of tokens read (rows) and predicted (columns).

    The same counts and the same seed give the same factors.
    """
    counts = counts.coalesce()
    size, (row, column), times = len(counts), counts.indices(), counts.values()
    said = torch.zeros(size, dtype=torch.float64).index_add_(0, column, times) + _UNSEEN
    unigram = said / said.sum()
    read = torch.zeros(size, dtype=torch.float64).index_add_(0, row, times) + 1
    rows, columns = (read / read.sum()).sqrt(), unigram.sqrt()
    different = torch.bincount(row, minlength=size).double()
    values = torch.log1p(times / (different[row] * unigram[column]))
    # A row may be shifted at will: so that its mean is 0, which is least to factor.
    mean = torch.zeros(size, dtype=torch.float64).index_add_(0, row, values * unigram[column])
    matrix = torch.sparse_coo_tensor(
        torch.stack([row, column]),
        values * rows[row] * columns[column],
        (size, size),
        is_coalesced=True,
        check_invariants=False,
    )
    shift = (rows * mean)[:, None]
    left, singular, right = _decomposed(matrix, shift, columns[:, None], min(rank, size, _MOST_RANK), seed)
    root = singular.sqrt()
    return Counted(left * root / rows[:, None], right * root / columns[:, None], unigram.log())


def _decomposed(matrix: Tensor, shift: Tensor, weights: Tensor, rank: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the largest singular values [R] of matrix - shift weights^T, with the left and right vectors [V, R]."""
    across = matrix.t().coalesce()

    def times(x: Tensor) -> Tensor:
        product: Tensor = torch.sparse.mm(matrix, x) - shift @ (weights.T @ x)
        return product

    def times_across(x: Tensor) -> Tensor:
        product: Tensor = torch.sparse.mm(across, x) - weights @ (shift.T @ x)
        return product

    generator = torch.Generator("cpu").manual_seed(int(keys.fold(np.uint64(seed % 2**64), np.uint64(_STREAM))) >> 1)
    columns = min(len(matrix), rank + _SPARE)
    basis = torch.linalg.qr(times(torch.randn(len(matrix), columns, dtype=torch.float64, generator=generator)))[0]
    for _ in range(_ROUNDS):
        basis = torch.linalg.qr(times(torch.linalg.qr(times_across(basis))[0]))[0]
    small, singular, right = torch.linalg.svd(times_across(basis).T, full_matrices=False)
    return (basis @ small)[:, :rank], singular[:rank], right[:rank].T


@torch.no_grad()
def begin_from_counts(model: Transformer, counts: Tensor, seed: int) -> None:
    """Fill the table, the head, the maps to the residual stream and the first attention, in place; see the module.

    counts   float64[V, V], sparse: how often token i is read (row) where token j must be predicted (column)
    seed     of the decomposition and the rotation

    The model must be one that `holds_counts`; its other parameters keep their values.
    """
    config, state = model.config, dict(model.named_parameters())
    width, signature = config.width, signature_width(config)
    found = factored(counts, width - 2 - signature, seed)
    read, said = found.read, found.said
    longest = float(torch.linalg.vector_norm(read, dim=1).max().clamp(min=1e-3))
    rest = (longest**2 - read.square().sum(1)).clamp(min=0).sqrt()
    spare = read.new_zeros(len(read), width - 2 - read.shape[1])
    centred = found.log_unigram - found.log_unigram @ found.log_unigram.exp()
    table = torch.cat([read, spare, torch.full_like(rest, longest)[:, None], rest[:, None]], 1)
    head = torch.cat([said, spare, (centred / longest)[:, None], torch.zeros_like(rest)[:, None]], 1)
    turned = rotation(width, seed)
    normalised = math.sqrt(width) / (math.sqrt(2) * longest)  # what a norm multiplies a row of the table with
    state[TABLE].copy_(table @ turned * (COUNTED_DEVIATION * normalised))
    state["head.output.weight"].copy_(head @ turned / normalised)
    for name, parameter in state.items():
        if name.endswith(("o.weight", "down.weight")) and ".layers." in name:
            parameter.zero_()
    if config.positions == "rotary":
        assert model.decoder is not None
        first = model.decoder.layers[0]
        assert isinstance(first, Layer)
        shared = (turned[-2] * (longest * normalised)).float()
        distances = range(1, 1 + min(config.heads, _LOOKING_BACK))
        look_back(first.attention, config, shared, distances)
        if signature:
            second, rank = model.decoder.layers[1], read.shape[1]
            assert isinstance(second, Layer)
            times = counts.sum(1).to_dense() + 1
            find_repeats(
                first.attention,
                second.attention,
                read * normalised,
                times / times.sum(),
                turned[:rank],
                turned[width - 2 - signature : -2],
                COUNTED_DEVIATION * math.sqrt(width),
                seed,
            )
            state["head.output.weight"].mul_(LONGER)


def rotation(width: int, seed: int) -> Tensor:
    """Return a random rotation float64[D, D]."""
    generator = torch.Generator("cpu").manual_seed(int(keys.fold(np.uint64(seed % 2**64), np.uint64(_STREAM + 1))) >> 1)
    turned: Tensor = torch.linalg.qr(torch.randn(width, width, dtype=torch.float64, generator=generator))[0]
    return turned


@torch.no_grad()
def bias_from_counts(model: nn.Module, said: Tensor) -> None:
    """Fill the bias of the head that fills masks, a generator's where there is one, with log-probabilities.

    said   float64[V]: how often each token must be predicted
    """
    state = dict(model.named_parameters())
    bias = state["generator.bias"] if "generator.bias" in state else state["head.bias"]
    bias.copy_(((said + _UNSEEN) / (said + _UNSEEN).sum()).log())
