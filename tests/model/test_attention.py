from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from hornbook.model import attention
from hornbook.model.attention import attend, document_positions, relative_buckets, shares_keys


def heads(rows=2, heads=4, shared=4, queries=9, keys=9, width=8, kind=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shapes = ((rows, heads, queries, width), (rows, shared, keys, width), (rows, shared, keys, width))
    return [torch.randn(shape, generator=generator).to(kind) for shape in shapes]


@pytest.mark.parametrize("shared", [4, 2, 1])
@pytest.mark.parametrize("masked", [False, True])
def test_plain_products_and_the_fused_kernel_agree(shared, masked):
    queries, keys, values = heads(shared=shared)
    mask = torch.where(torch.ones(9, 9).tril() > 0, 0.0, torch.finfo(torch.float32).min)[None, None] if masked else None
    fused = attend(queries, keys, values, mask, False, 0.3)
    learned = torch.zeros(1, 4, 9, 9, requires_grad=True) if mask is None else mask.clone().requires_grad_()
    torch.testing.assert_close(attend(queries, keys, values, learned, False, 0.3), fused, atol=1e-6, rtol=1e-5)
    low = attend(
        *(x.bfloat16() for x in (queries, keys, values)), None if mask is None else mask.bfloat16(), False, 0.3
    )
    torch.testing.assert_close(low.float(), fused, atol=0.03, rtol=0.03)


def test_a_row_of_keys_that_are_all_forbidden_gives_numbers():
    queries, keys, values = heads()
    for kind in (torch.float32, torch.bfloat16):
        mask = torch.full((1, 1, 9, 9), torch.finfo(kind).min, dtype=kind)
        assert attend(queries.to(kind), keys.to(kind), values.to(kind), mask, False, 1.0).isfinite().all()


def test_buckets_are_those_of_t5():
    t5 = pytest.importorskip("transformers.models.t5.modeling_t5").T5Attention
    distance = torch.arange(-400, 401)
    for causal in (True, False):
        for buckets, farthest in ((32, 128), (8, 20), (16, 1000)):
            expected = t5._relative_position_bucket(distance, not causal, buckets, farthest)
            assert torch.equal(relative_buckets(distance, buckets, farthest, causal), expected)


def test_positions_restart_at_each_document_and_at_the_padding():
    segments = torch.tensor([[1, 1, 1, 2, 2, 0, 0], [1, 2, 3, 3, 3, 3, 3], [4, 4, 4, 4, 4, 4, 4]])
    assert document_positions(segments).tolist() == [
        [0, 1, 2, 0, 1, 0, 1],
        [0, 0, 0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4, 5, 6],
    ]


def test_the_fused_kernel_is_used_where_it_is_the_faster(monkeypatch):
    calls = []
    kernel = F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda *a, **k: calls.append(a[0].dtype) or kernel(*a, **k))
    attend(*heads(kind=torch.bfloat16), None, False, 1.0)
    assert calls == []
    attend(*heads(), None, True, 1.0)
    attend(*heads(keys=1025, kind=torch.bfloat16), None, False, 1.0)
    assert calls == [torch.float32, torch.bfloat16]
    low = torch.randn(3, 1, 2, 385, 8, generator=torch.Generator().manual_seed(2)).bfloat16()
    for length, by_kernel in ((384, False), (385, True)):
        q, k, v = low[..., :length, :]
        calls.clear()
        found = attend(q, k, v, None, True, 0.3)
        assert bool(calls) == by_kernel
        expected = kernel(q.float(), k.float(), v.float(), is_causal=True, scale=0.3)
        torch.testing.assert_close(found.float(), expected, atol=0.03, rtol=0.03)


def test_shared_keys_are_repeated_where_no_fused_kernel_reads_them(monkeypatch):
    cuda, low = torch.device("cuda"), torch.bfloat16
    assert shares_keys(low, cuda, 64, masked=False) and shares_keys(torch.float16, cuda, 256, masked=False)
    slow = [(low, 64, True), (torch.float32, 64, False), (low, 320, False)]
    assert not any(shares_keys(kind, cuda, width, masked) for kind, width, masked in slow)
    assert all(shares_keys(kind, torch.device("cpu"), width, masked) for kind, width, masked in slow)
    queries, keys, values = heads(shared=2)
    mask = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(1))
    shared = attend(queries, keys, values, mask, False, 0.3)
    monkeypatch.setattr(attention, "shares_keys", lambda *_: False)
    torch.testing.assert_close(attend(queries, keys, values, mask, False, 0.3), shared, atol=1e-6, rtol=1e-5)
