"""What pre-training is worth on a task: the same model tuned from its pre-trained weights and from first weights.

    python benchmarks/pretraining_pays.py TASK_FOLDER RUN [RUN ...]      adds to its result; minutes for each run
    python benchmarks/pretraining_pays.py --tell                          prints what the result has

TASK_FOLDER has train.tsv, dev.tsv and test.tsv with the columns text and label (SST-2 for the recorded result). Each
RUN is tuned on so many examples by `Run.transfer`: rates tried by one seed, then five seeds, each of which draws
its examples anew and is scored once on the test. Beside it stands the counting of words on the same examples. The
difference is Welch's over the seeds of both; what excludes 0 is distinguishable.
"""

from __future__ import annotations

import argparse
import datetime
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import hornbook as hb
from hornbook.artifacts import write_file
from hornbook.evaluate import statistics
from hornbook.evaluate.records import Records
from hornbook.train.machine import environment, find_device
from hornbook.transfer.report import MODEL, said_by

RESULT = Path(__file__).parent / "results" / "pretraining_pays.json"


def accuracies(records: Records, shots: int, name: str) -> list[float]:
    """Return the test accuracy of each seed of one model on so many shots."""
    return [
        float(np.mean([item["said"] == item["answer"] for item in lines]))
        for lines in said_by(records, shots, name).values()
    ]


def measured(
    run: Path, task: Path, shots: tuple[int, ...], seeds: int, scratch: bool, place: Path, settings: dict[str, str]
) -> dict[str, Any]:
    """Return the test accuracies of a run's seeds by shots, and those of the counting of words beside."""
    begun = time.monotonic()
    tuned = hb.load(run).transfer(
        task / "train.tsv", dev=task / "dev.tsv", test=task / "test.tsv", shots=shots, seeds=seeds, scratch=scratch,
        out=place, plain=True, settings=settings,
    )  # fmt: skip
    records = Records.load(place / "evaluations" / "test.jsonl")
    simple = [name for name, strong in records.header["simple"].items() if strong]
    return {
        "seconds": round(time.monotonic() - begun), "rates": tuned.transferred.training["tried"],
        "model": {str(number): accuracies(records, number, MODEL) for number in shots},
        "words": {str(number): accuracies(records, number, simple[-1]) for number in shots} if simple else {},
    }  # fmt: skip


def tell(result: dict[str, Any]) -> None:
    """Print one line for each run and number of shots."""
    for row in result["runs"]:
        for shots in row["pretrained"]["model"]:
            ours, first = (row[arm]["model"][shots] for arm in ("pretrained", "scratch"))
            gain = statistics.welch(ours, first)
            words = row["pretrained"]["words"].get(shots)
            sure = "distinguishable" if gain.excludes(0) else "not distinguishable"
            beside = f"; counting words {np.mean(words):.1%}" if words else ""
            print(
                f"{row['name']} ({row['objective']}, {row['parameters']:,} parameters), {shots} examples: pre-trained "
                f"{np.mean(ours):.1%}, first weights {np.mean(first):.1%}, difference {gain.value:+.1%} "
                f"({gain.low:+.1%} to {gain.high:+.1%}, {sure}){beside}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="?", type=Path)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--shots", default="256,1024")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], help="A setting of the transfer, as name=value.")
    parser.add_argument("--tell", action="store_true")
    given = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.is_file() else {"runs": []}
    settings = dict(item.split("=", 1) for item in given.set)
    shots = tuple(map(int, given.shots.split(",")))
    for run in given.runs:
        opened = hb.load(run)
        row = {
            "name": run.name, "objective": opened.recipe.objective.__class__.__name__, "steps": opened.step,
            "parameters": sum(value.numel() for value in opened.model.parameters()), "seeds": given.seeds,
            "settings": settings,
            "date": datetime.date.today().isoformat(), "machine": environment(find_device()),
        }  # fmt: skip
        with tempfile.TemporaryDirectory() as scratch:
            for arm in ("pretrained", "scratch"):
                place = Path(scratch) / arm
                row[arm] = measured(run, given.task, shots, given.seeds, arm == "scratch", place, settings)
        result["runs"] = [known for known in result["runs"] if known["name"] != run.name] + [row]
        write_file(RESULT, json.dumps(result, indent=1) + "\n")
    tell(result)


if __name__ == "__main__":
    main()
