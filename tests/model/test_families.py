"""Every family against transformers itself: tiny random models, exported, opened there, compared; and the way back.

Shapes: B rows, T positions, V vocabulary.
"""

import dataclasses
import json
import random

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.model.card import CardFacts, Measurement, model_card
from hornbook.model.config import ModelConfig, modern
from hornbook.model.export import export
from hornbook.model.families import FAMILIES, choose, find
from hornbook.model.families.convert import from_hf, to_hf
from hornbook.model.families.family import explicit
from hornbook.model.inputs import to_tensors
from hornbook.model.sizes import BLOCKS
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer import Codec, train_tokenizer
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
    "roberta": ("roberta", BERT, {"types": 1, "position_offset": 1}),
    "roberta-types": ("roberta", BERT, {"types": 3, "position_offset": 1, "mlp_width": 40, "norm_epsilon": 0.1}),
    "albert": ("albert", BERT, ALBERT),
    "albert-relu": ("albert", BERT, {**ALBERT, "activation": "relu", "types": 1, "mlp_width": 40, "norm_epsilon": 0.1}),
    "electra-generator": ("electra-generator", BERT, {"embedding_width": 48}),
    "electra-generator-types": (
        "electra-generator",
        BERT,
        {"embedding_width": 12, "types": 3, "mlp_width": 40, "norm_epsilon": 0.1},
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


@pytest.fixture(scope="module")
def tokenizer_text() -> str:
    return train_tokenizer(LINES * 3, "bpe", 380, Requirements(sentinels=2), "both")


@pytest.fixture(scope="module")
def vocab(tokenizer_text: str) -> Vocab:
    return Vocab.from_tokenizer(tokenizer_text)


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
        types = rng.integers(0, config.types, inputs.shape).astype(np.int32) if config.types else None
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


@pytest.mark.parametrize("case", CASES)
def test_logits_loss_and_weights_are_equal(case: str, tokenizer_text: str, vocab: Vocab, tmp_path):
    config = config_of(case)
    family = choose(config)
    assert family.name == CASES[case][0]
    model = random_model(config)
    batch = to_tensors(padded_batch(config), torch.device("cpu"))
    folder = export(model.state_dict(), config, tokenizer_text, vocab, "card", tmp_path / "model")
    theirs = open_there(folder, config)
    assert type(theirs).__name__ == family.architecture

    arguments = {"input_ids": batch.inputs, "attention_mask": (batch.segments != 0).long()}
    if config.types:
        arguments["token_type_ids"] = batch.types
    if config.topology == "encoder-decoder":
        arguments["decoder_input_ids"] = batch.decoder_inputs
    scored = batch.weights != 0
    with torch.no_grad():
        ours = model.logits(batch)[scored]
        logits = theirs(**arguments).logits[scored]
        assert ours.std() > 0.1  # otherwise nearness would prove little
        assert (ours - logits).abs().max() < 1e-5
        nats = torch.nn.functional.cross_entropy(logits, batch.targets[scored])
        assert float(model.loss(batch) / batch.count) == pytest.approx(float(nats), rel=1e-6)

    tensors = load_file(folder / "model.safetensors")
    assert family.config(json.loads((folder / "config.json").read_text())) == explicit(config)
    back = from_hf(family, tensors, config)
    state = model.state_dict()
    assert back.keys() == state.keys()
    for name, tensor in state.items():
        assert torch.equal(back[name], tensor), name


@pytest.mark.parametrize(
    ("case", "kind", "template", "size"),
    [
        ("qwen3", "bpe", "none", 380),
        ("modernbert", "bpe", "both", 380),
        ("bert", "wordpiece", "both", 380),
        ("roberta", "bpe", "both", 380),
        ("albert", "unigram", "both", 140),
        ("t5-v1.1", "unigram", "end", 140),
        ("bart", "bpe", "both", 380),
    ],
)
def test_the_tokenizer_gives_the_same_ids(case: str, kind: str, template: str, size: int, tmp_path):
    config = config_of(case)
    text = train_tokenizer(LINES * 3, kind, size, Requirements(sentinels=2), template)
    codec = Codec(text, Vocab.from_tokenizer(text))
    vocab = codec.vocab
    folder = export(Transformer(config).state_dict(), config, text, vocab, "card", tmp_path / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    rng = random.Random(5)
    spans = [(32, 127), (160, 591), (0x400, 0x4FF), (0x4E00, 0x4EFF), (0x1F600, 0x1F64F)]
    drawn = ["".join(chr(rng.randint(*rng.choice(spans))) for _ in range(40)) for _ in range(200)]
    before = [] if template == "end" else [vocab.bos]  # decoders begin a text as training begins a document
    after = [] if template == "none" else [vocab.eos]
    for line in LINES + drawn:
        ours = codec.encode([line])[0].tolist()
        assert tokenizer.encode(line, add_special_tokens=False) == ours
        assert tokenizer.encode(line) == before + ours + after
        if kind == "bpe":
            assert tokenizer.decode(before + ours + after, skip_special_tokens=True) == line
    for role in ("pad", "bos", "eos", "unk", "mask", "cls", "sep"):
        assert getattr(tokenizer, f"{role}_token_id") == getattr(vocab, role)
    assert tokenizer.convert_tokens_to_ids(["<extra_id_0>", "<extra_id_1>"]) == list(vocab.sentinels)
    assert tokenizer.model_max_length == config.max_length
    assert len(tokenizer) == vocab.size
    assert ("token_type_ids" in tokenizer("a")) == (config.types > 1)


@pytest.mark.parametrize("case", ["qwen3", "gpt2", "modernbert", "bert", "roberta", "albert", "t5-v1.1", "bart"])
def test_the_tools_of_transformers_run_on_the_folder(case: str, tokenizer_text: str, vocab: Vocab, tmp_path):
    config = config_of(case)
    folder = export(random_model(config).state_dict(), config, tokenizer_text, vocab, "card", tmp_path / "model")
    if config.topology == "decoder":
        write = transformers.pipeline("text-generation", str(folder))
        assert write("The", do_sample=False)[0]["generated_text"].startswith("The")
    elif config.topology == "encoder":
        fill = transformers.pipeline("fill-mask", str(folder))
        guesses = fill("The <mask> fox")
        assert len(guesses) == 5
        assert all(0 < guess["score"] < 1 for guess in guesses)
    else:
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        said = model.generate(**tokenizer("The <extra_id_0> fox", return_tensors="pt"), do_sample=False)
        assert said[0, 0] == vocab.pad
        assert said.shape[1] <= config.max_length
        assert model(**tokenizer("The", return_tensors="pt"), labels=torch.tensor([[5, 6]])).loss > 0


def test_every_default_block_has_its_family():
    assert [choose(block).name for block in MODERN.values()] == ["qwen3", "modernbert", "t5-v1.1"]  # before any size
    for case in CASES:
        holders = [family.name for family in FAMILIES if family.holds(config_of(case)) is None]
        # A Mistral without a window is a Llama; BERT's model is also that of an ElectraForMaskedLM of a single width.
        mistral = ["mistral"] if holders[0] == "llama" and not config_of(case).biases else []
        assert holders == [CASES[case][0], *mistral, *(["electra-generator"] if case == "bert" else [])], case
    # A discriminator has no output head: tests/model/test_encoder_families.py compares it.
    assert {family for family, _, _ in CASES.values()} | {"electra"} == {family.name for family in FAMILIES}


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("t5-v1.1", {"tied": False}, r"nearest is t5-v1\.1.*model\.tied = True, not False \(transformers 5 ties"),
        ("qwen3", {"head_bias": True}, r"nearest is qwen3.*model\.head_bias = False, not True"),
        ("qwen3", {"window": 5}, r"nearest is qwen3.*model\.window = 0, not 5"),
        ("bert", {"window": 5}, r"model\.window = 0, not 5"),
        (
            "modernbert",
            {"rotary_scaling": "linear", "rotary_factor": 2.0},
            r"model\.rotary_scaling = 'none', not 'linear'",
        ),
        ("modernbert", {"kv_heads": 2}, r"nearest is modernbert.*model\.kv_heads = 4, not 2"),
        ("modernbert", {"positions": "learned"}, r"model\.positions = 'rotary', not 'learned'"),
        ("gpt2", {"head_width": 6}, r"nearest is gpt2.*model\.head_width = 8, not 6"),
        ("bert", {"types": 0}, r"nearest is bert.*model\.types = 1 or more, not 0"),
        ("bert", {"shared_layers": True}, r"nearest is bert.*model\.shared_layers = False, not True"),
        ("bart", {"tied": False}, r"nearest is bart.*model\.tied = True, not False \(an untied BART has three tables"),
        ("bart", {"norm_epsilon": 1e-6}, r"nearest is bart.*model\.norm_epsilon = 1e-05, not 1e-06"),
        ("t5-v1.1", {"activation": "gelu"}, r"model\.activation = 'gelu_tanh' or 'silu' or 'relu', not 'gelu'"),
    ],
)
def test_what_no_class_holds_is_refused_in_words(case, change, words, tokenizer_text, vocab, tmp_path):
    config = dataclasses.replace(config_of(case), **change)
    with pytest.raises(UserError, match=words):
        export(Transformer(config).state_dict(), config, tokenizer_text, vocab, "card", tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_named_family_must_hold_the_model(tokenizer_text: str, vocab: Vocab, tmp_path):
    config = config_of("qwen3")
    state = Transformer(config).state_dict()
    with pytest.raises(UserError, match=r"exactly as llama, which needs .*model\.qk_norm = False"):
        export(state, config, tokenizer_text, vocab, "card", tmp_path / "model", family="llama")
    with pytest.raises(UserError, match="Did you mean 'llama'"):
        find("lama")
    small = dataclasses.replace(config, vocab_size=100)
    with pytest.raises(UserError, match=r"has \d+ entries but the model only 100"):
        export(Transformer(small).state_dict(), small, tokenizer_text, vocab, "card", tmp_path / "model")


def test_an_export_replaces_only_an_export(tokenizer_text: str, vocab: Vocab, tmp_path):
    config = config_of("qwen3")
    state = Transformer(config).state_dict()
    target = tmp_path / "model"
    for card in ("one", "two"):
        export(state, config, tokenizer_text, vocab, card, target)
        assert (target / "README.md").read_text() == card
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="is no exported model"):
        export(state, config, tokenizer_text, vocab, "card", mine)
    assert (mine / "thesis.txt").read_text() == "precious"


def test_a_weight_without_a_place_is_never_lost():
    config = config_of("modernbert")
    state = Transformer(config).state_dict()
    with pytest.raises(ValueError, match="pair"):
        to_hf(find("modernbert"), {**state, "pair.weight": torch.zeros(2, 32)}, config)
    with pytest.raises(UserError, match="no place for: extra"):
        from_hf(find("modernbert"), {**to_hf(find("modernbert"), state, config), "extra": torch.zeros(1)}, config)


@pytest.mark.parametrize(
    ("entry", "value", "words"),
    [
        ("hidden_activation", "swish", "hidden_activation = 'swish'"),
        ("mlp_bias", True, "at odds with itself about mlp_bias"),
    ],
)
def test_a_config_that_our_model_cannot_follow_is_refused(entry, value, words):
    settings = find("modernbert").settings(config_of("modernbert"))
    with pytest.raises(UserError, match=words):
        find("modernbert").config({**settings, entry: value})
    del settings[entry]
    if entry == "hidden_activation":
        with pytest.raises(UserError, match="no hidden_activation"):
            find("modernbert").config(settings)


def test_the_card_tells_what_is_known():
    facts = CardFacts(
        name='A "small" model',
        topology="encoder",
        family="modernbert",
        corpus="3 documents | 10 kB",
        objective="masked",
        settings={"rate": 0.3},
        budget="100 steps",
        tokens_seen=5000,
        parameters=1000,
        max_length=24,
        measurements=(
            Measurement("loss (nats per token)", 2.5, (("unigram", 5.25),)),
            Measurement("pseudo-perplexity", 12.0),
        ),
        limitations=("A toy.",),
    )
    text = model_card(facts)
    yaml = pytest.importorskip("yaml")
    header = yaml.safe_load(text.split("---")[1])
    assert header["pipeline_tag"] == "fill-mask"
    assert header["tags"] == ["hornbook", "pretraining", "masked", "modernbert"]
    assert "license" not in header and "language" not in header
    for words in (
        "| Corpus | 3 documents \\| 10 kB |",
        "| Tokens seen | 5,000 (5.00 per parameter) |",
        "| loss (nats per token) | 2.5000 | 5.2500 |",
        "| pseudo-perplexity | 12.0000 |  |",
        "- A toy.",
        "AutoModelForMaskedLM",
    ):
        assert words in text
    open_text = model_card(dataclasses.replace(facts, topology="encoder-decoder", license="cc-by-4.0"))
    header = yaml.safe_load(open_text.split("---")[1])
    assert header["license"] == "cc-by-4.0" and "pipeline_tag" not in header
