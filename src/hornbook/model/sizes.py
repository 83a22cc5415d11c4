"""Published models by name: their shapes as ModelConfigs, with the lengths and vocabularies they were published with.

SIZES["gpt2"]                                    the shape of GPT-2
replace(SIZES["gpt2"], vocab_size=0)             the same for another tokenizer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hornbook.model.config import ModelConfig, modern

# Radford et al. 2019, table 2, and the released code.
_GPT2 = ModelConfig(
    "decoder",
    vocab_size=50_257,
    max_length=1024,
    width=768,
    layers=12,
    heads=12,
    norm="layer",
    norm_epsilon=1e-5,
    positions="learned",
    gated=False,
    activation="gelu_tanh",
    biases=True,
    qk_norm=False,
    dropout=0.1,
)

# Touvron et al. 2023, table 2.
_LLAMA = ModelConfig(
    "decoder",
    vocab_size=32_000,
    max_length=2048,
    width=4096,
    layers=32,
    heads=32,
    mlp_width=11_008,
    qk_norm=False,
    tied=False,
)

_QWEN = ModelConfig("decoder", vocab_size=151_936, rotary_base=1e6)

# Warner et al. 2024, table 4 and the released configuration.
_MODERNBERT = replace(
    modern("encoder"),
    vocab_size=50_368,
    max_length=8192,
    width=768,
    layers=22,
    heads=12,
    mlp_width=1152,
    window=64,
    global_every=3,
    rotary_base=160_000.0,
    local_rotary_base=10_000.0,
)

SIZES: Mapping[str, ModelConfig] = {
    "gpt2": _GPT2,
    "gpt2-medium": replace(_GPT2, width=1024, layers=24, heads=16),
    "gpt2-large": replace(_GPT2, width=1280, layers=36, heads=20),
    "gpt2-xl": replace(_GPT2, width=1600, layers=48, heads=25),
    "llama-7b": _LLAMA,
    "llama-3.2-1b": replace(
        _LLAMA,
        vocab_size=128_256,
        max_length=131_072,
        width=2048,
        layers=16,
        kv_heads=8,
        mlp_width=8192,
        norm_epsilon=1e-5,
        rotary_base=500_000.0,
        rotary_scaling="llama3",
        rotary_factor=32.0,
        rotary_length=8192,
        tied=True,
    ),
    # Jiang et al. 2023, table 1: a window of 4096 keys, the query's own among them.
    "mistral-7b": replace(
        _LLAMA, max_length=32_768, kv_heads=8, mlp_width=14_336, norm_epsilon=1e-5, window=4095
    ),
    "qwen2.5-0.5b": replace(
        _QWEN,
        max_length=32_768,
        width=896,
        layers=24,
        heads=14,
        kv_heads=2,
        mlp_width=4864,
        qk_norm=False,
        qkv_biases=True,
    ),
    "qwen3-0.6b": replace(
        _QWEN, max_length=40_960, width=1024, layers=28, heads=16, kv_heads=8, head_width=128, mlp_width=3072
    ),
    "modernbert-base": _MODERNBERT,
    "modernbert-large": replace(_MODERNBERT, width=1024, layers=28, heads=16, mlp_width=2624),
}  # fmt: skip
