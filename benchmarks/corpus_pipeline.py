"""A whole corpus build beside datatrove's pipeline with the same rules, documents a second, in one run.

    python benchmarks/corpus_pipeline.py PATHS... --peer-python PYTHON [--documents N]        writes its result

The corpus is drawn from the paragraphs of PATHS (see resampled.py), as one file of JSON lines. Both read it, apply
Gopher's repetition and quality rules, C4's and FineWeb's, find near duplicates by 14 bands of 8 hashes of 5 words, and
write what is left. Figures are of whole processes, start and end included.
datatrove runs as its documentation shows it, its tasks on as many workers as the machine has cores.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from resampled import resample

RESULT = Path(__file__).parent / "results" / "corpus_pipeline.json"
RECIPE = """
paths = ["documents.jsonl"]
[[steps]]
kind = "gopher"
[[steps]]
kind = "c4"
min_sentences = 5  # datatrove's numbers, here and below
min_line_words = 3
[[steps]]
kind = "fineweb"
max_repeated_characters = 0.01
[[steps]]
kind = "near-duplicates"
bands = 14
rows = 8
"""
PEER = """
import os, sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import (
    C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

def main():
    cores, config = os.cpu_count(), MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)

    def stage(name, *steps, tasks=cores):
        LocalPipelineExecutor(list(steps), tasks=tasks, workers=cores, logging_dir=f"logs/{name}").run()

    # One file a task: datatrove does not cut files.
    lines = open("documents.jsonl", "rb").readlines()
    os.makedirs("parts")
    for number in range(cores):
        open(f"parts/{number}.jsonl", "wb").writelines(lines[number::cores])
    stage("filter", JsonlReader("parts"), GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(),
          FineWebQualityFilter(), JsonlWriter("filtered"))
    stage("signatures", JsonlReader("filtered"), MinhashDedupSignature("signatures", config=config))
    stage("buckets", MinhashDedupBuckets("signatures", "buckets", config=config), tasks=14)
    stage("clusters", MinhashDedupCluster("buckets", "remove", config=config), tasks=1)
    stage("write", JsonlReader("filtered"), MinhashDedupFilter("remove"), JsonlWriter("kept"))

if __name__ == "__main__":
    main()
"""


def measured(command: list[str], folder: Path) -> dict[str, float]:
    """Run a process in a folder to its end and return what it cost."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=messages, stderr=messages)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            messages.seek(0)
            raise SystemExit(f"{command}: {messages.read().decode()[-2000:]}")
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "megabytes_of_the_largest_process": round(used.ru_maxrss / 1024),
    }


def main() -> None:
    """Write the corpus, run both on it, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", default=["builtin:docs", "builtin:code"])
    parser.add_argument("--documents", type=int, default=72_000)
    parser.add_argument("--peer-python", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        texts = list(resample(given.paths, given.documents, given.documents * 2_860))
        with (folder / "documents.jsonl").open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps({"text": text, "id": str(place)}) + "\n" for place, text in enumerate(texts))
        (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
        (folder / "peer.py").write_text(PEER, encoding="utf-8")
        command = (
            "from hornbook.cli import main; main(['corpus', 'build', 'recipe.toml', '--out', 'kept-by-us', '--plain'])"
        )
        contenders = {"hornbook": [sys.executable, "-c", command]}
        if given.peer_python:
            contenders["datatrove"] = [given.peer_python, "peer.py"]
        results: dict[str, dict[str, Any]] = {}
        for name, line in contenders.items():
            results[name] = measured(line, folder)
            results[name]["documents_per_second"] = round(len(texts) / results[name]["seconds"], 1)
            print(name, results[name], flush=True)
    record: dict[str, Any] = {
        "date": str(datetime.date.today()),
        "cores": os.cpu_count(),
        "load_at_end": os.getloadavg(),
        "documents": len(texts),
        "bytes": sum(len(text.encode()) for text in texts),
        "results": results,
    }
    if given.peer_python:
        ours, theirs = (results[name]["documents_per_second"] for name in ("hornbook", "datatrove"))
        record["times_as_many_documents_per_second"] = round(ours / theirs, 1)
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
