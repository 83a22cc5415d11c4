"""Counts of pairs of tokens, and what they say by definition."""

from __future__ import annotations

import numpy as np
import torch


def table_of(seed: int, size: int, most: int = 30, empty: float = 0.6) -> torch.Tensor:
    """Return counts float64[V, V] of which a share is 0, some rows and columns whole."""
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, most, (size, size)) * (draw.random((size, size)) > empty)
    counts[draw.integers(size)] = 0
    counts[:, draw.integers(size)] = 0
    return torch.from_numpy(counts).double()


def witten_bell(counts: torch.Tensor) -> torch.Tensor:
    """Return log p(j | i), from the definition; a row without counts is the unigram's."""
    unigram = (counts.sum(0) + 0.5) / (counts.sum(0) + 0.5).sum()
    seen, different = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
    mixed = (counts + different * unigram) / (seen + different).clamp(min=1)
    return torch.where(seen > 0, mixed, unigram.expand_as(mixed)).log()
