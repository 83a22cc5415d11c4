"""Crashes at chosen file operations: what is left is gone on with, and must end as if nothing had happened.

    python benchmarks/crashes.py                  2,000 points, the same each time; writes its result; an hour
    python benchmarks/crashes.py --points 100     fewer, which print alone

A point is one command (a training run of each kind of objective, a corpus build, an import, an export), one of its file
operations, and one fault there (`tests/support/faulty.py`): killed before it, killed within it, all files cut to what
was synced, stdout closed, or the disk failing from there on. Then a person goes on: with --resume, or the same command
again. At the end every file is compared by its bytes with those of an undisturbed command, metrics.jsonl by its kinds,
steps and losses; a file too many is a failure too, as are a traceback and an exit code that is not documented. The
cases take turns, so that a run that is stopped has some of each.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

import faulty

RESULT = Path(__file__).parent / "results" / "crashes.json"
POINTS, ROUNDS = 2000, 10
SHARES = {name: 4 if name == "corpus" else 1 if name == "survey" else 8 for name in faulty.CASES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=POINTS)
    points = parser.parse_args().points
    faulty.warm(list(faulty.CASES))
    tried: Counter[str] = Counter()
    failures: list[object] = []
    for number in range(ROUNDS):
        for name, share in SHARES.items():
            count = -(-points * share // (sum(SHARES.values()) * ROUNDS))
            found = faulty.try_case(name, faulty.story(240), faulty.KINDS, count, seed=number)
            tried[name] += found["points"]
            failures += [{"case": name, **failure} for failure in found["failures"]]
            print(f"{sum(tried.values())} points, {len(failures)} wrong, after {name}", flush=True)
            result = {
                "date": datetime.date.today().isoformat(),
                "faults": list(faulty.KINDS),
                "points": dict(tried) | {"all": sum(tried.values())},
                "failures": failures,
            }
            if points == POINTS:
                RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
