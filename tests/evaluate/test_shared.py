"""What lines share is computed once, and no score changes by it; nor by batch, order, or side of padding."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from scoring import LINES, SIZE, scorer, small_tokenizer

from hornbook.evaluate.scorers import Scorer
from hornbook.evaluate.scoring import lines, shared
from hornbook.evaluate.scoring.ways import ways
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.build import build_model
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

CONTEXTS = ["The quick brown fox", "The lazy dog jumps over the", "Grüße, 你好! Jump", ""]
ASKED = [(context, f" {text}") for context in CONTEXTS for text in ("fox", "brown dog jumps", "over the lazy dog", "x")]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return small_tokenizer()


def nats(one: Scorer, asked: list[tuple[str, str]] = ASKED) -> list[Any]:
    return [found.nats for found in one.score(asked)]


def alone(one: Scorer, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the nats of rows that share nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(shared, "can_branch", lambda model: False)
        patch.setattr(shared, "reads_once", lambda model: False)
        return nats(one)


SHAPES = {
    "as it is": [],
    "learned": ["model.positions=learned"],
    "buckets": ["model.positions=bucketed"],
    "window": ["model.window=4", "model.global_every=2", "model.layers=2"],
    "groups": ["model.kv_heads=1", "model.qk_norm=true"],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["causal", "prefix", "joined"])
def test_branches_of_a_context_have_the_nats_of_whole_rows(
    name: str, shape: str, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = override(default(name), [*SIZE, f"model.vocab_size={tokenizer.vocab.size}", *SHAPES[shape]])
    torch.manual_seed(0)
    model = build_model(recipe, torch.device("cpu")).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    way = next(iter(ways(recipe.objective, tokenizer.vocab, 48).values()))
    one = Scorer(model, tokenizer, way, torch.device("cpu"))
    used = []
    compute = shared.branched
    monkeypatch.setattr(shared, "branched", lambda *given: used.append(len(given[1])) or compute(*given))
    for ours, theirs in zip(nats(one), alone(one, monkeypatch), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)
    assert sum(used) >= 12


@pytest.mark.parametrize(("name", "way"), [("span", "sentinel"), ("bart", "rewrite"), ("ul2", "continuation")])
def test_what_an_encoder_reads_is_read_once(
    name: str, way: str, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = scorer(name, way, tokenizer)
    rows: list[int] = []
    encode = one.model.encoder.forward
    monkeypatch.setattr(
        one.model.encoder, "forward", lambda x, *rest, **named: rows.append(len(x)) or encode(x, *rest, **named)
    )
    found = nats(one)
    assert sum(rows) == len(CONTEXTS)
    for ours, theirs in zip(found, alone(one, monkeypatch), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 7, 64])
@pytest.mark.parametrize("name", ["causal", "masked", "span", "replaced"])
def test_scores_are_the_same_in_any_batch_and_order(
    name: str, rows: int, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(" ".join(LINES)[: 5 * n], f" fox {'over ' * (n % 4)}the dog") for n in range(10)]
    one = scorer(name, next(iter(ways(default(name).objective, tokenizer.vocab, 48))), tokenizer)
    expected = nats(one, asked)
    monkeypatch.setattr(lines, "POSITIONS", 40 * rows)
    monkeypatch.setattr(lines, "AHEAD", 3 * rows)
    order = random.Random(rows).sample(range(len(asked)), len(asked))
    for place, found in zip(order, nats(one, [asked[place] for place in order]), strict=True):
        np.testing.assert_allclose(found, expected[place], atol=1e-5, rtol=1e-5)


def test_padding_within_a_row_changes_no_score_either(tokenizer: Tokenizer) -> None:
    """Between a short text and what goes on from it, where others of its batch are longer; behind whole rows."""
    one = scorer("causal", "continuation", tokenizer)
    long = [("The lazy dog jumps over the quick brown fox", f" {text}") for text in ("fox", "dog jumps")]
    short = [("The quick brown fox", f" {text}") for text in ("fox", "dog jumps")]
    together = nats(one, [*long, *short])
    for ours, theirs in zip(together, [*nats(one, long), *nats(one, short)], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)


def test_the_likeliest_are_found_in_branches_and_whole_rows_alike(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, way in (("causal", "continuation"), ("bart", "rewrite")):
        one = scorer(name, way, tokenizer)
        with torch.no_grad():  # logits that are all alike: every token is tied with all others
            one.model.embed.tokens.weight.zero_()
            if one.model.head.output is not None:
                one.model.head.output.weight.zero_()
        found = [scored.likely for scored in one.score(ASKED, likely=True)]
        lengths = [len(scored.nats) for scored in one.score(ASKED)]
        np.testing.assert_allclose(found, [float(tokenizer.vocab.size) ** -length for length in lengths], rtol=1e-5)
        with monkeypatch.context() as patch:
            patch.setattr(shared, "can_branch", lambda model: False)
            patch.setattr(shared, "reads_once", lambda model: False)
            assert [scored.likely for scored in one.score(ASKED, likely=True)] == found


def test_no_array_of_all_logits_is_made(tokenizer: Tokenizer) -> None:
    """Scored positions go through the head a chunk at a time, also where the likeliest tokens are asked for."""
    from hornbook.model import loss

    sizes: list[int] = []
    compute = loss._logits
    one = scorer("causal", "continuation", tokenizer)
    texts = [("", "The quick brown fox jumps over the lazy dog.")] * 200
    try:
        loss._logits = lambda hidden, *rest: sizes.append(len(hidden)) or compute(hidden, *rest)  # type: ignore[func-returns-value]
        one.score(texts, likely=True)
    finally:
        loss._logits = compute
    step, _ = loss.chunk_rows("cpu", tokenizer.vocab.size)
    assert sum(sizes) > 2 * step and max(sizes) <= step
