"""Windows score every token once, with the context that they promise, from the mark that begins a document."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from held_out import CPU, TEXTS, asked_of, full_tokenizer, measured, small_recipe, store_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring import Free, scorer

from hornbook.evaluate import windows
from hornbook.evaluate.held_out import text_way
from hornbook.evaluate.windows import Window, cut, score
from hornbook.model.inputs import Tensors
from hornbook.objectives.base import PromptFormat
from hornbook.tokens.packing import corpus_rows

T = 12
TOKENIZER = full_tokenizer()
WAYS = ("causal", "prefix", "fim", "ul2", "span", "bart", "joined", "diffusion", "masked")


@pytest.fixture(scope="module")
def tokenizer():
    return TOKENIZER


@pytest.fixture(scope="module")
def store(tokenizer, tmp_path_factory):
    return store_of(TEXTS, tokenizer, tmp_path_factory.mktemp("text") / "tokens")


def plan_of(name, tokenizer, stride=0):
    recipe = small_recipe(name, tokenizer)
    way = dataclasses.replace(text_way(recipe, recipe.objective), positions=T)
    return cut(way, recipe.objective, stride), recipe


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WAYS), st.integers(0, 3 * T), st.integers(1, T))
def test_every_token_is_scored_once_with_the_context_that_the_stride_promises(name, length, stride):
    tokenizer = TOKENIZER
    most = plan_of(name, tokenizer)[0].stride
    stride = 0 if name in ("diffusion", "masked") else min(stride, most)
    plan, _ = plan_of(name, tokenizer, stride)
    found = list(plan.windows(0, length))
    scored = [token for window in found for token in range(window.begin, window.end)]
    assert scored == list(range(plan.skipped, length))
    for number, window in enumerate(found):
        size = window.end - window.begin
        assert size <= (plan.first if number == 0 else plan.stride)
        before = window.begin - window.seen
        if stride:
            read = most if plan.way.decoder else plan.way.room(size) + size
            assert before >= min(window.begin, read - plan.stride)
        for line in plan.way_of(window, number).lines(0, [9] * before, [9] * size):
            assert len(line.inputs) <= T and len(line.behind or ()) <= T
            assert sorted({*line.tokens}) == list(range(size)) or name in ("diffusion", "masked")


def test_windows_of_stride_one_give_each_token_all_the_context_that_fits(tokenizer, store):
    one = scorer("causal", "continuation", tokenizer)
    plan, recipe = plan_of("causal", tokenizer, 1)
    rows = corpus_rows(store, None, recipe.objective, 48)
    with torch.no_grad():
        found = score(one.model, plan, rows, recipe.objective, CPU, seed=0)
    bos, eos = tokenizer.vocab.bos, tokenizer.vocab.eos
    for place, text in enumerate(TEXTS):
        row = [bos, *tokenizer.encode([text])[0].tolist(), eos]
        nats = []
        for end in range(1, len(row)):
            # Where only the start mark would be cut off, the first token goes with it.
            ids = torch.tensor([row[max(0, end - T) + (end == T + 1) : end]])
            with torch.no_grad():
                logits = one.model.logits(Tensors(ids, ids, torch.ones(ids.shape), 1.0, torch.arange(ids.shape[1])))
            nats.append(-float(torch.log_softmax(logits[0, -1], -1)[row[end]]))
        assert found.nats[place] == pytest.approx(sum(nats[:-1]), rel=1e-5)
        assert found.end_nats[place] == pytest.approx(nats[-1], rel=1e-4)
        assert (found.tokens[place], found.ends[place]) == (len(row) - 2, 1)
        assert found.bytes[place] == len(text.encode())


class Watching(Free):
    """A model that keeps what stood before each first token."""

    def __init__(self, size):
        super().__init__(np.ones(size))
        self.first = []

    def nats(self, tensors):
        self.first += tensors.inputs[:, 0].tolist()
        return super().nats(tensors)


def test_a_document_begins_with_the_start_of_text_and_no_other_window_does(tokenizer, store):
    plan, recipe = plan_of("causal", tokenizer)
    model = Watching(tokenizer.vocab.size)
    rows = corpus_rows(store, None, recipe.objective, 48)
    found = score(model, plan, rows, recipe.objective, CPU, seed=0)
    marks = [first for first in model.first if tokenizer.vocab.special[first]]
    assert marks == [tokenizer.vocab.bos] * len(TEXTS) and len(model.first) == found.windows > len(TEXTS)


def test_without_a_start_mark_the_first_token_is_not_scored_and_its_bytes_do_not_count(tokenizer, store):
    plan, recipe = plan_of("causal", tokenizer)
    way = dataclasses.replace(plan.way, form=PromptFormat("continuation"))
    rows = corpus_rows(store, None, recipe.objective, 48)
    costs = np.random.default_rng(0).uniform(1, 9, tokenizer.vocab.size)
    found = score(Free(costs), cut(way, recipe.objective, 0), rows, recipe.objective, CPU, seed=0)
    for place, ids in enumerate(tokenizer.encode(TEXTS)):
        assert found.nats[place] == pytest.approx(costs[ids[1:]].sum(), abs=1e-9)
        assert found.tokens[place] == len(ids) - 1
        assert found.bytes[place] == len(tokenizer.decode(ids[1:]).encode()) or "你" in TEXTS[place]
        assert found.bytes[place] == tokenizer.vocab.byte_lengths[ids[1:]].sum()


def test_more_context_costs_more_windows_and_is_told(tokenizer, store):
    recipe = small_recipe("causal", tokenizer)
    model = Free(np.ones(tokenizer.vocab.size))
    told = []
    for stride in (0, 48, 12, 3):
        records, found = measured(model, recipe, asked_of(store, tokenizer, recipe.objective), stride=stride)
        assert f"stride {stride or 48}" in found.number("bits per byte").meaning
        told.append((records.header["text"]["mean_context"], records.header["text"]["windows"]))
    contexts, numbers = zip(*told[1:], strict=True)
    assert list(contexts) == sorted(contexts) and list(numbers) == sorted(numbers)
    lengths = store.lengths.astype(int)
    seen = sum(min(place, 48 - 1) if stride == 1 else 0 for stride in (1,) for n in lengths for place in range(n))
    records, _ = measured(model, recipe, asked_of(store, tokenizer, recipe.objective), stride=1)
    assert records.header["text"]["mean_context"] == pytest.approx(seen / lengths.sum(), rel=0.03)


def test_the_parts_that_are_taken_are_spread_over_the_text_and_drawn_anew_by_the_seed(tokenizer, store):
    plan, recipe = plan_of("prefix", tokenizer)
    rows = corpus_rows(store, None, recipe.objective, 48)
    model = Free(np.ones(tokenizer.vocab.size))
    found = [score(model, plan, rows, recipe.objective, CPU, seed=seed, most_rows=9) for seed in (1, 2)]
    assert [one.windows for one in found] == [9, 9] and found[0].of > 20
    assert not np.array_equal(found[0].tokens, found[1].tokens)
    done = []
    score(model, plan, rows, recipe.objective, CPU, seed=1, progress=done.append)
    assert done == [int(store.lengths.sum()) + len(TEXTS)]


def test_a_bound_draws_other_masks_for_each_window(tokenizer):
    plan, _ = plan_of("diffusion", tokenizer)
    window = Window(0, 5, 5, 15)
    hidden = [
        [line.tokens for line in plan.way_of(window, number).lines(0, [], list(range(10)))] for number in (0, 1, 0)
    ]
    assert hidden[0] != hidden[1] and hidden[0] == hidden[2] and len(hidden[0]) == windows.DRAWS + 1
    assert math.isclose(plan.stride, T - 2)
