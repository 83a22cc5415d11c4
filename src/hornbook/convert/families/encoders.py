"""ModernBERT (Warner et al. 2024)."""

from hornbook.convert.families.family import ACTIVATIONS, Family, Field, Weight, affine, all_heads, split_width
from hornbook.convert.families.rules import LOCAL_LAYERS

MODERNBERT = Family(
    name="modernbert",
    model_type="modernbert",
    architecture="ModernBertForMaskedLM",
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("max_length", "max_position_embeddings"),
        Field("width", "hidden_size"),
        Field("layers", "num_hidden_layers"),
        Field("heads", "num_attention_heads"),
        Field("mlp_width", "intermediate_size"),
        Field("activation", "hidden_activation", ACTIVATIONS),
        Field("activation", "classifier_activation", ACTIVATIONS),
        Field("norm_epsilon", "norm_eps"),
        Field("biases", "attention_bias"),
        Field("biases", "mlp_bias"),
        Field("biases", "norm_bias"),
        Field("biases", "classifier_bias"),
        Field("head_bias", "decoder_bias"),
        Field("tied", "tie_word_embeddings"),
        Field("dropout", "embedding_dropout"),
    ),
    requires={
        "topology": "encoder",
        "norm": "layer",
        "norm_place": "pre",
        "positions": "rotary",
        "gated": True,
        "qk_norm": False,
        "embedding_norm": True,
        "first_norm": False,
        "head_transform": True,
    },
    derived={"kv_heads": all_heads, "head_width": split_width},
    rules=(LOCAL_LAYERS,),
    constants={"sparse_prediction": False},
    unwritten={"is_causal": False, "add_cross_attention": False, "pruned_heads": {}},
    # The latter two stand in files of the class's first version, which did not read them either.
    harmless=frozenset(
        {
            "classifier_pooling",
            "sparse_pred_ignore_index",
            "repad_logits_with_grad",
            "is_decoder",
            "is_encoder_decoder",
            "position_embedding_type",
            "layer_norm_eps",
        }
    ),
    in_training={"attention_dropout": 0.0, "mlp_dropout": 0.0},
    prefix="model.",
    copies={"decoder.weight": "model.embeddings.tok_embeddings.weight"},
    weights=(
        Weight("model.embeddings.tok_embeddings.weight", ("embed.tokens.weight",)),
        *affine("model.embeddings.norm", "embed.norm"),
        *affine("model.layers.{i}.attn_norm", "encoder.layers.{i}.attention_norm"),
        *affine("model.layers.{i}.attn.Wqkv", *(f"encoder.layers.{{i}}.attention.{part}" for part in "qkv")),
        *affine("model.layers.{i}.attn.Wo", "encoder.layers.{i}.attention.o"),
        *affine("model.layers.{i}.mlp_norm", "encoder.layers.{i}.mlp_norm"),
        *affine("model.layers.{i}.mlp.Wi", "encoder.layers.{i}.mlp.gate", "encoder.layers.{i}.mlp.up"),
        *affine("model.layers.{i}.mlp.Wo", "encoder.layers.{i}.mlp.down"),
        *affine("model.final_norm", "encoder.norm"),
        *affine("head.dense", "head.dense"),
        *affine("head.norm", "head.norm"),
        Weight("decoder.weight", ("head.output.weight",)),
        Weight("decoder.bias", ("head.bias",)),
    ),
)
