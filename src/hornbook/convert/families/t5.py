"""T5: 1.0 with its plain ReLU MLP (Raffel et al. 2020) and 1.1 with a gated one (Shazeer 2020).

Two families of one class, because the MLP's tensors have other names when it is gated.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from hornbook.convert.families.family import Family, Field, Rule, Weight, affine, affines, all_heads
from hornbook.convert.families.rules import never_said
from hornbook.errors import UserError

_SCALE = {True: "width", False: "none"}
_PLAIN = {"relu": "relu", "gelu_new": "gelu_tanh", "gelu": "gelu", "silu": "silu"}
# transformers reads "gated-gelu" as the tanh approximation that T5 1.1 was trained with.
_GATED = {"gated-gelu": "gelu_tanh", "gated-silu": "silu", "gated-relu": "relu"}
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
    Field("output_scale", "scale_decoder_outputs", _SCALE, absent="width", also=("tie_word_embeddings",)),
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


def _read_mlp(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse what takes the place of feed_forward_proj in the class, where it says something else."""
    never_said("is_causal", settings)
    if settings.get("scale_decoder_outputs", True) is None:
        raise UserError("config.json says scale_decoder_outputs = null, which the class reads as false: say which.")
    spelling = settings.get("feed_forward_proj", "relu")
    first, _, last = str(spelling).rpartition("-")
    meant = {"dense_act_fn": "gelu_new" if spelling == "gated-gelu" else last, "is_gated_act": first == "gated"}
    for name, value in meant.items():
        if (given := settings.get(name, value)) != value:
            raise UserError(
                f"config.json contradicts itself: {name} = {given!r}, but feed_forward_proj = {spelling!r} means "
                f"{value!r}. Take {name} out if feed_forward_proj is right."
            )
    return {}


_MLP = Rule((), lambda config: {}, _read_mlp, ("dense_act_fn", "is_gated_act", "is_causal"))
_family = partial(
    Family,
    model_type="t5",
    architecture="T5ForConditionalGeneration",
    derived={"kv_heads": all_heads},
    constants={"is_encoder_decoder": True},
    unwritten={"tie_encoder_decoder": False, "pruned_heads": {}},
    aliases={
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    },
    harmless=frozenset({"is_decoder", "add_cross_attention"}),  # each half sets its own
    rules=(_MLP,),
    # Early versions also wrote positions for cross-attention, where today's class has none.
    ignored=(r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",),
    copies={
        "encoder.embed_tokens.weight": "shared.weight",
        "decoder.embed_tokens.weight": "shared.weight",
        "lm_head.weight": "shared.weight",
    },
    why={
        "tied": "transformers 5 ties T5's head to its embedding whatever config.json says: one of its own would be "
        "lost as soon as the model is built from its config, tied again or given another vocabulary"
    },
)


def _attention(theirs: str, ours: str, norm: str) -> dict[str, str]:
    name = theirs.rpartition(".")[0]
    return {f"{theirs}.{part}": f"{ours}.{part}" for part in "qkvo"} | {f"{name}.layer_norm": norm}


def _mlp(layer: str, gated: bool) -> dict[str, str]:
    names = {"wi_0": "mlp.gate", "wi_1": "mlp.up"} if gated else {"wi": "mlp.up"}
    inner = {f"{layer}.DenseReluDense.{theirs}": ours for theirs, ours in {**names, "wo": "mlp.down"}.items()}
    return inner | {f"{layer}.layer_norm": "mlp_norm"}


def _weights(gated: bool) -> tuple[Weight, ...]:
    relative = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    own = _attention("layer.0.SelfAttention", "attention", "attention_norm")
    cross = _attention("layer.1.EncDecAttention", "cross", "cross_norm")
    return (
        Weight("shared.weight", ("embed.tokens.weight",)),
        Weight(f"encoder.{relative}", ("encoder.relative.weight",)),
        *affines("encoder.block.{i}", "encoder.layers.{i}", own | _mlp("layer.1", gated)),
        *affine("encoder.final_layer_norm", "encoder.norm"),
        Weight(f"decoder.{relative}", ("decoder.relative.weight",)),
        *affines("decoder.block.{i}", "decoder.layers.{i}", own | cross | _mlp("layer.2", gated)),
        *affine("decoder.final_layer_norm", "decoder.norm"),
        Weight("lm_head.weight", ("head.output.weight",)),
    )


T5 = _family(
    name="t5",
    fields=(*_FIELDS, Field("activation", "feed_forward_proj", _PLAIN, absent="relu")),
    requires={**_REQUIRES, "gated": False},
    weights=_weights(gated=False),
)

T5_V1_1 = _family(
    name="t5-v1.1",
    fields=(*_FIELDS, Field("activation", "feed_forward_proj", _GATED)),
    requires={**_REQUIRES, "gated": True},
    weights=_weights(gated=True),
)
