"""Whole words for gaps: which words there are, and the probabilities that a model gives them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from hornbook.errors import UserError
from hornbook.generate import words
from hornbook.generate.infill import fill_text
from hornbook.generate.words import WordList, count_words, rank, words_of
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.build import build_model
from hornbook.run.directory import OpenRun, open_run
from hornbook.run.pretrain import pretrain
from hornbook.tokens.tokenizer.tokenizer import Kind, Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

LINES = ["The quick brown fox jumps over the lazy dog, and the dog sleeps.", "A fox sees a dog."] * 4
SIZE = ["model.width=32", "model.layers=1", "model.heads=2", "model.max_length=48", "model.dropout=0"]


def tokenizer(kind: Kind = "bpe") -> Tokenizer:
    text = train_tokenizer(
        LINES, kind, {"bpe": 280, "wordpiece": 60, "unigram": 50}[kind], default("masked").objective.requirements(32)
    )
    return Tokenizer(text, Vocab.from_tokenizer(text))


def untrained(objective: str, tokens: Tokenizer) -> OpenRun:
    recipe = override(default(objective), SIZE)
    recipe = dataclasses.replace(
        recipe,
        model=dataclasses.replace(recipe.model, vocab_size=tokens.vocab.size),
        objective=dataclasses.replace(recipe.objective, vocab=tokens.vocab),
    )
    torch.manual_seed(0)
    model = build_model(recipe, torch.device("cpu"))
    return OpenRun(Path("nowhere"), recipe, tokens, model.eval(), torch.device("cpu"), 0)


def test_words_are_what_stands_between_blanks_without_signs():
    texts = [
        "\"Don't!\" said well-known Zoë (twice) -- 'tis 3 p.m., x=y; naïve/simple a@b.c",
        "नमस्ते दुनिया 你好 Ünï\u2014Don't",
    ]
    assert count_words(texts) == {
        "Don't": 2, "Zoë": 1, "naïve": 1, "said": 1, "simple": 1, "tis": 1, "twice": 1, "well-known": 1,
        "Ünï": 1, "दुनिया": 1, "नमस्ते": 1, "你": 1, "好": 1,
    }  # fmt: skip
    assert list(count_words(["b a c c b c"])) == ["c", "b", "a"]
    assert count_words(["7 ... --- \n"]) == {}


@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram"])
@pytest.mark.parametrize("blank", [True, False])
def test_probabilities_are_those_of_all_pieces_of_each_word(kind, blank, monkeypatch):
    """Against every word written out, with a model of any numbers."""
    tokens = tokenizer(kind)
    found = WordList(count_words(LINES), "words")

    def chances(rows: list[list[int]], masks: int) -> np.ndarray:
        logits = [np.random.default_rng([masks, *row]).normal(0, 2, tokens.vocab.size) for row in rows]
        return np.array([row - np.log(np.exp(row).sum()) for row in logits])

    monkeypatch.setattr(words, "_BEAM", 1000)
    ranked = dict(rank(found, tokens, blank, 48, chances))
    expected = {}
    spelled = {word: tokens.encode([" " * blank + word])[0].tolist() for word in found.counts}
    total = sum(found.counts.values())
    for word, ids in spelled.items():
        alike = sum(count for other, count in found.counts.items() if len(spelled[other]) == len(ids))
        steps = [chances([ids[:depth]], len(ids))[0][token] for depth, token in enumerate(ids)]
        expected[word] = np.exp(sum(steps)) * alike / total
    assert len({len(ids) for ids in spelled.values()}) > 1
    assert set(ranked) == set(expected)
    for word, share in ranked.items():
        assert share == pytest.approx(expected[word] / sum(expected.values()))
    assert sum(ranked.values()) == pytest.approx(1)
    assert list(ranked.values()) == sorted(ranked.values(), reverse=True)
    monkeypatch.setattr(words, "_BEAM", 2)
    assert set(rank(found, tokens, blank, 48, chances)[:1]) <= {
        (word, share) for word, share in rank(found, tokens, blank, 48, chances)
    }


@pytest.mark.parametrize("objective", ["masked", "diffusion", "nsp", "sop"])
@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram"])
def test_every_masked_model_offers_words_that_fit_into_the_text(objective, kind, monkeypatch):
    tokens = tokenizer(kind)
    run = untrained(objective, tokens)
    listed = WordList(count_words(LINES), "words")
    monkeypatch.setattr("hornbook.generate.infill.words_of", lambda run: listed)
    found = fill_text(run, "___ quick ___ jumps\n ___ the ___.", top=3)
    assert len(found.gaps) == 4
    for gap in found.gaps:
        assert set(gap.candidates) <= set(listed.counts) and len(gap.candidates) == 3
        assert 1 > gap.probabilities[0] >= gap.probabilities[1] >= gap.probabilities[2] > 0
        assert gap.among == f"{len(listed.counts)} words"
    best = [gap.best for gap in found.gaps]
    assert found.text == "{} quick {} jumps {} the {}.".format(*best)
    assert fill_text(run, "___ quick ___ jumps\n ___ the ___.", top=3) == found


def test_a_text_without_room_for_a_word_is_refused():
    run = untrained("masked", tokenizer())
    assert fill_text(run, "fox" * 8 + " ___", top=1).gaps
    with pytest.raises(UserError, match="no room for the gaps in the model's 48 positions"):
        fill_text(run, "fox " * 60 + " ___")


def test_without_text_the_words_are_those_of_the_vocabulary():
    found = words_of(untrained("masked", tokenizer("wordpiece")))
    assert found.origin == "whole words of the vocabulary"
    assert "dog" in found.counts
    assert all(word[0].isalpha() and "#" not in word for word in found.counts)


def test_words_are_of_the_training_text_and_not_of_the_held_out(tmp_path: Path):
    lines = [f"The old {name} sees a {name}fish near {name}ton." for name in ("cat", "dog", "hen", "rat", "bee", "cow")]
    for number, line in enumerate(lines * 3):
        (tmp_path / f"{number}.txt").write_text(f"{line} Page{'abcdefghijklmnopqr'[number]}.\n" * 20)
    recipe = override(
        default("masked"),
        [
            f"data.paths={tmp_path}/*.txt",
            "data.clean=none",
            *SIZE,
            "budget.steps=1",
            "training.batch_rows=2",
            "training.micro_batch=2",
            "training.precision=fp32",
            "training.compile=no",
            "data.held_out=0.3",
            "tokenizer.size=300",
        ],
    )
    pretrain(recipe, tmp_path / "run", plain=True)
    run = open_run(tmp_path / "run")
    found = words_of(run)
    pages = [word for word in found.counts if word.startswith("Page")]
    assert 6 <= len(pages) < 18  # each file has a word of its own
    assert found.origin == "most frequent words of the training text"
    assert found.counts["The"] == 20 * len(pages)
    (gap,) = fill_text(run, "The old ___ sees.").gaps
    assert set(gap.candidates) <= set(found.counts)
