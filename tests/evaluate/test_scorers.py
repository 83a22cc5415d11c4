"""Every way of scoring agrees with arithmetic, and no score depends on the others computed beside it."""

import dataclasses
import itertools
import math
import random

import numpy as np
import pytest
import torch
from scoring import LINES, Free, scorer, small_tokenizer

from hornbook.errors import UserError
from hornbook.evaluate.scoring import lines
from hornbook.evaluate.scoring import ways as asking
from hornbook.evaluate.scoring.lines import likelihoods
from hornbook.evaluate.scoring.ways import ways
from hornbook.recipes.named import default

# objective -> the ways in which its model can be asked, its own first
WAYS = {
    "causal": ["continuation"],
    "prefix": ["continuation"],
    "fim": ["continuation"],
    "ul2": ["continuation", "sentinel", "span-pll"],
    "span": ["sentinel", "span-pll"],
    "joined": ["sentinel", "span-pll"],
    "bart": ["rewrite"],
    "masked": ["pll-word", "pll", "bound"],
    "diffusion": ["bound", "pll", "pll-word"],
    "nsp": ["pll-word", "pll", "bound"],
    "replaced": ["replaced", "pll-word", "pll"],
}
CASES = [(name, way) for name, found in WAYS.items() for way in found]
LIKELY = [case for case in CASES if case[1] != "replaced"]  # of which the model says how likely tokens are


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


def test_each_objective_has_its_ways(tokenizer):
    for name, expected in WAYS.items():
        found = ways(default(name).objective, tokenizer.vocab, 48)
        assert sorted(found) == sorted(expected) and next(iter(found)) == expected[0], name
    found = [way for name in WAYS for way in ways(default(name).objective, tokenizer.vocab, 48).values()]
    kinds = {**dict.fromkeys(("pll", "pll-word", "span-pll", "replaced"), "pseudo"), "bound": "bound"}
    assert all(way.kind == kinds.get(way.name, "exact") for way in found)


@pytest.mark.parametrize(("name", "way"), LIKELY)
def test_a_model_that_knows_no_context_has_one_score_in_all_ways(name, way, tokenizer):
    costs = np.random.default_rng(0).uniform(1, 9, tokenizer.vocab.size)
    asked = [("The quick", " brown fox jumps"), ("", "The lazy dog."), ("Grüße", ", 你好!"), ("The", " fox")]
    for found, (context, text) in zip(scorer(name, way, tokenizer, Free(costs)).score(asked), asked, strict=True):
        ids = tokenizer.encode([context + text])[0][len(tokenizer.encode([context])[0]) :]
        assert found.total == pytest.approx(costs[ids].sum(), abs=1e-9)
        assert (found.bytes, found.cut, len(found.nats)) == (len(text.encode()), 0, len(ids))


@pytest.mark.parametrize(("name", "way"), CASES)
def test_scores_depend_on_no_neighbour_order_or_size_of_batch(name, way, tokenizer, monkeypatch):
    asked = [(" ".join(LINES)[: 7 * number], f" fox {'over ' * (number % 4)}the dog") for number in range(9)]
    one = scorer(name, way, tokenizer)
    if way == "bound":
        one = dataclasses.replace(one, way=dataclasses.replace(one.way, draws=12))
    expected = [one.score([pair])[0].nats for pair in asked]
    for positions in (1, 300, 1 << 14):
        monkeypatch.setattr(lines, "POSITIONS", positions)
        order = random.Random(positions).sample(range(len(asked)), len(asked))
        for place, found in zip(order, one.score([asked[place] for place in order]), strict=True):
            np.testing.assert_allclose(found.nats, expected[place], atol=2e-5)


@pytest.mark.parametrize("name", ["causal", "prefix"])
def test_a_text_is_as_likely_as_its_tokens_one_after_another(name, tokenizer):
    one = scorer(name, "continuation", tokenizer)
    whole = one.score([("The", " quick brown fox")])[0]
    if name == "causal":
        parts = [one.score([("The", " quick")])[0], one.score([("The quick", " brown fox")])[0]]
        np.testing.assert_allclose(np.concatenate([part.nats for part in parts]), whole.nats, atol=1e-5)
    row = [tokenizer.vocab.bos, *tokenizer.encode(["The quick brown fox"])[0].tolist()]
    lines = one.way.lines(0, row[1:-2], row[-2:])
    assert likelihoods(one.model, lines, [2], one.device)[0][0].shape == (2,)


def test_the_likeliest_tokens_are_known(tokenizer):
    one = scorer("causal", "continuation", tokenizer)
    context = "The quick"
    ids = [tokenizer.vocab.bos, *tokenizer.encode([context])[0].tolist()]
    with torch.no_grad():
        from hornbook.model.inputs import Tensors

        row = torch.tensor([ids])
        logits = one.model.logits(Tensors(row, row, torch.ones(row.shape), 1.0, torch.arange(len(ids))))
    best = int(logits[0, -1].argmax())
    nats, likely = likelihoods(one.model, one.way.lines(0, ids[1:], [best]), [1], one.device, likely=True)
    assert likely == [True] and nats[0][0] == pytest.approx(
        -float(torch.log_softmax(logits[0, -1], -1)[best]), abs=1e-5
    )
    assert likelihoods(one.model, one.way.lines(0, ids[1:], [best ^ 1]), [1], one.device, likely=True)[1] == [False]


class Toy:
    """A model whose nats of a hidden token depend on everything that it sees."""

    def nats(self, tensors):
        row = tensors.scored // tensors.inputs.shape[1]
        place = tensors.scored % tensors.inputs.shape[1]
        seen = (tensors.inputs.double() * torch.arange(3, 3 + tensors.inputs.shape[1])).sum(1)
        return 1 + torch.sin(seen[row] * 0.7 + place * 1.3 + tensors.targets.flatten()[tensors.scored]) ** 2


def toy(tokenizer, text, context=(7, 9)):
    """Return what sums a bound's nats of a text, and the bound."""

    def computed(bound):
        return likelihoods(Toy(), bound.lines(0, list(context), text), [len(text)], torch.device("cpu"))[0][0].sum()

    return computed, ways(default("diffusion").objective, tokenizer.vocab, 48)["bound"]


def test_the_bound_is_the_mean_over_all_orders(tokenizer, monkeypatch):
    text = [20, 31, 25, 40, 33, 28]
    computed, bound = toy(tokenizer, text)
    nats = {
        (token, hidden): float(
            likelihoods(Toy(), [bound.line(0, [7, 9], text, hidden, [token])], [6], torch.device("cpu"))[0][0].sum()
        )
        for size in range(1, 7) for hidden in itertools.combinations(range(6), size) for token in hidden
    }  # fmt: skip
    chains = []
    for order in itertools.permutations(range(6)):
        left = set(range(6))
        chain = 0.0
        for token in order:
            chain += nats[token, tuple(sorted(left))]
            left.remove(token)
        chains.append(chain)
    monkeypatch.setattr(asking, "ENUMERATED", 6)
    assert computed(bound) == pytest.approx(np.mean(chains), abs=1e-6)
    assert computed(bound) >= -math.log(np.mean(np.exp(-np.array(chains))))
    monkeypatch.undo()
    drawn = [computed(dataclasses.replace(bound, seed=seed)) for seed in range(40)]
    assert abs(np.mean(drawn) - np.mean(chains)) < 3 * np.std(drawn, ddof=1) / math.sqrt(len(drawn))
    assert np.std(drawn) > 0


def test_pll_word_hides_the_rest_of_the_word(tokenizer):
    text = tokenizer.encode([" brown Grüße fox"])[0].tolist()
    way = ways(default("masked").objective, tokenizer.vocab, 48)["pll-word"]
    rows = [np.flatnonzero(np.array(line.inputs) == tokenizer.vocab.mask) - 1 for line in way.lines(0, [], text)]
    starts = [token for token in range(len(text)) if tokenizer.vocab.starts_word[text[token]]]
    assert len(starts) == 3 < len(text)
    for token, hidden in enumerate(rows):
        end = min([start for start in starts if start > token], default=len(text))
        assert hidden.tolist() == list(range(token, end))


def test_a_long_context_is_cut_at_its_beginning_and_a_long_text_refused(tokenizer):
    for name, way in CASES:
        one = scorer(name, way, tokenizer)
        cut = one.score([("fox " * 200, " dog")])[0]
        assert cut.cut > 100
        with pytest.raises(UserError, match="too long to be scored"):
            one.score([("", "fox " * 200)])
    with pytest.raises(UserError, match="continuation is empty"):
        one.score([("The", "")])


def test_blanks_before_a_continuation_belong_to_it(tokenizer):
    one = scorer("causal", "continuation", tokenizer)
    np.testing.assert_array_equal(one.score([("The ", "fox")])[0].nats, one.score([("The", " fox")])[0].nats)
