"""T5: 1.0 with its plain ReLU MLP (Raffel et al. 2020) and 1.1 with a gated one (Shazeer 2020).

Two families of one class, because the MLP's tensors have other names when it is gated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hornbook.convert.families.family import Family, Field, Weight, affine, all_heads

_FIELDS = (
    Field("vocab_size", "vocab_size"),
    Field("max_length", "n_positions", absent=512),
    Field("width", "d_model"),
    Field("head_width", "d_kv"),
    Field("mlp_width", "d_ff"),
    Field("layers", "num_layers"),
    Field("decoder_layers", "num_decoder_layers", absent=0),
    Field("heads", "num_heads"),
    Field("buckets", "relative_attention_num_buckets"),
    Field("bucket_distance", "relative_attention_max_distance", absent=128),
    Field("norm_epsilon", "layer_norm_epsilon"),
    Field("tied", "tie_word_embeddings", absent=True),
    # Before transformers 5 an untied model was one without the scale, and nothing else said so.
    Field(
        "output_scale",
        "scale_decoder_outputs",
        {True: "width", False: "none"},
        absent="width",
        also=("tie_word_embeddings",),
    ),
    Field("dropout", "dropout_rate", absent=0.1),
)
_REQUIRES: Mapping[str, Any] = {
    "topology": "encoder-decoder",
    "norm": "rms",
    "norm_place": "pre",
    "positions": "bucketed",
    "biases": False,
    "qk_norm": False,
    "attention_scale": "none",
    "tied": True,
}
_CONSTANTS: Mapping[str, Any] = {"is_encoder_decoder": True}
# Early versions also wrote positions for cross-attention, where today's class has none.
_IGNORED = (r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",)
_COPIES: Mapping[str, str] = {
    "encoder.embed_tokens.weight": "shared.weight",
    "decoder.embed_tokens.weight": "shared.weight",
    "lm_head.weight": "shared.weight",
}
_WHY: Mapping[str, str] = {
    "tied": "transformers 5 ties T5's head to its embedding whatever config.json says: one of its own would be lost as "
    "soon as the model is built from its config, tied again or given another vocabulary"
}


def _attention(theirs: str, ours: str) -> tuple[Weight, ...]:
    return tuple(line for part in "qkvo" for line in affine(f"{theirs}.{part}", f"{ours}.{part}"))


def _mlp(theirs: str, ours: str, gated: bool) -> tuple[Weight, ...]:
    first = (
        (*affine(f"{theirs}.wi_0", f"{ours}.gate"), *affine(f"{theirs}.wi_1", f"{ours}.up"))
        if gated
        else affine(f"{theirs}.wi", f"{ours}.up")
    )
    return (*first, *affine(f"{theirs}.wo", f"{ours}.down"))


def _weights(gated: bool) -> tuple[Weight, ...]:
    relative = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    return (
        Weight("shared.weight", ("embed.tokens.weight",)),
        Weight(f"encoder.{relative}", ("encoder.relative.weight",)),
        *_attention("encoder.block.{i}.layer.0.SelfAttention", "encoder.layers.{i}.attention"),
        *affine("encoder.block.{i}.layer.0.layer_norm", "encoder.layers.{i}.attention_norm"),
        *_mlp("encoder.block.{i}.layer.1.DenseReluDense", "encoder.layers.{i}.mlp", gated),
        *affine("encoder.block.{i}.layer.1.layer_norm", "encoder.layers.{i}.mlp_norm"),
        *affine("encoder.final_layer_norm", "encoder.norm"),
        Weight(f"decoder.{relative}", ("decoder.relative.weight",)),
        *_attention("decoder.block.{i}.layer.0.SelfAttention", "decoder.layers.{i}.attention"),
        *affine("decoder.block.{i}.layer.0.layer_norm", "decoder.layers.{i}.attention_norm"),
        *_attention("decoder.block.{i}.layer.1.EncDecAttention", "decoder.layers.{i}.cross"),
        *affine("decoder.block.{i}.layer.1.layer_norm", "decoder.layers.{i}.cross_norm"),
        *_mlp("decoder.block.{i}.layer.2.DenseReluDense", "decoder.layers.{i}.mlp", gated),
        *affine("decoder.block.{i}.layer.2.layer_norm", "decoder.layers.{i}.mlp_norm"),
        *affine("decoder.final_layer_norm", "decoder.norm"),
        Weight("lm_head.weight", ("head.output.weight",)),
    )


T5 = Family(
    name="t5",
    model_type="t5",
    architecture="T5ForConditionalGeneration",
    fields=(
        *_FIELDS,
        Field(
            "activation",
            "feed_forward_proj",
            {"relu": "relu", "gelu_new": "gelu_tanh", "gelu": "gelu", "silu": "silu"},
            absent="relu",
        ),
    ),
    requires={**_REQUIRES, "gated": False},
    derived={"kv_heads": all_heads},
    constants=_CONSTANTS,
    weights=_weights(gated=False),
    ignored=_IGNORED,
    copies=_COPIES,
    why=_WHY,
)

T5_V1_1 = Family(
    name="t5-v1.1",
    model_type="t5",
    architecture="T5ForConditionalGeneration",
    fields=(
        *_FIELDS,
        # transformers reads "gated-gelu" as the tanh approximation that T5 1.1 was trained with.
        Field(
            "activation", "feed_forward_proj", {"gated-gelu": "gelu_tanh", "gated-silu": "silu", "gated-relu": "relu"}
        ),
    ),
    requires={**_REQUIRES, "gated": True},
    derived={"kv_heads": all_heads},
    constants=_CONSTANTS,
    weights=_weights(gated=True),
    ignored=_IGNORED,
    copies=_COPIES,
    why=_WHY,
)
