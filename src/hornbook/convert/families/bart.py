"""BART (Lewis et al. 2020): an encoder and a decoder of BERT's kind, with one table of tokens for both and the head.

Its positions begin at row 2 of each side's table; `max_position_embeddings` counts only those that tokens can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hornbook.convert.families.family import (
    ACTIVATIONS,
    Family,
    Field,
    Rule,
    Weight,
    affine,
    affines,
    all_heads,
    split_width,
)
from hornbook.convert.families.rules import POST, never_said

_ATTENTION = {"q_proj": "q", "k_proj": "k", "v_proj": "v", "out_proj": "o"}
_REST = {"self_attn_layer_norm": "attention_norm", "fc1": "mlp.up", "fc2": "mlp.down", "final_layer_norm": "mlp_norm"}


def _layers(side: str) -> tuple[Weight, ...]:
    theirs, ours = f"model.{side}.layers.{{i}}", f"{side}.layers.{{i}}"
    return affines(f"{theirs}.self_attn", f"{ours}.attention", _ATTENTION) + affines(theirs, ours, _REST)


def _read_causal(settings: Mapping[str, Any]) -> dict[str, Any]:
    never_said("is_causal", settings)
    return {}


BART = Family(
    name="bart",
    model_type="bart",
    architecture="BartForConditionalGeneration",
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("max_length", "max_position_embeddings", absent=1024),
        Field("width", "d_model"),
        Field("layers", "encoder_layers"),
        Field("decoder_layers", "decoder_layers"),
        Field("heads", "encoder_attention_heads"),
        Field("heads", "decoder_attention_heads"),
        Field("mlp_width", "encoder_ffn_dim"),
        Field("mlp_width", "decoder_ffn_dim"),
        Field("activation", "activation_function", ACTIVATIONS, absent="gelu"),
        Field("dropout", "dropout", absent=0.1),
    ),
    requires={
        **POST,
        "topology": "encoder-decoder",
        "norm_epsilon": 1e-5,
        "position_offset": 2,
        "split_embedding": True,
        "tied": True,
    },
    derived={"kv_heads": all_heads, "head_width": split_width},
    constants={"scale_embedding": False, "is_encoder_decoder": True, "tie_word_embeddings": True},
    # Entries of the released checkpoints, whose block earlier versions of the class took from here.
    unwritten={
        "add_bias_logits": False,
        "add_final_layer_norm": False,
        "normalize_before": False,
        "normalize_embedding": True,
        "static_position_embeddings": False,
        "extra_pos_embeddings": 2,
        "tie_encoder_decoder": False,
        "pruned_heads": {},
    },
    aliases={
        "num_attention_heads": "encoder_attention_heads",
        "hidden_size": "d_model",
        "num_hidden_layers": "encoder_layers",
    },
    harmless=frozenset({"is_decoder", "add_cross_attention", "encoder_layerdrop", "decoder_layerdrop"}),
    in_training={"attention_dropout": 0.0, "activation_dropout": 0.0, "forced_eos_token_id": None},
    prefix="model.",
    ignored=(r"(model\.)?(en|de)coder\.version",),
    copies={
        "model.encoder.embed_tokens.weight": "model.shared.weight",
        "model.decoder.embed_tokens.weight": "model.shared.weight",
        "lm_head.weight": "model.shared.weight",
    },
    rules=(Rule((), lambda config: {}, _read_causal, ("is_causal",)),),
    zeros=("final_logits_bias",),  # learned by none of BART's; those of its kin that use it are of other types
    weights=(
        Weight("model.shared.weight", ("embed.tokens.weight",)),
        Weight("model.encoder.embed_positions.weight", ("embed.positions.weight",)),
        *affine("model.encoder.layernorm_embedding", "embed.norm"),
        *_layers("encoder"),
        Weight("model.decoder.embed_positions.weight", ("embed.decoder_positions.weight",)),
        *affine("model.decoder.layernorm_embedding", "embed.decoder_norm"),
        *_layers("decoder"),
        *affines("model.decoder.layers.{i}.encoder_attn", "decoder.layers.{i}.cross", _ATTENTION),
        *affine("model.decoder.layers.{i}.encoder_attn_layer_norm", "decoder.layers.{i}.cross_norm"),
    ),
    why={
        "tied": "an untied BART has three tables of tokens, one on each side and one in the head",
        "head_bias": "BART's final_logits_bias is never learned",
    },
)
