"""Muon: the same steps as torch's, in any type of products, for matrices of all shapes at once."""

import pytest
import torch

from hornbook.train import muon as room
from hornbook.train.muon import Muon, orthogonal

SHAPES = ((8, 8), (8, 24), (24, 8), (8, 24), (12, 10), (1, 6))


def trained(make, steps=4):
    torch.manual_seed(0)
    matrices = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    optimizer = make(matrices)
    for _ in range(steps):
        for matrix in matrices:
            matrix.grad = torch.randn_like(matrix)
        optimizer.step()
    return [matrix.detach() for matrix in matrices]


def ours(bf16, momentum=0.95):
    return lambda matrices: Muon(matrices, rate=0.02, weight_decay=0.3, bf16=bf16, momentum=momentum)


def torchs(matrices, momentum=0.95):
    return torch.optim.Muon(matrices, lr=0.02, weight_decay=0.3, momentum=momentum, adjust_lr_fn="match_rms_adamw")


def test_in_bf16_it_takes_the_steps_of_torch():
    for mine, theirs in zip(trained(ours(bf16=True)), trained(torchs), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-3)  # bf16 has 8 bits; steps are of about 4e-3


@pytest.mark.parametrize("momentum", [0.95, 0.8])
def test_in_fp32_it_takes_the_steps_of_torch_without_its_rounding(monkeypatch, momentum):
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)  # torch's iteration begins with a cast
    theirs_too = trained(lambda matrices: torchs(matrices, momentum))
    for mine, theirs in zip(trained(ours(False, momentum)), theirs_too, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_batches_of_a_few_matrices_change_nothing(monkeypatch):
    whole = trained(ours(bf16=False))
    monkeypatch.setattr(room, "_TOGETHER", 1)
    for mine, alone in zip(whole, trained(ours(bf16=False)), strict=True):
        torch.testing.assert_close(mine, alone, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 16, 40), (1, 200, 16)])
def test_both_ways_through_the_iteration_agree_with_fp64(shape):
    torch.manual_seed(1)
    x = torch.randn(shape)
    exact = x.double() / x.double().norm(dim=(1, 2), keepdim=True)
    for _ in range(5):
        gram = exact.mT @ exact
        exact = 3.4445 * exact + exact @ (-4.7750 * gram + 2.0315 * gram @ gram)
    torch.testing.assert_close(orthogonal(x).double(), exact, rtol=1e-4, atol=1e-5)


def test_a_gradient_of_nothing_but_zeros_gives_no_step():
    matrix = torch.nn.Parameter(torch.ones(4, 8))
    matrix.grad = torch.zeros(4, 8)
    Muon([matrix], rate=0.1, weight_decay=0.0, bf16=False).step()
    assert torch.equal(matrix.detach(), torch.ones(4, 8))
