"""What cleaning adds before the first step: `hornbook pretrain` on a small text file, with it and without.

    python benchmarks/clean_start.py [--megabytes 1] [--rounds 5]      prints, and writes its result

Both are timed in turn, each a process of its own with a tiny model and one step: processor seconds of the whole process
and of what it started, and seconds from the command to the first record. The difference is what cleaning costs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hornbook.corpus.read import read

RESULT = Path(__file__).parent / "results" / "clean_start.json"
COMMAND = [sys.executable, "-c", "from hornbook.cli import main; main()", "pretrain", "--plain", "--steps", "1"]
SIZES = ["model.width=64", "model.layers=1", "model.heads=1", "training.evaluate_tokens=1000",
         "training.precision=fp32", "training.compile=no"]  # fmt: skip


def timed(text: Path, out: Path, clean: str) -> dict[str, float]:
    """Run one step and return its processor seconds and the seconds to the first record."""
    records = out / "metrics.jsonl"
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [*COMMAND, str(text), "--out", str(out), f"data.clean={clean}", *SIZES],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    while process.poll() is None and not (records.is_file() and records.stat().st_size):
        time.sleep(0.01)
    first = time.perf_counter() - start
    if process.wait():
        raise SystemExit(f"the run with data.clean={clean} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_seconds": cpu, "seconds_to_first_step": first}


def main() -> None:
    """Time both in turn, print and keep the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {"none": [], "default": []}
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "text.txt"
        whole = "\n\n".join(document.text for document in read(["builtin:docs"]))
        text.write_text(whole[: int(given.megabytes * 1e6)], encoding="utf-8")
        for number in range(given.rounds):
            for clean, times in found.items():
                times.append(timed(text, Path(scratch) / f"{clean}-{number}", clean))
    medians = {
        clean: {name: round(statistics.median(item[name] for item in times), 2) for name in times[0]}
        for clean, times in found.items()
    }
    record: dict[str, Any] = {
        "date": str(datetime.date.today()),
        "cores": os.cpu_count(),
        "load_at_end": os.getloadavg(),
        "megabytes": given.megabytes,
        "rounds": given.rounds,
        "medians": medians,
        "cleaning_adds": {name: round(medians["default"][name] - medians["none"][name], 2) for name in medians["none"]},
    }
    print(json.dumps(record, indent=1))
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
