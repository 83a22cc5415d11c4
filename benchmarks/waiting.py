"""How long training waits for its batches: short runs of the size tiny (256 x 4) on the built-in text.

    python benchmarks/waiting.py            causal, masked and span, six steps each; writes its result
    python benchmarks/waiting.py causal     one of them; prints alone

The share is that of `metrics.jsonl`: of the time between two records, what the loop spent in asking for its next step.
The first step has nothing prepared ahead and is shown apart. Layers are not compiled.
"""

from __future__ import annotations

import datetime
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from hornbook.recipes.named import default
from hornbook.recipes.sections import Budget
from hornbook.run.pretrain import pretrain
from hornbook.train.machine import environment, find_device
from hornbook.train.metrics import read_metrics

RESULT = Path(__file__).parent / "results" / "waiting.json"
STEPS = 6
OBJECTIVES = ("causal", "masked", "span")


def shares(objective: str) -> list[tuple[float, float]]:
    """Return of each step the share of its time that it waited, and the share of its positions that are no padding."""
    plain = default(objective, budget=Budget(steps=STEPS))
    recipe = replace(
        plain,
        model=replace(plain.model, width=256, layers=4, heads=4),
        training=replace(plain.training, compile="no", evaluate_every=STEPS, evaluate_tokens=1024),
    )
    with tempfile.TemporaryDirectory() as scratch:
        pretrain(recipe, Path(scratch) / "run", plain=True)
        found = read_metrics(Path(scratch) / "run" / "metrics.jsonl")
    return [(record["waiting_share"], record["useful_share"]) for record in found if record["kind"] == "train"]


def main() -> None:
    """Print a line for each objective."""
    results = {}
    for objective in sys.argv[1:] or OBJECTIVES:
        (first, _), *later = shares(objective)
        waiting, useful = (sum(values) / len(later) for values in zip(*later, strict=True))
        highest = max(share for share, _ in later)
        print(
            f"{objective}: waits {waiting:.3%} of a step (at most {highest:.3%}), {first:.1%} of the first one; "
            f"{useful:.2%} of its positions are useful",
            flush=True,
        )
        results[objective] = {"waits": waiting, "at_most": highest, "first_step": first, "useful": useful}
    if not sys.argv[1:]:
        record = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
        RESULT.write_text(json.dumps(record | {"results": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
