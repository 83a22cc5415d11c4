from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from small_models import CPU, build, small

from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.generate import Decoding, fill, generate, stream, unmask
from hornbook.generate import decoding as rules
from hornbook.generate.infill import read_spans
from hornbook.model.config import ModelConfig
from hornbook.model.inputs import to_tensors
from hornbook.model.reading import Reader
from hornbook.model.transformer import Transformer

PROMPTS = [[5, 6, 7], [9], [11, 12, 13, 14, 15, 16]]
DECODERS = [
    small("decoder"),
    small("decoder", kv_heads=2, positions="learned", norm="layer", biases=True, qk_norm=False),
    small("decoder", positions="bucketed", attention_scale="none"),
    small("decoder", positions="none", norm_place="post"),
]
BOTH = small("encoder-decoder")


def as_batch(config: ModelConfig, prompt: list[int], written: list[int]) -> Batch:
    """Return the row in which an uncached model reads a prompt and what it wrote so far."""
    inputs = np.array([prompt if config.topology == "encoder-decoder" else prompt + written])
    behind = np.array([[0, *written]]) if config.topology == "encoder-decoder" else None
    targets = inputs if behind is None else behind
    return Batch(inputs, targets, np.ones(targets.shape, np.float32), np.ones(1), decoder_inputs=behind)


@pytest.mark.parametrize("config", [*DECODERS, BOTH])
def test_cached_and_ragged_writing_is_that_of_an_uncached_model_on_each_prompt_alone(config):
    model = build(config)
    together = generate(model, PROMPTS, Decoding(max_new=10))
    for prompt, written in zip(PROMPTS, together, strict=True):
        assert len(written) == 10
        for number, token in enumerate(written):
            with torch.no_grad():
                logits = model.logits(to_tensors(as_batch(config, prompt, written[:number]), CPU))[0, -1]
            assert logits.max() - logits[token] < 1e-4


@pytest.mark.parametrize("config", [DECODERS[0], BOTH])
def test_cached_logits_of_ragged_prompts_are_those_of_each_prompt_alone(config, monkeypatch):
    model = build(config)
    seen: list[torch.Tensor] = []
    output = Reader.logits
    monkeypatch.setattr(Reader, "logits", lambda reader, hidden: seen.append(output(reader, hidden)) or seen[-1])
    together = generate(model, PROMPTS, Decoding(max_new=6))
    monkeypatch.undo()
    for row, prompt in enumerate(PROMPTS):
        tensors = to_tensors(as_batch(config, prompt, together[row][:-1]), CPU)
        with torch.no_grad():
            alone = model.logits(tensors)[0, -6:]
        torch.testing.assert_close(torch.stack([logits[row] for logits in seen]), alone, atol=1e-5, rtol=1e-5)


def test_drawing_repeats_with_the_seed_and_differs_between_rows_and_seeds():
    model = build(DECODERS[0])
    one, two = (Decoding(max_new=12, temperature=1.0, seed=seed) for seed in (1, 2))
    first = generate(model, [[5, 6], [5, 6]], one)
    assert first == generate(model, [[5, 6], [5, 6]], one)
    assert first[0] != first[1]
    assert first != generate(model, [[5, 6], [5, 6]], two)
    assert first[0] == generate(model, [[5, 6], [7, 8, 9]], one)[0]


def test_one_candidate_is_the_greedy_choice_however_it_is_cut():
    model = build(DECODERS[0])
    greedy = generate(model, PROMPTS, Decoding(max_new=8))
    for cut in ({"top_k": 1}, {"top_p": 1e-9}, {"min_p": 1.0}, {"temperature": 1e-4, "seed": 3}):
        assert generate(model, PROMPTS, Decoding(max_new=8, **{"temperature": 2.0, **cut})) == greedy


@pytest.mark.parametrize("top_k, top_p", [(0, 1.0), (4, 1.0), (0, 0.5), (6, 0.7)])
def test_draws_follow_the_probabilities_of_the_ids_kept(top_k, top_p):
    model = build(DECODERS[0])
    rows = 4000
    drawn = generate(model, [[5, 6]] * rows, Decoding(max_new=1, temperature=1.5, top_k=top_k, top_p=top_p))
    found = np.bincount([row[0] for row in drawn], minlength=61) / rows
    with torch.no_grad():
        logits = model.logits(to_tensors(as_batch(model.config, [5, 6], []), CPU))[0, -1].double()
    chances = torch.softmax(logits / 1.5, -1).numpy()
    order = np.argsort(-chances)
    expected = np.zeros_like(chances)
    kept, total = 0.0, chances[order[: top_k or None]].sum()
    for token in order[: top_k or None]:
        if kept / total >= top_p:
            break
        expected[token] = chances[token]
        kept += chances[token]
    expected /= expected.sum()
    assert not found[expected == 0].any()
    assert np.abs(found - expected).max() < 0.03


def test_writing_ends_before_a_stop_id():
    model = build(DECODERS[0])
    whole = generate(model, PROMPTS, Decoding(max_new=10))
    stop = frozenset([whole[0][4]])
    cut = generate(model, PROMPTS, Decoding(max_new=10), stop=stop)
    for long, short in zip(whole, cut, strict=True):
        end = next((number for number, token in enumerate(long) if token in stop), len(long))
        assert short == long[:end]
    assert generate(model, []) == []


def test_the_model_is_left_in_the_mode_it_was_in():
    model = build(small("decoder", dropout=0.5)).train()
    five = Decoding(max_new=5)
    assert generate(model, PROMPTS, five) == generate(model, PROMPTS, five)
    assert model.training


@pytest.mark.parametrize(
    ("config", "prompts", "decoding", "words"),
    [
        (DECODERS[0], [[1] * 5], Decoding(max_new=30), "by 3: .* at most 27 new tokens, or shorten the prompt to 2"),
        (DECODERS[0], [[1] * 40], Decoding(max_new=40), "by 48: .* at most 0 new tokens, or shorten the prompt"),
        (DECODERS[1], [[1]], Decoding(max_new=40), "the model's 32 positions by 9"),
        (DECODERS[0], [[1], []], Decoding(max_new=1), "A prompt is empty"),
        (BOTH, [[1] * 33], Decoding(max_new=4), "at most 32 tokens each, but the text has 33 tokens, 1 more"),
        (BOTH, [[1]], Decoding(max_new=40), "you ask for 40 new tokens, 8 more"),
        (small("encoder"), [[1]], Decoding(max_new=4), "cannot generate"),
    ],
)
def test_what_cannot_be_written_is_refused(config, prompts, decoding, words):
    for beams in (1, 2):
        with pytest.raises(UserError, match=words):
            generate(build(config), prompts, dataclasses.replace(decoding, beams=beams))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_new": 0}, "max_new must be a whole number of at least 1, not 0"),
        ({"temperature": -0.1}, "temperature must be a number of at least 0, not -0.1"),
        ({"temperature": float("nan")}, "temperature must be a number of at least 0, not nan"),
        ({"top_k": -1}, "top_k must be a whole number of at least 0, not -1"),
        ({"top_p": 0.0}, "top_p must be a number above 0 and at most 1, not 0.0"),
        ({"top_p": 1.1}, "top_p must be a number above 0 and at most 1, not 1.1"),
        ({"min_p": 1.5}, "min_p must be a number from 0 to 1, not 1.5"),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be a number above 0, not 0.0"),
        ({"beams": 0}, "beams must be a whole number of at least 1, not 0"),
        ({"length_penalty": float("inf")}, "length_penalty must be a number"),
        ({"beams": 4, "temperature": 0.5}, "Beam search does not sample: set temperature to 0"),
        ({"stop": ("",)}, "A stop string is empty"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, words):
    with pytest.raises(UserError, match=words):
        Decoding(**settings)


def test_what_a_model_cannot_do_is_refused():
    model = build(DECODERS[0])
    with pytest.raises(UserError, match="The stop id 61 is not one of the model's 61 tokens"):
        generate(model, [[1]], Decoding(max_new=1), stop=frozenset([3, 61]))
    with pytest.raises(UserError, match="cannot stream: set beams to 1, not 2"):
        stream(model, [[1]], Decoding(beams=2))
    for refused in (lambda: fill(model, [1, 2], 2, 3), lambda: unmask(model, [1, 2], 2, 0)):
        with pytest.raises(UserError, match="needs an encoder"):
            refused()
    with pytest.raises(UserError, match="no mask"):
        fill(build(small("encoder")), [1, 2], 3, 3)
    with pytest.raises(UserError, match="no mask"):
        unmask(build(small("encoder")), [1, 2], 3, 0)
    with pytest.raises(UserError, match="number of steps must be at least 1"):
        unmask(build(small("encoder")), [1, 3], 3, -1)


def learn(config: ModelConfig, rows: Batch) -> Transformer:
    """Return a model that knows one batch by heart."""
    model = Transformer(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    tensors = to_tensors(rows, CPU)
    for _ in range(150):
        optimizer.zero_grad()
        loss = model.loss(tensors) / tensors.count
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    return model


def test_a_decoder_that_knows_a_text_continues_it():
    text = np.random.default_rng(0).integers(5, 61, 20)
    rows = Batch(text[None, :-1], text[None, 1:], np.ones((1, 19), np.float32), np.array([19.0]))
    model = learn(DECODERS[0], rows)
    assert generate(model, [text[:3].tolist(), text[:8].tolist()], Decoding(max_new=12)) == [
        text[3:15].tolist(),
        text[8:20].tolist(),
    ]


def test_an_encoder_that_knows_a_text_fills_each_mask_at_its_own_position():
    config = small("encoder")
    text = np.random.default_rng(0).integers(5, 61, (1, 12))
    masked = text.copy()
    masked[0, [2, 9]] = 4
    weights = (masked == 4).astype(np.float32)
    model = learn(config, Batch(masked, text, weights, np.array([2.0])))
    found = fill(model, masked[0].tolist(), 4, 3)
    assert [candidates[0][0] for candidates in found] == text[0, [2, 9]].tolist()
    for candidates in found:
        chances = [chance for _, chance in candidates]
        assert len(candidates) == 3 and chances == sorted(chances, reverse=True) and 0.8 < sum(chances) <= 1.0001


def test_an_encoder_decoder_that_knows_a_text_fills_its_spans():
    inputs = [[10, 60, 11, 12, 59, 13, 1]]
    behind = [[0, 60, 20, 21, 59, 22, 58]]
    targets = [[60, 20, 21, 59, 22, 58, 1]]
    rows = Batch(
        np.array(inputs),
        np.array(targets),
        np.ones((1, 7), np.float32),
        np.array([7.0]),
        decoder_inputs=np.array(behind),
    )
    model = learn(dataclasses.replace(BOTH, attention_scale="head", output_scale="none"), rows)
    (output,) = generate(model, inputs, Decoding(max_new=20), stop=frozenset([1]))
    assert read_spans(output, [60, 59], [60, 59, 58, 57]) == [[20, 21], [22]]
    assert read_spans(output, [57, 60], [60, 59, 58, 57]) == [[], [20, 21]]


@pytest.mark.parametrize("start_id", [None, 3])
@pytest.mark.parametrize("config", DECODERS)
def test_a_prompt_read_from_both_sides_is_read_as_training_shows_it(config, start_id, monkeypatch):
    model = build(config)
    seen: list[torch.Tensor] = []
    output = Reader.logits
    monkeypatch.setattr(Reader, "logits", lambda reader, hidden: seen.append(output(reader, hidden)) or seen[-1])
    together = generate(model, PROMPTS, Decoding(max_new=6), visible=True, start_id=start_id)
    monkeypatch.undo()
    seen = seen[-6:]
    for row, prompt in enumerate(PROMPTS):
        behind = [*([] if start_id is None else [start_id]), *together[row][:-1]]
        batch = as_batch(config, prompt, behind)
        visible = np.arange(batch.inputs.shape[1])[None] < len(prompt)
        tensors = to_tensors(dataclasses.replace(batch, visible=visible), CPU)
        with torch.no_grad():
            alone = model.logits(tensors)[0, -6:]
        torch.testing.assert_close(torch.stack([logits[row] for logits in seen]), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("config", [DECODERS[1], BOTH])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_prompt_is_continued_as_if_it_were_alone(config, beams):
    model = build(config)
    decoding = Decoding(max_new=8, beams=beams, repetition_penalty=1.2)
    together = generate(model, PROMPTS, decoding, stop=frozenset([7, 20]))
    assert together == [generate(model, [prompt], decoding, stop=frozenset([7, 20]))[0] for prompt in PROMPTS]


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_stream_yields_what_is_generated_step_by_step(temperature):
    model = build(DECODERS[0])
    decoding = Decoding(max_new=9, temperature=temperature)
    whole = generate(model, PROMPTS, decoding, stop=frozenset(range(30, 40)))
    steps = list(stream(model, PROMPTS, decoding, stop=frozenset(range(30, 40))))
    for row, text in enumerate(whole):
        tokens = [step[row] for step in steps]
        assert tokens == text + [None] * (len(steps) - len(text))


@pytest.mark.parametrize("beams", [1, 2])
def test_a_text_ends_with_the_token_that_the_caller_calls_its_last(beams):
    model = build(DECODERS[0])
    found = generate(model, PROMPTS, Decoding(max_new=9, beams=beams), ended=lambda row, new: len(new) == row + 2)
    assert [len(text) for text in found] == [2, 3, 4]


def test_writing_leaves_the_model_as_it_was():
    model = build(small("decoder", max_length=64, dropout=0.5)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    steps = stream(model, PROMPTS[:1], Decoding(max_new=40))
    next(steps)  # in the middle of a text, too
    for _ in (0, 1):
        assert model.training and not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
        for name, value in model.state_dict().items():
            assert value.is_contiguous() and torch.equal(value, before[name])
        list(steps)


def test_one_round_unmasks_all_and_as_many_rounds_as_masks_the_surest_first():
    model = build(small("encoder"))
    text = [5, 4, 9, 4, 4, 12, 4, 6]
    masks = [place for place, token in enumerate(text) if token == 4]
    guesses = [[guess for guess in gap if guess[0] not in (0, 4)] for gap in fill(model, text, 4, 61)]
    at_once = unmask(model, text, 4, 1, never=[0])
    assert [at_once[place] for place in masks] == [gap[0][0] for gap in guesses]
    assert [token for place, token in enumerate(at_once) if place not in masks] == [5, 9, 12, 6]
    by_hand = list(text)
    while 4 in by_hand:
        places = [place for place, token in enumerate(by_hand) if token == 4]
        gaps = fill(model, by_hand, 4, 61)
        best = [next(guess for guess in gap if guess[0] not in (0, 4)) for gap in gaps]
        kept = [sum(share for token, share in gap if token not in (0, 4)) for gap in gaps]
        sure = [share / rest for (_, share), rest in zip(best, kept, strict=True)]
        first = int(np.argmax(sure))
        by_hand[places[first]] = best[first][0]
    assert unmask(model, text, 4, 0, never=[0]) == unmask(model, text, 4, 9, never=[0]) == by_hand


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 1e-40}, {"temperature": 5e-324}, {"temperature": 1e300}, {"top_p": 1e-300},
        {"top_k": 10**9}, {"repetition_penalty": 1e-40}, {"repetition_penalty": 1e300}, {"seed": 2**63 - 1},
    ],
)  # fmt: skip
def test_settings_at_the_end_of_their_range_draw_a_token(settings: dict[str, Any]) -> None:
    logits = torch.tensor([[3.0, 1.0, -2.0, 3.0 - 1e-6], [0.0, -50.0, 50.0, 1.0]])
    decoding = Decoding(**{"temperature": 0.8, **settings})
    seen = torch.tensor([[True, False, False, False], [False, True, True, False]])
    chances, _ = rules.candidates(rules.penalise(logits, seen, decoding.repetition_penalty), decoding)
    assert torch.allclose(chances.sum(-1), torch.ones(2, dtype=torch.float64))
    if decoding.temperature < 1e-30:
        assert chances.argmax(-1).tolist() == [0, 2] and chances.amax(-1).tolist() == [1.0, 1.0]
