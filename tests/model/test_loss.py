from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from hornbook.model.loss import linear_cross_entropy, linear_nats


def case(positions: int, width: int, vocabulary: int, bias: bool, kind: torch.dtype = torch.float32):
    generator = torch.Generator().manual_seed(positions)
    draw = {"generator": generator, "dtype": kind}
    hidden = torch.randn(positions, width, **draw).requires_grad_()
    weight = torch.randn(vocabulary, width, **draw).requires_grad_()
    offset = torch.randn(vocabulary, **draw).requires_grad_() if bias else None
    targets = torch.randint(vocabulary, (positions,), generator=generator)
    weights = 2 * torch.rand(positions, **draw)
    return hidden, weight, offset, targets, weights


def reference(hidden, weight, bias, targets, weights):
    return (F.cross_entropy(F.linear(hidden, weight, bias), targets, reduction="none") * weights).sum()


# Positions below, at and above a matrix product's chunk; a vocabulary with several softmax blocks in a chunk.
@pytest.mark.parametrize("positions, vocabulary", [(1, 5), (1024, 50), (2050, 50), (1500, 3000)])
@pytest.mark.parametrize("bias", [False, True])
def test_loss_and_gradients_are_those_of_cross_entropy(positions, vocabulary, bias):
    ours, theirs = (case(positions, 16, vocabulary, bias, torch.float64) for _ in range(2))
    single = [None if x is None else x.detach().float().requires_grad_(x.requires_grad) for x in ours[:3]]
    loss = linear_cross_entropy(*single, ours[3], ours[4].float(), torch.float32)
    expected = reference(*theirs)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    (loss / 7).backward()
    (expected / 7).backward()
    for mine, exact in zip(single, theirs[:3], strict=True):
        if mine is not None:
            assert (mine.grad - exact.grad).norm() <= 1e-6 * exact.grad.norm()


@pytest.mark.parametrize("bias", [False, True])
def test_gradcheck_in_double_precision(bias):
    hidden, weight, offset, targets, weights = case(7, 4, 11, bias, torch.float64)

    def loss(*parameters):
        offset = parameters[2] if bias else None
        return linear_cross_entropy(parameters[0], parameters[1], offset, targets, weights, torch.float64)

    assert torch.autograd.gradcheck(loss, [x for x in (hidden, weight, offset) if x is not None])


def test_in_bf16_only_the_products_are_rounded():
    hidden, weight, bias, targets, weights = case(1500, 64, 500, True)
    weight = (weight.detach() / 8).requires_grad_()
    loss = linear_cross_entropy(hidden, weight, bias, targets, weights, torch.bfloat16)
    loss.backward()
    found = hidden.grad, weight.grad, bias.grad
    assert loss.dtype == torch.float32 and all(gradient.dtype == torch.float32 for gradient in found)
    exact = reference(hidden, weight, bias, targets, weights)
    assert loss.item() == pytest.approx(exact.item(), rel=1e-3)
    for mine, expected in zip(found, torch.autograd.grad(exact, (hidden, weight, bias)), strict=True):
        assert (mine - expected).norm() <= 0.01 * expected.norm()


def test_certain_and_impossible_targets_stay_finite():
    hidden = torch.tensor([[1.0], [1.0]], requires_grad=True)
    weight = torch.tensor([[200.0], [-200.0]], requires_grad=True)
    targets, weights = torch.tensor([0, 1]), torch.ones(2)
    assert linear_nats(hidden, weight, None, targets, torch.float32).tolist() == [0.0, 400.0]
    linear_cross_entropy(hidden, weight, None, targets, weights, torch.float32).backward()
    assert weight.grad.tolist() == [[1.0], [-1.0]]


def test_nothing_scored_is_a_loss_of_zero_with_gradients_of_zero():
    hidden, weight, bias, targets, weights = (
        x if x is None else x[:0] if i != 1 else x for i, x in enumerate(case(3, 4, 5, False))
    )
    hidden = hidden.detach().requires_grad_()
    loss = linear_cross_entropy(hidden, weight, bias, targets, weights, torch.float32)
    loss.backward()
    assert loss.item() == 0.0 and not weight.grad.any()
    assert len(linear_nats(hidden, weight, bias, targets, torch.float32)) == 0


def test_without_gradients_no_gradient_is_computed():
    hidden, weight, bias, targets, weights = case(20, 4, 5, True)
    calls = []

    def kernel(logits, targets):
        calls.append(len(logits))
        raise AssertionError("the gradient's kernel ran")

    with torch.no_grad():
        loss = linear_cross_entropy(hidden, weight, bias, targets, weights, torch.float32, kernel)
    assert not loss.requires_grad and not calls
    assert loss.item() == pytest.approx(reference(hidden, weight, bias, targets, weights).item(), rel=1e-6)
