from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import CPU, TOPOLOGIES, batch, build, small

from hornbook.batch import allowed
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer

PACKED = np.array([[1] * 12, [1] * 5 + [2] * 4 + [0] * 3, [1] * 2 + [2] * 3 + [3] * 7])


@st.composite
def configs(draw) -> ModelConfig:
    """Any config of any topology, as small as can be."""
    heads = draw(st.sampled_from([2, 4]))
    topology, transform = draw(st.sampled_from(TOPOLOGIES)), draw(st.booleans())
    return ModelConfig(
        topology=topology,
        vocab_size=23,
        max_length=16,
        width=16,
        layers=draw(st.integers(1, 2)),
        decoder_layers=draw(st.integers(0, 2)),
        heads=heads,
        embedding_width=draw(st.sampled_from([0, 10])) if transform else 0,
        shared_layers=topology == "encoder" and draw(st.booleans()),
        kv_heads=draw(st.sampled_from([0, 1, 2])),
        head_width=draw(st.sampled_from([0, 6])),
        mlp_width=draw(st.sampled_from([0, 24])),
        norm=draw(st.sampled_from(["rms", "layer"])),
        norm_place=draw(st.sampled_from(["pre", "post"])),
        positions=draw(st.sampled_from(["rotary", "learned", "bucketed", "none"])),
        position_offset=draw(st.sampled_from([0, 2])),
        split_embedding=draw(st.booleans()),
        window=draw(st.sampled_from([0, 2])),
        global_every=draw(st.sampled_from([0, 2])),
        buckets=8,
        bucket_distance=10,
        gated=draw(st.booleans()),
        activation=draw(st.sampled_from(["silu", "gelu", "gelu_tanh", "relu"])),
        biases=draw(st.booleans()),
        qkv_biases=draw(st.booleans()),
        qk_norm=draw(st.booleans()),
        attention_scale=draw(st.sampled_from(["head", "none"])),
        tied=draw(st.booleans()),
        output_scale=draw(st.sampled_from(["none", "width"])),
        embedding_norm=draw(st.booleans()),
        first_norm=draw(st.booleans()),
        final_norm=draw(st.booleans()),
        head_transform=transform,
        head_bias=draw(st.booleans()),
        token_types=draw(st.sampled_from([0, 2])),
        dropout=draw(st.sampled_from([0.0, 0.1])),
    )


@settings(deadline=None, max_examples=60)
@given(configs(), st.booleans(), st.integers(0, 36), st.booleans(), st.integers(0, 99))
def test_positions_picked_are_those_of_the_whole_and_so_are_their_gradients(config, packed, count, recompute, seed):
    config = dataclasses.replace(config, dropout=0.0)
    segments = PACKED if packed else None
    tensors = to_tensors(batch(config, segments=segments, decoder_segments=segments), CPU)
    picked = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(36)[:count]))
    model = build(config).double().train()
    if recompute:
        model.recompute_layers()
    found = []
    for alone in (False, True):
        model.zero_grad()
        said = model.hidden(tensors, picked) if alone else model.hidden(tensors).flatten(0, 1)[picked]
        (said * torch.arange(said.numel()).reshape(said.shape)).sum().backward()
        zeros = [torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters()]
        found.append([said.detach(), *(zero.clone() for zero in zeros)])
    for whole, few in zip(*found, strict=True):
        torch.testing.assert_close(few, whole, rtol=1e-9, atol=1e-9 * max(1.0, float(whole.abs().sum())))


@settings(deadline=None, max_examples=60)
@given(configs(), st.booleans())
def test_every_config_gives_a_finite_loss_and_a_gradient_to_every_parameter(config, packed):
    segments = PACKED if packed else None
    tensors = to_tensors(batch(config, segments=segments, decoder_segments=segments), CPU)
    model = Transformer(config)
    with torch.no_grad():  # some maps begin at 0, which hides what is before them for a step
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    loss = model.loss(tensors)
    assert loss.isfinite() and loss.dtype == torch.float32 and loss.shape == ()
    assert loss.item() / tensors.weights.sum().item() < 3 * np.log(config.vocab_size)
    loss.backward()
    # The keys' bias adds the same number to all scores of a query, which softmax takes away again.
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert {name for name in without if not name.endswith(".k.bias")} == set()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@settings(deadline=None, max_examples=30)
@given(configs())
def test_loss_and_nats_are_the_cross_entropy_of_the_logits(config):
    model = build(config)
    tensors = to_tensors(batch(config, segments=PACKED, decoder_segments=PACKED), CPU)
    nats = F.cross_entropy(model.logits(tensors).flatten(0, 1), tensors.targets.flatten(), reduction="none")
    torch.testing.assert_close(model.nats(tensors), nats[tensors.scored], atol=2e-5, rtol=1e-5)
    expected = (nats * tensors.weights.flatten()).sum()
    assert model.loss(tensors).item() == pytest.approx(expected.item(), rel=1e-5)
    with torch.no_grad():
        assert model.loss(tensors).item() == pytest.approx(expected.item(), rel=1e-5)


def changed_outputs(model, given, side, row, position):
    """Return which outputs [T] of a row change when one token of one side does."""
    tokens = getattr(given, side).copy()
    tokens[row, position] = (tokens[row, position] + 1) % model.config.vocab_size
    with torch.no_grad():
        before = model.logits(to_tensors(given, CPU))
        after = model.logits(to_tensors(dataclasses.replace(given, **{side: tokens}), CPU))
    others = [number for number in range(len(before)) if number != row]
    assert torch.equal(before[others], after[others])
    return ((before - after).abs().amax(-1) > 1e-6)[row].numpy()


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["decoder", "encoder"]), st.integers(0, 2), st.integers(0, 11), st.booleans(), st.integers(0, 99)
)
def test_one_layer_sees_what_the_mask_rule_allows_and_nothing_else(topology, row, key, some_visible, seed):
    config = small(topology, layers=1)
    visible = np.random.default_rng(seed).random(PACKED.shape) < 0.3 if some_visible else None
    rows = batch(config, segments=PACKED, visible=visible)
    changed = changed_outputs(build(config), rows, "inputs", row, key)
    expected = allowed(PACKED, visible, PACKED.shape[1], topology)[row, :, key]
    real = PACKED[row] != 0
    np.testing.assert_array_equal(changed[real], expected[real])


@pytest.mark.parametrize("row, key", [(0, 4), (1, 2), (1, 6), (1, 10), (2, 1), (2, 8)])
def test_a_target_sees_only_the_inputs_of_its_own_document(row, key):
    config = small("encoder-decoder", layers=1)
    behind = np.array([[1] * 8, [1] * 2 + [2] * 5 + [0], [1] * 3 + [2] + [3] * 4])
    rows = batch(config, segments=PACKED, decoder_segments=behind)
    model = build(config)
    real = behind[row] != 0
    changed = changed_outputs(model, rows, "inputs", row, key)
    np.testing.assert_array_equal(changed[real], (behind[row] == PACKED[row, key])[real])
    changed = changed_outputs(model, rows, "decoder_inputs", row, 3)
    expected = allowed(behind, None, 8, "decoder")[row, :, 3]
    np.testing.assert_array_equal(changed[real], expected[real])


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("positions", ["rotary", "learned", "bucketed"])
def test_a_packed_document_is_the_same_as_alone(topology, positions):
    config = small(topology, positions=positions)
    model = build(config)
    packed = batch(config, segments=PACKED, decoder_segments=PACKED)
    alone = {"segments": None, "decoder_segments": None}
    with torch.no_grad():
        together = model.logits(to_tensors(packed, CPU))
        for row, begin, end in ((1, 0, 5), (1, 5, 9), (2, 2, 5), (2, 5, 12)):
            cut = {
                name: getattr(packed, name)[row : row + 1, begin:end]
                for name in ("inputs", "targets", "weights", "decoder_inputs")
                if getattr(packed, name) is not None
            }
            single = model.logits(to_tensors(dataclasses.replace(packed, **cut, **alone), CPU))
            torch.testing.assert_close(together[row, begin:end], single[0], atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_without_segments_a_row_is_one_document(topology):
    config = small(topology)
    model = build(config)
    ones = np.ones((3, 12), np.int64)
    plain = to_tensors(batch(config), CPU)
    spelled = dataclasses.replace(plain, segments=torch.from_numpy(ones), decoder_segments=torch.from_numpy(ones))
    if topology != "encoder-decoder":
        spelled = dataclasses.replace(spelled, decoder_segments=None)
    torch.testing.assert_close(model.logits(plain), model.logits(spelled), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("packed", [False, True])
def test_under_autocast_the_loss_is_nearly_the_same(topology, packed):
    config = small(topology)
    model = Transformer(config)
    with torch.no_grad():  # some maps begin at 0, which hides what is before them
        for name, parameter in model.named_parameters():
            if name.endswith(("o.weight", "down.weight")):
                parameter.normal_(0.0, 0.05, generator=torch.Generator().manual_seed(len(name)))
    segments = PACKED if packed else None
    tensors = to_tensors(batch(config, segments=segments, decoder_segments=segments), CPU)
    exact = model.loss(tensors)
    expected = torch.autograd.grad(exact, list(model.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        low = model.loss(tensors)
        nats = model.nats(tensors)
    assert low.dtype == nats.dtype == torch.float32
    assert low.item() == pytest.approx(exact.item(), rel=5e-3)
    low.backward()
    for (name, parameter), gradient in zip(model.named_parameters(), expected, strict=True):
        assert parameter.grad.dtype == torch.float32
        assert F.cosine_similarity(parameter.grad.flatten(), gradient.flatten(), 0) > 0.98, name


def test_initial_values_depend_on_the_seed_alone():
    config = small("encoder-decoder", biases=True, norm="layer")
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, second = Transformer(config), Transformer(config)
    assert torch.equal(torch.get_rng_state(), state)
    first.initialise(5)
    torch.manual_seed(2)
    second.initialise(5)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    second.initialise(6)
    matrices = [(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True) if a.ndim == 2]
    assert matrices and not any(torch.equal(a, b) for a, b in matrices)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_first_loss_is_near_that_of_a_uniform_guess(topology):
    config = small(topology, vocab_size=500, width=64, layers=4)
    tensors = to_tensors(batch(config, shape=(8, 32)), CPU)
    nats = Transformer(config).loss(tensors).item() / tensors.weights.sum().item()
    assert np.log(500) - 0.2 < nats < np.log(500) + 1.0


def test_dropout_acts_in_training_only():
    config = small("decoder", dropout=0.5)
    tensors = to_tensors(batch(config), CPU)
    model = Transformer(config)
    assert not torch.equal(model.logits(tensors), model.logits(tensors))
    model.eval()
    assert torch.equal(model.logits(tensors), model.logits(tensors))


def test_types_are_zero_where_none_are_given():
    config = small("encoder", token_types=2)
    model = build(config)
    tensors = to_tensors(batch(config), CPU)
    zero = dataclasses.replace(tensors, types=torch.zeros_like(tensors.inputs))
    assert torch.equal(model.logits(dataclasses.replace(tensors, types=None)), model.logits(zero))
    assert not torch.equal(model.logits(tensors), model.logits(zero))


def test_parameters_bear_the_names_that_families_rely_on():
    names = set(dict(Transformer(small("encoder-decoder", layers=1, tied=False)).named_parameters()))
    attention = {f"{place}.{part}.weight" for place in ("attention", "cross") for part in "qkvo"}
    layer = {"attention_norm.weight", "mlp_norm.weight", *(f"mlp.{part}.weight" for part in ("gate", "up", "down"))}
    encoder = {f"encoder.layers.0.{name}" for name in layer | {n for n in attention if n.startswith("attention")}}
    decoder = {f"decoder.layers.0.{name}" for name in layer | attention | {"cross_norm.weight"}}
    ends = {f"{stack}.{part}.weight" for stack in ("encoder", "decoder") for part in ("norm", "relative")}
    assert names == encoder | decoder | ends | {"embed.tokens.weight", "head.output.weight"}
    bert = small("encoder", layers=1, biases=True, positions="learned", token_types=2, embedding_norm=True)
    names = set(dict(Transformer(bert).named_parameters()))
    assert {"embed.positions.weight", "embed.types.weight", "embed.norm.bias", "head.dense.bias", "head.bias"} <= names
    assert "encoder.layers.0.attention_norm.weight" not in names and "head.norm.weight" in names


def test_a_config_without_a_size_and_a_row_too_long_are_refused():
    with pytest.raises(UserError, match=r"model\.width"):
        Transformer(small("decoder", width=0, heads=0, head_width=8))
    config = small("decoder", max_length=8)
    with pytest.raises(UserError, match="12 tokens is longer than the model's 8"):
        Transformer(config).loss(to_tensors(batch(config), CPU))


@pytest.mark.parametrize(
    ("topology", "changes", "words"),
    [
        ("decoder", {"embedding_width": 16}, r"needs model\.head_transform"),
        ("encoder", {"embedding_width": -1}, "must be a whole number of at least 0"),
        ("decoder", {"shared_layers": True}, "only in encoders"),
        ("encoder", {"rtd_head": True}, r"set model\.head_transform=false"),
    ],
)
def test_options_that_do_not_go_together_are_refused(topology, changes, words):
    with pytest.raises(UserError, match=words):
        small(topology, **changes)


def test_a_shared_layer_is_the_same_layer_each_time():
    shared = build(small("encoder", shared_layers=True, layers=3))
    apart = Transformer(small("encoder", layers=3, first_norm=True)).eval()
    state = shared.state_dict()
    assert {name.split(".")[2] for name in state if name.startswith("encoder.layers.")} == {"0"}
    copies = {
        name.replace("layers.0.", f"layers.{number}."): value for name, value in state.items() for number in range(3)
    }
    apart.load_state_dict(copies)
    tensors = to_tensors(batch(shared.config, segments=PACKED), CPU)
    assert torch.equal(shared.logits(tensors), apart.logits(tensors))


@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_compiled_layers_compute_the_same(topology):
    config = small(topology)
    model = Transformer(config)
    compiled = Transformer(config)
    compiled.compile_layers()
    for segments, low in ((None, False), (PACKED, True)):
        tensors = to_tensors(batch(config, segments=segments, decoder_segments=segments), CPU)
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            losses = [m.loss(tensors) for m in (model, compiled)]
        assert losses[0].item() == pytest.approx(losses[1].item(), rel=5e-3 if low else 1e-5)
        pairs = zip(losses, (model, compiled), strict=True)
        gradients = [torch.autograd.grad(x, list(m.parameters())) for x, m in pairs]
        for plain, fast in zip(*gradients, strict=True):
            assert (plain - fast).norm() <= (0.1 if low else 1e-4) * plain.norm()
