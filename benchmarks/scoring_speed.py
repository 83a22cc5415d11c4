"""Speed of scoring: the same weights and tokens in Hornbook and in transformers' forward pass, as lm-eval asks it.

    python benchmarks/scoring_speed.py            three rounds; writes its result
    python benchmarks/scoring_speed.py --quick    one short round, to see that everything runs; writes nothing

    rolling    96 texts of 256 tokens, each scored whole: bits per byte of documents
    choices    60 questions of four choices of 2 to 9 tokens, behind contexts of 60 to 120 tokens

There, rows are sorted by length and computed 16 at once, padded to the longest; log_softmax of all logits, then those
of the targets and whether each is the likeliest (the loop of lm-evaluation-harness's `HFLM`). Both in one process, in
turn, in fp32, processor time of one thread, tokens at hand already; compare the ratios. The decoders are those of
`generate_speed.py`, random. The largest difference of a text's nats is noted.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generate_speed import SHAPES, open_there

from hornbook.evaluate.scoring.lines import likelihoods
from hornbook.evaluate.scoring.ways import LeftToRight
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import PromptFormat
from hornbook.train.machine import environment

RESULT = Path(__file__).parent / "results" / "scoring_speed.json"
Pairs = list[tuple[list[int], list[int]]]
ROWS = 16
CPU = torch.device("cpu")


def rolling(draw: np.random.Generator, vocabulary: int, texts: int) -> Pairs:
    """Return a first token and the 256 behind it, of each text."""
    rows = draw.integers(5, vocabulary, (texts, 256)).tolist()
    return [(row[:1], row[1:]) for row in rows]


def choices(draw: np.random.Generator, vocabulary: int, questions: int) -> Pairs:
    """Return contexts, each four times, with a choice each."""
    found = []
    for _ in range(questions):
        context = draw.integers(5, vocabulary, draw.integers(60, 121)).tolist()
        found += [(context, draw.integers(5, vocabulary, draw.integers(2, 10)).tolist()) for _ in range(4)]
    return found


def here(model: Transformer, pairs: Pairs) -> list[float]:
    """Return the nats of each second text behind its first, with whether it is the likeliest."""
    way = LeftToRight("continuation", PromptFormat("continuation", (), ()), True, model.config.max_length)
    lines = [line for number, pair in enumerate(pairs) for line in way.lines(number, *pair)]
    nats, _ = likelihoods(model, lines, [len(text) for _, text in pairs], CPU, likely=True)
    return [float(each.sum()) for each in nats]


@torch.no_grad()
def there(theirs: Any, pairs: Pairs) -> list[float]:
    """The same by transformers."""
    order = sorted(range(len(pairs)), key=lambda number: -len(pairs[number][0]) - len(pairs[number][1]))
    found = [0.0] * len(pairs)
    for start in range(0, len(order), ROWS):
        chosen = order[start : start + ROWS]
        rows = [torch.tensor([*pairs[number][0], *pairs[number][1]][:-1]) for number in chosen]
        batch = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        log = torch.nn.functional.log_softmax(theirs(batch).logits, dim=-1, dtype=torch.float32)
        for place, number in enumerate(chosen):
            context, text = pairs[number]
            own = log[place, len(context) - 1 : len(context) + len(text) - 1]
            targets = torch.tensor(text)
            bool((own.argmax(-1) == targets).all())
            found[number] = -float(own.gather(1, targets[:, None]).sum())
    return found


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of few texts; writes nothing")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rounds, share = (1, 16) if given.quick else (given.rounds, 1)
    measured = []
    for name in ("small", "medium"):
        model = Transformer(SHAPES[name]).eval()
        with tempfile.TemporaryDirectory() as scratch:
            theirs = open_there(model, SHAPES[name], Path(scratch))
        draw, size = np.random.default_rng(0), SHAPES[name].vocab_size
        for task, pairs in (
            ("rolling", rolling(draw, size, 96 // share)),
            ("choices", choices(draw, size, 60 // share)),
        ):
            times: dict[str, list[float]] = {"hornbook": [], "transformers": []}
            here(model, pairs[:8]), there(theirs, pairs[:8])  # the first time makes its memory
            for _ in range(rounds):
                begin = time.process_time()
                ours = here(model, pairs)
                between = time.process_time()
                other = there(theirs, pairs)
                times["hornbook"].append(between - begin)
                times["transformers"].append(time.process_time() - between)
            ratios = [b / a for a, b in zip(*times.values(), strict=True)]
            found = {
                "shape": name,
                "task": task,
                "seconds": {side: round(statistics.median(values), 2) for side, values in times.items()},
                "ratio": round(statistics.median(ratios), 2),
                "ratios": [round(ratio, 2) for ratio in ratios],
                "largest_difference": max(abs(a - b) for a, b in zip(ours, other, strict=True)),
            }
            print(*(f"{key}: {value}" for key, value in found.items()), sep="  ", flush=True)
            measured.append(found)
    if not given.quick:
        result = {"date": datetime.date.today().isoformat(), "machine": environment(CPU), "measured": measured}
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
