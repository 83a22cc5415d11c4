"""Scoring tasks: its speed beside that of the model's forward pass, and what sharing a context saves.

    python benchmarks/scoring.py            about two minutes; writes its result
    python benchmarks/scoring.py --pairs N  fewer minimal pairs; prints alone

A decoder and an encoder of about 3 million parameters, not trained, on text of Python's documentation: 1,700 minimal
pairs (as many as `--few` takes of 34 paradigms) and 200 questions of four choices behind a context. The forward pass
computes full rows of 256 tokens, every position scored; of pseudo-likelihoods one position of a row of 14. All in
processor time of one thread, in turn; compare the ratios. `seconds` times any scorer on any task.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hornbook.batch import Batch
from hornbook.corpus.read import read
from hornbook.evaluate.answers import answer
from hornbook.evaluate.scorers import Scorer
from hornbook.evaluate.scoring import shared
from hornbook.evaluate.scoring.ways import ways
from hornbook.evaluate.tasks import Item, Task
from hornbook.model.inputs import to_tensors
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.build import build_model
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, make_tokenizer, train_tokenizer
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "scoring.json"
SIZE = ["model.width=192", "model.layers=4", "model.heads=3", "model.max_length=256"]
VOCABULARY, QUESTIONS, CHOICES = 6000, 200, 4


def seconds(scorer: Scorer, task: Task) -> float:
    """Return the processor seconds in which a task is answered, encoding included."""
    start = time.process_time()
    answer(scorer, task)
    return time.process_time() - start


def sentences() -> list[str]:
    """Return sentences of 6 to 12 words."""
    texts = [document.text for document in read(("builtin:docs",), "text")]
    words = " ".join(texts).split()
    draw, found, start = np.random.default_rng(0), [], 0
    while start < len(words) - 12:
        length = int(draw.integers(6, 13))
        found.append(" ".join(words[start : start + length]))
        start += length
    return found


def tasks(pairs: int) -> dict[str, Task]:
    lines, draw = sentences(), np.random.default_rng(1)
    chosen = [lines[place].split() for place in draw.integers(0, len(lines), pairs)]
    swapped = [[*words[:2], words[3], words[2], *words[4:]] for words in chosen]
    both = zip(chosen, swapped, strict=True)
    minimal = tuple(Item((("", " ".join(good)), ("", " ".join(bad)))) for good, bad in both)
    asked = []
    for question in draw.integers(0, len(lines) - 9, QUESTIONS):
        context = f"Question: {' '.join(lines[question : question + 8])}\nAnswer:"
        answers = [" ".join(lines[place].split()[:3]) for place in draw.integers(0, len(lines), CHOICES)]
        asked.append(Item(tuple((context, f" {text}") for text in answers)))
    return {"pairs": Task("pairs", "pairs", minimal, "acc"), "choices": Task("choices", "choices", tuple(asked), "acc")}


def made(kind: str, tokenizer: Tokenizer) -> Scorer:
    recipe = override(default(kind), [*SIZE, f"model.vocab_size={tokenizer.vocab.size}"])
    torch.manual_seed(0)
    model = build_model(recipe, torch.device("cpu")).eval()
    way = next(iter(ways(recipe.objective, tokenizer.vocab, recipe.model.max_length).values()))
    return Scorer(model, tokenizer, way, torch.device("cpu"))


def forward(scorer: Scorer, rows: int, length: int, scored: int) -> float:
    """Return the positions a second of rows of `length`, of which `scored` positions each are scored."""
    draw = np.random.default_rng(0)
    tokens = draw.integers(10, scorer.tokenizer.vocab.size, (rows, length)).astype(np.int32)
    weights = np.zeros(tokens.shape, np.float32)
    weights[:, :scored] = 1
    batch = to_tensors(Batch(tokens, tokens, weights, weights.sum(1, dtype=np.float64)), scorer.device)
    scorer.model.nats(batch)
    start = time.process_time()
    scorer.model.nats(batch)
    return rows * length / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1700, help="minimal pairs")
    given = parser.parse_args()
    torch.set_num_threads(1)
    needs = default("masked").objective.requirements(256)
    tokenizer = make_tokenizer(train_tokenizer(sentences(), "bpe", VOCABULARY, needs), {})
    asked, results = tasks(given.pairs), dict[str, Any]()
    causal, masked = made("causal", tokenizer), made("masked", tokenizer)
    seconds(causal, replace(asked["choices"], items=asked["choices"].items[:20]))  # the first time makes its memory

    tokens = sum(
        len(piece.text) for piece in causal.pieces([pair for item in asked["pairs"].items for pair in item.candidates])
    )
    rate, took, again = forward(causal, 16, 256, 256), seconds(causal, asked["pairs"]), forward(causal, 16, 256, 256)
    results["causal pairs"] = {"of_forward": round(tokens / took / ((rate + again) / 2), 3), "seconds": round(took, 1)}

    together = seconds(causal, asked["choices"])
    branch, shared.can_branch = shared.can_branch, lambda model: False
    apart = seconds(causal, asked["choices"])
    shared.can_branch = branch
    results["causal choices"] = {"times_unshared": round(apart / together, 2), "seconds": round(together, 1)}

    rate, took, again = forward(masked, 1024, 14, 1), seconds(masked, asked["pairs"]), forward(masked, 1024, 14, 1)
    lines = [
        line
        for number, piece in enumerate(
            masked.pieces([pair for item in asked["pairs"].items for pair in item.candidates])
        )
        for line in masked.way.lines(number, piece.context, piece.text)
    ]
    positions = sum(len(line.inputs) for line in lines)
    share = round(positions / took / ((rate + again) / 2), 3)
    results["masked pairs"] = {"of_forward": share, "seconds": round(took, 1), "rows": len(lines)}
    for name, numbers in results.items():
        print(f"{name:16}" + "".join(f"  {key} {value}" for key, value in numbers.items()))
    if given.pairs == 1700:
        record = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
        RESULT.write_text(json.dumps(record | {"results": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
