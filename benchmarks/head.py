"""The output head and its loss: chunk by chunk as Hornbook has it, and torch's cross-entropy over all logits.

    python benchmarks/head.py               two vocabularies, about a minute; writes its result
    python benchmarks/head.py --threads 2   on more threads: still processor time, of all of them; prints alone

Each is the forward and the backward pass of 1,024 positions of width 384 in fp32, in turn with the other, in processor
time; compare the ratio. Memory is the most that a process of its own grew by.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import torch
import torch.nn.functional as F
from torch import Tensor

from hornbook.model.loss import linear_cross_entropy
from hornbook.train.machine import environment, find_device, keep_memory_blocks

RESULT = Path(__file__).parent / "results" / "head.json"
POSITIONS, WIDTH, ROUNDS = 1024, 384, 7
VOCABULARIES = (8192, 32_768)
KINDS = ("all logits", "hornbook")


def work(kind: str, vocabulary: int) -> Callable[[], None]:
    """Return what computes the loss and its gradients once."""
    torch.manual_seed(0)
    hidden = torch.randn(POSITIONS, WIDTH, requires_grad=True)
    weight = (0.02 * torch.randn(vocabulary, WIDTH)).requires_grad_()
    targets, weights = torch.randint(vocabulary, (POSITIONS,)), torch.ones(POSITIONS)

    def loss() -> Tensor:
        if kind == "hornbook":
            return linear_cross_entropy(hidden, weight, None, targets, weights, torch.float32)
        return F.cross_entropy(F.linear(hidden, weight), targets, reduction="sum")

    def once() -> None:
        hidden.grad = weight.grad = None
        loss().backward()  # type: ignore[no-untyped-call]

    return once


def growth(kind: str, vocabulary: int) -> int:
    """Return the bytes by which this process grows at most."""
    once, before = work(kind, vocabulary), psutil.Process().memory_info().rss
    once()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (most if sys.platform == "darwin" else most * 1024) - before


def main() -> None:
    """Compare the two at each vocabulary, or, in a process started for it, tell one's memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    keep_memory_blocks()
    if given.memory_of:
        print(growth(given.memory_of[0], int(given.memory_of[1])))
        return
    memory = {}  # first of all: a process begins with the highest memory of the one that starts it
    for vocabulary, kind in itertools.product(VOCABULARIES, KINDS):
        command = [sys.executable, __file__, "--memory-of", kind, str(vocabulary)]
        memory[vocabulary, kind] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    results = {}
    for vocabulary in VOCABULARIES:
        contenders = {kind: work(kind, vocabulary) for kind in KINDS}
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for number in range(ROUNDS + 1):
            for kind, once in contenders.items():
                start = time.process_time()
                once()
                if number:  # the first makes its memory
                    times[kind].append(time.process_time() - start)
        ratio = statistics.median(ours / full for full, ours in zip(*times.values(), strict=True))
        for kind in KINDS:
            print(f"{vocabulary:6} {kind:12}{1e3 * min(times[kind]):8.0f} ms {memory[vocabulary, kind] / 1e6:8.0f} MB")
        print(f"{vocabulary:6} hornbook takes {ratio:.3f} times as long", flush=True)
        results[vocabulary] = {
            "times_all_logits": round(ratio, 3),
            "processor_seconds": {kind: round(min(found), 4) for kind, found in times.items()},
            "bytes": {kind: memory[vocabulary, kind] for kind in KINDS},
        }
    if given.threads == 1:
        record = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
        RESULT.write_text(json.dumps(record | {"results": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
