"""Models of several objectives, of equal budget, on tasks without training: each in its own way, with intervals.

    python benchmarks/objectives_tasks.py TASK_FOLDER RUN [RUN ...]     writes its result; minutes for each run

TASK_FOLDER has blimp_a.jsonl.gz, lambada_a.jsonl.gz and arc_easy.jsonl.gz (minimal pairs, last words, multiple choice);
of each a part is asked, as `hornbook evaluate --few` takes it. Told are the numbers of each task, with interval, way,
kind and what simple answers reach, and the difference from the first run, item by item.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import time
from pathlib import Path
from typing import Any

import hornbook as hb
from hornbook.artifacts import write_file
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "objectives_tasks.json"
TASKS = ("blimp_a", "lambada_a", "arc_easy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("runs", nargs="+", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    first: dict[str, Any] = {}
    for place in given.runs:
        run = hb.load(place)
        result = run.result
        assert result is not None  # of a finished run
        for name in TASKS:
            begun = time.monotonic()
            answers = run.answer(given.tasks / f"{name}.jsonl.gz", few=True)
            seconds = time.monotonic() - begun
            row = {
                "run": place.name, "task": name, "way": answers.header["way"], "kind": answers.header["kind"],
                "trained": answers.header["trained"], "items": answers.header["items"], "seconds": round(seconds, 1),
                "parameters": sum(value.numel() for value in run.model.parameters()), "tokens": result.tokens,
                "numbers": [dataclasses.asdict(number) for number in answers.numbers()],
            }  # fmt: skip
            if name in first:
                row["difference"] = dataclasses.asdict(answers.against(first[name]))
            first.setdefault(name, answers)
            rows.append(row)
            number = answers.numbers()[0]
            told = ", ".join(f"{other} {value:.1%}" for other, value in number.baselines.items())
            print(
                f"{place.name} {name}: {number.name} {number.text} by {row['way']} ({row['kind']}); {told}", flush=True
            )
    facts = {"date": datetime.date.today().isoformat(), "machine": environment(find_device()), "rows": rows}
    write_file(RESULT, json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
