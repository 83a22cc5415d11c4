"""Electra: its losses and their denominators, its samples, its sharing of embeddings."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_models import CPU, small

from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig, modern
from hornbook.model.electra import Electra, generator_config, row_factors, uniform
from hornbook.model.inputs import Tensors, to_tensors

CONFIG = small("encoder", dropout=0.0)
NARROW = dataclasses.replace(CONFIG, embedding_width=12)


def model(weight: float = 50.0, seed: int = 0, config: ModelConfig = CONFIG) -> Electra:
    built = Electra(config, 0.5, weight)
    built.initialise(seed)
    return built.eval()


def batch(rows: int = 4, length: int = 20, padded: int = 0, seed: int = 0) -> Batch:
    """Rows of which every fourth token is masked; the last row ends in `padded` positions of padding."""
    random = np.random.default_rng(seed)
    targets = random.integers(5, CONFIG.vocab_size, (rows, length))
    segments = np.ones((rows, length), np.int32)
    segments[-1, length - padded :] = 0
    masked = (random.random((rows, length)) < 0.25) & (segments != 0)
    weights = masked.astype(np.float32)
    return Batch(np.where(masked, 4, targets), targets, weights, weights.sum(1, dtype=np.float64), segments)


def tensors(given: Batch) -> Tensors:
    return to_tensors(given, CPU)


@pytest.mark.parametrize("config", [CONFIG, NARROW])
@pytest.mark.parametrize("padded", [0, 7])
def test_the_loss_is_the_sum_of_both_as_the_class_defines_it(padded, config):
    electra, given = model(weight=3.0, config=config), tensors(batch(padded=padded))
    nats = electra.nats(given)
    logits, replaced = electra.judged(given)
    rows, length = given.inputs.shape
    expected, start = 0.0, 0
    for row in range(rows):
        masked = int(given.weights[row].sum())
        real = length - (padded if row == rows - 1 else 0)
        judged = F.binary_cross_entropy_with_logits(logits[row, :real], replaced[row, :real].float()).item()
        expected += nats[start : start + masked].sum().item() + 3.0 * masked * judged
        start += masked
    with torch.no_grad():
        assert electra.loss(given).item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_and_its_gradient_are_the_same_in_micro_batches():
    electra, whole = model(), batch(rows=6, padded=5)

    def gradients(parts: list[Batch]) -> list[torch.Tensor]:
        electra.zero_grad()
        for part in parts:
            (electra.loss(tensors(part)) / whole.count.sum()).backward()
        return [parameter.grad.clone() for parameter in electra.parameters()]

    for one, other in zip(gradients([whole]), gradients([whole.rows(0, 1), whole.rows(1, 6)]), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_all_that_is_not_masked_stays_and_what_is_sampled_as_it_was_counts_as_original():
    electra, given = model(), tensors(batch(rows=40))
    _, replaced = electra.judged(given)
    assert not replaced[given.weights == 0].any()
    with torch.no_grad():  # a generator that is sure of every target
        electra.generator.bias.zero_()
        electra.generator.bias[7] = 1e4
    _, replaced = electra.judged(given)
    assert torch.equal(replaced, (given.weights != 0) & (given.targets != 7))


def test_samples_follow_the_generator_s_distribution():
    electra = model()
    with torch.no_grad():
        electra.generator.norm.weight.zero_()  # only the bias speaks
        electra.generator.bias.copy_(torch.linspace(-2.0, 1.0, CONFIG.vocab_size))
    given = tensors(batch(rows=2000))
    with torch.no_grad():
        hidden = torch.zeros(given.scored.numel(), CONFIG.width)
        found = torch.bincount(electra._samples(given, hidden), minlength=CONFIG.vocab_size)
    shares = torch.softmax(electra.generator.bias.detach(), 0)
    trials = given.scored.numel()
    assert trials > 5000
    deviation = (shares * (1 - shares) / trials).sqrt()
    assert ((found / trials - shares).abs() < 5 * deviation).all()


def test_samples_depend_on_the_row_and_the_seed_alone():
    given = batch(rows=5)
    whole, part = tensors(given), tensors(given.rows(3, 5))
    torch.manual_seed(1)
    first = model().judged(whole)[1]
    torch.manual_seed(2)
    assert torch.equal(model().judged(whole)[1], first)
    assert torch.equal(model().judged(part)[1], first[3:])
    length = whole.inputs.shape[1]
    draws = uniform(whole.inputs, whole.scored, row_factors(0, length))
    assert torch.equal(uniform(whole.inputs, whole.scored, row_factors(0, length + 9)), draws)
    assert not torch.equal(uniform(whole.inputs, whole.scored, row_factors(1, length)), draws)


def test_draws_are_uniform_and_differ_from_place_to_place():
    tokens = torch.randint(5, 61, (200, 50), generator=torch.Generator().manual_seed(0))
    tokens[1:100] = tokens[0]
    tokens[1:100, 0] = torch.arange(99) + 100  # rows that differ in one token
    draws = uniform(tokens, torch.arange(tokens.numel()), row_factors(0, 50))
    assert ((draws >= 0) & (draws < 1)).all()
    assert draws.unique().numel() == draws.numel()
    parts = torch.histc(draws, 20, 0, 1) / draws.numel()
    assert (parts - 0.05).abs().max() < 5 * math.sqrt(0.05 * 0.95 / draws.numel())


def test_both_losses_reach_the_embeddings_but_samples_pass_no_gradient_to_the_generator():
    given = tensors(batch())

    def gradient(weight: float) -> dict[str, torch.Tensor]:
        electra = model(weight)
        electra.loss(given).backward()
        return {name: parameter.grad for name, parameter in electra.named_parameters()}

    without, with_judge = gradient(0.0), gradient(50.0)
    assert not torch.equal(without["embed.tokens.weight"], with_judge["embed.tokens.weight"])
    for name in without:
        if name.startswith("generator."):
            assert torch.equal(without[name], with_judge[name]), name
        elif not name.startswith("embed."):
            assert not without[name].any() and with_judge[name].any(), name


@pytest.mark.parametrize(
    ("width", "heads", "share", "expected"),
    [(256, 4, 0.25, (64, 1)), (768, 12, 1 / 3, (256, 4)), (64, 1, 0.25, (16, 1))],
)
def test_the_generator_has_its_share_of_the_width_and_heads_that_divide_it(width, heads, share, expected):
    config = dataclasses.replace(modern("encoder"), vocab_size=61, width=width, layers=2, heads=heads)
    found = generator_config(config, share)
    assert (found.width, found.heads) == expected
    assert found.layers == 2


@pytest.mark.parametrize(("width", "maps"), [(0, {"generator.into"}), (16, {"embed.project"}), (12, None)])
def test_each_half_has_a_map_where_its_width_is_not_that_of_the_embeddings(width, maps):
    electra = model(config=dataclasses.replace(CONFIG, embedding_width=width))
    names = {name.rpartition(".")[0] for name, _ in electra.named_parameters()}
    assert names & {"generator.into", "embed.project"} == (maps or {"generator.into", "embed.project"})
    shapes = {name: tuple(value.shape) for name, value in electra.state_dict().items()}
    width = width or 32
    assert shapes["embed.tokens.weight"] == (CONFIG.vocab_size, width)
    assert shapes["generator.dense.weight"] == (width, 16) and shapes["judge.dense.weight"] == (32, 32)
    electra.loss(tensors(batch())).backward()
    assert all(parameter.grad.any() for _, parameter in electra.named_parameters())


def test_only_an_encoder_finds_replaced_tokens_and_no_row_is_longer_than_its_positions():
    with pytest.raises(UserError, match="encoder"):
        Electra(small("decoder"), 0.25, 50.0)
    with pytest.raises(UserError, match="positions"):
        model().nats(tensors(batch(length=CONFIG.max_length + 1)))
