"""Small configs and batches for the tests of the model."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray

from hornbook.batch import Batch, Topology
from hornbook.model.config import ModelConfig, modern
from hornbook.model.transformer import Transformer

# Settings of a run that takes a second.
SMALL_RUN = {
    "data.clean": "none",
    "model.width": 32,
    "model.layers": 1,
    "model.heads": 2,
    "model.max_length": 64,
    "training.batch_rows": 8,
    "training.precision": "fp32",
    "training.compile": "no",
    "training.evaluate_tokens": 500,
    "tokenizer.size": 400,
}

TOPOLOGIES: tuple[Topology, ...] = ("decoder", "encoder", "encoder-decoder")
CPU = torch.device("cpu")


def small(topology: Topology, **changes: object) -> ModelConfig:
    """Return the modern block of a topology at width 32."""
    sized = dataclasses.replace(modern(topology), vocab_size=61, width=32, layers=2, heads=4, max_length=32)
    return dataclasses.replace(sized, **changes)  # type: ignore[arg-type]


def build(config: ModelConfig, seed: int = 0) -> Transformer:
    """Return a model in evaluation mode whose biases and norms are not trivial either."""
    model = Transformer(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def batch(
    config: ModelConfig,
    segments: NDArray[np.int64] | None = None,
    visible: NDArray[np.bool_] | None = None,
    decoder_segments: NDArray[np.int64] | None = None,
    shape: tuple[int, int] = (3, 12),
    seed: int = 0,
) -> Batch:
    """Return random rows of a config's topology, about half of the output positions scored."""
    draw = np.random.default_rng(seed)
    rows, length = shape if segments is None else segments.shape
    behind = config.topology == "encoder-decoder"
    target_length = length if decoder_segments is None else decoder_segments.shape[1]
    weights = (draw.random((rows, target_length)) < 0.5).astype(np.float32)
    weights[:, 0] = 0.5
    real = decoder_segments if behind else segments
    if real is not None:
        weights *= real != 0
    return Batch(
        inputs=draw.integers(0, config.vocab_size, (rows, length)),
        targets=draw.integers(0, config.vocab_size, (rows, target_length)),
        weights=weights,
        count=weights.sum(1).astype(np.float64),
        segments=segments,
        visible=visible,
        types=draw.integers(0, config.token_types, (rows, length)) if config.token_types else None,
        decoder_inputs=draw.integers(0, config.vocab_size, (rows, target_length)) if behind else None,
        decoder_segments=decoder_segments if behind else None,
    )


def book() -> str:
    """Return a text of 60 short documents and few words, enough to train a model of SMALL_RUN."""
    words = [(who, does, what) for who in ("cat", "dog", "king") for does in ("sees", "eats") for what in "abcde"]
    lines = [f"The {who} {does} the {what}." for who, does, what in words]
    return "\n\n".join(" ".join(lines[start:] + lines[:start]) for start in range(60))
