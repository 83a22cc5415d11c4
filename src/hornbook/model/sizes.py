"""Blocks and sizes: the layers of published models, without a size, and named models, with one.

BLOCKS["bert"]           BERT's block; its size is chosen by whoever uses it
SIZES["bert-base"]       the published model, with its length and vocabulary
SIZES["mini"]            a small modern decoder; its vocabulary is that of the tokenizer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from hornbook.model.config import ModelConfig, modern

_LLAMA = replace(modern("decoder"), qk_norm=False, tied=False)  # Touvron et al. 2023
_PLAIN = ModelConfig(  # what the published models of 2018 to 2020 have in common
    "decoder", norm="layer", norm_epsilon=1e-5, positions="learned",
    gated=False, activation="gelu", biases=True, qk_norm=False,
)  # fmt: skip
_GPT2 = replace(_PLAIN, activation="gelu_tanh")  # Radford et al. 2019
_POST = replace(_PLAIN, norm_place="post", embedding_norm=True, final_norm=False)
_BERT = replace(  # Devlin et al. 2019
    _POST, topology="encoder", norm_epsilon=1e-12, head_transform=True, head_bias=True, token_types=2
)
# Positions begin behind the padding's id: 1 in the tokenizer that RoBERTa was published with.
_ROBERTA = replace(_BERT, norm_epsilon=1e-5, position_offset=2, token_types=1)  # Liu et al. 2019
_ALBERT = replace(_BERT, activation="gelu_tanh", embedding_width=128, shared_layers=True, pair_head=True)  # Lan 2020
_ELECTRA = replace(_BERT, embedding_width=128)  # Clark et al. 2020; both of its models
_MODERNBERT = replace(  # Warner et al. 2024
    modern("encoder"), window=64, global_every=3, rotary_base=160_000.0, local_rotary_base=10_000.0
)
_T5 = replace(modern("encoder-decoder"), gated=False, activation="relu")  # Raffel et al. 2020
_T5_V1_1 = replace(modern("encoder-decoder"), tied=False, output_scale="none")  # Shazeer 2020
_BART = replace(_POST, topology="encoder-decoder", position_offset=2, split_embedding=True)  # Lewis et al. 2020

BLOCKS: Mapping[str, ModelConfig] = MappingProxyType(
    {
        "gpt2": _GPT2,
        "llama": _LLAMA,
        "bert": _BERT,
        "roberta": _ROBERTA,
        "albert": _ALBERT,
        "electra": _ELECTRA,
        "modernbert": _MODERNBERT,
        "t5": _T5,
        "t5-v1.1": _T5_V1_1,
        "bart": _BART,
    }
)


def _sized(block: ModelConfig, width: int, layers: int, heads: int, mlp_width: int = 0) -> ModelConfig:
    return replace(block, width=width, layers=layers, heads=heads, mlp_width=mlp_width)


def _modern(width: int, layers: int) -> ModelConfig:
    return _sized(modern("decoder"), width, layers, width // 64)


_GPT2_READS = replace(_GPT2, vocab_size=50_257, max_length=1024)
_BERT_READS = replace(_BERT, vocab_size=30_522, max_length=512)
_ROBERTA_READS = replace(_ROBERTA, vocab_size=50_265, max_length=512)
_ALBERT_READS = replace(_ALBERT, vocab_size=30_000, max_length=512)
_ELECTRA_READS = replace(_ELECTRA, vocab_size=30_522, max_length=512)
_MODERNBERT_READS = replace(_MODERNBERT, vocab_size=50_368, max_length=8192)
_T5_READS = replace(_T5, vocab_size=32_128, max_length=512, head_width=64)
_T5_V1_1_READS = replace(_T5_V1_1, vocab_size=32_128, max_length=512, head_width=64)
_BART_READS = replace(_BART, vocab_size=50_265, max_length=1024)
_LLAMA_READS = replace(_LLAMA, vocab_size=32_000, max_length=2048)
_LLAMA3_READS = replace(
    _LLAMA, vocab_size=128_256, max_length=131_072, kv_heads=8, norm_epsilon=1e-5, rotary_base=500_000.0,
    rotary_scaling="llama3", rotary_factor=32.0, rotary_length=8192, tied=True,
)  # fmt: skip
_QWEN_READS = ModelConfig("decoder", vocab_size=151_936, rotary_base=1e6)

SIZES: Mapping[str, ModelConfig] = MappingProxyType(
    {
        "nano": _modern(128, 4),
        "tiny": _modern(256, 4),
        "mini": _modern(384, 6),
        "small": _modern(512, 8),
        # Radford et al. 2019, table 2.
        "gpt2": _sized(_GPT2_READS, 768, 12, 12),
        "gpt2-medium": _sized(_GPT2_READS, 1024, 24, 16),
        "gpt2-large": _sized(_GPT2_READS, 1280, 36, 20),
        "gpt2-xl": _sized(_GPT2_READS, 1600, 48, 25),
        # Touvron et al. 2023, table 2.
        "llama-7b": _sized(_LLAMA_READS, 4096, 32, 32, 11_008),
        "llama-3.2-1b": _sized(_LLAMA3_READS, 2048, 16, 32, 8192),
        # Jiang et al. 2023, table 1: a window of 4096 keys, the query's own among them.
        "mistral-7b": replace(
            _sized(_LLAMA_READS, 4096, 32, 32, 14_336), max_length=32_768, kv_heads=8, norm_epsilon=1e-5, window=4095
        ),
        "qwen2.5-0.5b": replace(
            _sized(_QWEN_READS, 896, 24, 14, 4864), max_length=32_768, kv_heads=2, qk_norm=False, qkv_biases=True
        ),
        "qwen3-0.6b": replace(_sized(_QWEN_READS, 1024, 28, 16, 3072), max_length=40_960, kv_heads=8, head_width=128),
        # Devlin et al. 2019, section 3; Liu et al. 2019, 4; Lan et al. 2020, table 1; Clark et al. 2020, table 6.
        "bert-base": _sized(_BERT_READS, 768, 12, 12),
        "bert-large": _sized(_BERT_READS, 1024, 24, 16),
        "roberta-base": _sized(_ROBERTA_READS, 768, 12, 12),
        "roberta-large": _sized(_ROBERTA_READS, 1024, 24, 16),
        "albert-base": _sized(_ALBERT_READS, 768, 12, 12),
        "albert-large": _sized(_ALBERT_READS, 1024, 24, 16),
        "electra-small": _sized(_ELECTRA_READS, 256, 12, 4),
        "electra-base": replace(_sized(_ELECTRA_READS, 768, 12, 12), embedding_width=0),
        # Warner et al. 2024, table 4.
        "modernbert-base": _sized(_MODERNBERT_READS, 768, 22, 12, 1152),
        "modernbert-large": _sized(_MODERNBERT_READS, 1024, 28, 16, 2624),
        # Raffel et al. 2020, section 3.7; the released configurations of T5 1.1; Lewis et al. 2020.
        "t5-small": _sized(_T5_READS, 512, 6, 8, 2048),
        "t5-base": _sized(_T5_READS, 768, 12, 12, 3072),
        "t5-large": _sized(_T5_READS, 1024, 24, 16, 4096),
        "t5-v1.1-small": _sized(_T5_V1_1_READS, 512, 8, 6, 1024),
        "t5-v1.1-base": _sized(_T5_V1_1_READS, 768, 12, 12, 2048),
        "bart-base": _sized(_BART_READS, 768, 6, 12, 3072),
        "bart-large": _sized(_BART_READS, 1024, 12, 16, 4096),
    }
)
