"""The first values of all parameters, in one function.

Shapes: D width, E width of the embeddings, H query heads, K head width, F MLP width, L layers of a stack.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from hornbook import keys
from hornbook.model.config import ModelConfig

TABLE = "embed.tokens.weight"
# Deviation of the table's values in a model that begins from counts: what the layers write in their first steps must
# weigh beside it, and not outweigh it (docs/LOG.md). The width has no part in it, as it has none in Muon's steps.
COUNTED_DEVIATION = 0.2


def initialise(parameters: Iterable[tuple[str, Tensor]], config: ModelConfig, seed: int) -> None:
    """Fill named parameters in place; each parameter's values depend on the seed, its name and its shape alone.

    Norms are 1 and biases 0. Matrices and tables are normal with standard deviation
        sqrt(2 / (5 D))              "small init" (Nguyen and Salazar 2019): 0.023 at D = 768, near GPT-2's 0.02, and
                                     growing for narrow models, where 0.02 leaves layers with almost no effect
        sqrt(2 / (5 E))              tables of embeddings, and the map from them to the layers
        the first / sqrt(2 L)        maps that write to the residual stream: o and down (Radford et al. 2019, 2.3),
                                     sqrt(3 L) in layers of three branches
        0                            the same maps of decoders with norms before their branches: each layer begins as
                                     nothing, and short runs learn faster (docs/LOG.md)
    Without the attention's scale, 1/sqrt(K) must sit in the queries' weights; then the factors are those of T5 (Raffel
    et al. 2020; Mesh TensorFlow), one over the root of the inputs:
        q (D K)^-1/2, k and v D^-1/2, o (H K)^-1/2, gate and up D^-1/2, down F^-1/2, relative positions D^-1/2,
        tokens 1 where the head has a matrix of its own or output_scale makes up for it, that matrix D^-1/2.
    """
    with torch.no_grad():
        for name, parameter in parameters:
            if name.endswith("bias"):
                parameter.zero_()
            elif parameter.ndim == 1:
                parameter.fill_(1.0)
            else:
                digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
                key = keys.fold(np.uint64(seed % 2**64), np.uint64(int.from_bytes(digest, "little")))
                generator = torch.Generator("cpu").manual_seed(int(key) >> 1)
                noise = torch.empty(parameter.shape).normal_(0.0, deviation(name, config), generator=generator)
                parameter.copy_(noise)


def deviation(name: str, config: ModelConfig) -> float:
    """Return the standard deviation of a matrix's or a table's first values."""
    if name == TABLE and config.start == "counts" and not config.tied:
        return COUNTED_DEVIATION
    stack, part = name.split(".")[0], ".".join(name.split(".")[-2:])
    width = config.table_width if stack == "embed" else config.width
    if config.attention_scale == "head":
        small = math.sqrt(2 / (5 * width))
        if part not in ("o.weight", "down.weight"):
            return small
        if config.topology == "decoder" and config.norm_place == "pre":
            return 0.0
        crossing = stack == "decoder" and config.topology == "encoder-decoder"
        layers = (config.decoder_layers or config.layers) if crossing else config.layers
        return small / math.sqrt((3 if crossing else 2) * layers)
    if part == "tokens.weight":
        return 1.0 if not config.tied or config.output_scale == "width" else 1.0 / math.sqrt(width)
    inputs: dict[str, int] = {
        "q.weight": width * config.key_width,
        "o.weight": config.heads * config.key_width,
        "down.weight": config.inner_width,
    }
    return 1.0 / math.sqrt(inputs.get(part, width))
