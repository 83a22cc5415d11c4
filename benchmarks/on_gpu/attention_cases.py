"""Cases of `benchmarks/gpu.py`: attention on the device beside plain products in fp64 on the CPU, and its kernels.

Shapes: B rows, T queries, S keys, H query heads, G key-value heads, K head width.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hornbook.model.attention import additive, allowed, attend, crossing
from hornbook.model.documents import block_mask
from hornbook.train.machine import synchronise

Found = tuple[bool, dict[str, Any]]
ROWS, LENGTH, HEADS, SHARED, WIDTH = 2, 300, 4, 2, 32
BOUNDS = {torch.float32: 2e-5, torch.bfloat16: 3e-2}  # of the largest number of the reference
BACKENDS = {-1: "none", 0: "plain products", 1: "flash", 2: "memory-efficient", 3: "cuDNN", 4: "overrideable"}


def full_precision(device: torch.device, toy: bool) -> Found:
    """fp32 products are fp32, not TF32, whose relative error is about 1e-3."""
    size = 64 if toy else 1024
    a, b = (torch.randn(size, size, generator=torch.Generator().manual_seed(n)) for n in range(2))
    exact = a.double() @ b.double()
    error = float(((a.to(device) @ b.to(device)).cpu().double() - exact).norm() / exact.norm())
    return error < 1e-5, {"relative_error": error}


def fused_kernels(device: torch.device, toy: bool) -> Found:
    """Every form of attention that training asks for gets a fused kernel: none falls to plain products on CUDA."""
    length, width = (64, 16) if toy else (1024, 64)
    found, passed = {}, True
    for kind in (torch.bfloat16, torch.float32):
        for shared in (4, 2):
            for form in ("all", "causal", "mask"):
                given = _heads(length, length, shared, kind, device, 1, width)
                mask = torch.zeros(1, 1, length, length, dtype=kind, device=device) if form == "mask" else None
                with _asked() as seen:
                    attend(*given, mask, form == "causal", 0.125)
                name = f"{str(kind).removeprefix('torch.')}, {shared} of 4 key heads, {form}"
                found[name] = ", ".join(seen) or "plain products of ours"
                passed &= device.type != "cuda" or "plain products" not in found[name]
    return passed, {"kernels": found, "as_they_are": _as_they_are(device, length, width)}


def _as_they_are(device: torch.device, length: int, width: int) -> dict[str, Any]:
    """Return which kernel shared keys would get behind a mask, unrepeated, and the seconds of both ways."""
    queries, keys, values = _heads(length, length, 2, torch.bfloat16, device, 4, width)
    mask = torch.zeros(1, 1, length, length, dtype=torch.bfloat16, device=device)
    found: dict[str, Any] = {}
    for name, shares in (("shared", True), ("repeated", False)):
        k, v = (keys, values) if shares else (x.repeat_interleave(2, 1) for x in (keys, values))
        chosen = torch._fused_sdp_choice(queries, k, v, mask, 0.0, False, scale=0.125, enable_gqa=shares)
        times = []
        for _ in range(3):
            synchronise(device)
            start = time.perf_counter()
            k, v = (keys, values) if shares else (x.repeat_interleave(2, 1) for x in (keys, values))
            out = F.scaled_dot_product_attention(queries, k, v, attn_mask=mask, scale=0.125, enable_gqa=shares)
            out.sum().backward()  # type: ignore[no-untyped-call]
            synchronise(device)
            times.append(time.perf_counter() - start)
        found[name] = {"kernel": BACKENDS.get(chosen, str(chosen)), "seconds": min(times)}
    return found


@contextmanager
def _asked() -> Iterator[list[str]]:
    """Record which kernel each call of the library's attention gets."""
    kernel, seen = F.scaled_dot_product_attention, list[str]()

    def told(q: Tensor, k: Tensor, v: Tensor, **more: Any) -> Tensor:
        mask, causal = more.get("attn_mask"), more.get("is_causal", False)
        again = {"scale": more.get("scale"), "enable_gqa": more.get("enable_gqa", False)}
        seen.append(BACKENDS.get(torch._fused_sdp_choice(q, k, v, mask, 0.0, causal, **again), "another"))
        return kernel(q, k, v, **more)

    F.scaled_dot_product_attention = told
    try:
        yield seen
    finally:
        F.scaled_dot_product_attention = kernel


def masks(device: torch.device, toy: bool) -> Found:
    """Additive masks of the rule: outputs and gradients, heads shared or not, causal, prefixes, windows, a bias."""
    segments, visible, places = *_packed(), torch.arange(LENGTH)
    found = {}
    for name, causal, seen, window in _rules(visible, toy):
        permitted = allowed(segments, seen, causal, places, places, window)
        for shared in (SHARED,) if toy else (HEADS, SHARED):
            for kind in BOUNDS:
                mask = additive(permitted, None, kind)
                here = None if mask is None else mask.to(device)
                found[f"{name}, {shared} key heads, {_short(kind)}"] = _error(
                    shared, kind, device, permitted, lambda q, k, v, mask=here: attend(q, k, v, mask, False, 0.2)
                )
    return _judged(found)


def blocks(device: torch.device, toy: bool) -> Found:
    """flex_attention over blocks of the same rule, compiled on CUDA; on a CPU it computes forward alone."""
    segments, visible, places = *_packed(), torch.arange(LENGTH)
    ask = torch.compile(attend) if device.type == "cuda" else attend
    found = {}
    for name, causal, seen, window in _rules(visible, toy):
        permitted = allowed(segments, seen, causal, places, places, window)
        on_device = None if seen is None else seen.to(device)
        mask = block_mask(segments.to(device), segments.to(device), on_device, causal, window)
        for shared in (SHARED,) if toy else (HEADS, SHARED):
            for kind in BOUNDS if device.type == "cuda" else [torch.float32]:
                found[f"{name}, {shared} key heads, {_short(kind)}"] = _error(
                    shared, kind, device, permitted, lambda q, k, v, mask=mask: ask(q, k, v, mask, False, 0.2),
                    backward=device.type == "cuda",
                )  # fmt: skip
    behind = segments[:, :200]
    mask = block_mask(behind.to(device), segments.to(device), None, False, 0)
    found["from one stack to the other"] = _error(
        HEADS, torch.float32, device, crossing(behind, segments), lambda q, k, v: ask(q, k, v, mask, False, 0.2),
        backward=device.type == "cuda", queries=200,
    )  # fmt: skip
    return _judged(found)


def ways(device: torch.device, toy: bool) -> Found:
    """Seconds of attention, forward and backward, by each way there is: which of them training should choose where."""
    rows, length, cuda = (1, 128, False) if toy else (48, 1024, device.type == "cuda")
    kind, places = torch.bfloat16 if cuda else torch.float32, torch.arange(length, device=device)
    one = torch.ones(rows, length, dtype=torch.int64, device=device)
    packed = (places // 600 + 1).expand(rows, -1).contiguous()
    ask = torch.compile(attend) if cuda else attend
    bias = torch.zeros(1, HEADS, length, length, device=device, requires_grad=True)

    all_before, near = (additive(allowed(None, None, True, places, places, window), None, kind) for window in (0, 128))
    forms: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
        "causal, by the kernel": lambda q, k, v: attend(q, k, v, None, True, 0.125),
        "causal, one mask": lambda q, k, v: attend(q, k, v, all_before, False, 0.125),
        "window of 128, one mask": lambda q, k, v: attend(q, k, v, near, False, 0.125),
        "a bias that learns": lambda q, k, v: attend(q, k, v, bias.to(kind), False, 0.125),
    }
    blockwise = (("causal", one, 0), ("window of 128", one, 128), ("documents of 600", packed, 0))
    for name, segments, window in blockwise[:1] if toy else blockwise:
        blocked = block_mask(segments, segments, None, True, window)
        forms[f"{name}, blocks"] = lambda q, k, v, mask=blocked: ask(q, k, v, mask, False, 0.125)
    found = {}
    for name, way in forms.items():
        given = _heads(length, length, HEADS, kind, device, rows, 64)
        given = given if cuda else (given[0].detach(), given[1].detach(), given[2].detach())  # blocks: forward alone
        slope = torch.ones_like(given[0])
        times = []
        for _ in range(1 if toy else 8):
            synchronise(device)
            start = time.perf_counter()
            out = way(*given)
            if out.requires_grad:
                out.backward(slope)  # type: ignore[no-untyped-call]
            synchronise(device)
            times.append(time.perf_counter() - start)
        found[name] = min(times)
    return True, {"way_seconds": found}


def _rules(visible: Tensor, toy: bool) -> list[tuple[str, bool, Tensor | None, int]]:
    """Return forms of the rule: a name, whether it is causal, what is visible to all, the window; two in a toy size."""
    forms = [
        ("causal", True, None, 0), ("all", False, None, 0), ("prefix", True, visible, 0), ("window", False, None, 70),
        ("causal window", True, None, 70),
    ]  # fmt: skip
    return forms[2:4] if toy else forms


def _packed() -> tuple[Tensor, Tensor]:
    """Return segments int64[B, T] with padding at an end, and a visible beginning of each row, bool[B, T]."""
    sizes = ((100, 28, 172), (10, 240, 0))
    rows = [[number for number, size in enumerate(row, 1) for _ in range(size)] for row in sizes]
    segments = torch.tensor([row + [0] * (LENGTH - len(row)) for row in rows])
    return segments, (torch.arange(LENGTH) % 100 < 30).expand(ROWS, -1).contiguous()


def _heads(
    queries: int, keys: int, shared: int, kind: torch.dtype, device: torch.device, rows: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    shapes = ((rows, HEADS, queries, width), (rows, shared, keys, width), (rows, shared, keys, width))
    q, k, v = (torch.randn(shape, generator=draw).to(device, kind).requires_grad_() for shape in shapes)
    return q, k, v


def _error(
    shared: int, kind: torch.dtype, device: torch.device, permitted: Tensor, way: Callable[..., Tensor],
    backward: bool = True, queries: int = LENGTH,
) -> float:  # fmt: skip
    """Return the largest error of output and gradients, over the bound of their type: at most 1 is right."""
    given = _heads(queries, LENGTH, shared, kind, device, ROWS, WIDTH)
    exact = [x.detach().cpu().double().requires_grad_() for x in given]
    k, v = (x.repeat_interleave(HEADS // shared, 1) for x in exact[1:])
    scores = (exact[0] @ k.mT * 0.2).masked_fill(~permitted, -torch.inf)
    expected = torch.softmax(scores, -1).nan_to_num() @ v
    real = permitted.any(-1)[..., None].double()  # what sees nothing reads anything
    slope = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * real
    result = way(*(x if backward else x.detach() for x in given))
    pairs = [(result.detach().cpu().double() * real, expected.detach() * real)]
    if backward:
        result.backward(slope.to(device, kind))  # type: ignore[no-untyped-call]
        expected.backward(slope)
        pairs += [(mine.grad.cpu().double(), theirs.grad) for mine, theirs in zip(given, exact, strict=True)]
    return max(float((mine - theirs).abs().max() / theirs.abs().max()) for mine, theirs in pairs) / BOUNDS[kind]


def _judged(found: dict[str, float]) -> Found:
    worst = max(found, key=lambda name: found[name])
    return found[worst] <= 1.0, {"worst": worst, "times_the_bound": found[worst], "cases": len(found)}


def _short(kind: torch.dtype) -> str:
    return {torch.float32: "fp32", torch.bfloat16: "bf16"}[kind]


CASES = (full_precision, fused_kernels, masks, blocks, ways)
