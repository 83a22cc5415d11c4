"""Decoders: Llama (Touvron et al. 2023) and its kin Mistral (Jiang et al. 2023), Qwen2 (Yang et al. 2024) and Qwen3
(Yang et al. 2025); and GPT-2 (Radford et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from hornbook.convert.families.family import ACTIVATIONS, Family, Field, Weight, affine, affines, all_heads, split_width
from hornbook.convert.families.rules import CLASSIC, FULL_LAYERS, ROTARY, SLIDING_WINDOW

_LLAMA_FIELDS = (
    Field("vocab_size", "vocab_size"),
    Field("max_length", "max_position_embeddings"),
    Field("width", "hidden_size"),
    Field("layers", "num_hidden_layers"),
    Field("heads", "num_attention_heads"),
    Field("mlp_width", "intermediate_size"),
    Field("activation", "hidden_act", ACTIVATIONS),
    Field("norm_epsilon", "rms_norm_eps"),
    Field("tied", "tie_word_embeddings", absent=False),
)
# Where config.json has none, the class takes as many as heads, or width / heads.
_KEY_HEADS = Field("kv_heads", "num_key_value_heads", absent=0)
_HEAD_WIDTH = Field("head_width", "head_dim", absent=0)
_LLAMA_REQUIRES: Mapping[str, Any] = {
    "topology": "decoder",
    "norm": "rms",
    "norm_place": "pre",
    "positions": "rotary",
    "gated": True,
}
_LLAMA_LAYER = {
    "input_layernorm": "attention_norm",
    "self_attn.q_proj": "attention.q",
    "self_attn.k_proj": "attention.k",
    "self_attn.v_proj": "attention.v",
    "self_attn.o_proj": "attention.o",
    "post_attention_layernorm": "mlp_norm",
    "mlp.gate_proj": "mlp.gate",
    "mlp.up_proj": "mlp.up",
    "mlp.down_proj": "mlp.down",
}
_LLAMA_WEIGHTS = (
    Weight("model.embed_tokens.weight", ("embed.tokens.weight",)),
    *affines("model.layers.{i}", "decoder.layers.{i}", _LLAMA_LAYER),
    *affine("model.norm", "decoder.norm"),
    Weight("lm_head.weight", ("head.output.weight",)),
)
# A decoder whose config says otherwise attends in both directions; the class reads it, though no table of its has it.
_CAUSAL: Mapping[str, Any] = {"is_causal": True}
_ROLES = frozenset({"is_decoder", "is_encoder_decoder"})  # what a decoder alone does not look at
_llama = partial(
    Family,
    weights=_LLAMA_WEIGHTS,
    unwritten=_CAUSAL,
    harmless=_ROLES,
    in_training={"attention_dropout": 0.0},
    prefix="model.",
    ignored=(r"(model\.)?layers\.\d+\.self_attn\.rotary_emb\.inv_freq",),
    copies={"lm_head.weight": "model.embed_tokens.weight"},
)


LLAMA = _llama(
    name="llama",
    model_type="llama",
    architecture="LlamaForCausalLM",
    fields=(
        *_LLAMA_FIELDS,
        _KEY_HEADS,
        _HEAD_WIDTH,
        Field("biases", "attention_bias", absent=False),
        Field("biases", "mlp_bias", absent=False),
    ),
    rules=(ROTARY,),
    requires={**_LLAMA_REQUIRES, "qk_norm": False},
    # head_width is free, but 0 where the class refuses to be built.
    derived={"head_width": lambda config: 0 if config.width % config.heads else config.key_width},
    why={"head_width": "the class insists that width is a multiple of heads"},
)

MISTRAL = _llama(
    name="mistral",
    model_type="mistral",
    architecture="MistralForCausalLM",
    fields=(*_LLAMA_FIELDS, Field("kv_heads", "num_key_value_heads"), _HEAD_WIDTH),
    rules=(ROTARY, SLIDING_WINDOW),
    requires={**_LLAMA_REQUIRES, "qk_norm": False, "biases": False},
)

QWEN2 = _llama(
    name="qwen2",
    model_type="qwen2",
    architecture="Qwen2ForCausalLM",
    fields=(*_LLAMA_FIELDS, Field("kv_heads", "num_key_value_heads"), _HEAD_WIDTH),
    rules=(ROTARY, FULL_LAYERS),
    requires={**_LLAMA_REQUIRES, "qk_norm": False, "biases": False, "qkv_biases": True},
    constants={"use_sliding_window": False},
    unwritten={**_CAUSAL, "use_mrope": False},
)

QWEN3 = _llama(
    name="qwen3",
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    fields=(*_LLAMA_FIELDS, Field("kv_heads", "num_key_value_heads"), Field("head_width", "head_dim", absent=128)),
    rules=(ROTARY, FULL_LAYERS),
    requires={**_LLAMA_REQUIRES, "qk_norm": True, "biases": False},
    constants={"attention_bias": False, "use_sliding_window": False},
    weights=(
        *_LLAMA_WEIGHTS,
        Weight("model.layers.{i}.self_attn.q_norm.weight", ("decoder.layers.{i}.attention.q_norm.weight",)),
        Weight("model.layers.{i}.self_attn.k_norm.weight", ("decoder.layers.{i}.attention.k_norm.weight",)),
    ),
)

_GPT2_QKV = [f"decoder.layers.{{i}}.attention.{part}" for part in "qkv"]
GPT2 = Family(
    name="gpt2",
    model_type="gpt2",
    architecture="GPT2LMHeadModel",
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("max_length", "n_positions"),
        Field("width", "n_embd"),
        Field("layers", "n_layer"),
        Field("heads", "n_head"),
        Field("mlp_width", "n_inner", absent=0),
        Field("activation", "activation_function", ACTIVATIONS),
        Field("norm_epsilon", "layer_norm_epsilon"),
        Field("tied", "tie_word_embeddings", absent=True),
        Field("dropout", "embd_pdrop", absent=0.1),
        Field("dropout", "resid_pdrop", absent=0.1),
    ),
    requires={**CLASSIC, "topology": "decoder", "norm_place": "pre"},
    derived={"kv_heads": all_heads, "head_width": split_width},
    constants={"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False},
    unwritten={**_CAUSAL, "pruned_heads": {}},
    aliases={
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    harmless=_ROLES | {"n_ctx", "reorder_and_upcast_attn"},  # the latter changes the order of a product alone
    in_training={"attn_pdrop": 0.0},
    prefix="transformer.",
    ignored=(r"(transformer\.)?h\.\d+\.attn\.(masked_)?bias",),
    copies={"lm_head.weight": "transformer.wte.weight"},
    weights=(
        Weight("transformer.wte.weight", ("embed.tokens.weight",)),
        Weight("transformer.wpe.weight", ("embed.positions.weight",)),
        *affine("transformer.h.{i}.ln_1", "decoder.layers.{i}.attention_norm"),
        *affine("transformer.h.{i}.attn.c_attn", *_GPT2_QKV, transpose=True),
        *affine("transformer.h.{i}.attn.c_proj", "decoder.layers.{i}.attention.o", transpose=True),
        *affine("transformer.h.{i}.ln_2", "decoder.layers.{i}.mlp_norm"),
        *affine("transformer.h.{i}.mlp.c_fc", "decoder.layers.{i}.mlp.up", transpose=True),
        *affine("transformer.h.{i}.mlp.c_proj", "decoder.layers.{i}.mlp.down", transpose=True),
        *affine("transformer.ln_f", "decoder.norm"),
        Weight("lm_head.weight", ("head.output.weight",)),
    ),
)
