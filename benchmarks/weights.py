"""What fewer bits of the weights cost and give: bits per byte against new tokens a second, for fp32, bf16 and int8.

    python benchmarks/weights.py            a few minutes; writes its result
    python benchmarks/weights.py --quick    little training, no large model; writes nothing

Bits per byte are those of a causal model of 2 layers of 128, trained for 300 steps on nine tenths of the documents of
Python's documentation, on windows of 256 tokens of the others, read as `generate` reads. Speeds are those of greedy
writing behind 32 tokens, in turn, by processor time of one thread, of that model and of random ones with 32,000 entries
whose weights no cache of a core holds; compare the ratios to fp32.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch

import hornbook as hb
from hornbook.corpus.read import read
from hornbook.generate import Decoding, generate
from hornbook.model.config import modern
from hornbook.model.reading import caches_in, reader
from hornbook.model.transformer import Transformer
from hornbook.schema import Weights
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.train.machine import environment

RESULT = Path(__file__).parent / "results" / "weights.json"
KINDS: tuple[Weights, ...] = get_args(Weights)
PROMPT, WINDOW, WINDOWS = 32, 256, 64
LARGE = {
    "384 x 6": replace(modern("decoder"), vocab_size=32000, width=384, layers=6, heads=6),
    "768 x 12": replace(modern("decoder"), vocab_size=32000, width=768, layers=12, heads=12),
}


def trained(folder: Path, steps: int) -> tuple[Transformer, Tokenizer, list[str]]:
    """Return a trained model, its tokenizer and the documents that it has not seen."""
    texts = [document.text for document in read(("builtin:docs",), "text")]
    cut = len(texts) * 9 // 10
    text = folder / "text.jsonl"
    text.write_text("".join(json.dumps({"text": each}) + "\n" for each in texts[:cut]), encoding="utf-8")
    settings = {"model.width": 128, "model.layers": 2, "model.heads": 2, "training.batch_rows": 8}
    run = hb.pretrain(text, objective="causal", steps=steps, out=folder / "run", settings=settings, plain=True)
    return run.opened.model, run.opened.tokenizer, texts[cut:]


@torch.inference_mode()
def bits_per_byte(model: Transformer, tokenizer: Tokenizer, texts: list[str], weights: Weights) -> float:
    """Return the bits per byte of whole windows of the texts, the first token of each given."""
    ids = [row for text in tokenizer.encode(texts) for row in text[: len(text) // WINDOW * WINDOW].reshape(-1, WINDOW)]
    rows = torch.tensor([row.tolist() for row in ids[:WINDOWS]])
    reads = reader(model, weights, laid_out=True)
    nats = 0.0
    for part in rows.split(8):
        hidden = reads.read(part[:, :-1], 0, caches_in(reads.memory(len(part), WINDOW)))
        log = reads.logits(hidden.flatten(0, 1)).log_softmax(-1)
        nats -= float(log.gather(1, part[:, 1:].reshape(-1, 1)).double().sum())
    return nats / math.log(2) / float(tokenizer.vocab.byte_lengths[rows[:, 1:].numpy()].sum())


def speeds(model: Transformer, rows: int, new: int, rounds: int) -> dict[str, float]:
    """Return the new tokens a second in each kind of weights, medians over rounds in turn."""
    prompts = torch.randint(5, model.config.vocab_size, (rows, PROMPT)).tolist()
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind in KINDS:
            begin = time.process_time()
            generate(model, prompts, Decoding(max_new=new, weights=kind))
            found[kind].append(rows * new / (time.process_time() - begin))
    return {kind: round(statistics.median(values), 1) for kind, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="little training, no large model; writes nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model, tokenizer, unseen = trained(Path(folder), 20 if given.quick else 300)
    quality = {kind: round(bits_per_byte(model, tokenizer, unseen, kind), 4) for kind in KINDS}
    print("bits per byte", quality, flush=True)
    models = {
        "128 x 2, trained": model,
        **({} if given.quick else {name: Transformer(one) for name, one in LARGE.items()}),
    }
    measured: list[dict[str, Any]] = []
    for name, one in models.items():
        for rows in (1, 4, 32):
            found = speeds(one, rows, 64, 1 if given.quick else 3)
            measured.append({"model": name, "rows": rows, "tokens_per_second": found})
            print(name, rows, "rows", found, flush=True)
    if not given.quick:
        record = {"date": datetime.date.today().isoformat(), "machine": environment(torch.device("cpu"))}
        found = {**record, "bits_per_byte": quality, "measured": measured}
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
