"""What cheap models of tasks reach, for comparison with tuned ones: the test scores of `hornbook.transfer.baselines`.

    python benchmarks/transfer_baselines.py --data FOLDER

FOLDER holds sst2/{train,dev,test}.tsv, wnut17_ner/{train,dev,test}.jsonl.gz, toxicity_a.tsv and
squad_xquad_en_a.jsonl.gz; what is not there is left out. SST-2 is also learned from few examples, ten draws each.
The toxicity set has no test set: five folds, each scored by a model of the other four. Figures are shares.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import keys
from hornbook.train.machine import environment, find_device
from hornbook.transfer.baselines import learn_baselines
from hornbook.transfer.examples import Examples, load_examples
from hornbook.transfer.metrics import measure, record, score

RESULT = Path(__file__).parent / "results" / "transfer_baselines.json"
SHOTS = (16, 64, 256, 1024, 4096)
DRAWS = 10


def said(train: Examples, dev: Examples | None, test: Examples) -> dict[str, list[dict[str, Any]]]:
    """Return the records of each baseline on the test set."""
    return {
        one.name: [record(item, answer) for item, answer in zip(test.items, one.answers(test.items), strict=True)]
        for one in learn_baselines(train, dev)[0]
    }


def told(task: str, records: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return each baseline's measures with their intervals."""
    return {
        name: {
            one.name: [round(value, 4) for value in (one.value, one.low, one.high) if value is not None]
            for one in measure(task, each)
        }
        for name, each in records.items()
    }


def few(train: Examples, dev: Examples, test: Examples) -> dict[str, Any]:
    """Return mean and standard deviation of the strong baseline's score over draws of few examples."""
    found = {}
    for number in SHOTS:
        scores = []
        for draw in range(DRAWS):
            chosen = keys.permute(np.arange(number), len(train), keys.fold(np.uint64(draw), number))
            by_name = said(train.take(sorted(chosen.tolist())), dev, test)
            scores.append(score(test.task, list(by_name.values())[-1]))
        found[str(number)] = {"mean": round(float(np.mean(scores)), 4), "sd": round(float(np.std(scores, ddof=1)), 4)}
        print(f"SST-2, {number} examples: {found[str(number)]}", flush=True)
    return found


def folds(examples: Examples, number: int = 5) -> dict[str, list[dict[str, Any]]]:
    """Return the records of all examples, each said by models that have learned from the other folds."""
    fold = keys.permute(np.arange(len(examples)), len(examples), np.uint64(0)) % number
    found: dict[str, list[dict[str, Any]]] = {}
    for one in range(number):
        parts = [examples.take(np.flatnonzero(mask).tolist()) for mask in (fold != one, fold == one)]
        for name, records in said(parts[0], None, parts[1]).items():
            found.setdefault(name, []).extend(records)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data: Path = parser.parse_args().data
    results: dict[str, Any] = {}
    started = time.monotonic()
    for name, pattern in (("sst2", "sst2/{}.tsv"), ("wnut17", "wnut17_ner/{}.jsonl.gz")):
        if (data / pattern.format("train")).exists():
            train, dev, test = (load_examples(data / pattern.format(part)) for part in ("train", "dev", "test"))
            results[name] = told(test.task, said(train, dev, test))
            print(name, json.dumps(results[name]), flush=True)
            if name == "sst2":
                results["sst2, few examples"] = few(train, dev, test)
    if (data / "toxicity_a.tsv").exists():
        results["toxicity, five folds"] = told("classify", folds(load_examples(data / "toxicity_a.tsv")))
        print("toxicity", json.dumps(results["toxicity, five folds"]), flush=True)
    if (data / "squad_xquad_en_a.jsonl.gz").exists():
        asked = load_examples(data / "squad_xquad_en_a.jsonl.gz")
        results["xquad"] = told("answer", said(asked, None, asked))
        print("xquad", json.dumps(results["xquad"]), flush=True)
    facts = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
    record_of = facts | {"seconds": round(time.monotonic() - started), "results": results}
    RESULT.write_text(json.dumps(record_of, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
