"""Measures of held-out text against arithmetic, for every objective, and what each number counts."""

import dataclasses
import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from held_out import TEXTS, Constant, asked_of, full_tokenizer, measured, small_recipe, store_of
from scoring import Free, scorer

from hornbook.errors import UserError
from hornbook.evaluate import held_out, statistics, windows
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.records import Records
from hornbook.evaluate.scoring import lines
from hornbook.objectives.causal import Causal
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.tokenizer.tokenizer import make_tokenizer, train_tokenizer

OBJECTIVES = {
    "causal": (), "prefix": (), "prefix-sides": ("objective.topology=encoder-decoder",), "fim": (), "masked": (),
    "diffusion": (), "replaced": (), "span": (), "bart": (), "ul2": (), "joined": (), "nsp": (), "sop": (),
    "mixture": ("objective.objectives=span,bart", "objective.weights=2,1"),
}  # fmt: skip
KINDS = dict.fromkeys(("masked", "diffusion", "nsp", "sop"), "bound")


@pytest.fixture(scope="module")
def tokenizer():
    return full_tokenizer()


@pytest.fixture(scope="module")
def store(tokenizer, tmp_path_factory):
    return store_of(TEXTS, tokenizer, tmp_path_factory.mktemp("text") / "tokens")


def recipe_of(name, tokenizer):
    return small_recipe(name.partition("-")[0], tokenizer, *OBJECTIVES[name])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_equal_logits_give_the_size_of_the_vocabulary_and_its_logarithm(name, tokenizer, store):
    recipe, size = recipe_of(name, tokenizer), tokenizer.vocab.size
    records, found = measured(Constant(size), recipe, asked_of(store, tokenizer, recipe.objective))
    assert found.text_loss == pytest.approx(math.log(size), rel=1e-9)
    if name != "diffusion":  # whose loss weighs each token by its noise
        assert found.perplexity == pytest.approx(size, rel=1e-6)
    bits = found.number("bits per byte")
    if name == "replaced":
        assert bits is None and "gives whole texts no likelihood" in found.notes[0]
        return
    tokens, size_of_text = int(store.lengths.sum()), sum(len(text.encode()) for text in TEXTS)
    assert records.header["text"]["windows"] == records.header["text"]["of"]
    assert bits.value == pytest.approx(tokens * math.log2(size) / size_of_text, rel=1e-6)
    assert bits.kind == KINDS.get(name, "exact")
    assert (found.targets > 0, found.text_bytes) == (True, size_of_text)
    if name in ("nsp", "sop"):
        assert found.pair_accuracy == 0.0 and found.number("pair accuracy").baselines == {"chance": 0.5}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_documents_parts_add_up_to_the_sums(name, tokenizer, store):
    recipe = recipe_of(name, tokenizer)
    costs = np.random.default_rng(1).uniform(1, 9, tokenizer.vocab.size)
    model = Free(costs)
    model.pair_nats = lambda tensors: torch.arange(len(tensors.inputs) * 2).reshape(-1, 2).double()
    asked = asked_of(store, tokenizer, recipe.objective)
    records, found = measured(model, recipe, asked)
    sums, items = records.header["sums"], records.items
    for whole, part in (
        ("nats", "loss_nats"),
        ("count", "loss_count"),
        ("text_nats", "text_nats"),
        ("targets", "targets"),
    ):
        assert sum(item[part] for item in items) == pytest.approx(sums[whole], rel=1e-9)
    assert [item["bytes"] for item in items] == [len(text.encode()) for text in TEXTS]
    assert [item["words"] for item in items] == [len(text.split()) for text in TEXTS]
    assert all(item["lossless"] and not item["unknown"] for item in items)
    assert found.loss == sums["nats"] / sums["count"]
    for item, ids in zip(
        items, tokenizer.encode(TEXTS), strict=True
    ):  # exact numbers and bounds are one without context
        assert "nats" not in item or item["nats"] == pytest.approx(costs[ids].sum(), rel=1e-9)
    if name == "causal":
        for item, ids in zip(items, tokenizer.encode(TEXTS), strict=True):
            assert item["nats"] == item["text_nats"] == pytest.approx(costs[ids].sum(), rel=1e-9)
            assert item["end_nats"] == pytest.approx(costs[tokenizer.vocab.eos], rel=1e-9)
            assert item["tokens"] == item["targets"] == item["tokens_scored"] == len(ids)


@dataclasses.dataclass(frozen=True)
class Unmarked(Causal):
    """A causal objective without marks around documents."""

    boundary_tokens = ((), ())


def test_rows_without_a_start_mark_leave_out_the_first_token_and_its_bytes(tokenizer, store):
    recipe, size = recipe_of("causal", tokenizer), tokenizer.vocab.size
    recipe = dataclasses.replace(recipe, objective=Unmarked(tokenizer.vocab))
    asked = asked_of(store, tokenizer, recipe.objective)
    records, found = measured(Constant(size), recipe, asked)
    behind = [tokenizer.vocab.byte_lengths[ids[1:]].sum() for ids in tokenizer.encode(TEXTS)]
    assert [item["bytes_scored"] for item in records.items] == behind
    assert [item["tokens_scored"] for item in records.items] == (store.lengths - 1).tolist()
    assert found.bits_per_byte == pytest.approx((store.lengths - 1).sum() * math.log2(size) / sum(behind), rel=1e-9)


def test_an_interval_is_that_of_a_ratio_over_documents(tokenizer, store):
    recipe = recipe_of("causal", tokenizer)
    model = Free(np.random.default_rng(1).uniform(1, 9, tokenizer.vocab.size))
    records, found = measured(model, recipe, asked_of(store, tokenizer, recipe.objective))
    items = records.items
    expected = statistics.ratio([item["nats"] / math.log(2) for item in items], [item["bytes"] for item in items])
    bits = found.number("bits per byte")
    assert (bits.low, bits.high, bits.draws) == (expected.low, expected.high, len(TEXTS))
    loss = statistics.ratio([item["loss_nats"] for item in items], [item["loss_count"] for item in items])
    assert (found.number("loss").low, found.number("loss").high) == (loss.low, loss.high)
    assert found.number("perplexity").low == pytest.approx(math.exp(loss.low))
    assert found.perplexity == math.exp(found.loss)
    words = sum(item["nats"] for item in items) / sum(len(text.split()) for text in TEXTS)
    assert found.number("word perplexity").value == pytest.approx(math.exp(words))
    ended = sum(item["nats"] + item["end_nats"] for item in items) / math.log(2) / sum(item["bytes"] for item in items)
    assert found.number("bits per byte with ends").value == pytest.approx(ended)


def test_domains_have_numbers_of_their_own_and_a_plain_mean(tokenizer, store):
    recipe, names = recipe_of("causal", tokenizer), ["a", "b", "b", "a", "b", "a"]
    model = Free(np.random.default_rng(1).uniform(1, 9, tokenizer.vocab.size))
    records, found = measured(model, recipe, asked_of(store, tokenizer, recipe.objective, domains=names))
    bits = {}
    for name in "ab":
        mine = [item for item, domain in zip(records.items, names, strict=True) if domain == name]
        bits[name] = sum(item["nats"] for item in mine) / math.log(2) / sum(item["bytes"] for item in mine)
        assert found.number(f"bits per byte of {name}").value == pytest.approx(bits[name])
    over = found.number("bits per byte over domains")
    assert over.value == pytest.approx((bits["a"] + bits["b"]) / 2) and over.low < over.value < over.high


@pytest.mark.parametrize("name", ["prefix", "span", "diffusion"])
def test_a_part_of_a_text_counts_its_own_bytes_alone(name, tokenizer, tmp_path, monkeypatch):
    recipe, size = recipe_of(name, tokenizer), tokenizer.vocab.size
    store = store_of(TEXTS, tokenizer, tmp_path / "tokens")
    monkeypatch.setattr(held_out, "_WINDOW_ROWS", 7)
    records, found = measured(Constant(size), recipe, asked_of(store, tokenizer, recipe.objective))
    told = records.header["text"]
    assert 0 < told["windows"] < told["of"] and found.number("word perplexity") is None
    tokens, scored = (sum(item[column] for item in records.items) for column in ("tokens_scored", "bytes_scored"))
    assert tokens < store.lengths.sum() and scored < sum(item["bytes"] for item in records.items)
    assert found.bits_per_byte == pytest.approx(tokens * math.log2(size) / scored, rel=1e-6)
    for item, ids in zip(records.items, tokenizer.encode(TEXTS), strict=True):
        assert item["bytes_scored"] <= tokenizer.vocab.byte_lengths[ids].sum()
        assert (item["bytes_scored"] == item["bytes"]) == (item["tokens_scored"] == item["tokens"])
    again, _ = measured(Constant(size), recipe, asked_of(store, tokenizer, recipe.objective))
    assert again == records


@pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
def test_a_tokenizer_that_changes_text_gives_numbers_that_are_not_comparable(kind, tmp_path):
    recipe = small_recipe("causal", full_tokenizer())
    needs = recipe.objective.requirements(48)
    tokenizer = make_tokenizer(train_tokenizer([text for text in TEXTS if "你" not in text], kind, 300, needs), {})
    recipe = small_recipe("causal", tokenizer)
    texts = ["The  fox, the dog.", "The quick 你 fox jumps.", "the dog"]
    store = store_of(texts, tokenizer, tmp_path / "tokens")
    records, found = measured(Constant(tokenizer.vocab.size), recipe, asked_of(store, tokenizer, recipe.objective))
    assert not all(item["lossless"] for item in records.items)
    assert found.number("bits per byte").meaning.startswith("NOT comparable")
    assert found.number("word perplexity") is None and any("another text" in note for note in found.notes)
    unknown = found.number("unknown tokens")
    assert unknown.value == sum(item["unknown"] for item in records.items) / sum(
        item["tokens"] for item in records.items
    )
    assert unknown.value > 0


@pytest.mark.parametrize("name", ["causal", "masked", "span"])
def test_numbers_are_the_same_whatever_is_computed_together(name, tokenizer, store, monkeypatch):
    recipe, way = recipe_of(name, tokenizer), {"causal": "continuation", "masked": "bound", "span": "sentinel"}[name]
    model, expected = scorer(name, way, tokenizer).model, None
    for positions, together, stride in ((1, 1, 7), (350, 7, 7), (1 << 14, 64, 7)):
        monkeypatch.setattr(lines, "POSITIONS", positions)
        monkeypatch.setattr(windows, "_TOGETHER", together)
        records, _ = measured(
            model, recipe, asked_of(store, tokenizer, recipe.objective), stride=stride * (name != "masked")
        )
        nats = np.array([item["nats"] for item in records.items])
        expected = nats if expected is None else expected
        np.testing.assert_allclose(nats, expected, rtol=1e-5)


def test_a_stride_is_refused_where_it_has_no_meaning(tokenizer, store):
    for name, words in (("masked", "have no stride"), ("replaced", "no likelihood"), ("causal", "at most 48")):
        recipe = recipe_of(name, tokenizer)
        with pytest.raises(UserError, match=words):
            measured(Constant(tokenizer.vocab.size), recipe, asked_of(store, tokenizer, recipe.objective), stride=49)


def test_the_rows_that_windows_take_are_known_beforehand(tokenizer, store, monkeypatch):
    for name, number in (("causal", 0), ("replaced", 0), ("prefix", 1), ("span", 2), ("diffusion", windows.DRAWS + 1)):
        recipe = recipe_of(name, tokenizer)
        rows = corpus_rows(store, None, recipe.objective, 48)
        found = held_out.window_rows(recipe, recipe.objective, rows)
        plan = held_out._plan(recipe, recipe.objective, 0)
        parts = 0 if plan is None else int((-(-store.lengths // plan.stride)).sum())
        assert found == number * parts <= held_out._WINDOW_ROWS and (found > 0) == (number > 0)
        monkeypatch.setattr(held_out, "_WINDOW_ROWS", 3)
        assert held_out.window_rows(recipe, recipe.objective, rows) == min(3, number * parts)
        monkeypatch.undo()


def test_the_simple_models_stand_beside_a_causal_model_and_the_sentence_if_they_win(tokenizer, store):
    recipe = small_recipe("causal", tokenizer, "budget.steps=50", "training.batch_rows=6")
    rows = corpus_rows(store, None, recipe.objective, 48)
    records, found = measured(
        Constant(tokenizer.vocab.size), recipe, asked_of(store, tokenizer, recipe.objective, training=rows)
    )
    beside = found.number("loss").baselines
    assert list(beside) == ["unigram", "bigram", "Kneser-Ney 5-gram"] == list(found.number("bits per byte").baselines)
    assert beside["Kneser-Ney 5-gram"] < beside["bigram"] < beside["unigram"] < found.loss
    assert (found.unigram, found.bigram) == (beside["unigram"], beside["bigram"])
    assert any(note.startswith("The model does not beat a Kneser-Ney 5-gram") for note in found.notes)
    assert Evaluation.of(Records(records.header, records.items)) == found
    good = Free(np.zeros(tokenizer.vocab.size))
    _, better = measured(good, recipe, asked_of(store, tokenizer, recipe.objective, training=rows))
    assert not any("does not beat" in note for note in better.notes)


def test_results_load_without_torch_and_those_of_earlier_versions_too(tmp_path, tokenizer, store):
    recipe = recipe_of("causal", tokenizer)
    _, found = measured(Constant(tokenizer.vocab.size), recipe, asked_of(store, tokenizer, recipe.objective))
    found.save(tmp_path / "result.json")
    assert Evaluation.load(tmp_path / "result.json") == found
    flat = {
        "objective": "masked", "loss": 3.2, "perplexity": 24.5, "text_loss": 3.25, "bits_per_byte": None,
        "pseudo_perplexity": 30.0, "unigram": 4.0, "bigram": None, "targets": 12, "text_bytes": 34, "steps": 5,
    }  # fmt: skip
    (tmp_path / "old.json").write_text(json.dumps(flat))
    code = (
        "import sys; from pathlib import Path; from hornbook.evaluate.evaluation import Evaluation\n"
        f"for name in ('result.json', 'old.json'): Evaluation.load(Path({str(tmp_path)!r}) / name)._repr_html_()\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    old = Evaluation.load(tmp_path / "old.json")
    assert (old.loss, old.pseudo_perplexity, old.unigram, old.bits_per_byte, old.steps) == (3.2, 30.0, 4.0, None, 5)
    for damage in ({"numbers": 3}, {"numbers": []}, {"loss": "x"}):
        (tmp_path / "bad.json").write_text(json.dumps((flat | damage) if "loss" in damage else damage))
        with pytest.raises(UserError, match="is damaged"):
            Evaluation.load(tmp_path / "bad.json")


def test_every_number_says_what_it_is(tokenizer, store):
    for name in OBJECTIVES:
        recipe = recipe_of(name, tokenizer)
        _, found = measured(Constant(tokenizer.vocab.size), recipe, asked_of(store, tokenizer, recipe.objective))
        for number in found.numbers:
            assert number.meaning and re.match(r"[\d,.]+%?( \([\d,.]+%? to [\d,.]+%?\))?$", number.text), number
            assert 1 < number.draws <= len(TEXTS)
