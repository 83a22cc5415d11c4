"""Runs whose steps are counted and not computed: real text, tokens, plan, batches and records, and no model.

What a run records of its batches is what `hornbook.train.loop` records: the same counts of the same tensors.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import torch

from hornbook.artifacts import enlist, write_directory, write_json
from hornbook.console import View
from hornbook.objectives.base import tokens_per_row
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.prepare.dataset import prepare
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.run import sealed
from hornbook.run.build import build_loader
from hornbook.run.directory import CHECKPOINTS, METRICS, PLAN
from hornbook.train.checkpoints import KIND
from hornbook.train.loop import COUNTED
from hornbook.train.metrics import MetricsFile

# Every objective of the catalogue, those that need settings with some.
KINDS: dict[str, list[str]] = {
    **{kind: [] for kind in CATALOGUE},
    "prefix": ["objective.topology=encoder-decoder"],
    "joined": ["objective.objective.kind=ul2r", "objective.objective.modes="],
    "mixture": ["objective.objectives=span,bart", "objective.weights=2,1"],
}
SMALL = [
    "data.clean=none",
    "model.width=16",
    "model.layers=1",
    "model.heads=1",
    "model.max_length=48",
    "training.batch_rows=6",
    "training.micro_batch=3",
    "training.workers=0",
    "training.precision=fp32",
    "training.compile=no",
    "training.threads=1",
]
FLOPS = 1234567.0  # of a step: nothing is computed
SPEED = 3.25  # steps a second


def two_files(folder: Path) -> list[str]:
    """Write two small files of documents of sentences; return their paths."""
    chance = random.Random(5)
    paths = []
    for name, words, documents in (("many.jsonl", "red green blue black", 40), ("few.jsonl", "one two three", 14)):
        texts = (
            f"Number {number} is here: {' '.join(chance.choices(words.split(), k=chance.randint(8, 40)))}. Then it "
            f"goes on: {' '.join(chance.choices(words.split(), k=12))}."
            for number in range(documents)
        )
        path = folder / name
        path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
        paths.append(str(path))
    return paths


def counted_run(
    directory: Path, paths: Sequence[str], kind: str, *assignments: str, steps: int = 5, until: int = 0, stops: int = 0
) -> Path:
    """Write a run of so many steps, of which `until` are done (0 = all), resumed after `stops` of them (0 = never)."""
    base = default(kind, list(paths))
    recipe = settings.override(base, [*SMALL, f"budget.steps={steps}", *KINDS[kind], *assignments])
    sealed.begin(recipe, directory)
    prepared = prepare(recipe, directory, View(plain=True, silent=True))
    per_step = round(recipe.training.batch_rows * tokens_per_row(prepared.objective, prepared.row_length))
    plan = {"tokens_per_step": per_step, "flops_per_step": FLOPS, "record_every": 1, "matmul_flops": 1e9}
    write_json(directory / PLAN, plan | prepared.row_sizes)
    enlist(directory, PLAN)
    loader, counts = build_loader(recipe, prepared, torch.device("cpu")), [0] * len(COUNTED)
    done = until or steps
    for first, last in [(0, stops), (stops, done)] if stops else [(0, done)]:
        file = MetricsFile(directory / METRICS, first)
        for step, batches in enumerate(loader.steps(first, last), first + 1):
            for batch in batches:
                found = (batch.positions, batch.padding, batch.scored_targets, batch.other_targets)
                counts = [before + now for before, now in zip(counts, found, strict=True)]
            record = {
                "kind": "train", "step": step, "loss": 3.0 - 0.01 * step, "gradient_norm": 0.5, "waiting_share": 0.0,
                "tokens": step * per_step, "tokens_per_second": SPEED * per_step, "model_flops": SPEED * FLOPS,
            }  # fmt: skip
            file.write(record | dict(zip(COUNTED, counts, strict=True)))
        file.close()
    facts = {"step": done, "counted": counts, **sealed.facts(directory)}
    with write_directory(directory / CHECKPOINTS / f"step-{done:08d}", KIND, facts):
        pass
    return directory
