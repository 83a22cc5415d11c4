"""Every objective learns: each is trained from scratch on the built-in text and held against counts.

    python benchmarks/objectives_train.py                 two minutes each; writes its result
    python benchmarks/objectives_train.py --steps 300     as many steps each instead of minutes
    python benchmarks/objectives_train.py --seed 1        other weights, order and noise than those of seed 0
    python benchmarks/objectives_train.py --only nsp sop  some of them, whose results replace those in the file

An objective learns when its loss on held-out text is below that of a unigram model of its own targets; where targets
are next tokens a bigram model stands beside it. Objectives of pairs must also tell pairs better than a coin, at one in
a hundred: the probability of telling so many by chance (one-sided, exact binomial) stands beside them. A fifth of the
documents is held out, and each of their rows is read once as a pair.
CPU seconds are the whole process's: reading, tokenizer and measurements are included. Objectives run one after another,
in processes of their own; one that fails is reported, and nothing is written then.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hornbook.objectives.catalogue import CATALOGUE
from hornbook.recipes.named import default
from hornbook.recipes.sections import Budget
from hornbook.recipes.settings import RECIPE, load_recipe
from hornbook.run.pretrain import pretrain

RESULT = Path(__file__).parent / "results" / "objectives_train.json"
HELD_OUT = 0.2
BY_CHANCE = 0.01
NEVER = 10**9


def train(kind: str, budget: Budget, seed: int) -> dict[str, Any]:
    """Train one objective with its default recipe; return what was measured."""
    recipe = default(kind, budget=budget)
    recipe = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, held_out=HELD_OUT), seed=seed)
    # Measured at the end alone: the time is for training.
    recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, evaluate_every=NEVER))
    with tempfile.TemporaryDirectory() as scratch:
        found = pretrain(recipe, Path(scratch) / "run", plain=True)
        resolved = load_recipe(Path(scratch) / "run" / RECIPE)
        by_chance = None
        if found.pair_accuracy is not None:
            by_chance = chance(round(found.pair_accuracy * found.pairs), found.pairs)
    return {
        **dataclasses.asdict(found),
        "objective": kind,
        "seed": seed,
        "steps": resolved.budget.steps,
        "batch_rows": resolved.training.batch_rows,
        "width": resolved.model.width,
        "layers": resolved.model.layers,
        "rows_of": resolved.model.max_length,
        "by_chance": by_chance,
        "learns": found.loss < found.unigram and (by_chance is None or by_chance < BY_CHANCE),
        "cpu_seconds": round(time.process_time()),
    }


def chance(right: int, pairs: int) -> float:
    """Return the probability that guessing tells at least so many of the pairs rightly."""
    return sum(math.comb(pairs, number) for number in range(right, pairs + 1)) / 2**pairs


def in_process(kind: str, budget: Budget, seed: int) -> dict[str, Any] | None:
    """Train one objective in a fresh process; its last line of output is what was measured. None if it failed."""
    command = [sys.executable, __file__, "--one", kind, "--seed", str(seed)]
    command += ["--steps", str(budget.steps)] if budget.steps else ["--minutes", str(budget.minutes)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{kind} failed:\n{done.stderr[-4000:]}", file=sys.stderr, flush=True)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Train all, or, in a process started by that, one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=sorted(CATALOGUE))
    parser.add_argument("--one", choices=sorted(CATALOGUE), help=argparse.SUPPRESS)
    given = parser.parse_args()
    budget = Budget(steps=given.steps) if given.steps else Budget(minutes=given.minutes)
    if given.one:
        print(json.dumps(train(given.one, budget, given.seed)))
        return
    results, failed = [], []
    print(f"{'objective':12}{'steps':>7}{'CPU s':>7}{'loss':>9}{'unigram':>9}{'bigram':>9}  learns  pairs")
    for kind in given.only or CATALOGUE:
        found = in_process(kind, budget, given.seed)
        if found is None:
            failed.append(kind)
            continue
        results.append(found)
        bigram = f"{found['bigram']:9.3f}" if found["bigram"] is not None else f"{'':9}"
        pairs = ""
        if found["pairs"]:
            pairs = f"{found['pair_accuracy']:.1%} of {found['pairs']}, by chance {found['by_chance']:.1e}"
        print(
            f"{kind:12}{found['steps']:7}{found['cpu_seconds']:7}{found['loss']:9.3f}{found['unigram']:9.3f}{bigram}"
            f"  {'yes' if found['learns'] else 'NO':7} {pairs}",
            flush=True,
        )
    if failed:
        sys.exit(f"These failed, and nothing was written: {', '.join(failed)}.")
    write(results, budget)


def write(results: list[dict[str, Any]], budget: Budget) -> None:
    """Write what was measured; of objectives that were not, what the file has stays."""
    from hornbook.train.machine import environment, find_device

    earlier = json.loads(RESULT.read_text(encoding="utf-8"))["results"] if RESULT.is_file() else []
    known = {found["objective"]: found for found in (*earlier, *results)}
    record = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": environment(find_device()),
        "load_at_end": os.getloadavg(),
        "budget_of_the_last": dataclasses.asdict(budget),
        "held_out": HELD_OUT,
        "results": [known[kind] for kind in CATALOGUE if kind in known],
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
