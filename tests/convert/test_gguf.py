"""GGUF files against the reader of transformers, which shares no code with their writer but the format.

Shapes: B rows, T positions, V vocabulary.
"""

import dataclasses
import json
import random

import pytest
import torch
from published_models import GPT2, LINES, random_model, tokenizer_of
from small_models import small

from hornbook.convert.export_hf import export
from hornbook.convert.gguf import export_gguf
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

pytest.importorskip("gguf", reason="the extra gguf is not installed")
transformers = pytest.importorskip("transformers")

SIZE = {"vocab_size": 400, "max_length": 1024, "layers": 2, "heads": 4, "width": 32}
LLAMA = {**SIZE, "qk_norm": False}
CASES: dict[str, ModelConfig] = {
    "llama": small("decoder", **LLAMA, kv_heads=2, rotary_base=500.0),
    "llama-untied": small("decoder", **LLAMA, head_width=6, tied=False, norm_epsilon=1e-5),
    "qwen2": small("decoder", **LLAMA, kv_heads=2, qkv_biases=True, rotary_base=1e6),
    # transformers takes Qwen3's heads to be 128 wide, whatever a GGUF file says.
    "qwen3": small("decoder", **SIZE, kv_heads=2, head_width=128),
    # It takes GPT-2 to have 1,024 positions.
    "gpt2": dataclasses.replace(GPT2, **SIZE),
}


@pytest.fixture(scope="module")
def tokenizer_text() -> str:
    return train_tokenizer(LINES * 3, "bpe", 380, Requirements(sentinels=2))


@pytest.fixture(scope="module")
def vocab(tokenizer_text: str) -> Vocab:
    return Vocab.from_tokenizer(tokenizer_text)


@pytest.mark.parametrize("case", CASES)
def test_weights_and_logits_are_equal(case: str, tokenizer_text: str, vocab: Vocab, tmp_path):
    model = random_model(CASES[case])
    export_gguf(model.state_dict(), model.config, tokenizer_text, vocab, "toy", tmp_path / "toy.gguf")
    theirs, report = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file="toy.gguf", output_loading_info=True
    )
    assert type(theirs).__name__.lower().startswith(case.split("-")[0])
    assert not any(report.values()), report
    folder = tmp_path / "folder"
    export(model.state_dict(), model.config, tokenizer_of(case, tokenizer_text), vocab, "card", folder)
    same = transformers.AutoModelForCausalLM.from_pretrained(folder)
    weights = theirs.state_dict()
    for name, tensor in same.state_dict().items():
        assert torch.equal(weights[name], tensor), name
    tokens = torch.randint(5, 400, (2, 40), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = theirs.eval()(tokens).logits
        assert logits.std() > 0.1
        # For GPT-2 it takes its older formula of the same activation, which rounds otherwise.
        assert (logits - same.eval()(tokens).logits).abs().max() <= (1e-5 if case == "gpt2" else 0.0)


@pytest.mark.parametrize("template", ["none", "both", "end"])
def test_ids_are_equal(template: str, tmp_path):
    text = train_tokenizer(LINES * 3, "bpe", 380, Requirements(sentinels=2), template)
    tokenizer = Tokenizer(text, Vocab.from_tokenizer(text))
    vocab = tokenizer.vocab
    model = random_model(CASES["llama"])
    export_gguf(model.state_dict(), model.config, text, vocab, "toy", tmp_path / "toy.gguf")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path, gguf_file="toy.gguf")
    before, after = [] if template == "end" else [vocab.bos], [] if template == "none" else [vocab.eos]
    rng = random.Random(5)
    spans = [(32, 127), (160, 591), (0x400, 0x4FF), (0x4E00, 0x4EFF), (0x1F600, 0x1F64F)]
    drawn = ["".join(chr(rng.randint(*rng.choice(spans))) for _ in range(40)) for _ in range(200)]
    for line in LINES + drawn:
        ours = tokenizer.encode([line])[0].tolist()
        assert theirs.encode(line, add_special_tokens=False) == ours
        assert theirs.encode(line) == before + ours + after
    assert (
        theirs.encode("a<extra_id_0></s>", add_special_tokens=False)
        == tokenizer.encode_prompt("a<extra_id_0></s>").tolist()
    )
    for role in ("pad", "bos", "eos", "unk"):
        assert getattr(theirs, f"{role}_token_id") == getattr(vocab, role)


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("llama", {"biases": True}, r"llama needs model\.biases = False"),
        ("llama", {"rotary_scaling": "linear", "rotary_factor": 2.0}, r"rotary_scaling = 'none', not 'linear'"),
        ("llama", {"window": 5}, "this model is of family mistral"),
        ("qwen3", {"activation": "gelu"}, r"qwen3 needs model\.activation = 'silu'"),
        ("qwen2", {"head_width": 16}, r"qwen2 needs model\.head_width = 8, not 16"),
        ("gpt2", {"activation": "relu"}, r"gpt2 needs model\.activation = 'gelu_tanh'"),
        ("llama", {"vocab_size": 100}, r"has \d+ entries, but the model only 100"),
    ],
)
def test_what_readers_would_compute_otherwise_is_refused(case, change, words, tokenizer_text, vocab, tmp_path):
    model = random_model(dataclasses.replace(CASES[case], **change))
    with pytest.raises(UserError, match=words):
        export_gguf(model.state_dict(), model.config, tokenizer_text, vocab, "toy", tmp_path / "toy.gguf")
    assert not list(tmp_path.iterdir())


def test_other_tokenizers_are_refused(tokenizer_text: str, vocab: Vocab, tmp_path):
    model = random_model(CASES["llama"])
    data = json.loads(tokenizer_text)
    others = [
        {**data, "pre_tokenizer": {**data["pre_tokenizer"], "add_prefix_space": True}},
        {**data, "pre_tokenizer": {"type": "Whitespace"}},
        {**data, "normalizer": {"type": "NFC"}},
    ]
    for other in others:
        with pytest.raises(UserError, match="export a folder instead"):
            export_gguf(model.state_dict(), model.config, json.dumps(other), vocab, "toy", tmp_path / "toy.gguf")
    unigram = train_tokenizer(LINES * 3, "unigram", 140, Requirements())
    with pytest.raises(UserError, match="byte-level BPE"):
        export_gguf(
            model.state_dict(), model.config, unigram, Vocab.from_tokenizer(unigram), "toy", tmp_path / "toy.gguf"
        )
    assert not list(tmp_path.iterdir())


def test_a_gguf_file_replaces_only_a_gguf_file(tokenizer_text: str, vocab: Vocab, tmp_path):
    model = random_model(CASES["llama"])
    target = tmp_path / "toy.gguf"
    for _ in range(2):
        export_gguf(model.state_dict(), model.config, tokenizer_text, vocab, "toy", target)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.gguf"]
    target.write_text("precious")
    with pytest.raises(UserError, match="is not a GGUF file"):
        export_gguf(model.state_dict(), model.config, tokenizer_text, vocab, "toy", target)
    assert target.read_text() == "precious"
