"""Speed from text to token shards, other libraries measured in the same run.

    python benchmarks/tokenize_speed.py PATHS... --peer-python PYTHON    writes its result; three minutes when quiet
    python benchmarks/tokenize_speed.py --megabytes 1 --rounds 1         ours alone, on the built-in text

PYTHON needs tokenizers, transformers and datasets. The documents of PATHS (`builtin:docs builtin:code` if none
are given), in a random order, up to `--megabytes`, are encoded by one byte-level BPE of 8,192 entries, trained here.
Every contender is a process of its own, all in turn, `--rounds` times; figures are medians. Seconds are the clock's and
all processors' of the task alone, without imports and without reading the texts; peak memory is the process's.

    write_store   documents to a token store, shards, hashes and sentences included; once with words not met before
    encode_batch  the tokenizers library alone, in one call, nothing kept
    datasets.map  a fast tokenizer, in batches, ids to an arrow file
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hornbook.corpus.document import Document
from hornbook.corpus.read import read
from hornbook.objectives.base import Requirements
from hornbook.tokens.shards import write_store
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, load_tokenizer, save_tokenizer, train_tokenizer
from hornbook.vocab import Vocab

RESULT = Path(__file__).parent / "results" / "tokenize_speed.json"
TRAINING_BYTES = 4_000_000
PEERS = ("encode_batch", "datasets.map")


def chosen_texts(paths: Sequence[str], megabytes: float) -> list[str]:
    texts = [document.text for document in read(paths)]
    random.Random(0).shuffle(texts)
    size, kept = 0, []
    for text in texts:
        size += len(text.encode())
        kept.append(text)
        if size >= megabytes * 1e6:
            break
    return kept


def trained(texts: Sequence[str]) -> Tokenizer:
    def some() -> Iterator[str]:
        size = 0
        for text in texts:
            yield text
            size += len(text.encode())
            if size >= TRAINING_BYTES:
                return

    text = train_tokenizer(some(), "bpe", 8192, Requirements())
    return Tokenizer(text, Vocab.from_tokenizer(text))


def ours(texts: Sequence[str], path: Path) -> dict[str, float]:
    """Write a store, in this process."""
    tokenizer = load_tokenizer(path)
    tokenizer.encode([""])  # opens the tokenizer, which the peers do beforehand as well
    with tempfile.TemporaryDirectory() as scratch:
        documents = (Document(text, "", "") for text in texts)
        processor, clock = time.process_time(), time.perf_counter()
        write_store(documents, tokenizer, Path(scratch) / "tokens")
        return {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - processor}


def run(command: Sequence[str]) -> dict[str, float]:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    texts = chosen_texts(given.paths or ["builtin:docs", "builtin:code"], given.megabytes)
    tokenizer = trained(texts)
    save_tokenizer(tokenizer, scratch / "tokenizer")
    (scratch / "texts.json").write_text(json.dumps(texts))
    peer = str(Path(__file__).parent / "peers" / "tokenize_speed.py")
    own = [sys.executable, __file__, "--task", "write_store"]
    commands = {"write_store": own, **{name: [given.peer_python, peer, name] for name in PEERS if given.peer_python}}
    took: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(given.rounds):
        for name, command in commands.items():
            took[name].append(run([*command, str(scratch / "texts.json"), str(scratch / "tokenizer")]))
    medians = {
        name: {key: round(statistics.median(item[key] for item in items), 3) for key in items[0]}
        for name, items in took.items()
    }
    size = sum(len(text.encode()) for text in texts)
    return {"megabytes": round(size / 1e6, 1), "documents": len(texts), "rounds": given.rounds, "medians": medians}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--megabytes", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default="")
    parser.add_argument("--task", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        took = ours(json.loads(Path(given.task[1]).read_text()), Path(given.task[2]))
        print(json.dumps({**took, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(given, Path(scratch))
    for name, took in found["medians"].items():
        print(f"{name:22} {took['seconds']:8.3f} s {took['cpu_seconds']:8.3f} CPU s {took['peak_mb']:7.0f} MB")
    medians = found["medians"]
    ratios = {
        f"{peer} / write_store": {
            key: round(medians[peer][key] / medians["write_store"][key], 2) for key in ("seconds", "cpu_seconds")
        }
        for peer in PEERS
        if peer in medians
    }
    print(json.dumps(ratios, indent=1))
    if given.peer_python:
        facts = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "load": [load, os.getloadavg()[0]]}
        RESULT.write_text(json.dumps({**facts, **found, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
