"""Folders that others wrote: what transformers saves, and what earlier versions of it saved, read by the tables.

Shapes: B rows, T positions, V vocabulary.
"""

import json
import re

import pytest
import torch
from published_models import CASES, config_of, open_there, padded_batch, random_model
from safetensors.torch import load_file, save_file

from hornbook.convert.families import find, recognise
from hornbook.convert.families.explicit import explicit
from hornbook.convert.families.tensors import from_hf, to_hf
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer

transformers = pytest.importorskip("transformers")

IDS = {f"{role}_token_id": number for number, role in enumerate(("pad", "bos", "eos", "cls", "sep"))}
ALONE = [case for case in CASES if config_of(case).topology != "encoder-decoder"]


def read(folder) -> Transformer:
    """Return the model of a folder, by the tables alone."""
    settings = json.loads((folder / "config.json").read_text())
    family = recognise(settings)
    config = family.config(settings)
    model = Transformer(config).eval()
    model.load_state_dict(from_hf(family, load_file(folder / "model.safetensors"), config))
    return model


def assert_same_logits(model: Transformer, theirs) -> None:
    """Compare on padded rows, at the positions that are no padding."""
    batch = to_tensors(padded_batch(model.config), torch.device("cpu"))
    arguments = {"input_ids": batch.inputs, "attention_mask": (batch.segments != 0).long()}
    if model.config.token_types:
        arguments["token_type_ids"] = batch.types
    if model.config.topology == "encoder-decoder":
        arguments["decoder_input_ids"] = batch.decoder_inputs
    scored = batch.weights != 0
    with torch.no_grad():
        ours, logits = model.logits(batch)[scored], theirs(**arguments).logits[scored]
    assert ours.std() > 0.1  # otherwise nearness would prove little
    assert (ours - logits).abs().max() < 1e-5


@pytest.mark.parametrize("case", CASES)
def test_a_folder_that_transformers_saved_gives_the_same_logits(case: str, tmp_path):
    config = config_of(case)
    settings = find(CASES[case][0]).settings(config)
    theirs = getattr(transformers, settings["architectures"][0])(
        transformers.AutoConfig.for_model(**{**settings, **IDS})
    ).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            middle = 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0
            parameter.copy_(middle + (0.3 if parameter.ndim == 1 else 0.15) * noise)
    theirs.save_pretrained(tmp_path)
    model = read(tmp_path)
    assert explicit(model.config) == explicit(config)
    assert_same_logits(model, theirs)


# name: (case, entries of today's config.json that an earlier one did not have, what it had instead)
NEW_LLAMA = ("rope_parameters", "head_dim", "num_key_value_heads", "attention_bias", "mlp_bias")
NEW_MODERNBERT = ("layer_types", "rope_parameters")
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 6}
EARLIER = {
    "llama-1": ("llama-biases", (*NEW_LLAMA[:3], "tie_word_embeddings"), {}),
    "llama-2": ("llama", ("rope_parameters", "head_dim"), {"rope_theta": 500.0, "rope_scaling": None}),
    "llama-linear": (
        "llama-linear",
        ("rope_parameters",),
        {"rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 4.0}},
    ),
    "llama-3.1": (
        "llama-llama3",
        NEW_LLAMA[:2],
        {"rope_theta": 5e3, "rope_scaling": {"rope_type": "llama3", **LLAMA3}},
    ),
    "llama-both": ("llama", (), {"rope_theta": 7.0, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}),
    "mistral-0.1": ("mistral", ("rope_parameters", "head_dim"), {"rope_theta": 500.0, "sliding_window": 5}),
    "mistral-0.3": ("mistral", ("rope_parameters", "head_dim"), {"rope_theta": 1e6, "sliding_window": None}),
    "qwen2": (
        "qwen2",
        ("rope_parameters", "head_dim"),
        {"rope_theta": 1e6, "sliding_window": 32, "max_window_layers": 2, "use_sliding_window": False},
    ),
    "qwen2-yarn": (
        "qwen2",
        ("rope_parameters", "head_dim"),
        {"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 6}},
    ),
    "qwen3-yarn-whole-length": ("qwen3", ("rope_parameters",), {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}),
    "modernbert": ("modernbert-local", NEW_MODERNBERT, {"local_attention": 7}),
    "modernbert-thirds": (
        "modernbert-local",
        (*NEW_MODERNBERT, "global_attn_every_n_layers", "local_rope_theta", "global_rope_theta"),
        {"reference_compile": None, "repad_logits_with_grad": False, "position_embedding_type": "absolute"},
    ),
    "modernbert-global": ("modernbert-local", NEW_MODERNBERT, {"global_attn_every_n_layers": 1}),
    "gpt2": ("gpt2", ("tie_word_embeddings", "scale_attn_by_inverse_layer_idx"), {"n_inner": None, "n_ctx": 24}),
}


@pytest.mark.parametrize("name", EARLIER)
def test_earlier_config_files_mean_what_transformers_reads_in_them(name: str, tmp_path):
    case, missing, entries = EARLIER[name]
    family = find(CASES[case][0])
    ours = random_model(config_of(case))
    settings = {**family.settings(ours.config), **entries}
    for place in missing:
        settings.pop(place, None)
    settings = {**settings, **IDS, "dtype": "float32"}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    save_file(to_hf(family, ours.state_dict(), ours.config), tmp_path / "model.safetensors", {"format": "pt"})
    model = read(tmp_path)
    assert_same_logits(model, open_there(tmp_path, model.config))
    if name != "gpt2":
        assert explicit(model.config) != explicit(ours.config) or name == "llama-1"
    assert family.config(family.settings(model.config)) == explicit(model.config)


def test_gpt2_as_it_was_first_published_is_read(tmp_path):
    """Its names had no "transformer." before them, and each layer held its mask as a buffer."""
    ours = random_model(config_of("gpt2"))
    found = to_hf(find("gpt2"), ours.state_dict(), ours.config)
    tensors = {re.sub(r"^transformer\.", "", name): tensor for name, tensor in found.items()}
    for layer in range(3):
        tensors[f"h.{layer}.attn.bias"] = torch.ones(24, 24).tril().view(1, 1, 24, 24)
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    settings = {**find("gpt2").settings(ours.config), "n_inner": None, **IDS, "dtype": "float32"}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    model = read(tmp_path)
    assert model.config == explicit(ours.config)
    assert_same_logits(model, transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval())
    for name, tensor in ours.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("case", "entries", "words"),
    [
        ("llama", {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "of type 'dynamic'; .* know default, linear"),
        ("llama", {"rope_scaling": {"type": "linear"}}, "'linear' without a factor"),
        ("llama", {"partial_rotary_factor": 0.5}, r"partial_rotary_factor = 0\.5 .*have only 1\.0"),
        ("llama", {"rope_scaling": {"rope_type": "llama3", **LLAMA3, "low_freq_factor": 2.0}}, "low_freq_factor = 2.0"),
        ("llama", {"rope_scaling": {"rope_type": "default", "factor": 2.0}}, "factor = 2.0 .*have no such entry"),
        ("llama", {"mlp_bias": True}, "attention_bias.* mlp_bias = True"),
        ("qwen3-yarn", {"rope_scaling": {"rope_type": "yarn", "factor": 2.0, "beta_fast": 16}}, "beta_fast = 16"),
        ("qwen3", {"attention_bias": True}, "attention_bias = True; Hornbook's qwen3 has False"),
        ("qwen3", {"use_sliding_window": True, "max_window_layers": 1}, "use_sliding_window = True"),
        ("qwen2", {"use_sliding_window": True, "sliding_window": 4}, "use_sliding_window = True"),
        ("qwen2", {"layer_types": ["full_attention", "sliding_attention"]}, "layer_types other than full_attention"),
        ("qwen2", {"num_key_value_heads": None}, "lacks num_key_value_heads"),
        ("mistral", {"sliding_window": 1}, "sliding_window = 1"),
        ("modernbert", {"layer_types": ["sliding_attention", "full_attention"]}, "every n-th layer"),
        ("modernbert-local", {"local_attention": 1}, "local_attention = 1"),
        ("modernbert", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "ModernBERT has no scaling"),
        ("modernbert", {"rope_parameters": {"rope_theta": 10.0}}, "ModernBERT has no scaling"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx = True"),
    ],
)
def test_what_our_models_do_not_compute_is_refused_in_words(case, entries, words):
    family = find(CASES[case][0])
    with pytest.raises(UserError, match=words):
        family.config({**family.settings(config_of(case)), **entries})


def packed(config: ModelConfig, seed: int):
    """Return rows of three documents and padding; the middle one does not depend on the seed."""
    shared, own = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
    tokens = torch.randint(5, config.vocab_size, (2, 24), generator=own)
    tokens[:, 7:16] = torch.randint(5, config.vocab_size, (2, 9), generator=shared)
    segments = torch.tensor([[1] * 7 + [2] * 9 + [3] * 6 + [0] * 2] * 2)
    batch = padded_batch(config)
    plain = to_tensors(batch, torch.device("cpu"))
    types = None if plain.types is None else torch.zeros_like(tokens)
    return type(plain)(tokens, tokens, (segments != 0).float(), 1.0, plain.scored, segments, types=types)


@pytest.mark.parametrize("case", ALONE)
def test_a_document_of_a_packed_row_is_alone(case: str, tmp_path):
    model = random_model(config_of(case))
    family = find(CASES[case][0])
    settings = {**family.settings(model.config), **IDS, "dtype": "float32"}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    save_file(to_hf(family, model.state_dict(), model.config), tmp_path / "model.safetensors", {"format": "pt"})
    theirs = open_there(tmp_path, model.config)
    with torch.no_grad():
        first, second = (model.logits(packed(model.config, seed))[:, 7:16] for seed in (1, 2))
        alone = theirs(packed(model.config, 1).inputs[:, 7:16]).logits
    assert (first - second).abs().max() <= 1e-6
    assert (first - alone).abs().max() < 1e-5


@pytest.mark.parametrize("case", [case for case in CASES if config_of(case).topology == "decoder"])
def test_a_prefix_token_never_sees_a_target_token(case: str):
    model = random_model(config_of(case))
    tokens = torch.randint(5, 400, (2, 12), generator=torch.Generator().manual_seed(0))
    visible = torch.arange(12).expand(2, 12) < 5

    def logits(changed: int) -> torch.Tensor:
        moved = tokens.clone()
        moved[:, changed] = (moved[:, changed] + 7) % 400
        batch = to_tensors(padded_batch(model.config), torch.device("cpu"))
        with torch.no_grad():
            return model.logits(type(batch)(moved, moved, moved.float(), 1.0, batch.scored, visible=visible))

    whole = logits(0)
    for changed in range(5, 12):
        assert torch.equal(logits(changed)[:, :5], logits(11)[:, :5])
        assert torch.equal(logits(changed)[:, 5:changed], logits(11)[:, 5:changed])
    assert not torch.allclose(logits(4)[:, 3], logits(11)[:, 3])  # but it sees the rest of the prefix
    assert whole.shape == (2, 12, 400)
