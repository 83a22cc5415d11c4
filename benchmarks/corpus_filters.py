"""Speed of the quality rules beside datatrove's filters, and whether both say the same of each document.

    python -m venv PEER && PEER/bin/pip install 'datatrove[processing]' 'spacy>=3.8'
    python benchmarks/corpus_filters.py --peer-python PEER/bin/python [--text PATH ...]

Documents are drawn anew from the paragraphs of the built-in corpus and of the paths, 72,000 with 212 MB together,
three in ten spoilt as web pages are (see resampled.py). Each filter of datatrove and each of our steps judges all of
them, each in a process of its own, and takes a block of documents at a time; seconds are the processor's, of the
judging alone; memory is the largest of the whole process. Since the peer takes an hour, what it has found is kept in
`--work` and not asked for again; `--documents 6000 --bytes 18000000` is a tenth of it.

Verdicts are compared twice: with datatrove's own tokenizers (spaCy's rules for English), on all documents; and with
ours put in their place, on the first 2,000. C4's and FineWeb's numbers that datatrove has otherwise are as there. Two
verdicts agree if both keep or both drop.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from resampled import resample

from hornbook.corpus.step import Page, Step
from hornbook.corpus.steps.c4 import C4
from hornbook.corpus.steps.fineweb import FineWeb
from hornbook.corpus.steps.gopher import Gopher

RESULT = Path(__file__).parent / "results" / "corpus_filters.json"
PEER = Path(__file__).parent / "peers" / "datatrove_filters.py"
SOURCE = Path(__file__).parents[1] / "src"
BLOCK = SAME_WORDS = 2000
STEPS: dict[str, Step] = {
    "quality": Gopher(parts=("quality",)),
    "repetition": Gopher(parts=("repetition",)),
    "gopher": Gopher(),
    "c4": C4(min_sentences=5, min_line_words=3),
    "fineweb": FineWeb(max_repeated_characters=0.01),
}
PEERS = ("quality", "repetition", "c4", "fineweb")


def pages(documents: Path) -> Iterator[Page]:
    """Yield the documents of a file by the block."""
    with documents.open(encoding="utf-8") as stream:
        while texts := [json.loads(line)["text"] for _, line in zip(range(BLOCK), stream, strict=False)]:
            blank = [""] * len(texts)
            yield Page(np.arange(len(texts)), blank, blank, texts, [{}] * len(texts))


def judge(documents: Path, name: str, result: Path) -> None:
    """Let one step judge all documents, and write what datatrove_filters.py writes of a filter."""
    step = STEPS[name]
    verdicts, crcs, cpu, wall = [], [], 0.0, 0.0
    for page in pages(documents):
        begin, started = time.process_time(), time.perf_counter()
        found = step(page)
        cpu, wall = cpu + time.process_time() - begin, wall + time.perf_counter() - started
        verdicts += found.reasons
        crcs += [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in found.texts]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"cpu_seconds": round(cpu, 2), "wall_seconds": round(wall, 2), "peak_megabytes": round(peak, 1)}
    result.write_text(json.dumps({**figures, "verdicts": verdicts, "crcs": crcs}), encoding="utf-8")


def compared(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return how often both keep or both drop, and, of documents that both keep, how often the text is the same."""
    pairs = list(zip(ours["verdicts"], theirs["verdicts"], ours["crcs"], theirs["crcs"], strict=False))
    same = [bool(mine) == bool(peer) for mine, peer, _, _ in pairs]
    kept = [mine == peer for first, second, mine, peer in pairs if not first and not second]
    other = Counter(f"{mine or 'kept'} | {peer or 'kept'}" for mine, peer, _, _ in pairs if bool(mine) != bool(peer))
    return {
        "documents": len(pairs),
        "same_verdict": round(float(np.mean(same)), 6),
        "dropped": [sum(bool(mine) for mine, _, _, _ in pairs), sum(bool(peer) for _, peer, _, _ in pairs)],
        "same_text_of_kept": round(float(np.mean(kept)), 6),
        "differences": dict(other.most_common(12)),
    }


def run(command: list[str], result: Path) -> dict[str, Any]:
    """Return what a process has written to a file, from an earlier run where there is one."""
    if not result.exists():
        print(" ".join(command[:4]), flush=True)
        subprocess.run(command, check=True)
    found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return found


def measure(given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Make the documents, let everybody judge them, and return the comparison."""
    documents, head = work / "documents.jsonl", work / "head.jsonl"
    if not documents.exists():
        lines = [json.dumps({"text": text}) + "\n" for text in resample(given.text, given.documents, given.bytes)]
        documents.write_text("".join(lines), encoding="utf-8")
        head.write_text("".join(lines[:SAME_WORDS]), encoding="utf-8")
    facts: dict[str, Any] = {"documents": given.documents, "bytes": documents.stat().st_size, "filters": {}}
    itself = [sys.executable, str(Path(__file__)), "--judge"]
    ours = {
        name: run([*itself, name, str(documents), str(work / f"{name}.json")], work / f"{name}.json") for name in STEPS
    }
    theirs = {}
    for name in PEERS:
        found, again = work / f"peer_{name}.json", work / f"peer_{name}_words.json"
        theirs[name] = run([given.peer_python, str(PEER), str(documents), name, str(found)], found)
        replaced = run([given.peer_python, str(PEER), str(head), name, str(again), "--words", str(SOURCE)], again)
        mine, peer = ours[name], theirs[name]
        figures = ("cpu_seconds", "wall_seconds", "peak_megabytes")
        facts["filters"][name] = {
            **{key: [mine[key], peer[key]] for key in figures},
            "times_less_cpu": round(peer["cpu_seconds"] / mine["cpu_seconds"], 1),
            "own_tokenizers": compared(mine, peer),
            "our_words": compared(mine, replaced) | {"peer_cpu_seconds": replaced["cpu_seconds"]},
        }
    peer_cpu = sum(theirs[name]["cpu_seconds"] for name in PEERS)
    our_cpu = sum(ours[name]["cpu_seconds"] for name in ("gopher", "c4", "fineweb"))
    facts["all"] = {
        "cpu_seconds": [round(our_cpu, 2), round(peer_cpu, 2)],
        "times_less_cpu": round(peer_cpu / our_cpu, 1),
    }
    facts["gopher"] = {key: ours["gopher"][key] for key in ("cpu_seconds", "wall_seconds", "peak_megabytes")}
    facts["datatrove"] = theirs["c4"]["datatrove"]
    return facts


def main() -> None:
    """Measure, print and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="the Python that has datatrove and spaCy")
    parser.add_argument("--text", nargs="*", default=["builtin:docs"], help="paths of text to draw from")
    parser.add_argument("--documents", type=int, default=72_000)
    parser.add_argument("--bytes", type=int, default=212_000_000)
    parser.add_argument("--work", type=Path, help="where documents and verdicts are kept")
    parser.add_argument("--quick", action="store_true", help="300 documents; writes nothing")
    parser.add_argument("--judge", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.judge:
        judge(Path(given.judge[1]), given.judge[0], Path(given.judge[2]))
        return
    if not given.peer_python:
        print("corpus_filters.py: nothing to compare with; name the Python that has datatrove with --peer-python.")
        return
    if given.quick:
        given.documents, given.bytes = 300, 900_000
    with tempfile.TemporaryDirectory() as scratch:
        work = given.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        load = os.getloadavg()
        found = measure(given, work)
    for name, row in [*found["filters"].items(), ("all", found["all"])]:
        own, other = row["cpu_seconds"]
        print(f"{name:12} CPU s {own:8.2f} : {other:9.2f} {row['times_less_cpu']:6.1f} times less", end="")
        for words in ("own_tokenizers", "our_words"):
            print(f"   {words} {row[words]['same_verdict']:.4f}" if words in row else "", end="")
        print()
    if not given.quick:
        from hornbook.train.machine import environment, find_device  # torch, whose memory is no step's

        when = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(
            json.dumps({**when, "load_before_and_after": [load, os.getloadavg()], **found}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
