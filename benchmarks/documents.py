"""Training on packed rows of short documents: attention within documents beside one mask over whole rows.

    python benchmarks/documents.py            rows of 512, documents of 120 tokens on average; writes its result
    python benchmarks/documents.py --compile  with compiled layers; this and the next print alone
    python benchmarks/documents.py --mean 30 --length 256

The default block of each topology, 384 wide, 6 layers, vocabulary 8,192, fp32: forward and backward pass of 4 rows, in
turn with each other, in processor time of one thread; compare the ratio. Lengths are log-normal.
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

from hornbook.batch import Topology
from hornbook.model import documents, layers
from hornbook.model.config import modern
from hornbook.model.inputs import Tensors
from hornbook.model.transformer import Transformer
from hornbook.train.machine import environment, find_device, keep_memory_blocks

RESULT = Path(__file__).parent / "results" / "documents.json"
ROWS, WIDTH, LAYERS, HEADS, VOCABULARY, BATCHES = 4, 384, 6, 6, 8192, 5
TOPOLOGIES: tuple[Topology, ...] = ("decoder", "encoder", "encoder-decoder")


def batch(topology: Topology, generator: np.random.Generator, length: int, mean: float) -> Tensors:
    """Return rows full of documents; an encoder is scored on 15 % of the positions."""
    lengths = np.maximum(2, mean * generator.lognormal(-0.32, 0.8, (ROWS, length))).astype(np.int64)
    ends = np.cumsum(lengths, 1)
    segments = torch.from_numpy((np.arange(length)[None, :, None] >= ends[:, None, :]).sum(-1) + 1)
    tokens = torch.from_numpy(generator.integers(0, VOCABULARY, (ROWS, length)))
    share = 0.15 if topology == "encoder" else 1.0
    weights = torch.from_numpy((generator.random((ROWS, length)) < share).astype(np.float32))
    scored = weights.flatten().nonzero()[:, 0]
    both = topology == "encoder-decoder"
    return Tensors(
        tokens, tokens, weights, float(len(scored)), scored, segments=segments,
        decoder_inputs=tokens if both else None, decoder_segments=segments if both else None,
    )  # fmt: skip


def step(model: Transformer, given: Tensors, within: bool) -> float:
    """Return the processor seconds of a forward and backward pass."""
    layers.documents_of = documents.documents_of if within else lambda *_: None
    start = time.process_time()
    model.loss(given).backward()  # type: ignore[no-untyped-call]
    taken = time.process_time() - start
    model.zero_grad()
    return taken


def main() -> None:
    """Compare the two for each topology."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--mean", type=float, default=120.0)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory_blocks()
    results = {}
    for topology in TOPOLOGIES:
        generator = np.random.default_rng(0)
        config = replace(
            modern(topology), vocab_size=VOCABULARY, max_length=given.length, width=given.width, layers=given.layers,
            heads=given.width // 64,
        )  # fmt: skip
        model = Transformer(config).train()
        if given.compile:
            model.compile_layers()
        batches = [batch(topology, generator, given.length, given.mean) for _ in range(BATCHES)]
        for within in (False, True):
            for first in batches[:3]:  # a compiler takes the first two shapes for themselves
                step(model, first, within)
        pairs = [(step(model, each, True), step(model, each, False)) for each in batches]
        runs = sum(len(documents._runs(each.segments)[1]) for each in batches if each.segments is not None)
        ratio = statistics.median(ours / masked for ours, masked in pairs)
        results[topology] = {
            "documents_a_row": round(runs / ROWS / BATCHES, 1),
            "one_mask_seconds": round(statistics.median(masked for _, masked in pairs), 3),
            "within_documents_seconds": round(statistics.median(ours for ours, _ in pairs), 3),
            "within_documents_times_one_mask": round(ratio, 3),
        }
        print(topology, results[topology], flush=True)
    if given == parser.parse_args([]):
        record = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
        RESULT.write_text(json.dumps(record | {"results": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
