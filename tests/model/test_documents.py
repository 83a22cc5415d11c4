"""Attention within documents: the same numbers as with one mask over whole rows, wherever it applies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from small_models import CPU, TOPOLOGIES, batch, build, small
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

from hornbook.model import documents, layers
from hornbook.model.attention import Attention, additive, allowed, attend, crossing
from hornbook.model.documents import attend_within, block_mask, documents_of
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer

PACKED = np.array([[1] * 5 + [2] * 4 + [3] * 15, [1] * 2 + [2] * 9 + [3] + [4] * 8 + [0] * 4])
BEHIND = np.array([[1] * 3 + [2] * 3 + [3] * 4 + [0] * 6, [1] * 4 + [2] * 5 + [3] * 2 + [4] * 5])
VISIBLE = np.random.default_rng(1).random(PACKED.shape) < 0.3


@pytest.fixture
def always(monkeypatch):
    """Calls cost nothing, so that even the smallest rows are attended to by documents."""
    monkeypatch.setattr(documents, "_CALL", 0)


def step(model: Transformer, tensors: Tensors) -> tuple[torch.Tensor, dict[str, torch.Tensor], int]:
    """Return the logits, all gradients, and how often attention was computed by documents."""
    calls = []

    def counted(*arguments):
        calls.append(1)
        return attend_within(*arguments)

    for part in model.modules():
        if isinstance(part, Attention):
            part.within = counted
    model.zero_grad()
    model.loss(tensors).backward()
    times = len(calls)
    with torch.no_grad():
        logits = model.logits(tensors)
    return logits, {name: value.grad for name, value in model.named_parameters() if value.grad is not None}, times


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("changes", [{}, {"kv_heads": 2}, {"window": 3}, {"window": 3, "global_every": 2}])
@pytest.mark.parametrize("positions", ["rotary", "learned", "bucketed"])
@pytest.mark.parametrize("visible", [False, True])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_logits_and_gradients_are_those_of_one_mask(
    topology, visible, positions, changes, rows, kind, always, monkeypatch
):
    config = small(topology, positions=positions, **changes)
    behind = BEHIND if topology == "encoder-decoder" else None
    given = batch(config, segments=PACKED, visible=VISIBLE if visible else None, decoder_segments=behind)
    tensors = to_tensors(given.rows(2 - rows, 2), CPU)
    model = build(config).to(kind)
    logits, gradients, times = step(model, tensors)
    # A learned bias beside a visible prefix is the one case that keeps the mask.
    stacks = 3 if topology == "encoder-decoder" else 1
    assert times == config.layers * (stacks - (visible and positions == "bucketed"))
    monkeypatch.setattr(layers, "documents_of", lambda *_: None)
    expected, theirs, none = step(model, tensors)
    assert none == 0 and gradients.keys() == theirs.keys()
    real = torch.from_numpy((PACKED if behind is None else BEHIND)[2 - rows :] != 0)
    exact = 1e-12 if kind == torch.float64 else 1e-5
    assert (logits - expected)[real].abs().max() <= exact * expected[real].abs().max()
    for name, gradient in theirs.items():
        # A key's bias has no gradient but rounding: softmax takes away what it adds to all scores of a query.
        assert (gradients[name] - gradient).norm() <= exact * max(gradient.norm(), 1e-3), name


def test_in_bf16_documents_are_as_close_as_the_mask(always, monkeypatch):
    model = build(small("decoder"))
    tensors = to_tensors(batch(model.config, segments=PACKED), CPU)
    exact, *_ = step(model, tensors)
    real = torch.from_numpy(PACKED != 0)
    with torch.autocast("cpu", torch.bfloat16):
        found, _, times = step(model, tensors)
        monkeypatch.setattr(layers, "documents_of", lambda *_: None)
        masked, *_ = step(model, tensors)
    assert times == model.config.layers
    error = (found - exact)[real].norm()
    assert 0 < error <= 1.2 * (masked - exact)[real].norm()


def test_a_document_reads_nothing_of_its_neighbours(always):
    """Not even in the last bit: the numbers of other documents do not enter the calls of this one."""
    model = build(small("decoder"))
    tensors = to_tensors(batch(model.config, segments=PACKED), CPU)
    other = tensors.inputs.clone()
    other[0, 5:] = (other[0, 5:] + 1) % model.config.vocab_size
    with torch.no_grad():
        before = model.logits(tensors)
        after = model.logits(dataclasses.replace(tensors, inputs=other))
    assert torch.equal(before[0, :5], after[0, :5])
    assert not torch.equal(before[0, 5:9], after[0, 5:9])


def test_layers_computed_again_read_the_same_documents(always):
    config = small("encoder-decoder", positions="bucketed")
    tensors = to_tensors(batch(config, segments=PACKED, decoder_segments=BEHIND), CPU)
    model, again = build(config), build(config)
    again.recompute_layers()
    again.train()
    (_, gradients, _), (_, found, _) = step(model, tensors), step(again, tensors)
    assert all(torch.equal(found[name], gradient) for name, gradient in gradients.items())


def test_documents_are_told_by_their_runs(always):
    found = documents_of(torch.from_numpy(PACKED), torch.from_numpy(PACKED))
    assert found.queries == found.keys == [5, 4, 15, 2, 9, 1, 8, 4]
    assert found.pairs == list(range(8)) and found.rows == [0, 0, 0, 1, 1, 1, 1, 1]
    crossed = documents_of(torch.from_numpy(BEHIND), torch.from_numpy(PACKED))
    assert crossed.queries == [3, 3, 4, 6, 4, 5, 2, 5]
    assert crossed.pairs == [0, 1, 2, -1, 3, 4, 5, 6]  # the first row's padding has none to read


def test_where_a_document_is_in_pieces_or_has_nothing_to_read_the_mask_stays(always):
    pieces = torch.tensor([[1, 1, 2, 2, 1, 1]])
    assert documents_of(pieces, pieces) is None
    assert documents_of(torch.tensor([[1, 1, 2, 2]]), torch.tensor([[1, 1, 1, 0]])) is None
    padded_twice = torch.tensor([[0, 1, 2, 2, 0, 0]])
    assert documents_of(padded_twice, padded_twice) is not None


def test_documents_are_used_where_they_pay():
    short, one = torch.arange(4).repeat_interleave(128)[None], torch.ones(1, 512, dtype=torch.int64)
    assert documents_of(short, short) is not None
    assert documents_of(one, one) is None
    tokens = torch.arange(512)[None]  # documents of one token: as many calls
    assert documents_of(tokens, tokens) is None


@pytest.mark.parametrize("shared", [4, 2])
@pytest.mark.parametrize("window", [0, 3])
@pytest.mark.parametrize("causal, visible", [(True, None), (False, None), (True, VISIBLE), (False, VISIBLE)])
def test_blocks_hold_the_same_rule(causal, visible, window, shared):
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(2, 4, 24, 16, generator=generator)
    keys, values = (torch.randn(2, shared, 24, 16, generator=generator) for _ in range(2))
    segments, position = torch.from_numpy(PACKED), torch.arange(24)
    seen = None if visible is None else torch.from_numpy(visible)
    blocks = block_mask(segments, segments, seen, causal, window)
    mask = additive(allowed(segments, seen, causal, position, position, window), None, torch.float32)
    found = attend(queries, keys, values, blocks, False, 0.25)
    torch.testing.assert_close(found, attend(queries, keys, values, mask, False, 0.25), atol=1e-5, rtol=1e-5)


def test_blocks_between_documents_are_skipped():
    segments = torch.tensor([1, 2, 3, 4]).repeat_interleave(128)[None]
    blocks = block_mask(segments, segments, None, True, 0)
    assert blocks.shape == (1, 1, 512, 512)
    assert blocks.sparsity() == pytest.approx(75.0)  # percent: of 16 blocks of 128 x 128 the 4 on the diagonal are left


def test_blocks_of_other_documents_need_no_other_program():
    from torch._dynamo.testing import CompileCounter  # loads the compiler, which takes seconds

    counter = CompileCounter()
    ask = torch.compile(attend, backend=counter)
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = (torch.randn(1, 2, 256, 16, generator=generator) for _ in range(3))
    for lengths in ([100, 156], [256], [40, 60, 156]):
        segments = _rows([lengths], 0)
        mask = block_mask(segments, segments, None, True, 0)
        torch.testing.assert_close(
            ask(queries, keys, values, mask, False, 0.25), attend(queries, keys, values, mask, False, 0.25)
        )
    assert counter.frame_count == 1


def _rows(lengths: list[list[int]], padding: int) -> torch.Tensor:
    """Return the segments of rows of documents of these lengths, each row with so much padding."""
    rows = [[number for number, size in enumerate(row, 1) for _ in range(size)] + [0] * padding for row in lengths]
    return torch.tensor(rows)


@pytest.mark.parametrize("window", [0, 70, 200])
@pytest.mark.parametrize("causal, shown", [(True, False), (False, False), (True, True), (False, True)])
@pytest.mark.parametrize("padding", [0, 37, 131])
def test_blocks_are_those_of_the_rule_asked_everywhere(causal, shown, window, padding):
    segments = _rows([[384, 100, 156], [40, 300, 300], [640]], padding)
    visible = torch.rand(segments.shape, generator=torch.Generator().manual_seed(0)) < 0.5 if shown else None
    if visible is not None:
        visible[1, 128:384] = True
    blocks = block_mask(segments, segments, visible, causal, window)
    rows, length = segments.shape
    asked = create_block_mask(blocks.mask_mod, rows, None, length, length, device="cpu")
    whole, all_whole = (_full(found) for found in (blocks, asked))
    dense, all_dense = (found.to_dense().bool() for found in (blocks, asked))
    if visible is None:
        assert torch.equal(dense, all_dense) and torch.equal(whole, all_whole)
    assert not (all_dense & ~dense).any() and not (whole & ~all_whole).any()  # none is missing, none said to be whole


def test_segments_that_do_not_ascend_miss_no_block():
    segments = _rows([[200, 184]], 0)[:, torch.cat([torch.arange(200, 384), torch.arange(200)])]
    segments = torch.cat([segments, segments.flip(1)])
    blocks = block_mask(segments, segments, None, False, 0)
    asked = create_block_mask(blocks.mask_mod, 2, None, 384, 384, device="cpu")
    assert not (asked.to_dense().bool() & ~blocks.to_dense().bool()).any()
    assert not (_full(blocks) & ~_full(asked)).any()


def _full(blocks: BlockMask) -> torch.Tensor:
    """Return bool[B, 1, Q, S], True where a block is read without asking the rule."""
    numbers, order = blocks.full_kv_num_blocks, blocks.full_kv_indices
    found = torch.zeros(order.shape, dtype=torch.bool)
    return found.scatter(-1, order.long(), torch.arange(order.shape[-1]) < numbers[..., None])


def test_blocks_cross_from_one_stack_to_the_other():
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = (torch.randn(2, 4, size, 16, generator=generator) for size in (16, 24, 24))
    behind, segments = torch.from_numpy(BEHIND), torch.from_numpy(PACKED)
    found = attend(queries, keys, values, block_mask(behind, segments, None, False, 0), False, 0.25)
    expected = attend(queries, keys, values, additive(crossing(behind, segments), None, torch.float32), False, 0.25)
    real = torch.from_numpy(BEHIND != 0)
    torch.testing.assert_close(found.transpose(1, 2)[real], expected.transpose(1, 2)[real], atol=1e-5, rtol=1e-5)
