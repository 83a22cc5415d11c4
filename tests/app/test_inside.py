"""A look inside: attention, embeddings, the judge and the pair are what a computation by hand says."""

from __future__ import annotations

import base64
import itertools
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from spoken_models import CPU, KINDS, answers, name_of, opened, tiny_tokenizer, told

from hornbook.app.spoken.inside import NOTE, attention, judge, neighbours, pair
from hornbook.app.spoken.models import Models
from hornbook.app.spoken.requests import AttentionRequest, JudgeRequest, NeighboursRequest, PairRequest
from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.model.inputs import to_tensors
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

TEXT = "the cat sees the old mouse ."


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def weights_of(event: dict[str, Any]) -> np.ndarray:
    shape = event["heads"], len(event["queries"]), len(event["keys"])
    return np.frombuffer(base64.b64decode(event["weights"]), np.uint8).reshape(shape)


def softmax(scores: np.ndarray) -> np.ndarray:
    grown = np.exp(scores - scores.max(-1, keepdims=True))
    return grown / grown.sum(-1, keepdims=True)


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_attention_of_a_first_layer_is_that_of_a_computation_by_hand(norm: str, tokenizer: Tokenizer) -> None:
    """GPT-2's block: learned positions, biases, norm first, all in numpy, from the weights alone."""
    plain = ["positions=learned", "qk_norm=false", "biases=true", "kv_heads=0", f"norm={norm}", "first_norm=true"]
    run = opened("causal", tokenizer, {}, *(f"model.{setting}" for setting in plain))
    model: Any = run.model
    (event,) = told(answers([run], attention, AttentionRequest(0, TEXT)), "attention")
    ids = [tokenizer.vocab.cls, *tokenizer.encode([TEXT])[0].tolist()]
    assert event["queries"] == event["keys"] == tokenizer.tokens(ids)

    state = {name: value.numpy().astype(np.float64) for name, value in model.state_dict().items()}
    x = state["embed.tokens.weight"][ids] + state["embed.positions.weight"][: len(ids)]
    mean = x.mean(-1, keepdims=True) if norm == "layer" else 0.0
    x = (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + model.config.norm_epsilon)
    x = x * state["decoder.layers.0.attention_norm.weight"] + state.get("decoder.layers.0.attention_norm.bias", 0.0)
    q, k = (
        x @ state[f"decoder.layers.0.attention.{part}.weight"].T + state[f"decoder.layers.0.attention.{part}.bias"]
        for part in "qk"
    )
    heads, width = model.config.heads, model.config.key_width
    q, k = (part.reshape(len(ids), heads, width).swapaxes(0, 1) for part in (q, k))
    scores = q @ k.swapaxes(1, 2) / math.sqrt(width)
    scores[:, np.triu(np.ones((len(ids), len(ids)), bool), 1)] = -np.inf
    assert np.abs(weights_of(event) / 255 - softmax(scores)).max() <= 0.5 / 255 + 1e-6
    assert event["note"] == NOTE and "not why" in NOTE


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_attention_gives_what_the_layer_mixes(kind: Any, tokenizer: Tokenizer) -> None:
    """Whatever the block: the shown weights times the values are what the layer's output map is given."""
    run = opened(kind[0], tokenizer, kind[1], "model.layers=2")
    models, model = Models.of([run]), run.model
    sides = ["self", "decoder", "cross"] if model.config.topology == "encoder-decoder" else ["self"]
    for side, layer in itertools.product(sides, (0, 1)):
        asked: Any = models.get(0).run.model
        stack = asked.encoder if side == "self" and asked.encoder is not None else asked.decoder
        module = getattr(stack.layers[layer], "cross" if side == "cross" else "attention")
        mixed: list[torch.Tensor] = []
        values: list[torch.Tensor] = []
        hooks = [
            module.o.register_forward_pre_hook(lambda _, given, kept=mixed: kept.append(given[0])),
            module.v.register_forward_hook(lambda _, given, found, kept=values: kept.append(found)),
        ]
        request = AttentionRequest(0, TEXT, layer, side=side)
        (event,) = told(answers(models, attention, request), "attention")
        for hook in hooks:
            hook.remove()
        weights = torch.from_numpy(weights_of(event) / 255).float()
        heads = values[0].view(-1, module.key_heads, module.key_width)
        heads = heads.repeat_interleave(module.heads // module.key_heads, 1)
        wanted = torch.einsum("hts,shk->thk", weights, heads).flatten(1)
        assert mixed[0].shape[-2:] == wanted.shape, "the last layer of an encoder is asked for all of its positions"
        error = (mixed[0].view_as(wanted) - wanted).abs().max()
        assert error <= 0.5 / 255 * float(heads.abs().max()) * weights.shape[-1]
        assert np.abs(weights_of(event).sum(-1) / 255 - 1).max() < 0.5 * weights.shape[-1] / 255
        if side != "cross" and stack.causal and kind[0] not in ("prefix", "joined"):
            assert not np.triu(weights_of(event), 1).any()


def test_attention_of_a_pair_is_of_both_texts(tokenizer: Tokenizer) -> None:
    run = opened("nsp", tokenizer)
    request = AttentionRequest(0, "the cat", second="the dog")
    (event,) = told(answers([run], attention, request), "attention")
    assert event["queries"] == ["[CLS]", "the", "cat", "[SEP]", "the", "dog", "[SEP]"]
    assert weights_of(event)[:, 1, 5].any(), "the first text sees the second"


def test_what_attention_cannot_show_is_refused(tokenizer: Tokenizer) -> None:
    models = Models.of([opened("causal", tokenizer), opened("span", tokenizer)])
    for request, words in (
        (AttentionRequest(0, "cat " * 64), "at most 64"),
        (AttentionRequest(0, TEXT, layer=1), "no layer 1"),
        (AttentionRequest(0, TEXT, side="cross"), "no side"),
        (AttentionRequest(1, TEXT, second="cat " * 64, side="cross"), "at most 64"),
    ):
        with pytest.raises(UserError, match=words):
            answers(models, attention, request)


def test_looking_leaves_no_hook_behind_and_every_number_as_it_was(tokenizer: Tokenizer) -> None:
    models = Models.of([opened("masked", tokenizer)])
    first = answers(models, attention, AttentionRequest(0, TEXT))
    modules = models.get(0).run.model.modules()
    assert not any(module._forward_pre_hooks for module in modules)
    assert answers(models, attention, AttentionRequest(0, TEXT)) == first


def test_neighbours_are_those_of_numpy(tokenizer: Tokenizer) -> None:
    run = opened("causal", tokenizer, {}, padded=6)
    table = run.model.embed.tokens.weight.detach().numpy().astype(np.float64)
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    for word, pieces in (("cat", 1), ("trees", 2)):
        request = NeighboursRequest(0, word, 8)
        (event,) = answers([run], neighbours, request)
        ids = tokenizer.encode([word])[0].tolist()
        mean = unit[ids].mean(0)
        cosines = unit @ mean / np.linalg.norm(mean)
        allowed = [token for token in range(64) if not tokenizer.vocab.special[token] and token not in ids]
        best = sorted(allowed, key=lambda token: -cosines[token])[:8]
        assert event["pieces"] == pieces
        assert [row["name"] for row in event["nearest"]] == tokenizer.tokens(best)
        assert [row["cosine"] for row in event["nearest"]] == pytest.approx(cosines[best], abs=1e-6)
    with pytest.raises(UserError, match="no word"):
        answers([run], neighbours, NeighboursRequest(0, " "))


def test_the_judge_says_what_the_model_says_of_a_text_as_it_is(tokenizer: Tokenizer) -> None:
    models = Models.of([opened("replaced", tokenizer), opened("masked", tokenizer)])
    (event,) = told(answers(models, judge, JudgeRequest(0, TEXT)), "judge")
    vocab, ids = tokenizer.vocab, tokenizer.encode([TEXT])[0].tolist()
    row = np.array([[vocab.cls, *ids, vocab.sep]])
    judging: Any = models.get(0).run.model
    logits, _ = judging.judged(to_tensors(Batch(row, row, np.zeros(row.shape, np.float32), np.ones(1)), CPU))
    wanted = torch.sigmoid(logits[0].double())[1:-1].tolist()
    assert [token["replaced"] for token in event["tokens"]] == pytest.approx(wanted, abs=1e-6)
    assert "".join(token["text"] for token in event["tokens"]) == TEXT
    with pytest.raises(UserError, match="judges no tokens"):
        answers(models, judge, JudgeRequest(1, TEXT))


@pytest.mark.parametrize(("kind", "meaning"), [("nsp", "next"), ("sop", "in order")])
def test_a_pair_has_the_class_that_the_model_gives_its_row(kind: str, meaning: str, tokenizer: Tokenizer) -> None:
    models = Models.of([opened(kind, tokenizer), opened("masked", tokenizer)])
    (event,) = told(answers(models, pair, PairRequest(0, "the cat", "sees the mouse")), "pair")
    vocab = tokenizer.vocab
    first, second = (tokenizer.encode([text])[0].tolist() for text in ("the cat", "sees the mouse"))
    row = np.array([[vocab.cls, *first, vocab.sep, *second, vocab.sep]])
    types = np.array([[0] * (len(first) + 2) + [1] * (len(second) + 1)])
    paired: Any = models.get(0).run.model
    batch = to_tensors(Batch(row, row, np.ones(row.shape, np.float32), np.ones(1), types=types), CPU)
    with torch.no_grad():
        wanted = paired.pair(paired.hidden(batch)[:, 0]).softmax(-1)[0].tolist()
    assert [one["p"] for one in event["classes"]] == pytest.approx(wanted, abs=1e-6)
    assert event["classes"][0]["meaning"].startswith(meaning)
    assert [token["type"] for token in event["tokens"]] == types[0].tolist()
    with pytest.raises(UserError, match="knows no pairs"):
        answers(models, pair, PairRequest(1, "the cat", "sees"))
    with pytest.raises(UserError, match="two texts"):
        answers(models, pair, PairRequest(0, "the cat", " "))


def test_the_page_has_its_requests_and_sentences_before_torch_is_there() -> None:
    modules = ["", ".requests", ".models", ".sentences"]
    names = ", ".join(f"hornbook.app.spoken{name}" for name in modules)
    subprocess.run([sys.executable, "-c", f"import sys, {names}; assert 'torch' not in sys.modules"], check=True)


def test_a_run_says_what_it_can_be_asked(tokenizer: Tokenizer) -> None:
    facts = Models.of([opened("causal", tokenizer)]).session()[0]
    assert facts["can"] == ["gap", "write", "surprise", "neighbours", "attention"]
    assert (facts["state"], facts["objective"], facts["step"], facts["max_length"]) == ("ready", "causal", 7, 48)
    found = {kind: Models.of([opened(kind, tokenizer)]).get(0).can for kind in ("nsp", "replaced", "diffusion", "span")}
    assert "pair" in found["nsp"] and "judge" in found["replaced"] and "film" in found["diffusion"]
    assert "surprise" not in found["span"] and "write" not in found["replaced"]
