"""Small models of every family as transformers makes them, and what opens and fills them."""

import dataclasses

import numpy as np
import pytest
import torch

from hornbook.batch import Batch
from hornbook.model.config import ModelConfig, modern
from hornbook.model.sizes import BLOCKS
from hornbook.model.transformer import Transformer
from hornbook.tokens.tokenizer.hf_folder import as_class
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.vocab import Vocab

transformers = pytest.importorskip("transformers")


LINES = [
    "The quick brown fox jumps over the lazy dog.",
    "  two  spaces,\ttab, trailing ",
    "naïve café — “quotes” … ½ ﬁ",
    "日本語とКириллица και Ελληνικά العربية",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u200b\ufeff",
    "def f(x):\n    return x ** 2  # don't\r\n",
    "",
]


SIZE = {"vocab_size": 400, "width": 32, "layers": 3, "heads": 4, "max_length": 24}


MODERN = {"decoder": modern("decoder"), "encoder": modern("encoder"), "encoder-decoder": modern("encoder-decoder")}


BERT = BLOCKS["bert"]


ALBERT = {"embedding_width": 12, "shared_layers": True, "activation": "gelu_tanh"}


GPT2 = BLOCKS["gpt2"]


BART = BLOCKS["bart"]


# name: (family, block, settings apart from SIZE)
CASES = {
    "qwen3": ("qwen3", MODERN["decoder"], {"head_width": 16, "kv_heads": 2}),
    "qwen3-untied": (
        "qwen3",
        MODERN["decoder"],
        {"tied": False, "rotary_base": 1e3, "activation": "gelu", "norm_epsilon": 0.1},
    ),
    "llama": ("llama", MODERN["decoder"], {"qk_norm": False, "kv_heads": 1}),
    "llama-biases": (
        "llama",
        MODERN["decoder"],
        {"qk_norm": False, "biases": True, "tied": False, "norm_epsilon": 0.1},
    ),
    "llama-linear": (
        "llama",
        MODERN["decoder"],
        {"qk_norm": False, "head_width": 6, "rotary_scaling": "linear", "rotary_factor": 4.0},
    ),
    "llama-llama3": (
        "llama",
        MODERN["decoder"],
        {"qk_norm": False, "kv_heads": 2, "rotary_scaling": "llama3", "rotary_factor": 8.0, "rotary_length": 6},
    ),
    "mistral": ("mistral", MODERN["decoder"], {"qk_norm": False, "kv_heads": 2, "window": 3, "tied": False}),
    "mistral-wide": (
        "mistral",
        MODERN["decoder"],
        {"qk_norm": False, "head_width": 12, "window": 1, "norm_epsilon": 0.1, "rotary_base": 1e3},
    ),
    "qwen2": ("qwen2", MODERN["decoder"], {"qk_norm": False, "qkv_biases": True, "kv_heads": 2}),
    "qwen2-yarn": (
        "qwen2",
        MODERN["decoder"],
        {
            "qk_norm": False,
            "qkv_biases": True,
            "tied": False,
            "head_width": 16,
            "rotary_scaling": "yarn",
            "rotary_factor": 4.0,
            "rotary_length": 6,
        },
    ),
    "qwen3-yarn": (
        "qwen3",
        MODERN["decoder"],
        {"head_width": 16, "rotary_scaling": "yarn", "rotary_factor": 2.0, "rotary_length": 10, "rotary_base": 50.0},
    ),
    "gpt2": ("gpt2", GPT2, {}),
    "gpt2-untied": ("gpt2", GPT2, {"tied": False, "mlp_width": 48, "activation": "relu", "norm_epsilon": 0.1}),
    "modernbert": ("modernbert", MODERN["encoder"], {}),
    "modernbert-local": (
        "modernbert",
        MODERN["encoder"],
        {"window": 2, "global_every": 2, "rotary_base": 500.0, "local_rotary_base": 20.0},
    ),
    "modernbert-all-local": ("modernbert", MODERN["encoder"], {"window": 3, "rotary_base": 20.0}),
    "modernbert-biases": (
        "modernbert",
        MODERN["encoder"],
        {
            "biases": True,
            "tied": False,
            "head_bias": False,
            "activation": "silu",
            "norm_epsilon": 0.1,
            "rotary_base": 1e3,
        },
    ),
    "bert": ("bert", BERT, {}),
    "bert-tanh": ("bert", BERT, {"activation": "gelu_tanh", "mlp_width": 40, "norm_epsilon": 0.1}),
    "roberta": ("roberta", BERT, {"token_types": 1, "position_offset": 1}),
    "roberta-types": ("roberta", BERT, {"token_types": 3, "position_offset": 1, "mlp_width": 40, "norm_epsilon": 0.1}),
    "albert": ("albert", BERT, ALBERT),
    "albert-relu": (
        "albert",
        BERT,
        {**ALBERT, "activation": "relu", "token_types": 1, "mlp_width": 40, "norm_epsilon": 0.1},
    ),
    "electra-generator": ("electra-generator", BERT, {"embedding_width": 48}),
    "electra-generator-types": (
        "electra-generator",
        BERT,
        {"embedding_width": 12, "token_types": 3, "mlp_width": 40, "norm_epsilon": 0.1},
    ),
    "t5-v1.1": ("t5-v1.1", MODERN["encoder-decoder"], {"decoder_layers": 2, "buckets": 8, "bucket_distance": 12}),
    "t5-v1.1-unscaled": ("t5-v1.1", MODERN["encoder-decoder"], {"output_scale": "none", "head_width": 6}),
    "t5": ("t5", MODERN["encoder-decoder"], {"gated": False, "activation": "relu", "norm_epsilon": 0.1}),
    "bart": ("bart", BART, {}),
    "bart-tanh": ("bart", BART, {"activation": "gelu_tanh", "mlp_width": 40, "decoder_layers": 2}),
}


def config_of(case: str) -> ModelConfig:
    _, block, settings = CASES[case]
    return dataclasses.replace(block, **{**SIZE, **settings})


def random_model(config: ModelConfig) -> Transformer:
    """A model whose norms, biases and tables are all far from their first values."""
    model = Transformer(config).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 2:
                parameter.copy_(0.15 * noise)
            else:
                parameter.copy_(0.3 * noise + (1.0 if name.endswith("weight") else 0.0))
    return model


def padded_batch(config: ModelConfig, rows: int = 3) -> Batch:
    """Rows of different lengths, padded at the end; every real position is scored."""
    rng = np.random.default_rng(3)

    def side(length: int, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
        segments = (np.arange(length)[None] < np.array(lengths)[:, None]).astype(np.int32)
        return np.where(segments, rng.integers(5, config.vocab_size, (rows, length)), 0).astype(np.int32), segments

    inputs, segments = side(20, [20, 13, 4])
    if config.topology != "encoder-decoder":
        targets = rng.integers(5, config.vocab_size, inputs.shape).astype(np.int32)
        weights = segments.astype(np.float32)
        types = rng.integers(0, config.token_types, inputs.shape).astype(np.int32) if config.token_types else None
        return Batch(inputs, targets, weights, weights.sum(1).astype(float), segments, types=types)
    targets, behind = side(11, [7, 11, 3])
    weights = behind.astype(np.float32)
    before = np.concatenate([np.zeros((rows, 1), np.int32), targets[:, :-1]], axis=1)
    return Batch(
        inputs,
        targets,
        weights,
        weights.sum(1).astype(float),
        segments,
        decoder_inputs=before,
        decoder_segments=behind,
    )


def tokenizer_of(family: str, text: str) -> str:
    """Return a byte-level tokenizer as transformers opens it in the folder of a family: Qwen2's cuts in its own way."""
    if family != "qwen2":
        return text
    names = Tokenizer(text, Vocab.from_tokenizer(text)).role_names()
    return as_class(text, "Qwen2Tokenizer", {f"{role}_token": name for role, name in names.items()})


def long_batch(config: ModelConfig, length: int) -> Batch:
    """One row of random tokens on each side, without padding, of one token type."""
    rng = np.random.default_rng(4)

    def row() -> np.ndarray:
        return rng.integers(5, config.vocab_size, (1, length)).astype(np.int32)

    whole = np.ones((1, length), np.int32)
    types = 0 * whole if config.token_types else None
    behind = {"decoder_inputs": row(), "decoder_segments": whole} if config.topology == "encoder-decoder" else {}
    return Batch(row(), row(), whole.astype(np.float32), np.array([float(length)]), whole, types=types, **behind)


def open_there(folder, config: ModelConfig):
    """Load with transformers, insisting that no weight is missing, left over or of another shape."""
    kind = {
        "decoder": transformers.AutoModelForCausalLM,
        "encoder": transformers.AutoModelForMaskedLM,
        "encoder-decoder": transformers.AutoModelForSeq2SeqLM,
    }[config.topology]
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    assert model.dtype == torch.float32
    return model.eval()
