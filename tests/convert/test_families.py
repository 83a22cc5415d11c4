"""Every family against transformers itself: tiny random models, exported, opened there, compared; and the way back.

Shapes: B rows, T positions, V vocabulary.
"""

import dataclasses
import json
import random

import pytest
import tokenizers
import torch
from published_models import (
    CASES,
    LINES,
    MODERN,
    config_of,
    long_batch,
    open_there,
    padded_batch,
    random_model,
    tokenizer_of,
    transformers,
)
from safetensors.torch import load_file

from hornbook.convert.export_hf import export
from hornbook.convert.families import FAMILIES, choose, find
from hornbook.convert.families.explicit import explicit
from hornbook.convert.families.tensors import from_hf, to_hf
from hornbook.errors import UserError
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

QUICK = ("qwen3", "llama-llama3", "qwen2-yarn", "modernbert-local", "gpt2")  # the others take the time of a minute
SPANS = [(32, 127), (160, 591), (0x400, 0x4FF), (0x4E00, 0x4EFF), (0x1F600, 0x1F64F)]


@pytest.fixture(scope="module")
def tokenizer_text() -> str:
    return train_tokenizer(LINES * 3, "bpe", 380, Requirements(sentinels=2), "both")


@pytest.fixture(scope="module")
def vocab(tokenizer_text: str) -> Vocab:
    return Vocab.from_tokenizer(tokenizer_text)


@pytest.mark.parametrize("case", CASES)
def test_logits_loss_and_weights_are_equal(case: str, tokenizer_text: str, vocab: Vocab, tmp_path):
    config = config_of(case)
    family = choose(config)
    assert family.name == CASES[case][0]
    model = random_model(config)
    batch = to_tensors(padded_batch(config), torch.device("cpu"))
    text = tokenizer_of(family.name, tokenizer_text)
    folder = export(model.state_dict(), config, text, vocab, "card", tmp_path / "model")
    theirs = open_there(folder, config)
    assert type(theirs).__name__ == family.architecture

    arguments = {"input_ids": batch.inputs, "attention_mask": (batch.segments != 0).long()}
    if config.token_types:
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
    "case", [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
)
def test_the_logits_of_long_rows_are_equal(case: str, tokenizer_text: str, vocab: Vocab, tmp_path):
    """Rotary angles are rounded: at position 2,000 tables made in fp64 differ from those of transformers by 6e-5."""
    config = dataclasses.replace(config_of(case), max_length=2048)
    config = dataclasses.replace(config, rotary_length=1500 if config.rotary_length else 0)
    model = random_model(config)
    text = tokenizer_of(CASES[case][0], tokenizer_text)
    theirs = open_there(export(model.state_dict(), config, text, vocab, "card", tmp_path / "model"), config)
    batch = to_tensors(long_batch(config, 2000), torch.device("cpu"))
    behind = {"decoder_input_ids": batch.decoder_inputs} if config.topology == "encoder-decoder" else {}
    with torch.no_grad():
        ours, logits = model.logits(batch), theirs(input_ids=batch.inputs, **behind).logits
    assert ours.std() > 0.1
    assert (ours - logits).abs().max() < 1e-5


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
    tokenizer = Tokenizer(text, Vocab.from_tokenizer(text))
    vocab = tokenizer.vocab
    folder = export(Transformer(config).state_dict(), config, text, vocab, "card", tmp_path / "model")
    theirs = transformers.AutoTokenizer.from_pretrained(folder)

    rng = random.Random(5)
    drawn = ["".join(chr(rng.randint(*rng.choice(SPANS))) for _ in range(40)) for _ in range(200)]
    before = [] if template == "end" else [vocab.bos]  # decoders begin a text as training begins a document
    after = [] if template == "none" else [vocab.eos]
    for line in LINES + drawn:
        ours = tokenizer.encode([line])[0].tolist()
        assert theirs.encode(line, add_special_tokens=False) == ours
        assert theirs.encode(line) == before + ours + after
        if kind == "bpe":
            assert theirs.decode(before + ours + after, skip_special_tokens=True) == line
    for role in ("pad", "bos", "eos", "unk", "mask", "cls", "sep"):
        assert getattr(theirs, f"{role}_token_id") == getattr(vocab, role)
    assert theirs.convert_tokens_to_ids(["<extra_id_0>", "<extra_id_1>"]) == list(vocab.sentinels)
    assert theirs.model_max_length == config.max_length
    assert len(theirs) == vocab.size
    assert ("token_type_ids" in theirs("a")) == (config.token_types > 1)


def foreign(text: str, kind: str) -> str:
    """Return a byte-level tokenizer.json changed into one of another kind, as other tools make them."""
    data = json.loads(text)
    if kind == "lower-case":
        data["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}
    if kind == "prefix":
        data["pre_tokenizer"]["add_prefix_space"] = True
    if kind == "characters":
        characters = {character: number for number, character in enumerate(sorted({*"".join(LINES)}), 5)}
        names = {item["content"]: item["id"] for item in data["added_tokens"] if item["id"] < 5}
        cut = {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False}
        data |= {"pre_tokenizer": cut, "added_tokens": data["added_tokens"][:5], "decoder": {"type": "Fuse"}}
        data["model"] = {"type": "WordLevel", "vocab": names | characters, "unk_token": "<unk>"}
    return json.dumps(data, ensure_ascii=False)


@pytest.mark.parametrize("count", [20, pytest.param(470, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram", "lower-case", "prefix", "characters"])
def test_every_family_opens_every_tokenizer_with_its_ids(kind: str, count: int, tmp_path):
    """AutoTokenizer may choose a class by the type of the model: where that changes ids, the export is refused."""
    own = kind if kind in ("bpe", "wordpiece", "unigram") else "bpe"
    text = train_tokenizer(LINES * 3, own, 140 if kind == "unigram" else 380, Requirements(sentinels=2), "both")
    text = foreign(text, kind)
    vocab = Vocab.from_tokenizer(text)
    tokenizer, rng, refused = Tokenizer(text, vocab), random.Random(5), []
    drawn = ["".join(chr(rng.randint(*rng.choice(SPANS))) for _ in range(40)) for _ in range(count)]
    for name, case in {family: case for case, (family, _, _) in CASES.items()}.items():
        config = config_of(case)
        try:
            folder = export(Transformer(config).state_dict(), config, text, vocab, "card", tmp_path / name)
        except UserError as error:
            refused.append(name)
            assert "opens every qwen2 with Qwen2Tokenizer" in str(error)
            continue
        theirs = transformers.AutoTokenizer.from_pretrained(folder)
        whole = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        for line in LINES + drawn:
            ids = tokenizer.encode([line])[0].tolist()
            assert theirs.encode(line, add_special_tokens=False) == ids
            assert theirs.encode(line) == whole.encode(line).ids
            assert theirs.decode(ids) == tokenizer.decode(ids, keep_special=True)
    assert refused == ["qwen2"]


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
    # A discriminator has no output head: tests/convert/test_encoder_families.py compares it.
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
        ("bert", {"token_types": 0}, r"nearest is bert.*model\.token_types = 1 or more, not 0"),
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
    with pytest.raises(UserError, match=r"has \d+ entries, but the model only 100"):
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
    with pytest.raises(UserError, match="is not an exported model"):
        export(state, config, tokenizer_text, vocab, "card", mine)
    assert (mine / "thesis.txt").read_text() == "precious"


def test_a_weight_without_a_place_is_never_lost():
    config = config_of("modernbert")
    state = Transformer(config).state_dict()
    with pytest.raises(ValueError, match="pair"):
        to_hf(find("modernbert"), {**state, "pair.weight": torch.zeros(2, 32)}, config)
    with pytest.raises(UserError, match="cannot hold: extra"):
        from_hf(find("modernbert"), {**to_hf(find("modernbert"), state, config), "extra": torch.zeros(1)}, config)


@pytest.mark.parametrize(
    ("entry", "value", "words"),
    [
        ("hidden_activation", "swish", "hidden_activation = 'swish'"),
        ("mlp_bias", True, "attention_bias = False and mlp_bias = True"),
    ],
)
def test_a_config_that_our_model_cannot_follow_is_refused(entry, value, words):
    settings = find("modernbert").settings(config_of("modernbert"))
    with pytest.raises(UserError, match=words):
        find("modernbert").config({**settings, entry: value})
    del settings[entry]
    if entry == "hidden_activation":
        with pytest.raises(UserError, match="lacks hidden_activation"):
            find("modernbert").config(settings)
