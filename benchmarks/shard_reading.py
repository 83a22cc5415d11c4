"""Speed from shards to tensors, a DataLoader over a dataset measured in the same run.

    python benchmarks/shard_reading.py --peer-python PYTHON       writes its result; five minutes when quiet
    python benchmarks/shard_reading.py --tokens 2 --batches 200   ours alone

PYTHON needs datasets and torch. A store of `--tokens` million tokens is made up: documents of 1 to 60,000 tokens, half
of them shorter than 403. Rows have 2,048 tokens, batches 8 rows, in random order. The peer gets the same rows, cut
beforehand, so that it neither packs nor knows documents. Every contender is a process of its own with one thread, all
in turn, `--rounds` times; figures are medians of microseconds a batch, of the clock and of all processors, after a
start that is not counted. Both sides deliver tokens as int64, and:

    rows            order, segments (int32) and keys of each row as well, from `Shuffled` and `PackedRows`
    rows numpy      the same without compiled functions
    causal          inputs, targets, weights, segments, and which positions are scored: all that a causal step needs
    causal threads  the same, two threads reading ahead
    torch, numpy    DataLoader over a dataset in this format, tokens alone; `whole` where the sampler names
                    batches that the dataset reads at once, `workers` where two processes read ahead
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.corpus.document import Document
from hornbook.corpus.read import read
from hornbook.keys import row_keys
from hornbook.objectives.base import Requirements
from hornbook.objectives.causal import Causal
from hornbook.objectives.ops import compiled
from hornbook.tokens.loader import Loader
from hornbook.tokens.order import Shuffled, folded
from hornbook.tokens.packing import PackedRows
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, load_tokenizer, save_tokenizer, train_tokenizer
from hornbook.vocab import Vocab

RESULT = Path(__file__).parent / "results" / "shard_reading.json"
ROWS, LENGTH, START = 8, 2048, 50
OWN = ("rows", "rows numpy", "causal", "causal threads")
PEERS = ("torch", "torch whole", "numpy", "numpy whole", "torch workers", "torch whole workers")


class CodePoints(Tokenizer):
    """A tokenizer whose ids are the numbers of a text's characters: reading does not depend on what they say."""

    def encode(self, texts: Sequence[str]) -> list[Any]:
        return [np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int32) for text in texts]


def made_up(tokens: int, size: int) -> Iterator[Document]:
    chance = np.random.default_rng(0)
    while tokens > 0:
        length = int(np.clip(chance.lognormal(6, 1), 1, 60_000))
        tokens -= length
        yield Document(chance.integers(300, size, length).astype("<u4").tobytes().decode("utf-32-le"), "", "")


def prepare(tokens: int, folder: Path) -> dict[str, int]:
    text = train_tokenizer((item.text for item in read(["builtin:docs"])), "bpe", 8192, Requirements(roles=("eos",)))
    tokenizer = CodePoints(text, Vocab.from_tokenizer(text))
    save_tokenizer(tokenizer, folder / "tokenizer")
    write_store(made_up(tokens, tokenizer.vocab.size), tokenizer, folder / "tokens")
    store = TokenStore.open(folder / "tokens", tokenizer.vocab)
    rows = PackedRows(store, None, LENGTH, 0, ((), ()))
    index = np.arange(len(rows) - 1)  # the last may be padded
    np.save(folder / "rows.npy", rows.rows(index, row_keys(0, index, 0)).tokens)
    return {"documents": store.documents, "tokens": store.tokens, "parts": len(store.parts), "rows": len(rows)}


def own(name: str, folder: Path, number: int) -> dict[str, float]:
    """Read `number` batches, in this process."""
    import torch

    from hornbook.model.inputs import to_tensors

    torch.set_num_threads(1)
    if "numpy" not in name:
        compiled.kernels()  # loaded before the clock starts, as in a long run
    vocab = load_tokenizer(folder / "tokenizer").vocab
    store = TokenStore.open(folder / "tokens", vocab)
    objective = Causal(vocab)
    if name.startswith("causal"):
        causal = PackedRows(store, None, LENGTH + 1, 1, objective.boundary_tokens)
        device, threads = torch.device("cpu"), 2 if "threads" in name else 0
        order = Shuffled(len(causal))
        loader = Loader(causal, order, objective, 0, ROWS, ROWS, threads, lambda batch: to_tensors(batch, device))
        return timed((step[0].inputs for step in loader.steps(0, START + number)), number)
    rows = PackedRows(store, None, LENGTH, 0, ((), ()))
    order = Shuffled(len(rows) - 1)

    def batches() -> Iterator[Any]:
        for step in range(START + number):
            epoch, index = order.locate(0, step * ROWS + np.arange(ROWS))
            batch = rows.rows(index, folded(0, index, epoch))
            assert batch.segments is not None
            tensors = [torch.from_numpy(array) for array in (batch.tokens, batch.segments, batch.keys.view(np.int64))]
            yield tensors[0].to(torch.int64)

    with compiled.numpy_alone() if "numpy" in name else contextlib.nullcontext():
        return timed(batches(), number)


def timed(batches: Iterator[Any], number: int) -> dict[str, float]:
    for _ in range(START):
        next(batches)
    processor, clock = time.process_time(), time.perf_counter()
    for _ in range(number):
        tokens = next(batches)
        assert tuple(tokens.shape) == (ROWS, LENGTH) and str(tokens.dtype) == "torch.int64"
    return {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - processor}


def run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return done.stdout


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    facts = prepare(int(given.tokens * 1e6), folder)
    mine = [sys.executable, __file__, "--task"]
    commands = {name: [*mine, name, str(folder), str(given.batches)] for name in OWN}
    if given.peer_python:
        peer = [given.peer_python, str(Path(__file__).parent / "peers" / "shard_reading.py")]
        run([*peer, "write", str(folder / "rows.npy"), str(folder / "rows")])
        commands |= {name: [*peer, name, str(folder / "rows"), str(given.batches)] for name in PEERS}
    took: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(given.rounds):
        for name, command in commands.items():
            took[name].append(json.loads(run(command).splitlines()[-1]))
    medians = {
        name: {key: round(statistics.median(item[key] for item in items) / given.batches * 1e6, 1) for key in items[0]}
        for name, items in took.items()
    }
    return {**facts, "batches": given.batches, "rounds": given.rounds, "microseconds": medians}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=float, default=50.0, help="millions")
    parser.add_argument("--batches", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default="")
    parser.add_argument("--task", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(own(given.task[0], Path(given.task[1]), int(given.task[2]))))
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given, Path(folder))
    medians = found["microseconds"]
    for name, took in medians.items():
        print(f"{name:20} {took['seconds']:8.1f} microseconds {took['cpu_seconds']:8.1f} of processors")
    ratios = {
        f"{peer} / {name}": {key: round(medians[peer][key] / medians[name][key], 2) for key in medians[name]}
        for name in OWN
        for peer in PEERS
        if peer in medians
    }
    print(json.dumps(ratios, indent=1))
    if given.peer_python:
        facts = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "load": [load, os.getloadavg()[0]]}
        RESULT.write_text(json.dumps({**facts, **found, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
