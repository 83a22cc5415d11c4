"""Rotary positions (Su et al. 2021) and how they are stretched beyond the length first trained on.

Shapes: T positions, K head width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hornbook.model.config import ModelConfig

# Turns within the length first trained on: fewer than the first are stretched, more than the second are kept.
_LLAMA3_TURNS = (1.0, 4.0)
_YARN_TURNS = (1.0, 32.0)


def rotary_tables(config: ModelConfig, base: float) -> tuple[Tensor, Tensor]:
    """Return cosines and signed sines float32[max_length, 1, K] of a config's rotary positions, in Llama's halves.

    Pair (i, i + K/2) turns by position * rates[i]; the first half of the sines carries the minus sign. YaRN makes both
    larger by 0.1 ln(factor) + 1, which sharpens the softmax (Peng et al. 2023, 3.4). All is computed in fp32, as
    transformers does: an angle at position 2,000 is rounded by up to 6e-5, and a model has learned the rounded ones.
    On the meta device, where tensors have no values, nothing is computed: torch would load its compiler for that,
    which takes a second.
    """
    if torch.get_default_device().type == "meta":
        cosine, sine = (torch.empty(config.max_length, 1, config.key_width) for _ in range(2))
        return cosine, sine
    angles = torch.arange(config.max_length, dtype=torch.float32)[:, None] * rotary_rates(config, base)
    size = 0.1 * math.log(config.rotary_factor) + 1.0 if config.rotary_scaling == "yarn" else 1.0
    cosine, sine = angles.cos() * size, angles.sin() * size
    return torch.cat((cosine, cosine), -1)[:, None], torch.cat((-sine, sine), -1)[:, None]


def rotary_rates(config: ModelConfig, base: float) -> Tensor:
    """Return the turn per position of each pair, float32[K/2]: base ** (-2 i / K), stretched as the config says.

    "linear" divides all rates by the factor (Chen et al. 2023). The others keep the fast ones, divide the slow ones,
    and blend those between: "llama3" by the number of turns within `rotary_length` (Llama 3.1's released code),
    "yarn" by the index of the pair, its bounds rounded outwards (Peng et al. 2023, 3.2).
    """
    width = config.key_width
    steps = base ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
    rates = 1.0 / steps
    if config.rotary_scaling == "none":
        return rates
    if config.rotary_scaling == "linear":
        return rates / config.rotary_factor
    if config.rotary_scaling == "llama3":
        return _blended_by_turns(config, rates)
    few, many = _YARN_TURNS
    first = max(math.floor(_pair_of(many, config, base)), 0)
    last = min(math.ceil(_pair_of(few, config, base)), width - 1)
    kept = 1 - ((torch.arange(width // 2, dtype=torch.float32) - first) / ((last - first) or 0.001)).clamp(0, 1)
    return 1.0 / (config.rotary_factor * steps) * (1 - kept) + rates * kept


def _blended_by_turns(config: ModelConfig, rates: Tensor) -> Tensor:
    """Return the rates as Llama 3.1 stretches them, float32[K/2]."""
    few, many = _LLAMA3_TURNS
    lengths = 2 * math.pi / rates  # of one turn, in tokens
    kept = (config.rotary_length / lengths - few) / (many - few)
    blended = (1 - kept) * rates / config.rotary_factor + kept * rates
    blended = torch.where(lengths > config.rotary_length / few, rates / config.rotary_factor, blended)
    return torch.where(lengths < config.rotary_length / many, rates, blended)


def _pair_of(turns: float, config: ModelConfig, base: float) -> float:
    """Return the index, between pairs, at which positions turn so often within `rotary_length`."""
    return config.key_width * math.log(config.rotary_length / (turns * 2 * math.pi)) / (2 * math.log(base))
