"""Encoder-decoders against transformers itself: folders that it or older versions wrote, packed rows, writing.

Shapes: B rows, T positions, V vocabulary.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import CPU, batch, build, small

from hornbook.batch import Rows
from hornbook.convert.export_hf import export
from hornbook.convert.families import choose, find, recognise
from hornbook.convert.families.explicit import explicit
from hornbook.convert.families.tensors import from_hf, to_hf
from hornbook.errors import UserError
from hornbook.generate import Decoding, generate
from hornbook.keys import row_keys
from hornbook.model.config import ModelConfig
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.base import Requirements
from hornbook.recipes.named import bart
from hornbook.scaling.count import parameters
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, load_tokenizer, save_tokenizer, train_tokenizer
from hornbook.vocab import Vocab

transformers = pytest.importorskip("transformers")

BART = dataclasses.replace(bart().model, vocab_size=61, width=32, layers=2, heads=4, max_length=32, dropout=0.0)
T5 = small("encoder-decoder", gated=False, activation="relu")
UNTIED = small("encoder-decoder", tied=False, output_scale="none")
# What the released checkpoints say of themselves.
BART_BASE = {
    "activation_dropout": 0.1,
    "activation_function": "gelu",
    "add_bias_logits": False,
    "add_final_layer_norm": False,
    "architectures": ["BartModel"],
    "attention_dropout": 0.1,
    "bos_token_id": 0,
    "d_model": 768,
    "decoder_attention_heads": 12,
    "decoder_ffn_dim": 3072,
    "decoder_layerdrop": 0.0,
    "decoder_layers": 6,
    "decoder_start_token_id": 2,
    "dropout": 0.1,
    "encoder_attention_heads": 12,
    "encoder_ffn_dim": 3072,
    "encoder_layers": 6,
    "eos_token_id": 2,
    "forced_bos_token_id": 0,
    "forced_eos_token_id": 2,
    "is_encoder_decoder": True,
    "max_position_embeddings": 1024,
    "model_type": "bart",
    "normalize_embedding": True,
    "num_hidden_layers": 6,
    "pad_token_id": 1,
    "scale_embedding": False,
    "vocab_size": 50265,
}
LARGE = {"d_model": 1024, "num_hidden_layers": 12} | {
    f"{side}_{name}": value
    for side in ("encoder", "decoder")
    for name, value in (("layers", 12), ("attention_heads", 16), ("ffn_dim", 4096))
}
T5_SMALL = {
    "architectures": ["T5WithLMHeadModel"],
    "d_ff": 2048,
    "d_kv": 64,
    "d_model": 512,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "n_positions": 512,
    "num_heads": 8,
    "num_layers": 6,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_num_buckets": 32,
    "vocab_size": 32128,
}
T5_BASE = {"d_ff": 3072, "d_model": 768, "num_heads": 12, "num_layers": 12}
T5_V1_1 = {
    "d_ff": 2048,
    "feed_forward_proj": "gated-gelu",
    "num_decoder_layers": 12,
    "tie_word_embeddings": False,
}


@pytest.mark.parametrize(
    ("name", "settings", "count"),
    [
        ("bart", BART_BASE, 139_420_416),
        ("bart", BART_BASE | LARGE, 406_291_456),
        ("t5", T5_SMALL, 60_506_624),
        ("t5", T5_SMALL | T5_BASE, 222_903_552),
        ("t5-v1.1", T5_SMALL | T5_BASE | T5_V1_1, 247_577_856),
    ],
)
def test_released_configs_are_read_and_have_the_known_number_of_parameters(name, settings, count):
    family = recognise(settings)
    config = family.config(settings)
    assert family.name == name
    assert parameters(config) == count
    assert (config.tied, config.output_scale) == {
        "bart": (True, "none"),
        "t5": (True, "width"),
        "t5-v1.1": (False, "none"),
    }[name]
    assert config.max_length == (1024 if name == "bart" else 512)


@pytest.mark.parametrize(
    ("entry", "value", "words"),
    [
        ("decoder_attention_heads", 6, "decoder_attention_heads = 6"),
        ("decoder_ffn_dim", 4096, "decoder_ffn_dim = 4096"),
        ("scale_embedding", True, "scale_embedding = True; Hornbook's bart has False"),
        ("tie_word_embeddings", False, "tie_word_embeddings = False; Hornbook's bart has True"),
    ],
)
def test_a_bart_that_ours_cannot_follow_is_refused(entry, value, words):
    with pytest.raises(UserError, match=words):
        recognise({**BART_BASE, entry: value})


def theirs(kind: str) -> torch.nn.Module:
    """A tiny model of transformers whose norms and biases are far from their first values."""
    torch.manual_seed(1)
    if kind == "bart":
        sides = {"layers": 2, "attention_heads": 4, "ffn_dim": 48}
        both = {f"{side}_{name}": size for side in ("encoder", "decoder") for name, size in sides.items()}
        config = transformers.BartConfig(
            vocab_size=61, d_model=32, max_position_embeddings=32, **{**both, "decoder_layers": 3}
        )
        model = transformers.BartForConditionalGeneration(config)
    else:
        gated = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False} if kind == "t5-v1.1" else {}
        config = transformers.T5Config(
            vocab_size=61, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, num_decoder_layers=3, **gated
        )
        model = transformers.T5ForConditionalGeneration(config)
        if kind == "t5-v1.1":
            model.lm_head.weight = torch.nn.Parameter(torch.zeros(61, 32))
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape)
            parameter.copy_(0.15 * noise if parameter.ndim == 2 else parameter + 0.3 * noise)
    return model.eval()


def read(folder: Path) -> Transformer:
    """Build our model from a folder, by the tables alone."""
    settings = json.loads((folder / "config.json").read_text())
    family = recognise(settings)
    config = family.config(settings)
    model = Transformer(config)
    model.load_state_dict(from_hf(family, load_file(folder / "model.safetensors"), config))
    return model.eval()


def rewrite(folder: Path, settings: dict[str, object]) -> None:
    """Change entries of a folder's config.json; None takes them out."""
    path = folder / "config.json"
    kept = {**json.loads(path.read_text()), **settings}
    path.write_text(json.dumps({name: value for name, value in kept.items() if value is not None}))


def nearly_equal(ours: Transformer, model: torch.nn.Module) -> None:
    """Compare logits on rows padded on both sides."""
    reads = (np.arange(12)[None] < np.array([[12], [7], [3]])).astype(np.int64)
    says = (np.arange(9)[None] < np.array([[5], [9], [2]])).astype(np.int64)
    tensors = to_tensors(batch(ours.config, reads, decoder_segments=says), CPU)
    with torch.no_grad():
        expected = model(
            input_ids=tensors.inputs,
            attention_mask=torch.from_numpy(reads),
            decoder_input_ids=tensors.decoder_inputs,
        ).logits
        found = ours.logits(tensors)
    real = torch.from_numpy(says != 0)
    assert expected[real].std() > 0.1
    assert (found - expected)[real].abs().max() < 1e-5


@pytest.mark.parametrize("kind", ["bart", "t5", "t5-v1.1"])
def test_a_folder_that_transformers_wrote_gives_the_same_logits(kind, tmp_path):
    model = theirs(kind)
    model.save_pretrained(tmp_path)
    if kind == "t5-v1.1":  # transformers 5 writes that the head is tied, which this one's is not
        with pytest.raises(UserError, match='trained apart, put "tie_word_embeddings": false'):
            read(tmp_path)
        rewrite(tmp_path, {"tie_word_embeddings": False})
    ours = read(tmp_path)
    assert choose_name(ours.config) == (kind if kind != "t5-v1.1" else None)
    nearly_equal(ours, model)


def choose_name(config: ModelConfig) -> str | None:
    """Return which family can be written, if any."""
    try:
        return choose(config).name
    except UserError:
        return None


def test_names_and_copies_of_bart_files_of_every_age(tmp_path):
    model = theirs("bart")
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}  # every copy, the bias of zeros too
    assert {"lm_head.weight", "model.encoder.embed_tokens.weight", "final_logits_bias"} <= state.keys()
    versions = {f"{side}.version": torch.tensor([3.0]) for side in ("encoder", "decoder")}
    save_file({**state, **{f"model.{name}": tensor for name, tensor in versions.items()}}, path)
    nearly_equal(read(tmp_path), model)

    body = {name.removeprefix("model."): tensor for name, tensor in state.items() if name.startswith("model.")}
    assert {"shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"} <= body.keys()
    save_file({**body, **versions}, path)
    rewrite(tmp_path, {"architectures": ["BartModel"], "forced_bos_token_id": 0, "normalize_before": False})
    nearly_equal(read(tmp_path), model)

    bias = state["final_logits_bias"].clone()
    bias[0, 5] = 1e-3
    save_file({**state, "final_logits_bias": bias}, path)
    with pytest.raises(UserError, match="final_logits_bias of this model is not zero"):
        read(tmp_path)
    save_file({**state, "lm_head.weight": state["lm_head.weight"] + 1}, path)
    with pytest.raises(UserError, match=r"lm_head\.weight and model\.shared\.weight .* differ\.$"):
        read(tmp_path)


def test_names_and_copies_of_t5_files_of_every_age(tmp_path):
    model = theirs("t5")
    model.save_pretrained(tmp_path)
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert {"lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"} <= state.keys()
    assert sum("relative_attention_bias" in name for name in state) == 2  # of the first block of each side
    save_file({**state, unused: torch.randn(32, 4)}, tmp_path / "model.safetensors")
    later = ("feed_forward_proj", "tie_word_embeddings", "scale_decoder_outputs", "relative_attention_max_distance")
    rewrite(tmp_path, dict.fromkeys(later) | {"n_positions": 512})
    nearly_equal(read(tmp_path), model)


def test_an_untied_t5_is_read_exactly_and_never_written(tmp_path):
    model = theirs("t5-v1.1")
    assert not model.config.scale_decoder_outputs
    model.save_pretrained(tmp_path)
    # As the released ones are: nothing says that the output is not scaled but that the head is not tied.
    rewrite(tmp_path, {"tie_word_embeddings": False, "scale_decoder_outputs": None, "n_positions": 512})
    ours = read(tmp_path)
    assert (ours.config.tied, ours.config.output_scale) == (False, "none")
    nearly_equal(ours, model)
    tensors = to_hf(find("t5-v1.1"), ours.state_dict(), ours.config)
    assert torch.equal(tensors["lm_head.weight"], model.lm_head.weight)
    assert not torch.equal(tensors["lm_head.weight"], tensors["shared.weight"])
    back = from_hf(find("t5-v1.1"), tensors, ours.config)
    assert all(torch.equal(back[name], tensor) for name, tensor in ours.state_dict().items())
    with pytest.raises(UserError, match=r"nearest is t5-v1\.1: train with model\.tied = True, not False \(tr"):
        choose(ours.config)


@pytest.mark.parametrize("config", [BART, T5, UNTIED], ids=["bart", "t5", "t5-v1.1"])
def test_a_packed_document_never_sees_its_neighbours(config):
    model = build(config)
    reads = np.array([[1] * 5 + [2] * 6 + [3] * 4 + [0] * 2])
    says = np.array([[1] * 4 + [2] * 5 + [3] * 3 + [0]])
    rows = batch(config, reads, decoder_segments=says)
    assert rows.decoder_inputs is not None
    mine_read, mine_said = reads == 2, says == 2
    with torch.no_grad():
        before = model.logits(to_tensors(rows, CPU))[torch.from_numpy(mine_said)]
        for side, own in (("inputs", mine_read), ("decoder_inputs", mine_said)):
            other = np.where(own, getattr(rows, side), (getattr(rows, side) + 7) % config.vocab_size)
            after = model.logits(to_tensors(dataclasses.replace(rows, **{side: other}), CPU))
            assert (after[torch.from_numpy(mine_said)] - before).abs().max() <= 1e-6
            assert (
                after[torch.from_numpy(says == 1)] - model.logits(to_tensors(rows, CPU))[says == 1]
            ).abs().max() > 0.1
        alone = dataclasses.replace(
            rows,
            inputs=rows.inputs[:, 5:11],
            segments=None,
            decoder_inputs=rows.decoder_inputs[:, 4:9],
            decoder_segments=None,
            targets=rows.targets[:, 4:9],
            weights=rows.weights[:, 4:9],
        )
        assert (model.logits(to_tensors(alone, CPU))[0] - before).abs().max() < 1e-5
        memory = dataclasses.replace(rows, inputs=np.where(mine_read, rows.inputs + 1, rows.inputs) % config.vocab_size)
        assert (model.logits(to_tensors(memory, CPU))[torch.from_numpy(mine_said)] - before).abs().max() > 1e-2


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    lines = ["The quick brown fox jumps over the lazy dog.", "Pack my box with five dozen liquor jugs."]
    text = train_tokenizer(lines * 3, "bpe", 300, Requirements(), "both")
    return Tokenizer(text, Vocab.from_tokenizer(text, {"decoder_start": "</s>"}))


@pytest.mark.parametrize("started", ["</s>", "<pad>"])
def test_bart_writes_what_transformers_writes(started, tokenizer, tmp_path):
    vocab = Vocab.from_tokenizer(tokenizer.text, {"decoder_start": started})
    config = dataclasses.replace(BART, vocab_size=300)
    model = build(config, seed=3)
    folder = export(model.state_dict(), config, tokenizer.text, vocab, "card", tmp_path / "model")
    for name in ("config.json", "generation_config.json"):
        said = json.loads((folder / name).read_text())
        assert said["decoder_start_token_id"] == (vocab.eos if started == "</s>" else vocab.pad)
    prompts = [[vocab.bos, 40, 50, 60, 70, vocab.eos], [vocab.bos, 90, vocab.eos]]
    there = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)
    stop, decoding = frozenset([vocab.eos]), Decoding(max_new=14)
    found = generate(model, prompts, decoding, stop=stop, start_id=vocab.start("BART"))
    for prompt, ours in zip(prompts, found, strict=True):
        written = there.generate(torch.tensor([prompt]), max_new_tokens=14, do_sample=False)[0].tolist()
        assert written[0] == vocab.start("BART")
        end = written.index(vocab.eos, 1) if vocab.eos in written[1:] else len(written)
        assert ours == written[1:end]
        assert len(ours) > 3
    # A decoder that may begin with anything begins with what it read first.
    other = generate(model, prompts, decoding, stop=stop, start_id=vocab.mask)
    assert other != found


@pytest.mark.parametrize(("config", "started"), [(BART, "</s>"), (BART, "<pad>"), (T5, "<pad>"), (T5, "</s>")])
@pytest.mark.parametrize("padded", [False, True])
def test_an_objective_has_the_loss_that_transformers_has_of_its_labels(config, started, padded, tokenizer, tmp_path):
    vocab = Vocab.from_tokenizer(tokenizer.text, {"decoder_start": started})
    config = dataclasses.replace(config, vocab_size=300)
    model = build(config)
    there = transformers.AutoModelForSeq2SeqLM.from_pretrained(
        export(model.state_dict(), config, tokenizer.text, vocab, "card", tmp_path / "model")
    )
    lengths = np.array([[24], [17], [9]]) if padded else np.array([[24], [24], [24]])
    segments = (np.arange(24)[None] < lengths).astype(np.int32)
    tokens = np.where(segments, np.random.default_rng(0).choice(vocab.words, segments.shape), vocab.pad)
    rows = Rows(tokens.astype(np.int32), row_keys(0, np.arange(3)), segments if padded else None)
    made = BARTDenoising(permute=False, vocab=vocab)(rows)
    tensors = to_tensors(made, CPU)
    # transformers shifts the labels itself and puts its own start before them.
    labels = torch.where(tensors.weights != 0, tensors.targets, -100)
    seen = torch.ones_like(tensors.inputs) if made.segments is None else torch.from_numpy(made.segments != 0).long()
    with torch.no_grad():
        expected = there(input_ids=tensors.inputs, attention_mask=seen, labels=labels).loss
        ours = model.loss(tensors) / tensors.count
    assert float(ours) == pytest.approx(float(expected), rel=1e-6)


def test_the_start_of_the_decoder_is_kept_by_tokenizers_and_read_from_models(tokenizer, tmp_path):
    plain = Vocab.from_tokenizer(tokenizer.text)
    assert (plain.decoder_start, plain.start("A test")) == (None, plain.pad)
    assert (tokenizer.vocab.decoder_start, tokenizer.vocab.start("A test")) == (plain.eos, plain.eos)
    save_tokenizer(tokenizer, tmp_path / "saved")
    assert load_tokenizer(tmp_path / "saved").vocab.start("A test") == plain.eos
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "saved").eos_token_id == plain.eos
    save_tokenizer(Tokenizer(tokenizer.text, plain), tmp_path / "plain")
    assert "decoder_start" not in (tmp_path / "plain" / "tokenizer_config.json").read_text()
    config = dataclasses.replace(BART, vocab_size=300)
    state = Transformer(config).state_dict()
    folder = export(state, config, tokenizer.text, tokenizer.vocab, "card", tmp_path / "model")
    assert load_tokenizer(folder).vocab.start("A test") == plain.eos
    (folder / "generation_config.json").unlink()
    assert load_tokenizer(folder).vocab.start("A test") == plain.eos
    rewrite(folder, {"decoder_start_token_id": 10**6})
    assert load_tokenizer(folder).vocab.start("A test") == plain.pad
    with pytest.raises(UserError, match="An encoder-decoder needs a pad token"):
        dataclasses.replace(plain, pad=None).start("An encoder-decoder")


def test_split_embeddings_say_nothing_where_there_is_nothing_to_split():
    assert not explicit(small("decoder", split_embedding=True)).split_embedding
    assert not explicit(small("encoder-decoder", split_embedding=True)).split_embedding
    assert explicit(BART).split_embedding
    names = set(Transformer(small("encoder", positions="learned", split_embedding=True)).state_dict())
    assert not any("decoder" in name for name in names)
    shared = dataclasses.replace(BART, split_embedding=False)
    assert parameters(BART) - parameters(shared) == (32 + 2) * 32 + 2 * 32
