"""What a `Reader` reads is what the model computes, token after token; fewer bits of its weights change it little."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from small_models import build, small

from hornbook.model.config import ModelConfig
from hornbook.model.inputs import Tensors
from hornbook.model.products import of_weights
from hornbook.model.reading import Reader, caches_in, reader
from hornbook.model.transformer import Transformer

SHAPES = {
    "modern": small("decoder"),
    "learned": small("decoder", positions="learned", norm="layer", biases=True, qk_norm=False, gated=False),
    "buckets": small("decoder", positions="bucketed", attention_scale="none", kv_heads=2),
    "window": small("decoder", window=4, global_every=2, qkv_biases=True, layers=3),
    "post": small("decoder", positions="none", norm_place="post", norm="layer", biases=True, head_bias=True),
    "typed": small("decoder", token_types=2, embedding_norm=True, head_transform=True, embedding_width=16),
    "both": small("encoder-decoder", decoder_layers=3),
}
TEXT = torch.randint(0, 61, (2, 14), generator=torch.Generator().manual_seed(1))


def whole(model: Transformer) -> torch.Tensor:
    """Return the logits [B, T, V] of the model's own pass over TEXT."""
    behind = TEXT if model.encoder is not None else None
    with torch.no_grad():
        return model.logits(Tensors(TEXT, TEXT, torch.ones(TEXT.shape), 1.0, torch.arange(2), decoder_inputs=behind))


@torch.inference_mode()
def in_parts(model: Transformer, reads: Reader, sizes: tuple[int, ...]) -> torch.Tensor:
    """Return the logits [B, T, V] of TEXT, read in parts of these sizes."""
    memories = None
    if model.encoder is not None:
        memories = reads.memories(model.encoder(model.embedded(TEXT, None, None), None))
    caches, start, found = caches_in(reads.memory(2, 14)), 0, []
    for size in sizes:
        hidden = reads.read(TEXT[:, start : start + size], start, caches, memories=memories)
        found.append(reads.logits(hidden.flatten(0, 1)).view(2, size, -1))
        start += size
    return torch.cat(found, 1)


@pytest.mark.parametrize("laid_out", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_a_text_read_in_parts_has_the_logits_of_the_whole(name: str, laid_out: bool) -> None:
    model = build(SHAPES[name]).train()  # as it is while it trains: a reader drops nothing
    reads = reader(model, laid_out=laid_out, places=20)
    model.eval()
    torch.testing.assert_close(in_parts(model, reads, (5, 1, 1, 4, 1, 1, 1)), whole(model), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("weights", "nearly"), [("bf16", 0.05), ("int8", 0.05)])
@pytest.mark.parametrize("name", ["modern", "learned", "buckets", "both"])
def test_fewer_bits_of_the_weights_change_logits_little(name: str, weights, nearly: float) -> None:
    model = build(SHAPES[name])
    reads, exact = reader(model, weights, laid_out=True, places=14), whole(model)
    found = in_parts(model, reads, (5, 1, 1, 4, 1, 1, 1))
    assert found.dtype == torch.float32
    error = (found - exact).std() / exact.std()
    assert 1e-5 < error < nearly


@pytest.mark.parametrize("bias", [None, torch.linspace(-1, 1, 48)])
def test_weights_in_bf16_give_the_same_in_any_order(bias: torch.Tensor | None) -> None:
    draw = torch.Generator().manual_seed(0)
    parts = [torch.randn(16, 32, generator=draw), torch.randn(32, 32, generator=draw)]
    x, read = torch.randn(5, 48, generator=draw), torch.randn(5, 32, generator=draw)
    plain, laid_out = (of_weights(parts, bias, "bf16", order) for order in (False, True))
    # both sum in fp32, in another order, and round once
    torch.testing.assert_close(laid_out(read), plain(read), atol=2e-2, rtol=8e-3)
    torch.testing.assert_close(laid_out.added(x, read), plain.added(x, read), atol=2e-2, rtol=8e-3)
    assert laid_out.added(x, read).dtype == torch.float32


def test_rows_in_int8_do_not_change_each_other() -> None:
    draw = torch.Generator().manual_seed(0)
    weight, x = torch.randn(48, 32, generator=draw), torch.randn(5, 32, generator=draw)
    product = of_weights([weight], None, "int8", False)
    alone = torch.cat([product(row[None]) for row in x])
    x[2] *= 1000
    torch.testing.assert_close(product(x)[[0, 1, 3, 4]], alone[[0, 1, 3, 4]], atol=0, rtol=0)
    torch.testing.assert_close(product(torch.zeros(1, 32)), torch.zeros(1, 48), atol=0, rtol=0)


def test_a_model_in_double_precision_is_read_in_it() -> None:
    config: ModelConfig = dataclasses.replace(SHAPES["modern"], kv_heads=2)
    model = build(config).double()
    found = in_parts(model, reader(model), (1,) * 14)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, whole(model), atol=1e-11, rtol=1e-11)
