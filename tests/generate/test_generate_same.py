"""Writing equals transformers': a random model, exported and opened there, writes the same tokens.

Equality of tokens needs leading logits that are not nearly equal, since sums in another order differ. So the last norm
is scaled until logits have a standard deviation of SPREAD: over 300 entries the first is then ahead of the second by
more than 1 on average; T5's queries are scaled down, because its attention has no scale and large scores amplify
rounding; and both models compute in double precision (T5 keeps its norms and its softmax in single).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from small_models import small

from hornbook.convert.export_hf import export
from hornbook.generate import Decoding, generate
from hornbook.generate.decoding import candidates, penalise
from hornbook.model.config import ModelConfig
from hornbook.model.inputs import Tensors
from hornbook.model.sizes import BLOCKS
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import train_tokenizer
from hornbook.vocab import Vocab

transformers = pytest.importorskip("transformers")

GPT2 = {"norm": "layer", "norm_epsilon": 1e-5, "positions": "learned", "gated": False, "activation": "gelu_tanh"}
SHAPES = {
    "gpt2": small("decoder", max_length=48, biases=True, qk_norm=False, **GPT2),
    "llama": small("decoder", max_length=48, qk_norm=False, kv_heads=2),
    "mistral": small("decoder", max_length=48, qk_norm=False, kv_heads=2, window=6),
    "t5": small("encoder-decoder", max_length=48),
    "bart": dataclasses.replace(BLOCKS["bart"], vocab_size=40, width=32, layers=2, heads=4, max_length=48),
}
# The whole of the promise takes some twenty seconds a test; a part of it runs every time.
COUNTS = [12, pytest.param(200, marks=pytest.mark.slow)]
NEW = 16
SPREAD = 4.0


def separated(config: ModelConfig) -> Transformer:
    """Return a random model whose logits have a standard deviation of SPREAD."""
    model = Transformer(config).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.3 * noise + (1.0 if "norm" in name and name.endswith("weight") else 0.0))
            if config.attention_scale == "none" and name.endswith(".q.weight"):
                parameter *= config.key_width**-0.5
        scale = (model.decoder.norm or model.decoder.layers[-1].mlp_norm).weight
        ids = torch.arange(5, 45)[None]
        batch = Tensors(ids, ids, torch.ones(ids.shape), 1.0, torch.arange(40), decoder_inputs=ids)
        scale *= SPREAD / model.logits(batch).std()
    return model


@pytest.fixture(scope="module", params=SHAPES)
def pair(request, tmp_path_factory):
    """Our model and the same one in transformers."""
    text = train_tokenizer(["a b c d e f g h"] * 3, "bpe", 300, Requirements(sentinels=2))
    vocab = Vocab.from_tokenizer(text)
    config = dataclasses.replace(SHAPES[request.param], vocab_size=vocab.size)
    model = separated(config)
    folder: Path = export(model.state_dict(), config, text, vocab, "", tmp_path_factory.mktemp("export") / "model")
    kind = "AutoModelForSeq2SeqLM" if config.topology == "encoder-decoder" else "AutoModelForCausalLM"
    theirs = getattr(transformers, kind).from_pretrained(folder).eval()
    return model.double(), theirs.double(), vocab


def prompts(count: int, size: int) -> list[list[int]]:
    draw = np.random.default_rng(0)
    return [draw.integers(5, size, draw.integers(1, 24)).tolist() for _ in range(count)]


def theirs_of(theirs, prompt: list[int], vocab: Vocab, **settings) -> list[int]:
    """Return what transformers writes after one prompt, the end left out."""
    ids = torch.tensor([prompt])
    found = theirs.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=NEW,
        max_length=None,
        do_sample=False,
        pad_token_id=vocab.pad,
        eos_token_id=vocab.eos,
        **settings,
    )[0].tolist()
    new = found[1:] if theirs.config.is_encoder_decoder else found[len(prompt) :]
    return new[: new.index(vocab.eos)] if vocab.eos in new else new


def start_of(model: Transformer, vocab: Vocab) -> int | None:
    return None if model.encoder is None else vocab.pad


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("settings", [{}, {"repetition_penalty": 1.3}])
def test_greedy_writing_is_that_of_transformers(pair, settings, count):
    model, theirs, vocab = pair
    given = prompts(count, vocab.size)
    ours = generate(
        model, given, Decoding(max_new=NEW, **settings), stop=frozenset([vocab.eos]), start_id=start_of(model, vocab)
    )
    # A random BART, its last norm before a tied head, often says the token it has just read: 79 texts for 200 prompts.
    least = 0.35 if model.config.norm_place == "post" else 0.75
    assert len({tuple(row) for row in ours}) > least * count, "the model says something of its own after most prompts"
    for prompt, written in zip(given, ours, strict=True):
        assert written == theirs_of(theirs, prompt, vocab, **settings)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"length_penalty": 0.3}, {"length_penalty": 2.0, "early_stopping": True}, {"repetition_penalty": 1.3}],
)
def test_beam_search_is_that_of_transformers(pair, settings, count):
    model, theirs, vocab = pair
    given = prompts(count, vocab.size)
    ours = generate(
        model,
        given,
        Decoding(max_new=NEW, beams=4, **settings),
        stop=frozenset([vocab.eos]),
        start_id=start_of(model, vocab),
    )
    for prompt, written in zip(given, ours, strict=True):
        assert written == theirs_of(theirs, prompt, vocab, num_beams=4, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.7},
        {"top_k": 7},
        {"top_k": 1000},
        {"top_p": 0.3},
        {"top_p": 0.97},
        {"min_p": 0.05},
        {"repetition_penalty": 1.7},
        {"temperature": 2.5, "top_k": 40, "top_p": 0.8, "min_p": 0.1, "repetition_penalty": 1.2},
    ],
)
@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_probabilities_are_those_of_the_processors_of_transformers(settings, scale):
    generator = torch.Generator().manual_seed(1)
    logits = scale * torch.randn(50, 700, generator=generator)
    said = torch.randint(700, (50, 30), generator=generator)
    decoding = Decoding(**{"temperature": 1.0, **settings})
    config = transformers.GenerationConfig(do_sample=True, **{"top_k": 0, **settings})
    processors = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(n_layer=1, n_head=1, n_embd=2, vocab_size=2)
    )._get_logits_processor(config)
    expected = torch.softmax(processors(said, logits.clone()), -1)
    scores = logits
    if decoding.repetition_penalty != 1.0:
        seen = torch.zeros(50, 700, dtype=torch.bool).scatter(1, said, True)
        scores = penalise(logits, seen, decoding.repetition_penalty)
    chances, ids = candidates(scores, decoding)
    found = chances if ids is None else torch.zeros(50, 700, dtype=torch.float64).scatter(1, ids, chances)
    assert torch.equal(found > 0, expected > 0)
    assert (found - expected).abs().max() < 1e-6
