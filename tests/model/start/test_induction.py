"""Heads that find repeats attend to what stood behind earlier places of a token, before the first step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_models import small

from hornbook.model.attention import place
from hornbook.model.start.counted import begin_from_counts
from hornbook.model.start.induction import LONGER, signature_width
from hornbook.model.transformer import Transformer

V = 150
SHAPE = replace(small("decoder"), vocab_size=V, width=128, heads=2, max_length=64, start="counts", tied=False)


def begun(config, seed=0):
    model = Transformer(config)
    model.initialise(seed)
    draw = torch.Generator().manual_seed(3)
    counts = torch.poisson(torch.rand(V, V, generator=draw).pow(8) * 9, generator=draw)
    begin_from_counts(model, counts.double().to_sparse(), seed)
    return model.eval()


def attention(model, x, number):
    """Return what each head of a layer attends to, [B, H, T, T], and the stream behind it."""
    stack = model.decoder
    view = stack._view(x, torch.arange(x.shape[1]), None, None, False)
    layer, rotation = stack.layers[number], view[2]
    part, read = layer.attention, layer.attention_norm(x)
    queries = place(part.q(read).view(*x.shape[:2], part.heads, part.key_width), part.q_norm, rotation)
    keys = part.keys_values(read, rotation)[0].repeat_interleave(part.heads // part.key_heads, 2)
    scores = torch.einsum("bthk,bshk->bhts", queries, keys) * part.scale
    return scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1) > 0, -torch.inf).softmax(-1), layer(x, *view)


@pytest.mark.parametrize("changes", [{}, {"qk_norm": False}, {"kv_heads": 1}], ids=str)
def test_the_second_layer_attends_behind_earlier_places_of_the_token_read(changes):
    model = begun(replace(SHAPE, **changes))
    once = torch.randperm(V, generator=torch.Generator().manual_seed(0))[:32]
    tokens = torch.cat([once, once])[None]  # no token twice in a half: position t was read at t - 32
    with torch.no_grad():
        x = attention(model, model.embedded(tokens, None, None), 0)[1]
        found = attention(model, x, 1)[0][0, 0]
    behind = found[torch.arange(32, 64), torch.arange(1, 33)]
    assert behind.mean() > 0.6


def test_signatures_hardly_change_the_first_predictions():
    tokens = torch.randint(V, (4, 64), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model = begun(SHAPE)
        plain = model.decoder.norm(model.embedded(tokens, None, None))
        alone = model.output(plain / LONGER).softmax(-1)
        signed = model.output(model.decoder(model.embedded(tokens, None, None), None, None)).softmax(-1)
    assert (alone - signed).abs().sum(-1).mean() / 2 < 0.02


def test_shapes_without_such_heads_leave_no_dimensions_free():
    assert signature_width(SHAPE) == 16
    assert signature_width(replace(SHAPE, heads=8)) == 8
    for changes in ({"positions": "none"}, {"layers": 1}):
        assert signature_width(replace(SHAPE, **changes)) == 0
