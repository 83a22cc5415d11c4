"""The class of a pair of texts: what it adds to the loss, and that it is counted over micro-batches as over all."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_models import CPU, batch, build, small

from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.model.inputs import to_tensors

CONFIG = small("encoder", token_types=2, pair_head=True)


def pairs() -> Batch:
    """Rows that count 3, 1, 0 and 5 scored positions."""
    given = batch(CONFIG, shape=(4, 12))
    weights = np.zeros((4, 12), np.float32)
    for row, count in enumerate((3, 1, 0, 5)):
        weights[row, 1 : 1 + count] = 1
    types = np.tile(np.arange(12) >= 6, (4, 1)).astype(np.int32)
    count = weights.sum(axis=1, dtype=np.float64)
    return dataclasses.replace(given, weights=weights, count=count, types=types, pair=np.array([0, 1, 1, 0]))


def test_the_loss_is_that_of_the_tokens_and_each_pair_as_often_as_its_row_counts():
    given, model = pairs(), build(CONFIG)
    tensors = to_tensors(given, CPU)
    alone = model.loss(to_tensors(dataclasses.replace(given, pair=None), CPU))
    nats = model.pair_nats(tensors)
    assert nats.shape == (4, 2) and torch.allclose(torch.exp(-nats).sum(1), torch.ones(4))
    of_truth = nats[torch.arange(4), torch.from_numpy(given.pair)]
    expected = alone + (of_truth * torch.tensor([3.0, 1.0, 0.0, 5.0])).sum()
    assert torch.allclose(model.loss(tensors), expected)
    # Divided by the count, it is the mean over tokens and a mean over pairs.
    assert (expected / 9 - alone / 9).item() == pytest.approx((of_truth * torch.tensor([3, 1, 0, 5])).sum().item() / 9)


def test_micro_batches_add_up():
    given, model = pairs(), build(CONFIG)
    whole = model.loss(to_tensors(given, CPU))
    parts = [model.loss(to_tensors(given.rows(row, row + 1), CPU)) for row in range(4)]
    assert torch.allclose(whole, torch.stack(parts).sum(), rtol=1e-5)
    whole.backward()
    slopes = {
        name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None
    }
    model.zero_grad()
    for row in range(4):
        model.loss(to_tensors(given.rows(row, row + 1), CPU)).backward()
    assert {"pair.dense.weight", "pair.output.bias"} <= slopes.keys()
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, slopes[name], rtol=1e-3, atol=1e-5), name


def test_the_class_is_read_from_the_first_position_as_bert_s_pooler_does():
    given, model = to_tensors(pairs(), CPU), build(CONFIG)
    with torch.no_grad():
        first = model.hidden(given)[:, 0]
        pooled = torch.tanh(F.linear(first, model.pair.dense.weight, model.pair.dense.bias))
        logits = F.linear(pooled, model.pair.output.weight, model.pair.output.bias)
    assert torch.allclose(model.pair_nats(given), -torch.log_softmax(logits, -1), atol=1e-6)


def test_a_model_without_the_head_says_so():
    with pytest.raises(UserError, match="no head for pairs"):
        build(small("encoder")).pair_nats(to_tensors(pairs(), CPU))
