"""Every entry of a config.json is read, known to be harmless, or refused by its name; sound models are never blamed."""

import importlib.util
import json
import logging
from pathlib import Path

import pytest
from published_models import transformers

from hornbook.convert.families import FAMILIES, recognise
from hornbook.convert.import_hf import read_folder
from hornbook.errors import UserError

_SCRIPT = Path(__file__).parents[2] / "benchmarks" / "config_mutations.py"
_SPEC = importlib.util.spec_from_file_location("config_mutations", _SCRIPT)
assert _SPEC is not None
assert _SPEC.loader is not None
mutations = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(mutations)


@pytest.fixture
def warned():
    handler, logger = mutations._Warnings(), logging.getLogger("transformers")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.mark.parametrize("name", mutations.BASES)
def test_changed_configs_give_equal_logits_or_a_refusal_by_name(name: str, warned, tmp_path):
    counts, wrong = mutations.examine(name, tmp_path, warned, every=61)
    assert wrong == []
    assert counts["equal"] + counts["refused"] > 4


@pytest.mark.slow
@pytest.mark.parametrize("name", mutations.BASES)
def test_all_changed_configs_give_equal_logits_or_a_refusal_by_name(name: str, warned, tmp_path):
    assert mutations.examine(name, tmp_path, warned)[1] == []


# Sound models of each class with one of its options set; those that ours cannot hold are named.
VARIANTS = [
    ("llama", {"attention_bias": True}, "attention_bias = True and mlp_bias = False"),
    ("llama", {"mlp_bias": True}, "attention_bias = False and mlp_bias = True"),
    ("llama", {"attention_bias": True, "mlp_bias": True}, ""),
    ("llama", {"tie_word_embeddings": True}, ""),
    ("llama", {"num_key_value_heads": 4}, ""),
    ("llama", {"num_key_value_heads": 1}, ""),
    ("llama", {"head_dim": 6}, ""),
    ("llama", {"num_hidden_layers": 1}, ""),
    ("mistral", {"sliding_window": None}, ""),
    ("mistral", {"tie_word_embeddings": True, "num_key_value_heads": 4}, ""),
    ("qwen2", {"tie_word_embeddings": True, "num_key_value_heads": 4}, ""),
    ("qwen3", {"attention_bias": True}, "attention_bias = True"),
    ("qwen3", {"tie_word_embeddings": False, "num_key_value_heads": 4}, ""),
    ("gpt2", {"tie_word_embeddings": False}, ""),
    ("gpt2", {"n_inner": 40, "n_layer": 1}, ""),
    ("modernbert", {"attention_bias": True}, "attention_bias = True and mlp_bias = False"),
    ("modernbert", {"norm_bias": True}, "attention_bias = False and norm_bias = True"),
    ("modernbert", {"decoder_bias": False, "num_hidden_layers": 1}, ""),
    ("modernbert", {"tie_word_embeddings": False}, ""),
    ("modernbert", {"hidden_activation": "silu"}, "hidden_activation = 'silu' and classifier_activation = 'gelu'"),
    (
        "modernbert",
        {"attention_bias": True, "mlp_bias": True, "norm_bias": True, "classifier_bias": True},
        "",
    ),
    ("bert", {"num_hidden_layers": 1, "type_vocab_size": 1}, ""),
    ("bert", {"tie_word_embeddings": False}, "tie_word_embeddings = False"),
    ("bert-pairs", {"num_hidden_layers": 1}, ""),
    ("roberta", {"num_hidden_layers": 1, "type_vocab_size": 1}, ""),
    ("albert", {"embedding_size": 32}, "embedding_size = 32, as wide as hidden_size"),
    ("albert", {"num_hidden_layers": 1}, ""),
    ("albert", {"num_hidden_groups": 2}, "num_hidden_groups = 2"),
    ("albert", {"inner_group_num": 2}, "inner_group_num = 2"),
    ("electra", {"embedding_size": 32}, ""),
    ("electra-generator", {"embedding_size": 32}, ""),
    ("electra-generator", {"hidden_act": "relu"}, "hidden_act = 'relu'"),
    ("t5", {"num_layers": 1, "num_decoder_layers": 1}, ""),
    ("t5-v1.1", {"d_kv": 6, "feed_forward_proj": "gated-silu"}, ""),
    ("bart", {"encoder_layers": 1, "decoder_layers": 1}, ""),
    ("bart", {"encoder_ffn_dim": 40}, "encoder_ffn_dim = 40 and decoder_ffn_dim = 48"),
    ("bart", {"scale_embedding": True}, "scale_embedding = True"),
]


@pytest.mark.parametrize(("name", "options", "words"), VARIANTS)
def test_a_sound_model_is_read_or_refused_for_what_it_is(name, options, words, warned, tmp_path, monkeypatch):
    kind, settings = mutations.BASES[name]
    monkeypatch.setitem(mutations.BASES, name, (kind, settings | options))
    mutations.save_base(name, tmp_path)
    if not words:
        assert mutations.verdict(kind, tmp_path, "", warned)[0] == "equal"
        return
    with pytest.raises(UserError, match=words) as caught:
        read_folder(tmp_path)
    assert not any(blame in str(caught.value) for blame in ("contradicts", "different models", "incomplete"))


@pytest.mark.parametrize(
    ("name", "entries", "words"),
    [
        ("llama", {"is_causal": False}, "is_causal = False"),
        ("t5", {"is_causal": False}, "is_causal = False"),
        ("bart", {"is_causal": None}, "is_causal = None"),
        ("gpt2", {"num_hidden_layers": 2}, "num_hidden_layers = 2 and n_layer = 3"),
        ("t5", {"head_dim": 16}, "head_dim = 16 and d_kv = 8"),
        ("t5", {"dense_act_fn": "gelu"}, "dense_act_fn = 'gelu'"),
        ("t5", {"is_gated_act": True}, "is_gated_act = True"),
        ("t5", {"is_causal": True}, "is_causal = True"),
        ("t5", {"scale_decoder_outputs": None}, "scale_decoder_outputs = null"),
        ("t5", {"tie_word_embeddings": False}, "tie_word_embeddings = false"),
        ("modernbert", {"sliding_window": 2}, "sliding_window = 2"),
        ("llama", {"attn_logit_softcapping": 30.0}, "attn_logit_softcapping = 30"),
        ("bert", {"position_embedding_type": "relative_key"}, "position_embedding_type = 'relative_key'"),
        ("bert", {"pruned_heads": {"0": [1]}}, "pruned_heads"),
        ("llama", {"quantization_config": {"bits": 4}}, "quantised"),
    ],
)
def test_what_would_change_the_computation_is_refused(name, entries, words, tmp_path):
    settings = mutations.save_base(name, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**settings, **entries}))
    with pytest.raises(UserError, match=words):
        read_folder(tmp_path)


def test_second_names_alone_are_read(tmp_path):
    settings = mutations.save_base("gpt2", tmp_path)
    for alias, name in (("hidden_size", "n_embd"), ("num_hidden_layers", "n_layer"), ("num_attention_heads", "n_head")):
        settings[alias] = settings.pop(name)
    (tmp_path / "config.json").write_text(json.dumps(settings))
    assert read_folder(tmp_path).config.layers == 3


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_defaults_of_the_class_are_read(family, tmp_path):
    """A config.json that says all that the class has by default holds nothing that is refused as unknown."""
    cls = getattr(transformers, family.architecture).config_class
    settings = cls(architectures=[family.architecture]).to_dict()
    if family.name == "t5-v1.1":
        settings |= {"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new", "is_gated_act": True}
    if family.name == "albert":
        settings["hidden_act"] = "gelu"
    assert recognise(settings) == family
