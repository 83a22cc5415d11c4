"""Do a study's verdicts err as seldom as they say, and do they see what is there? Tiny models, trained for real.

    python benchmarks/study_checks.py PLACE          runs what is not done yet, and writes results/study_checks.json

A/A        40 comparisons of one recipe with itself, three seeds a side, no run in two of them: "better" or "worse" at
           most in 10 % (at 5 % that are meant, more than 4 of 40 come in 5 % of such checks)
crippled   ten comparisons with three seeds a side of a sound arm with one that learns at a thirtieth of its rate, and
           with one whose targets are shuffled within their row: "worse" in nine of ten at least

All runs go through `run_study`; verdicts through the yardsticks that reports use. PLACE may be used again after a stop.
"""

from __future__ import annotations

import collections
import json
import os
import platform
import pydoc_data.topics as topics
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from hornbook.study.design import ArmSettings, BudgetSettings, Study
from hornbook.study.layout import RUNS, begin
from hornbook.study.running import run_study
from hornbook.study.yardsticks import judged

RECORD = Path(__file__).parent / "results" / "study_checks.json"
SIDE, PAIRS, CRIPPLED = 3, 40, 10
SEEDS = 2 * SIDE * PAIRS
STEPS = 80
SMALL = (
    "model.max_length=64", "model.width=32", "model.layers=1", "model.heads=2", "training.batch_rows=16",
    "training.optimizer=adamw", "training.precision=fp32", "training.compile=no", "training.samples=0",
    "training.evaluate_every=1000", "training.workers=0", "training.keep_checkpoints=1",
)  # fmt: skip
SHUFFLED = '''
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from hornbook.keys import uniform
from hornbook.objectives.causal import Causal


@dataclass(frozen=True)
class Shuffled(Causal):
    """Every token is to be predicted at the place of another one of its row."""

    overlap: ClassVar[int] = 0  # it does not say every token: texts are scored in windows
    noise_period: ClassVar[int] = 0

    def __call__(self, rows):
        batch = Causal.__call__(self, rows)
        order = np.argsort(uniform(rows.keys, batch.targets.shape[1], 1), axis=1)
        order = np.where(batch.weights > 0, order, np.arange(order.shape[1]))
        return replace(batch, targets=np.take_along_axis(batch.targets, order, axis=1))
'''


def text(place: Path) -> Path:
    """Write 300 documents of Python's documentation, a few hundred bytes each."""
    path = place / "text.jsonl"
    lines = [line for topic in sorted(topics.topics) for line in topics.topics[topic].split("\n\n") if len(line) > 200]
    random.Random(0).shuffle(lines)
    path.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines[:300]), encoding="utf-8")
    return path


def done(study: Study, place: Path) -> Path:
    if not place.exists():
        begin(study, place)
    run_study(place, plain=True)
    return place


def word(one: Sequence[Path], other: Sequence[Path]) -> str:
    """Return the verdict of bits per byte of the first runs, compared with the others."""
    (yardstick,) = judged({"one": list(one), "other": list(other)}, 0.0)
    return yardstick.verdicts[0].word


def main(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    own = place / "shuffled.py"
    own.write_text(SHUFFLED, encoding="utf-8")
    base = ArmSettings("causal", settings=(*SMALL, "training.learning_rate=1e-2"))
    common: dict[str, Any] = {"budget": BudgetSettings(steps=STEPS), "trials": 1}
    alike = done(Study((str(text(place)),), {"base": base}, seeds=SEEDS, **common), place / "alike")
    arms = {
        "base": base,
        "slow": ArmSettings("causal", settings=(*SMALL, "training.learning_rate=3.333e-4")),
        "shuffled": ArmSettings(f"{own}:Shuffled", settings=(*SMALL, "training.learning_rate=1e-2")),
    }
    unlike = done(Study((str(text(place)),), arms, seeds=SIDE * CRIPPLED, **common), place / "unlike")

    def runs(study: Path, arm: str, number: int) -> list[Path]:
        return [study / RUNS / f"{arm}.{seed}" for seed in range(SIDE * number, SIDE * (number + 1))]

    found: Mapping[str, Mapping[str, int]] = {
        "A/A": collections.Counter(
            word(runs(alike, "base", 2 * n), runs(alike, "base", 2 * n + 1)) for n in range(PAIRS)
        ),
        **{
            name: collections.Counter(word(runs(unlike, name, n), runs(unlike, "base", n)) for n in range(CRIPPLED))
            for name in ("slow", "shuffled")
        },
    }
    for name, words in found.items():
        print(f"{name}: {', '.join(f'{number} {told}' for told, number in sorted(words.items()))}")
    told = found["A/A"].get("better", 0) + found["A/A"].get("worse", 0)
    kept = {
        "verdicts": found, "seeds a side": SIDE, "steps": STEPS, "called apart of A/A": told / PAIRS,
        "seconds of this call": round(time.monotonic() - begun), "torch": torch.__version__,
        "machine": platform.machine(),
    }  # fmt: skip
    RECORD.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    assert told <= PAIRS / 10 and all(found[name].get("worse", 0) >= 0.9 * CRIPPLED for name in ("slow", "shuffled"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
