from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from hornbook.model.parts import Norm, compute_type


def norm(centred: bool, bias: bool = False, kind: torch.dtype = torch.float32) -> Norm:
    made = Norm(8, 1e-3, centred, bias).to(kind)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(8, generator=generator))
    return made


@pytest.mark.parametrize("centred, bias", [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("shape", [(8,), (5, 8), (2, 3, 4, 8)])
def test_norms_and_their_gradients_are_the_librarys(centred, bias, shape):
    made = norm(centred, bias)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    if centred:
        expected = F.layer_norm(x, (8,), made.weight, made.bias, 1e-3)
    else:
        expected = F.rms_norm(x, (8,), made.weight, 1e-3)
    found = made(x)
    torch.testing.assert_close(found, expected)
    slope = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    inputs = [x, *made.parameters()]
    theirs = torch.autograd.grad(expected, inputs, slope)
    with torch.autocast("cpu", torch.bfloat16):  # a backward pass inside autocast is as exact
        ours = torch.autograd.grad(found, inputs, slope)
    for mine, exact in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, exact)


def test_root_mean_square_passes_gradcheck():
    made = norm(centred=False, kind=torch.float64)
    x = torch.randn(3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, weight: made(x), (x, made.weight))


def test_norms_of_low_precision_input_are_computed_in_the_weights_precision():
    x = torch.randn(4, 8, generator=torch.Generator().manual_seed(1)).bfloat16()
    made = norm(centred=False)
    assert made(x).dtype == torch.float32
    assert torch.equal(made(x), made(x.float()))


def test_the_compute_type_is_autocasts_where_it_is_on():
    x = torch.zeros(1)
    assert compute_type(x) == torch.float32
    assert compute_type(x.double()) == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert compute_type(x) == torch.bfloat16
