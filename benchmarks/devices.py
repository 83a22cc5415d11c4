"""Scaling: tokens a second of one and of two processes of one thread each, on this machine's CPU.

    python benchmarks/devices.py            two rounds, a minute or two on two quiet cores; writes its result
    python benchmarks/devices.py --quick    one short round, to see that everything runs; writes nothing

The same recipe, the same global batches, in turn, round after round; compare ratios within a run of this script. Two
processes of two cores share memory bandwidth, caches, and whatever else the machine does meanwhile, and gloo's
gradients pass through the same cores: this is the price of sharing work, not a forecast for GPUs. 2 is what nobody
could exceed.

    one          one process, micro-batches of the size that each of two has
    data         two processes, whole weights in each
    sharded      two processes, half of the weights in each
    tensor       two processes, half of each layer in each
"""

from __future__ import annotations

import argparse
import datetime
import email
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hornbook.train.metrics import read_metrics

RESULT = Path(__file__).parent / "results" / "devices.json"
WARM_STEPS = 2
RECIPE = (
    "model.width=128",
    "model.layers=4",
    "model.heads=2",
    "model.max_length=128",
    "model.dropout=0.0",
    "tokenizer.size=1024",
    "training.batch_rows=16",
    "training.micro_batch=8",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_every=100000",
    "training.evaluate_tokens=2000",
    "training.checkpoint_minutes=1000",
)
CONTENDERS: dict[str, tuple[int, tuple[str, ...]]] = {
    "one": (1, ()),
    "data": (2, ()),
    "sharded": (2, ("training.shards=0",)),
    "tensor": (2, ("training.tensor_parallel=2",)),
}


def write_corpus(path: Path) -> Path:
    """Write some 300 kB of Python's own library to a file, of which every run makes its tokens anew."""
    found = sorted(Path(email.__file__).parent.glob("*.py"))
    path.write_text("\n\n".join(file.read_text(encoding="utf-8") for file in found), encoding="utf-8")
    return path


def measure(name: str, steps: int, corpus: Path) -> float:
    """Return the median tokens a second of one contender's steps, those at first left out."""
    devices, more = CONTENDERS[name]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        settings = [f"data.paths={corpus}", "data.clean=none", f"budget.steps={steps + WARM_STEPS}", *RECIPE, *more]
        command = [sys.executable, "-m", "hornbook", "pretrain", "--plain", "--devices", str(devices)]
        subprocess.run(
            [*command, "--out", str(out), *settings],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        records = [record for record in read_metrics(out / "metrics.jsonl") if record["kind"] == "train"]
    return statistics.median(record["tokens_per_second"] for record in records[WARM_STEPS:-1])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args(arguments).quick
    rounds, steps = (1, 3) if quick else (2, 8)
    speeds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    ratios: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    folder = tempfile.TemporaryDirectory()
    corpus = write_corpus(Path(folder.name) / "library.txt")
    for number in range(rounds):
        for name in CONTENDERS:
            speeds[name].append(measure(name, steps, corpus))
            ratios[name].append(speeds[name][-1] / speeds["one"][-1])
            print(f"round {number + 1}: {name:8} {speeds[name][-1]:8,.0f} tokens/s, {ratios[name][-1]:.2f} of one")
    for name in CONTENDERS:
        middle, low, high = statistics.median(ratios[name]), min(ratios[name]), max(ratios[name])
        print(f"{name:8} {middle:.2f} times one process ({low:.2f} to {high:.2f})")
    if not quick:
        RESULT.write_text(json.dumps(_record(rounds, steps, speeds, ratios), indent=1) + "\n", encoding="utf-8")


def _record(rounds: int, steps: int, speeds: dict[str, list[float]], ratios: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "date": f"{datetime.date.today()}",
        "packages": {name: version(name) for name in ("hornbook", "torch")},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_at_the_end": os.getloadavg()[0],
        "recipe": list(RECIPE),
        "rounds": rounds,
        "steps": steps,
        "tokens_per_second": speeds,
        "times_one": {name: statistics.median(found) for name, found in ratios.items()},
        "times_one_each_round": ratios,
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    main()
