"""What the device of `benchmarks/gpu.py` can do: matrix products, copies, launches."""

from __future__ import annotations

import time
from typing import Any

import torch
from on_gpu import shapes
from on_gpu.ours import Emit

from hornbook.model.loss import linear_cross_entropy
from hornbook.train.machine import best_seconds, find_device, matmul_flops, memory_total, synchronise


def measure(toy: bool, emit: Emit) -> None:
    """Measure the rates of the device."""
    device = find_device()
    cuda = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if cuda else "CPU"
    found: dict[str, Any] = {"name": name, "memory_bytes": memory_total(device), "versions": shapes.names_of_versions()}
    if cuda:
        found["capability"] = ".".join(map(str, torch.cuda.get_device_capability(device)))
    emit(found | {"peak_flops": shapes.peak_of(name)})
    size = 256 if toy else 0
    emit(
        {
            "bf16_flops": matmul_flops(device, torch.bfloat16, size),
            "fp32_flops": matmul_flops(device, torch.float32, size),
        }
    )
    cells = 1 << (20 if toy else 28)
    source = torch.empty(cells, device=device)
    target = torch.empty_like(source)
    emit(
        {"copied_bytes_per_second": 8 * cells / best_seconds(lambda: target.copy_(source), device, 0.1)}
    )  # read, written
    if cuda:
        pinned = torch.empty(cells, pin_memory=True)
        taken = best_seconds(lambda: source.copy_(pinned, non_blocking=True), device, 0.1)
        emit({"from_pinned_bytes_per_second": 4 * cells / taken})
    small, start = torch.zeros(1, device=device), time.perf_counter()
    for _ in range(1000):
        small.add_(1.0)
    synchronise(device)
    emit({"launch_seconds": (time.perf_counter() - start) / 1000})
    emit({"head_seconds": {f"{size:,}": head(device, toy, size) for size in (50_257, 50_304)}})


def head(device: torch.device, toy: bool, vocabulary: int) -> float:
    """Return the seconds of the output head and the loss of 16,384 positions with a vocabulary, gradients included."""
    rows, width = (16, 32) if toy else (16_384, 768)
    hidden, weight = (torch.zeros(size, width, device=device, requires_grad=True) for size in (rows, vocabulary))
    targets, weights = torch.zeros(rows, dtype=torch.int64, device=device), torch.ones(rows, device=device)

    def work() -> None:
        linear_cross_entropy(hidden, weight, None, targets, weights, torch.bfloat16)

    work()
    return best_seconds(work, device, 0.2)
