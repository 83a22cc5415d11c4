"""A config with all that it leaves open written out, so that two configs of one model are equal. Loads no torch."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hornbook.model.config import ModelConfig


def explicit(config: ModelConfig) -> ModelConfig:
    """Return the same model with derived sizes written out and settings without effect at their defaults.

    A model without a size yet (heads = 0) keeps its zeros.
    """
    plain: dict[str, Any] = {item.name: item.default for item in fields(ModelConfig)}
    config = replace(config, global_every=min(config.global_every, config.layers or config.global_every))
    config = replace(config, **{name: plain[name] for name in _without_effect(config)})
    if config.heads == 0:
        return config
    decoder_layers = (config.decoder_layers or config.layers) if config.topology == "encoder-decoder" else 0
    return replace(
        config,
        kv_heads=config.key_heads,
        head_width=config.key_width,
        mlp_width=config.inner_width,
        decoder_layers=decoder_layers,
    )


def _without_effect(config: ModelConfig) -> list[str]:
    """Return the names of settings that change nothing beside the others."""
    rotary, behind = config.positions == "rotary", config.topology == "encoder-decoder"
    apart = config.positions == "learned" or config.embedding_norm  # what a split embedding has twice
    all_alike = not config.window or config.global_every == 1
    idle = {
        "position_offset": config.positions != "learned",
        "rotary_base": not rotary,
        "rotary_scaling": not rotary,
        "rotary_factor": not rotary or config.rotary_scaling == "none",
        "rotary_length": not rotary or config.rotary_scaling in ("none", "linear"),
        "local_rotary_base": not rotary or all_alike or config.local_rotary_base == config.rotary_base,
        "buckets": config.positions != "bucketed",
        "bucket_distance": config.positions != "bucketed",
        "decoder_layers": not behind,
        "split_embedding": not behind or not apart,
        "first_norm": config.norm_place == "post" or config.shared_layers,
        "embedding_width": config.embedding_width == config.width,
        "window": all_alike,
        "global_every": all_alike,
        "qkv_biases": config.biases,
    }
    return [name for name, here in idle.items() if here]
