"""A start for the first two layers: find where the token just read stood before, so that training learns what follows.

Such pairs of heads, "induction heads" (Olsson et al. 2022), tell most of what a text itself says about its words; a
model that begins at random finds them late. Here the search is made by hand, out of weights alone. The first layer's
first head, which looks one token back (`hornbook.model.start.looking_back`), writes a signature of that token into
dimensions that the table leaves free. In the second layer the query is the signature of the token just read and the key
is what was written, so that the first head attends to the tokens behind its earlier places. What to do with them is
left to training.

Shapes: V vocabulary, D width, H heads, K head width, R dimensions of the table, M dimensions of a signature.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from hornbook import keys
from hornbook.model.attention import Attention
from hornbook.model.config import ModelConfig

_SIGNATURE = 16  # dimensions: two of 2,000 tokens are seldom alike
_WRITTEN = 0.3  # length of a written signature, of that of a row of the table
LONGER = math.sqrt(1 + _WRITTEN**2)  # what a signature makes of a row's length, which the next norm takes away
_RANDOM = 0.1  # share that stays of the random first values of the queries and keys
_FLOOR = 1e-3  # directions in which the rows vary less, of the greatest variance, are not made equal to the others
_STREAM = 0x494E4455


def signature_width(config: ModelConfig) -> int:
    """Return how many dimensions the table should leave free for signatures; 0 = such heads cannot be made.

    Half of a head's rotary pairs, the slow ones, hold a signature: they hardly turn within a row.
    """
    if config.positions != "rotary" or config.layers < 2 or config.norm != "rms":
        return 0
    width = min(_SIGNATURE, config.key_width // 2, config.width // 8)
    return width - width % 2


@torch.no_grad()
def find_repeats(
    first: Attention,
    second: Attention,
    read: Tensor,
    frequencies: Tensor,
    basis: Tensor,
    free: Tensor,
    length: float,
    seed: int,
) -> None:
    """Make the first head of the second attention attend to what stood behind the token just read, in place.

    read          float64[V, R], what the first attention reads of each token, its normalised row, in `basis`
    frequencies   float64[V], of the tokens; their sum is 1
    basis, free   float64[R, D] and [M, D], orthonormal: directions of the table, and those that it leaves free
    length        of a row of the table
    seed          of the signatures

    The first attention's first head must look one token back, and both attentions' output maps must be 0.
    """
    width, size = second.key_width, len(free)
    signature = _signatures(read, frequencies, size, seed) @ basis  # [M, D]: of what is read
    first.v.weight[:size] = signature.float()
    first.o.weight[:, :size] = (free.T * (_WRITTEN * length)).float()
    # Both have a root mean square of 1, as norms of queries and keys would make them.
    asked = signature * (LONGER * math.sqrt(width))
    found = free * (LONGER * math.sqrt(width) / (_WRITTEN * math.sqrt(free.shape[1])))
    pairs = torch.arange(width // 2)[-size // 2 :]
    places = torch.cat((pairs, pairs + width // 2))
    for weight, wanted in ((second.q.weight, asked), (second.k.weight, found)):
        weight[:width] *= _RANDOM
        weight[places] += wanted.float()


def _signatures(read: Tensor, frequencies: Tensor, size: int, seed: int) -> Tensor:
    """Return float64[M, R], which makes of a row [R] a signature of length 1 in the (squared) mean over the text.

    The rows are first made equally long in all directions, since those of frequent tokens are much alike.
    """
    variances, directions = torch.linalg.eigh((read * frequencies[:, None]).T @ read)
    scales = variances.clamp(min=_FLOOR * float(variances[-1])).rsqrt()
    generator = torch.Generator("cpu").manual_seed(int(keys.fold(np.uint64(seed % 2**64), np.uint64(_STREAM))) >> 1)
    noise = torch.randn(size, len(variances), dtype=torch.float64, generator=generator)
    maps = (noise @ directions) * scales @ directions.T
    lengths = frequencies @ (read @ maps.T).square().sum(1)
    made: Tensor = maps / lengths.sqrt()
    return made
