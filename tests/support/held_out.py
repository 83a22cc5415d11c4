"""Small texts in a token store, and models that need no training, for tests of measures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scoring import LINES, SIZE, Free

from hornbook.corpus.document import Document
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.held_out import Asked, evaluate_text
from hornbook.evaluate.records import Records
from hornbook.objectives.base import Objective, merged, with_vocab
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import override
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, make_tokenizer, train_tokenizer

CPU = torch.device("cpu")
TEXTS = [
    "The quick brown fox jumps over the lazy dog. " * 9,
    "Grüße, 你好! The fox.",
    "dog",
    "The lazy dog jumps over the quick brown fox, the dog, the fox. " * 4,
    "Grüße, Grüße, Grüße. " * 5,
    "The fox jumps.",
]


def full_tokenizer() -> Tokenizer:
    """Return a tokenizer of some 300 pieces with the special tokens of every objective."""
    needs = merged([default(name).objective.requirements(48) for name in ("ul2", "fim")])
    return make_tokenizer(train_tokenizer(LINES, "bpe", 304 + needs.sentinels, needs), {})


class Constant(Free):
    """A model that finds all of its V entries, and both classes of a pair, equally likely."""

    def __init__(self, size: int) -> None:
        super().__init__(np.full(size, np.log(size)))

    def pair_nats(self, tensors: Any) -> torch.Tensor:
        return torch.full((len(tensors.inputs), 2), float(np.log(2)))


def small_recipe(name: str, tokenizer: Tokenizer, *more: str) -> Recipe:
    """Return a recipe of rows of 48 positions, of an objective by name with settings."""
    sized = [*SIZE, f"model.vocab_size={tokenizer.vocab.size}", "training.micro_batch=3", *more]
    recipe = override(default(name), sized)
    return replace(recipe, objective=with_vocab(recipe.objective, tokenizer.vocab))


def store_of(texts: list[str], tokenizer: Tokenizer, folder: Path) -> TokenStore:
    write_store((Document(text, "", "") for text in texts), tokenizer, folder)
    return TokenStore.open(folder, tokenizer.vocab)


def asked_of(store: TokenStore, tokenizer: Tokenizer, objective: Objective, **more: Any) -> Asked:
    return Asked(corpus_rows(store, None, objective, 48), tokenizer, **more)


def measured(model: Any, recipe: Recipe, asked: Asked, **more: Any) -> tuple[Records, Evaluation]:
    records = evaluate_text(model, recipe, recipe.objective, asked, CPU, **more)
    return records, Evaluation.of(records)
