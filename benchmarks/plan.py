"""Does a plan tell the time of a run and its loss? A law of a short sweep, a plan by it, then the run.

    python benchmarks/plan.py PLACE [SWEEP_MINUTES] [RUN_MINUTES]     writes results/plan.json; default 20 and 3

time   planned seconds within 20 % of those that the run took, from its first step to its result
loss   of the run within the planned interval of 95 %, by the law of the sweep's runs of the same text and tokenizer

The run has a budget of tokens: one of minutes would keep them by correcting its steps. Wants a quiet machine.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import torch

import hornbook as hb
from hornbook.recipes.sections import Budget
from hornbook.run.sealed import recipe_of
from hornbook.study.layout import RUNS

RECORD = Path(__file__).parent / "results" / "plan.json"
LARGEST_ERROR = 0.2


def main(place: Path, sweep_minutes: float, run_minutes: float) -> None:
    sweep = place / "sweep"
    hb.scaling_sweep("builtin:docs", out=sweep, minutes=sweep_minutes, plain=True)
    of_sweep = recipe_of(next(iter(sorted((sweep / RUNS).iterdir()))))
    shape = replace(of_sweep.model, width=0, layers=0, heads=0, mlp_width=0, dropout=0.0)
    training = replace(of_sweep.training, micro_batch=0, evaluate_every=0, muon_learning_rate=0.0, embedding_rate=0.0)
    begun = replace(of_sweep, model=shape, training=training, budget=Budget(steps=100))
    speed = hb.plan(recipe=begun).run.tokens_per_second
    asked = replace(begun, budget=Budget(tokens=round(60 * run_minutes * speed)))
    planned = hb.plan(recipe=asked, fit=sweep).run
    settled = replace(planned.recipe, seed=1)
    shutil.rmtree(place / "run", ignore_errors=True)
    run = hb.pretrain(recipe=settled, out=place / "run", plain=True).result
    off = planned.seconds.value / run.seconds - 1
    record = {
        "processor": platform.processor(), "torch": torch.__version__, "sweep_minutes": sweep_minutes,
        "run_minutes": run_minutes, "width": settled.model.width, "layers": settled.model.layers,
        "seconds": {
            "planned": vars(planned.seconds), "taken": run.seconds, "off": off, "holds": abs(off) <= LARGEST_ERROR,
        },
        "loss": {
            "planned": vars(planned.loss), "found": run.loss,
            "holds": planned.loss.low <= run.loss <= planned.loss.high,
        },
    }  # fmt: skip
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[2:]]
    main(Path(sys.argv[1]), *(given + [20.0, 3.0][len(given) :]))
