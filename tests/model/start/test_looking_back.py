from __future__ import annotations

import pytest
import torch
from small_models import CPU, batch, small

from hornbook.model.attention import place
from hornbook.model.inputs import to_tensors
from hornbook.model.start.looking_back import look_back
from hornbook.model.transformer import Transformer

CAUSAL, NO_NORMS = {}, {"qk_norm": False}
GROUPED, CENTRED = {"kv_heads": 1}, {"norm": "layer", "biases": True}
STRETCHED = {"rotary_scaling": "yarn", "rotary_factor": 4.0, "rotary_length": 16}


def with_shared_direction(config, seed=0):
    """Return a model whose rows of the table share a direction, which is half of their square, and what all read."""
    model = Transformer(config)
    model.initialise(seed)
    table = model.embed.tokens.weight
    shared = torch.randn(config.width, generator=torch.Generator().manual_seed(1))
    if config.norm == "layer":
        shared -= shared.mean()
    shared /= shared.norm()
    with torch.no_grad():
        table -= table.mean(1, keepdim=True)
        table -= (table @ shared)[:, None] * shared
        table /= table.norm(dim=1, keepdim=True)
        table += shared
    return model.eval(), shared * (config.width / 2) ** 0.5


def attention_of(model, tokens):
    """Return the first layer's attention [B, H, T, T] over tokens int64[B, T], of a causal or an open stack."""
    (stack,) = model.stacks
    layer = stack.layers[0]
    part = layer.attention
    x = layer._read(model.embedded(tokens, None, None), layer.attention_norm)
    rotation = stack._rotation(torch.arange(tokens.shape[1]), False)
    queries = place(part.q(x).view(*x.shape[:2], part.heads, part.key_width), part.q_norm, rotation)
    keys = part.keys_values(x, rotation)[0].repeat_interleave(part.heads // part.key_heads, 2)
    scores = torch.einsum("bthk,bshk->bhts", queries, keys) * part.scale
    if stack.causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1) > 0, -torch.inf)
    return scores.softmax(-1)


@pytest.mark.parametrize("changes", [CAUSAL, NO_NORMS, GROUPED, CENTRED, STRETCHED], ids=str)
def test_each_head_looks_at_its_distance(changes):
    config = small("decoder", width=128, heads=2, max_length=64, **changes)
    model, shared = with_shared_direction(config)
    look_back(model.decoder.layers[0].attention, config, shared, (1, 2))
    tokens = torch.randint(config.vocab_size, (4, 64), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        found = attention_of(model, tokens)
    for head, distance in enumerate((1, 2)):
        assert found[:, head].diagonal(-distance, 1, 2).mean() > 0.8


def test_a_head_of_an_encoder_looks_ahead():
    config = small("encoder", width=128, heads=2, max_length=64)
    model, shared = with_shared_direction(config)
    look_back(model.encoder.layers[0].attention, config, shared, (1, -1))
    with torch.no_grad():
        found = attention_of(model, torch.arange(50)[None])
    assert found[0, 0].diagonal(-1).mean() > 0.8 and found[0, 1].diagonal(1).mean() > 0.8


def test_logits_do_not_change_while_nothing_is_passed_on():
    config = small("decoder", width=128, heads=2)
    model, shared = with_shared_direction(config)
    attention = model.decoder.layers[0].attention
    torch.nn.init.zeros_(attention.o.weight)
    tensors = to_tensors(batch(config), CPU)
    with torch.no_grad():
        before = model.head(model.hidden(tensors))
        look_back(attention, config, shared, (1, 2))
        assert torch.equal(model.head(model.hidden(tensors)), before)


def test_it_draws_nothing_and_leaves_other_heads_and_values_alone():
    config = small("decoder", width=128, heads=4, head_width=32)
    models = [with_shared_direction(config) for _ in range(3)]
    for model, shared in models[:2]:
        look_back(model.decoder.layers[0].attention, config, shared, (1, 2))
    first, second, untouched = (model.state_dict() for model, _ in models)
    assert all(torch.equal(first[name], second[name]) for name in first)
    changed = {name for name in first if not torch.equal(first[name], untouched[name])}
    assert changed == {f"decoder.layers.0.attention.{part}.weight" for part in ("q", "k", "q_norm", "k_norm")}
    for part in ("q", "k"):
        name = f"decoder.layers.0.attention.{part}.weight"
        assert torch.equal(first[name][64:], untouched[name][64:])
