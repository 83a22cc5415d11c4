"""Optimizers: which parameter goes where, and the state's way there and back."""

import pytest
import torch
from torch import nn

from hornbook.train.muon import Muon, orthogonal
from hornbook.train.optimizers import AdamW, Optimizers


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(7, 4)
        self.body = nn.Module()
        self.body.layers = nn.ModuleList([nn.Linear(4, 4)])


def make(net, kind, decay=0.0, rate=0.1):
    return Optimizers(
        net.named_parameters(), kind=kind, learning_rate=rate, muon_learning_rate=rate, embedding_rate=rate,
        weight_decay=decay, betas=(0.9, 0.99), epsilon=1e-8,
    )  # fmt: skip


def backward(net, seed=0):
    torch.manual_seed(seed)
    net.body.layers[0](net.table(torch.arange(7))).pow(2).sum().backward()


def test_adamw_equals_torch_and_decays_matrices_only():
    ours, theirs = Net(), Net()
    reference = torch.optim.AdamW(
        [
            {"params": [theirs.table.weight, theirs.body.layers[0].bias], "weight_decay": 0.0},
            {"params": [theirs.body.layers[0].weight], "weight_decay": 0.3},
        ],
        lr=0.05, betas=(0.9, 0.99), eps=1e-8,
    )  # fmt: skip
    optimizers = make(ours, "adamw", decay=0.3)
    for _ in range(3):
        backward(ours)
        backward(theirs)
        optimizers.step(0.5)
        reference.step()
        reference.zero_grad()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_adamw_takes_the_steps_of_torch_s_class_bit_for_bit_and_leaves_its_state():
    torch.manual_seed(0)
    starts = [torch.randn(shape) for shape in ((5, 3), (7,), (2, 2), ())]
    ours, theirs = ([nn.Parameter(start.clone()) for start in starts] for _ in range(2))

    def groups(parameters):
        return [
            {"params": parameters[:2], "weight_decay": 0.3},
            {"params": parameters[2:], "weight_decay": 0.0, "lr": 0.5},
        ]

    optimizer = AdamW(groups(ours), rate=0.1, betas=(0.9, 0.99), epsilon=1e-8)
    reference = torch.optim.AdamW(groups(theirs), lr=0.1, betas=(0.9, 0.99), eps=1e-8, fused=True)
    for step in range(5):
        for number, (mine, its) in enumerate(zip(ours, theirs, strict=True)):
            gradient = torch.randn(mine.shape)
            mine.grad, its.grad = (None, None) if number == step else (gradient.clone(), gradient.clone())
        optimizer.step()
        reference.step()
    for mine, its in zip(ours, theirs, strict=True):
        assert torch.equal(mine, its)
        assert list(optimizer.state[mine]) == list(reference.state[its])
        assert all(torch.equal(value, reference.state[its][name]) for name, value in optimizer.state[mine].items())


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_all_of_a_state_goes_where_its_parameters_are(kind):
    backward(net := Net())
    first = make(net, kind)
    first.step(1.0)
    elsewhere = make(Net().to("meta"), kind)
    elsewhere.load(first.state())
    assert elsewhere.state().keys() == first.state().keys()
    assert any(value.ndim == 0 for value in elsewhere.state().values())
    assert {value.device.type for value in elsewhere.state().values()} == {"meta"}


def test_muon_turns_the_layers_matrix_by_an_almost_orthogonal_step():
    net = Net()
    before = net.body.layers[0].weight.detach().clone()
    optimizers = make(net, "muon")
    backward(net)
    optimizers.step(1.0)
    # match_rms scaling: 0.2 * sqrt(max(rows, columns)) times the rate; Newton-Schulz leaves singular values near 1.
    update = (before - net.body.layers[0].weight.detach()) / (0.1 * 0.2 * 4**0.5)
    values = torch.linalg.svdvals(update)
    assert float(values.min()) > 0.6 and float(values.max()) < 1.3


@pytest.mark.parametrize("shape", [(6, 6), (4, 12), (12, 4)])
def test_muon_equals_torch_but_for_the_rounding_of_its_bf16(shape):
    """Three steps of two matrices, each orthogonalised as if it were alone."""
    torch.manual_seed(0)
    starts, gradients = torch.randn(2, *shape), torch.randn(3, 2, *shape)
    ours, theirs = ([nn.Parameter(start.clone()) for start in starts] for _ in range(2))
    optimizer = Muon(ours, rate=0.1, weight_decay=0.3, bf16=False)
    reference = torch.optim.Muon(theirs, lr=0.1, weight_decay=0.3, adjust_lr_fn="match_rms_adamw")
    for step in range(3):
        for mine, its, gradient in zip(ours, theirs, gradients[step], strict=True):
            mine.grad, its.grad = gradient.clone(), gradient.clone()
        optimizer.step()
        reference.step()
    for mine, its, start in zip(ours, theirs, starts, strict=True):
        assert float((mine - its).detach().norm()) < 0.02 * float((its - start).detach().norm())
        momenta = optimizer.state[mine]["momentum_buffer"], reference.state[its]["momentum_buffer"]
        torch.testing.assert_close(*momenta)


@pytest.mark.parametrize("bf16", [False, True])
def test_a_matrix_is_turned_the_same_alone_and_beside_others(bf16):
    matrices = torch.randn(3, 8, 16, generator=torch.Generator().manual_seed(0))
    matrices = matrices.bfloat16() if bf16 else matrices
    together = orthogonal(matrices)
    assert together.dtype == matrices.dtype
    for matrix, turned in zip(matrices, together, strict=True):
        torch.testing.assert_close(orthogonal(matrix[None])[0], turned)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_the_state_comes_back_bit_for_bit(kind):
    first, second = Net(), Net()
    a, b = make(first, kind), make(second, kind)
    for seed in range(3):
        backward(first, seed)
        a.step(1.0)
    second.load_state_dict(first.state_dict())
    b.load({name: value.clone() for name, value in a.state().items()})
    for net, optimizers in ((first, a), (second, b)):
        backward(net, 9)
        optimizers.step(0.3)
    assert all(torch.equal(x, y) for x, y in zip(first.parameters(), second.parameters(), strict=True))
