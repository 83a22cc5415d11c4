"""The last layer at scored positions alone, as Hornbook has it, and at all of them.

    python benchmarks/last_layer.py    three sizes, some minutes on one core; writes its result

Each is the forward and the backward pass of 32 rows of 256 positions in fp32, one thread, in turn with the other, in
processor time; compare the ratio. Beside it stands what it would be if matrix products alone took time
(hornbook.scaling.count).

    masked    an encoder, 15 % of the positions scored
    prefix    a decoder, the second half of each row scored
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hornbook.batch import Batch
from hornbook.model import layers
from hornbook.model.config import FEW, ModelConfig, modern
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.scaling import count
from hornbook.train.machine import environment, find_device, keep_memory_blocks

RESULT = Path(__file__).parent / "results" / "last_layer.json"
VOCABULARY, LENGTH, ROWS, ROUNDS = 8192, 256, 32, 5
SIZES = ((128, 2), (256, 4), (384, 6))
KINDS = {"masked": 0.15, "prefix": 0.5}
NEVER = -1.0  # a share that no batch is below


def batch_of(kind: str) -> Tensors:
    """Return rows of random tokens with the scored positions of an objective."""
    draw = np.random.default_rng(0)
    tokens = draw.integers(0, VOCABULARY, (ROWS, LENGTH))
    scored = draw.random((ROWS, LENGTH)) < KINDS[kind]
    if kind == "prefix":
        scored[:] = np.arange(LENGTH) >= LENGTH * (1 - KINDS[kind])
    return to_tensors(Batch(tokens, tokens, scored.astype(np.float32), scored.sum(1).astype(float)), find_device())


def measure(kind: str, width: int, depth: int) -> dict[str, float]:
    """Return the medians of both, their ratio, and the ratio of their products."""
    block = modern("encoder" if kind == "masked" else "decoder")
    shape = {"vocab_size": VOCABULARY, "max_length": LENGTH, "width": width, "layers": depth, "heads": width // 64}
    config: ModelConfig = replace(block, **shape)
    model, batch = Transformer(config), batch_of(kind)
    times: dict[float, list[float]] = {NEVER: [], FEW: []}
    said = {}
    for number in range(ROUNDS + 1):
        for few, found in times.items():
            layers.FEW = few
            model.zero_grad()
            start = time.process_time()
            loss = model.loss(batch) / batch.count
            loss.backward()
            if number:  # the first makes its memory
                found.append(time.process_time() - start)
            said[few] = float(loss.detach())
    if abs(said[FEW] - said[NEVER]) > 1e-6 * said[NEVER]:
        raise SystemExit(f"The losses differ: {said}.")
    products = []
    for count.FEW in (FEW, NEVER):
        products.append(count.flops_per_token(config, LENGTH, len(batch.scored) / (ROWS * LENGTH)))
    ratio = statistics.median(few / whole for whole, few in zip(*times.values(), strict=True))
    return {
        "times_all_positions": round(ratio, 3),
        "times_their_products": round(products[0] / products[1], 3),
        "seconds_all": round(statistics.median(times[NEVER]), 4),
        "seconds_scored": round(statistics.median(times[FEW]), 4),
    }


def main() -> None:
    """Measure every kind and size, and keep the result."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    keep_memory_blocks()
    results = {}
    for kind in KINDS:
        for width, depth in SIZES:
            found = results[f"{kind} {width}x{depth}"] = measure(kind, width, depth)
            print(
                f"{kind:7} {width:3}x{depth}: {found['seconds_scored']:.2f} s of {found['seconds_all']:.2f}: "
                f"{found['times_all_positions']:.3f} times as long, {found['times_their_products']:.3f} by products",
                flush=True,
            )
    record = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
    RESULT.write_text(json.dumps(record | {"results": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
