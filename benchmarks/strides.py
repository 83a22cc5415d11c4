"""Bits per byte of trained runs by stride, disjoint windows and half of them, with the time that each took.

    python benchmarks/strides.py RUN... [--write]

More context never makes a trained model worse on the whole: bits per byte fall with the stride. The rows of training,
the default of causal models, stand beside them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from hornbook.evaluate.evaluation import Evaluation
from hornbook.run.directory import open_run
from hornbook.run.measure import evaluate

RESULT = Path(__file__).parent / "results" / "strides.json"


def line_of(found: Evaluation, seconds: float) -> dict[str, object]:
    bits = found.number("bits per byte")
    assert bits is not None
    ends = [bits.low, bits.high]
    return {"bits_per_byte": bits.value, "interval": ends, "meaning": bits.meaning, "seconds": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    given = parser.parse_args()
    results = {}
    for path in given.runs:
        run = open_run(path)
        length = run.recipe.row_length
        found = {}
        for stride in (0, length, length // 2):
            begun = time.perf_counter()
            found[str(stride or "default")] = line_of(evaluate(run, stride=stride), time.perf_counter() - begun)
            print(path.name, stride or "default", found[str(stride or "default")])
        results[path.name] = found
    if given.write:
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
