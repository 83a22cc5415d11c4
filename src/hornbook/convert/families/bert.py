"""BERT (Devlin et al. 2018) and its relatives: one block, with other heads, embeddings and ways of counting.

RoBERTa (Liu et al. 2019) counts positions from behind the padding's id; ALBERT (Lan et al. 2020) has narrow embeddings
and one layer for all; ELECTRA (Clark et al. 2020) has narrow embeddings and two halves, each a class of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
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
from hornbook.convert.families.rules import POST
from hornbook.errors import UserError

_SIZES = (
    Field("vocab_size", "vocab_size"),
    Field("width", "hidden_size"),
    Field("layers", "num_hidden_layers"),
    Field("heads", "num_attention_heads"),
    Field("mlp_width", "intermediate_size"),
    Field("norm_epsilon", "layer_norm_eps", absent=1e-12),
    Field("token_types", "type_vocab_size", absent=2, least=1),
)
_LENGTH = Field("max_length", "max_position_embeddings")
_ACTIVATION = Field("activation", "hidden_act", ACTIVATIONS)
_GELU = Field("activation", "hidden_act", {"gelu": "gelu"})  # the head has that one, whatever config.json says
_DROPOUT = Field("dropout", "hidden_dropout_prob", absent=0.1)
_BLOCK: Mapping[str, Any] = {**POST, "topology": "encoder"}
_HEAD: Mapping[str, Any] = {"tied": True, "head_transform": True, "head_bias": True}
_CONSTANTS: Mapping[str, Any] = {"tie_word_embeddings": True, "is_decoder": False, "add_cross_attention": False}
_UNWRITTEN: Mapping[str, Any] = {
    "is_causal": False,
    "is_encoder_decoder": False,
    "position_embedding_type": "absolute",
    "pruned_heads": {},
}
# Of the released checkpoints: what other classes of them read, or none.
_HARMLESS = frozenset(
    {
        "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
        "pooler_size_per_head", "pooler_type", "cross_attention_hidden_size", "net_structure_type", "gap_size",
        "num_memory_blocks", "down_scale_factor", "layers_to_keep", "max_predictions_per_seq",
    }
)  # fmt: skip
_family = partial(
    Family,
    unwritten=_UNWRITTEN,
    harmless=_HARMLESS,
    derived={"kv_heads": all_heads, "head_width": split_width},
    in_training={"attention_probs_dropout_prob": 0.0},
    ignored=(r"(\w+\.)?embeddings\.position_ids",),
    # The first versions of BERT, and all that was converted from them, called a norm's weight and bias after the paper.
    renamed=((r"LayerNorm\.gamma$", "LayerNorm.weight"), (r"LayerNorm\.beta$", "LayerNorm.bias")),
)


def _embeddings(body: str) -> tuple[Weight, ...]:
    return (
        Weight(f"{body}.embeddings.word_embeddings.weight", ("embed.tokens.weight",)),
        Weight(f"{body}.embeddings.position_embeddings.weight", ("embed.positions.weight",)),
        Weight(f"{body}.embeddings.token_type_embeddings.weight", ("embed.types.weight",)),
        *affine(f"{body}.embeddings.LayerNorm", "embed.norm"),
    )


def _layers(body: str) -> tuple[Weight, ...]:
    names = {
        "attention.self.query": "attention.q",
        "attention.self.key": "attention.k",
        "attention.self.value": "attention.v",
        "attention.output.dense": "attention.o",
        "attention.output.LayerNorm": "attention_norm",
        "intermediate.dense": "mlp.up",
        "output.dense": "mlp.down",
        "output.LayerNorm": "mlp_norm",
    }
    return affines(f"{body}.encoder.layer.{{i}}", "encoder.layers.{i}", names)


BERT = _family(
    name="bert",
    model_type="bert",
    architecture="BertForMaskedLM",
    pairs="BertForPreTraining",
    fields=(*_SIZES, _LENGTH, _ACTIVATION, _DROPOUT),
    requires={**_BLOCK, **_HEAD},
    constants=_CONSTANTS,
    prefix="bert.",
    aside=(r"(bert\.)?pooler\.dense\..*", r"cls\.seq_relationship\..*"),
    copies={
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    weights=(
        *_embeddings("bert"),
        *_layers("bert"),
        *affine("cls.predictions.transform.dense", "head.dense"),
        *affine("cls.predictions.transform.LayerNorm", "head.norm"),
        Weight("cls.predictions.bias", ("head.bias",)),
        *affine("bert.pooler.dense", "pair.dense"),
        *affine("cls.seq_relationship", "pair.output"),
    ),
)

ROBERTA = _family(
    name="roberta",
    model_type="roberta",
    architecture="RobertaForMaskedLM",
    fields=(
        *_SIZES,
        # The first position is the one behind the padding's id, and the table has as many rows more.
        Field("position_offset", "pad_token_id", plus=-1, absent=2, least=1),
        Field("max_length", "max_position_embeddings", plus="position_offset"),
        _GELU,
        _DROPOUT,
    ),
    requires={**_BLOCK, **_HEAD},
    constants=_CONSTANTS,
    prefix="roberta.",
    aside=(r"(roberta\.)?pooler\.dense\..*",),
    copies={
        "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias",
    },
    weights=(
        *_embeddings("roberta"),
        *_layers("roberta"),
        *affine("lm_head.dense", "head.dense"),
        *affine("lm_head.layer_norm", "head.norm"),
        Weight("lm_head.bias", ("head.bias",)),
    ),
)

_ALBERT_LAYER = {
    "attention.query": "attention.q",
    "attention.key": "attention.k",
    "attention.value": "attention.v",
    "attention.dense": "attention.o",
    "attention.LayerNorm": "attention_norm",
    "ffn": "mlp.up",
    "ffn_output": "mlp.down",
    "full_layer_layer_norm": "mlp_norm",
}


def _read_map(settings: Mapping[str, Any]) -> dict[str, Any]:
    if settings.get("embedding_size", 128) == settings.get("hidden_size"):
        raise UserError(
            f"config.json says embedding_size = {settings['hidden_size']}, as wide as hidden_size. The class has a map "
            "between the two even so; Hornbook's models have one only between different widths."
        )
    return {}


# The class has the map from the embeddings to the layers even where both have one width; ours has not.
_MAP = Rule((), lambda config: {}, _read_map, ())
ALBERT = _family(
    name="albert",
    rules=(_MAP,),
    model_type="albert",
    architecture="AlbertForMaskedLM",
    pairs="AlbertForPreTraining",
    fields=(
        *_SIZES,
        _LENGTH,
        _ACTIVATION,
        Field("dropout", "hidden_dropout_prob", absent=0.0),
        Field("embedding_width", "embedding_size", absent=128, least=1),
    ),
    requires={**_BLOCK, **_HEAD, "shared_layers": True},
    constants={"num_hidden_groups": 1, "inner_group_num": 1, "tie_word_embeddings": True},
    unwritten={**_UNWRITTEN, "is_decoder": False, "add_cross_attention": False},
    prefix="albert.",
    aside=(r"(albert\.)?pooler\..*", r"sop_classifier\..*"),
    copies={
        "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
        "predictions.decoder.bias": "predictions.bias",
    },
    weights=(
        *_embeddings("albert"),
        *affine("albert.encoder.embedding_hidden_mapping_in", "embed.project"),
        *affines("albert.encoder.albert_layer_groups.0.albert_layers.0", "encoder.layers.0", _ALBERT_LAYER),
        *affine("predictions.dense", "head.dense"),
        *affine("predictions.LayerNorm", "head.norm"),
        Weight("predictions.bias", ("head.bias",)),
        *affine("albert.pooler", "pair.dense"),
        *affine("sop_classifier.classifier", "pair.output"),
    ),
)

_ELECTRA_FIELDS = (*_SIZES, _LENGTH, _DROPOUT, Field("embedding_width", "embedding_size", absent=128, zero="width"))
_ELECTRA_WEIGHTS = (
    *_embeddings("electra"),
    *affine("electra.embeddings_project", "embed.project"),
    *_layers("electra"),
)

_electra = partial(_family, model_type="electra", constants=_CONSTANTS, prefix="electra.")
ELECTRA = _electra(
    name="electra",
    architecture="ElectraForPreTraining",
    fields=(*_ELECTRA_FIELDS, _ACTIVATION),
    requires={**_BLOCK, "rtd_head": True},
    aside=(r"generator_(predictions|lm_head)\..*",),
    weights=(
        *_ELECTRA_WEIGHTS,
        *affine("discriminator_predictions.dense", "judge.dense"),
        *affine("discriminator_predictions.dense_prediction", "judge.output"),
    ),
)

ELECTRA_GENERATOR = _electra(
    name="electra-generator",
    architecture="ElectraForMaskedLM",
    fields=(*_ELECTRA_FIELDS, _GELU),
    requires={**_BLOCK, **_HEAD},
    aside=(r"discriminator_predictions\..*",),
    copies={"generator_lm_head.weight": "electra.embeddings.word_embeddings.weight"},
    weights=(
        *_ELECTRA_WEIGHTS,
        *affine("generator_predictions.dense", "head.dense"),
        *affine("generator_predictions.LayerNorm", "head.norm"),
        Weight("generator_lm_head.bias", ("head.bias",)),
    ),
)
