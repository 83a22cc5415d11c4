"""Computing layers again in the backward pass changes memory alone: not one bit of the loss or of a gradient."""

from __future__ import annotations

import pytest
import torch
from small_models import CPU, TOPOLOGIES, batch, small

from hornbook.model.electra import Electra
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer


def step(model: Transformer | Electra, tensors: Tensors, bf16: bool = False) -> tuple[torch.Tensor, int]:
    """Return the loss, and the bytes of activations that its backward pass is given."""
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    torch.manual_seed(5)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        loss = model.train().loss(tensors)
    size = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    loss.backward()
    return loss, size


def assert_equal_steps(
    plain: Transformer | Electra, again: Transformer | Electra, tensors: Tensors, bf16: bool
) -> None:
    again.recompute_layers()
    (expected, much), (found, little) = step(plain, tensors, bf16), step(again, tensors, bf16)
    assert torch.equal(found, expected)
    for (name, one), other in zip(plain.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad), name
    assert little < 0.6 * much


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_loss_and_gradients_are_the_same_bits_with_dropout(topology, bf16):
    config = small(topology, dropout=0.2, layers=4)
    tensors = to_tensors(batch(config, shape=(6, 24)), CPU)
    assert_equal_steps(Transformer(config), Transformer(config), tensors, bf16)


def test_a_shared_layer_and_both_halves_of_electra_too():
    config = small("encoder", dropout=0.2, layers=6, shared_layers=True)
    tensors = to_tensors(batch(config, shape=(6, 24)), CPU)
    assert_equal_steps(Transformer(config), Transformer(config), tensors, False)
    assert_equal_steps(Electra(config, 0.5, 50.0), Electra(config, 0.5, 50.0), tensors, False)


def test_nothing_is_kept_without_gradients():
    config = small("decoder", dropout=0.2)
    model = Transformer(config).eval()
    tensors = to_tensors(batch(config), CPU)
    with torch.no_grad():
        expected = model.loss(tensors)
        model.recompute_layers()
        assert torch.equal(model.loss(tensors), expected)


@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_compiled_layers_too(topology):
    config = small(topology, dropout=0.2)
    tensors = to_tensors(batch(config, shape=(4, 16)), CPU)
    plain, again = Transformer(config), Transformer(config)
    again.recompute_layers()
    for model in (plain, again):
        model.compile_layers()
    expected, found = step(plain, tensors)[0], step(again, tensors)[0]
    assert torch.equal(found, expected)
    for (name, one), other in zip(plain.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad), name
