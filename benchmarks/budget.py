"""Does a budget of minutes keep its word? The default text, alone, beside busy processes, and repeated by its recipe.

    python benchmarks/budget.py [--minutes 1 3] [--repeat 1] [--write]

For each budget three runs: `quiet`; `start`, where two processes that never rest take the CPUs from the first moment;
`middle`, where they begin after half of the budget. `share` is the wall time from the end of preparation (text, tokens)
to the end of the command, as a share of the budget. Runs of the budgets in `--repeat` are repeated from the recipe that
they left, with no clock and nothing beside them: `same` says whether all weights have the same bits. Whatever else the
machine did is part of the numbers: `load` is its load average, before and after.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from hornbook.artifacts import write_file
from hornbook.recipes.settings import load_recipe
from hornbook.train.checkpoints import newest

RESULT = Path(__file__).parent / "results" / "budget.json"
BUSY = [sys.executable, "-c", "while True: pass"]
PREPARED = "writing tokens"  # the last line before the budget begins


@contextlib.contextmanager
def busy(after: float, begun: threading.Event) -> Iterator[None]:
    """Keep two processes busy from `after` seconds behind the event on, to the end of the block."""
    over, started = threading.Event(), list[subprocess.Popen[bytes]]()

    def begin() -> None:
        begun.wait()
        if not over.wait(after):
            started.extend(subprocess.Popen(BUSY) for _ in range(2))

    thread = threading.Thread(target=begin)
    thread.start()
    try:
        yield
    finally:
        over.set(), begun.set()
        thread.join()
        for process in started:
            process.kill()
            process.wait()


def timed(run: Path, minutes: float, load: str) -> dict[str, Any]:
    """Train by the clock and return what came of it."""
    prepared, before = threading.Event(), os.getloadavg()[0]
    after = {"quiet": float("inf"), "start": 0.0, "middle": 30 * minutes}[load]
    if load == "start":
        prepared.set()
    waits = busy(after, prepared) if load != "quiet" else contextlib.nullcontext()
    since, said = 0.0, list[str]()
    with waits:
        command = [
            sys.executable,
            "-u",
            "-m",
            "hornbook",
            "pretrain",
            "--minutes",
            str(minutes),
            "--plain",
            "--out",
            run,
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith(PREPARED):
                since = time.monotonic()
                prepared.set()
        wall = time.monotonic() - since
        if process.wait():
            raise SystemExit("".join(said))
    result, recipe = json.loads((run / "result.json").read_text()), load_recipe(run / "recipe.toml")
    calibration = next(
        float(found[1]) for line in said if (found := re.search(r"measuring the machine: .* in (.*)s", line))
    )
    return {
        "minutes": minutes, "load": load, "share": round(wall / 60 / minutes, 3), "steps": result["steps"],
        "seconds": result["seconds"],
        "bits_per_byte": result["bits_per_byte"], "corrections": list(recipe.budget.corrections),
        "threads": recipe.training.threads, "calibration_seconds": calibration,
        "load_average": [before, os.getloadavg()[0]],
    }  # fmt: skip


def repeated(run: Path, again: Path) -> bool:
    """Train once more by the recipe that a run left; return whether all weights and states have the same bits."""
    command = [sys.executable, "-m", "hornbook", "pretrain", "--recipe", run / "recipe.toml", "--plain", "--out", again]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    found = [newest(folder / "checkpoints", print) for folder in (run, again)]
    assert found[0] is not None and found[1] is not None
    one, other = found[0][1], found[1][1]
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 3.0])
    parser.add_argument("--repeat", type=float, nargs="*", default=[1.0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    given = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        for minutes in given.minutes:
            for load in ("quiet", "start", "middle"):
                run = Path(scratch) / f"{load}-{minutes:g}"
                found = timed(run, minutes, load)
                if minutes in given.repeat:
                    found["same"] = repeated(run, run.with_name(f"{run.name}-again"))
                print(json.dumps(found), flush=True)
                runs.append(found)
    if given.write:
        facts = {"torch": torch.__version__, "cpus": os.cpu_count(), "runs": runs}
        write_file(RESULT, json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
