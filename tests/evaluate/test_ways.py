"""Every objective can be asked, and all ways agree where arithmetic says that they must."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from scoring import SIZE, scorer, small_tokenizer

from hornbook.errors import UserError
from hornbook.evaluate.answers import answer
from hornbook.evaluate.scorers import Scorer
from hornbook.evaluate.scoring.ways import chosen_way, ways
from hornbook.evaluate.tasks import Item, Task
from hornbook.objectives.base import with_vocab
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.build import build_model
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

CHOICES = Task("t", "choices", (Item((("The quick", " brown fox"), ("The quick", " dog"))),), "acc")
PAIRS = Task("p", "pairs", (Item((("", "The quick fox."), ("", "The fox quick."))),), "acc")
# ways that give -ln of a probability, each with an objective that has it
ASKED = {
    "continuation": "causal", "rewrite": "bart", "sentinel": "span", "span-pll": "span", "pll": "masked",
    "pll-word": "masked", "bound": "diffusion",
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return small_tokenizer()


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_objective_of_the_catalogue_answers_tasks(kind: str, tokenizer: Tokenizer) -> None:
    objective = default(kind).objective
    found = ways(objective, tokenizer.vocab, 48)
    assert found, kind
    for name in found:
        for task in (CHOICES, PAIRS):
            made = answer(scorer(kind, name, tokenizer), task)
            assert (made.header["way"], made.header["items"]) == (name, 1)
            assert all(np.isfinite(one) and one > 0 for one in made.records.items[0]["nats"])


def test_an_objective_that_cannot_be_asked_says_why() -> None:
    with pytest.raises(UserError, match="'mine' gives texts no likelihood: it neither continues a text nor fills gaps"):
        chosen_way({}, "auto", "mine")


def test_a_way_is_named_or_the_first_of_its_kind(tokenizer: Tokenizer) -> None:
    found = ways(default("masked").objective, tokenizer.vocab, 48)
    told = {name: chosen_way(found, name, "masked").name for name in ("auto", "pll", "bound", "pseudo")}
    assert told == {"auto": "pll-word", "pll": "pll", "bound": "bound", "pseudo": "pll-word"}
    with pytest.raises(UserError, match="can be asked by pll-word, pll, bound, pseudo, not by 'exact'"):
        chosen_way(found, "exact", "masked")


def without_context(way: str, tokenizer: Tokenizer) -> tuple[Scorer, Any]:
    """Return a real model whose logits are the same at every place, and the nats of each token by them."""
    recipe = override(
        default(ASKED[way]),
        [*SIZE, f"model.vocab_size={tokenizer.vocab.size}", "model.norm=layer", "model.biases=true"],
    )
    model = build_model(recipe, torch.device("cpu")).eval()
    stack, generator = model.decoder or model.encoder, torch.Generator().manual_seed(1)
    with torch.no_grad():
        stack.norm.weight.zero_()  # nothing but the bias passes the last norm
        stack.norm.bias.copy_(torch.randn(stack.norm.bias.shape, generator=generator))
        for weight in {id(one): one for one in (model.embed.tokens.weight, model.output_weight)}.values():
            weight.copy_(torch.randn(weight.shape, generator=generator))
        logits = model.output(stack.norm.bias)
    found = ways(recipe.objective, tokenizer.vocab, 48)[way]
    return Scorer(model, tokenizer, found, torch.device("cpu")), -torch.log_softmax(logits.double(), -1).numpy()


@pytest.mark.parametrize("way", ASKED)
def test_a_model_without_context_has_one_score_by_all_ways_and_no_spread(way: str, tokenizer: Tokenizer) -> None:
    one, costs = without_context(way, tokenizer)
    asked = [("The quick", " brown fox jumps over"), ("", "The lazy dog."), ("Grüße", ", 你好!")]
    for found, (context, text) in zip(one.score(asked), asked, strict=True):
        ids = tokenizer.encode([context + text])[0][len(tokenizer.encode([context])[0]) :]
        np.testing.assert_allclose(found.nats.sum(), costs[ids].sum(), rtol=1e-6)
    if way == "bound":
        totals = [
            dataclasses.replace(one, way=dataclasses.replace(one.way, seed=seed)).score(asked[:1])[0].total
            for seed in range(5)
        ]
        assert np.ptp(totals) < 1e-4 * totals[0]


def test_the_first_token_stands_behind_the_start_of_a_text(tokenizer: Tokenizer) -> None:
    """lm-evaluation-harness #1586: the end of a text in front, for its start, gave word perplexities of millions."""
    vocab = tokenizer.vocab
    assert vocab.bos != vocab.eos
    for kind in ("causal", "prefix", "fim"):
        way = ways(default(kind).objective, vocab, 48)["continuation"]
        line = next(way.lines(0, [], [20, 21]))
        assert (list(line.inputs), list(line.places), list(line.targets)) == ([vocab.bos, 20], [0, 1], [20, 21])
    masks = ways(default("masked").objective, vocab, 48)["pll"]
    assert list(next(masks.lines(0, [], [20, 21])).inputs) == [vocab.bos, vocab.mask, 21, vocab.eos]


def test_no_blank_stands_before_a_first_word_unless_it_is_asked_for(tokenizer: Tokenizer) -> None:
    """lm-evaluation-harness #526, #443: a vocabulary without such tokens had accuracy 0."""
    one = scorer("causal", "continuation", tokenizer)
    first = [piece.text for piece in one.pieces(PAIRS.items[0].candidates)]
    blank = [piece.text for piece in one.pieces(PAIRS.with_blank().items[0].candidates)]
    assert first == [tokenizer.encode([text])[0].tolist() for _, text in PAIRS.items[0].candidates]
    assert blank == [tokenizer.encode([f" {text}"])[0].tolist() for _, text in PAIRS.items[0].candidates] != first


def test_padding_counts_as_no_token(tokenizer: Tokenizer) -> None:
    """lighteval #1170, #1290: token norms divided by the padded length."""
    one = scorer("causal", "continuation", tokenizer)
    texts = [" fox", " brown fox jumps over the lazy dog"]
    task = Task("t", "choices", (Item(tuple(("The quick", text) for text in texts)),), "acc")
    sizes = [len(tokenizer.encode([f"The quick{text}"])[0]) - len(tokenizer.encode(["The quick"])[0]) for text in texts]
    assert answer(one, task).records.items[0]["tokens"] == sizes and sizes[0] < sizes[1]


def test_a_joined_decoder_reads_and_says_as_it_learned(tokenizer: Tokenizer) -> None:
    """Its inputs end with the end of text; its targets begin with the first sentinel, behind their start."""
    vocab, objective = tokenizer.vocab, with_vocab(default("joined").objective, tokenizer.vocab)
    gap, start = vocab.sentinels[0], objective.prompting[0].start
    line = next(ways(objective, vocab, 48)["sentinel"].lines(0, [20, 21], [22, 23]))
    assert list(line.inputs) == [20, 21, gap, vocab.eos, start, gap, 22]
    assert (list(line.places), line.sighted) == ([5, 6], 4)


def test_room_is_what_fits_to_the_last_token(tokenizer: Tokenizer) -> None:
    """Of every way: the longest context that fits is taken, and one more token would be too long for the model."""
    for kind in CATALOGUE:
        for way in ways(default(kind).objective, tokenizer.vocab, 48).values():
            for length in (1, 5, 20):
                room = way.room(length)
                text = list(range(20, 20 + length))
                for more, fits in ((0, True), (1, False)):
                    rows = [*way.lines(0, [30] * (room + more), text)]
                    wide = max(max(len(line.inputs), len(line.behind or ())) for line in rows)
                    assert (wide <= 48) == fits or (way.name == "span-pll" and wide <= 48), (kind, way.name, length)
