"""The parts of a run: which rate each kind of parameter gets."""

from dataclasses import replace

import pytest
import torch

from hornbook.model.config import modern
from hornbook.model.transformer import Transformer
from hornbook.recipes.named import default
from hornbook.recipes.sections import TrainingSettings
from hornbook.run.build import build_optimizers
from hornbook.train.parallel import Parallel

TABLE, NORM = "embed.tokens.weight", ".norm.weight"


def moves(topology, training):
    """Return how far AdamW's first step, which is as long as the rate wherever there is a gradient, moves each."""
    model = Transformer(replace(modern(topology), vocab_size=30, width=64, layers=1, heads=1, dropout=0.0))
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    kind = {"decoder": "causal", "encoder": "masked", "encoder-decoder": "span"}[topology]
    recipe = replace(default(kind), model=model.config, training=training)
    build_optimizers(Parallel(model), recipe).step(1.0)
    return {name: float((before[name] - p.detach()).mean()) for name, p in model.named_parameters()}


@pytest.mark.parametrize(
    ("topology", "deviation"), [("decoder", 0.079057), ("encoder", 0.079057), ("encoder-decoder", 1.0)]
)
def test_beside_muon_the_table_has_its_own_rate_in_proportion_to_its_first_values(topology, deviation):
    training = replace(TrainingSettings(), learning_rate=1e-3, embedding_rate=0.2, epsilon=0.0)
    found = moves(topology, training)
    assert found[TABLE] == pytest.approx(0.2 * deviation, rel=1e-3)
    norms = {name: move for name, move in found.items() if name.endswith(NORM) and ".layers." not in name}
    assert norms and all(move == pytest.approx(1e-3, rel=1e-3) for move in norms.values())


@pytest.mark.parametrize("topology", ["decoder", "encoder-decoder"])
def test_adamw_alone_has_one_rate(topology):
    training = replace(TrainingSettings(), optimizer="adamw", learning_rate=1e-3, weight_decay=0.0, epsilon=0.0)
    assert all(move == pytest.approx(1e-3, rel=1e-3) for move in moves(topology, training).values())


@pytest.mark.parametrize("topology", ["decoder", "encoder", "encoder-decoder"])
def test_a_rate_of_the_table_that_is_left_open_is_that_of_the_others(topology):
    found = moves(topology, replace(TrainingSettings(), learning_rate=1e-3, epsilon=0.0))
    assert found[TABLE] == pytest.approx(1e-3, rel=1e-3)
