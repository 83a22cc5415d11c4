"""Small models that score texts, one of them without any context."""

from __future__ import annotations

import torch

from hornbook.evaluate.scorers import Scorer
from hornbook.evaluate.scoring.ways import ways
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.build import build_model
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, make_tokenizer, train_tokenizer

LINES = ["The quick brown fox jumps over the lazy dog. Grüße, 你好!"] * 4
SIZE = ["model.width=32", "model.layers=1", "model.heads=2", "model.max_length=48", "model.dropout=0"]


def small_tokenizer() -> Tokenizer:
    """Return a tokenizer of some 300 pieces with every special token."""
    needs = default("ul2").objective.requirements(48)
    return make_tokenizer(train_tokenizer(LINES, "bpe", 300 + needs.sentinels, needs), {})


class Free:
    """A model whose nats depend on the target alone."""

    def __init__(self, cost):
        self.cost = torch.as_tensor(cost, dtype=torch.float64)

    def nats(self, tensors):
        return self.cost[tensors.targets.flatten()[tensors.scored]]


def scorer(name, way, tokenizer, model=None) -> Scorer:
    recipe = override(default(name), [*SIZE, f"model.vocab_size={tokenizer.vocab.size}"])
    if model is None:
        torch.manual_seed(0)
        model = build_model(recipe, torch.device("cpu")).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0, 0.3)
    found = ways(recipe.objective, tokenizer.vocab, recipe.model.max_length)
    return Scorer(model, tokenizer, found[way], torch.device("cpu"))
