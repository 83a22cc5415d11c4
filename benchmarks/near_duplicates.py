"""Near duplicates: what is found of planted ones, and at what cost, other libraries measured in the same run.

    python benchmarks/near_duplicates.py PATHS... --peer-python PYTHON      writes its result; about five minutes
    python benchmarks/near_duplicates.py --documents 2000                    ours alone, on the built-in text

The corpus is drawn from the paragraphs of PATHS (`builtin:docs builtin:code` if none are given); a tenth of the
documents are damaged copies of others: ten kinds of damage, from another case to a fifth of the words changed. Truth is
the Jaccard similarity of word 5-grams of each copy with its original. Every contender is a process of its own that
reads the same parquet file; figures are CPU seconds, seconds and megabytes of the whole process. `found` is the share
of the copies of similarity 0.8 or more of which one of the two is dropped; `wrong` is the share of those among 300 of
the dropped documents that have no other of similarity 0.8 or more, found by comparing them with the whole corpus.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet
from resampled import resample

from hornbook.corpus.dedup.fuzzy import NearDuplicates

BYTES_EACH = 2_860
EVERY = 10
CHECKED = 300
PUNCTUATION = re.compile(r"[^\w\s]|_")
RESULT = Path(__file__).parent / "results" / "near_duplicates.json"


def change_words(share: float) -> Callable[[str, random.Random], str]:
    def change(text: str, chance: random.Random) -> str:
        words = text.split(" ")
        for where in chance.sample(range(len(words)), max(1, int(share * len(words)))):
            words[where] = "changed"
        return " ".join(words)

    return change


def swap_paragraphs(text: str, chance: random.Random) -> str:
    paragraphs = text.split("\n\n")
    chance.shuffle(paragraphs)
    return "\n\n".join(paragraphs)


DAMAGE: dict[str, Callable[[str, random.Random], str]] = {
    "case": lambda text, chance: text.upper(),
    "white space": lambda text, chance: text.replace(" ", "  ").replace("\n", " \r\n"),
    "punctuation": lambda text, chance: text.replace(".", "!").replace(",", ";"),
    "end cut off": lambda text, chance: text[: int(len(text) * chance.uniform(0.7, 0.98))],
    "header added": lambda text, chance: "Home | News | About us | Contact | Sign in | Today's paper\n" + text,
    "footer added": lambda text, chance: text + "\nThis article was first published elsewhere; all rights reserved.",
    "paragraphs swapped": swap_paragraphs,
    "one word in a hundred": change_words(0.01),
    "one word in fifty": change_words(0.02),
    "one word in five": change_words(0.2),
}


def shingles(text: str, words: int = 5) -> set[tuple[str, ...]]:
    split = PUNCTUATION.sub(" ", text.lower()).split()
    return {tuple(split[start : start + words]) for start in range(max(1, len(split) - words + 1))}


def jaccard(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def corpus(paths: Sequence[str], documents: int) -> tuple[list[str], list[dict[str, Any]]]:
    """Return texts, and of each copy its place, its original's, the kind of damage and the similarity."""
    texts: list[str] = []
    copies: list[dict[str, Any]] = []
    kinds = list(DAMAGE)
    for number, text in enumerate(resample(paths, documents * EVERY // (EVERY + 1), documents * BYTES_EACH)):
        texts.append(text)
        if number % EVERY == 0:
            kind = kinds[len(copies) % len(kinds)]
            chance = random.Random(number)
            damaged = DAMAGE[kind](text, chance)
            copies.append(
                {"original": len(texts) - 1, "copy": len(texts), "kind": kind, "jaccard": jaccard(text, damaged)}
            )
            texts.append(damaged)
    return texts, copies


def ours(source: str, directory: Path) -> None:
    """Find near duplicates with the defaults and write what is dropped."""
    import daft

    NearDuplicates().survey(daft.read_parquet(source), directory)
    table = parquet.read_table(directory / "clusters.parquet")
    dropped = [
        place for place, kept in zip(*(table[name].to_pylist() for name in ("place", "kept")), strict=True) if not kept
    ]
    (directory / "dropped.json").write_text(json.dumps(dropped), encoding="utf-8")


def measured(command: Sequence[str], directory: Path) -> dict[str, Any]:
    """Run a process to its end and return what it cost and what it dropped."""
    environment = os.environ | {"DAFT_ANALYTICS_ENABLED": "0", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"}
    start = time.perf_counter()
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(command, env=environment, stdout=messages, stderr=messages)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            messages.seek(0)
            raise SystemExit(f"{command}: {messages.read().decode()[-2000:]}")
    seconds = time.perf_counter() - start
    cpu = used.ru_utime + used.ru_stime
    return {
        "cpu_seconds": round(cpu, 1),
        "seconds": round(seconds, 1),
        "megabytes": round(used.ru_maxrss / 1024),
        "dropped": set(json.loads((directory / "dropped.json").read_text(encoding="utf-8"))),
    }


def quality(dropped: set[int], copies: list[dict[str, Any]], right: dict[int, bool]) -> dict[str, float]:
    """Return the share of copies found, and of the checked dropped documents those dropped for nothing."""
    alike = [copy for copy in copies if copy["jaccard"] >= 0.8]
    found = [copy for copy in alike if {copy["original"], copy["copy"]} & dropped]
    checked = drawn(dropped)
    return {
        "found": round(len(found) / len(alike), 4),
        "dropped": len(dropped),
        "wrong": round(sum(not right[place] for place in checked) / max(1, len(checked)), 4),
    }


def drawn(dropped: set[int]) -> list[int]:
    """Return the dropped documents that are checked."""
    return random.Random(0).sample(sorted(dropped), min(CHECKED, len(dropped)))


def have_another(places: Sequence[int], texts: Sequence[str]) -> dict[int, bool]:
    """Return which documents have another of similarity 0.8 or more, by comparing with all."""
    sets = {place: shingles(texts[place]) for place in places}
    owners = collections.defaultdict(list)
    for place, found in sets.items():
        for item in found:
            owners[item].append(place)
    right = dict.fromkeys(places, False)
    for number, text in enumerate(texts):
        mine = shingles(text)
        shared = collections.Counter(place for item in mine for place in owners.get(item, ()))
        for place, count in shared.items():
            if place != number and count / (len(mine) + len(sets[place]) - count) >= 0.8:
                right[place] = True
    return right


def main() -> None:
    """Build the corpus, run every contender on it, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", default=["builtin:docs", "builtin:code"])
    parser.add_argument("--documents", type=int, default=72_000)
    parser.add_argument("--peer-python", default="")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ours", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        ours(given.ours[0], Path(given.ours[1]))
        return
    step = NearDuplicates()
    with tempfile.TemporaryDirectory() as scratch:
        texts, copies = corpus(given.paths, given.documents)
        source = str(Path(scratch) / "documents.parquet")
        columns = {"place": range(len(texts)), "id": [str(place) for place in range(len(texts))], "text": texts}
        parquet.write_table(pyarrow.table({name: list(values) for name, values in columns.items()}), source)
        size = sum(len(text.encode()) for text in texts)
        print(f"{len(texts):,} documents, {size / 1e6:.0f} MB, {len(copies):,} damaged copies", flush=True)
        contenders = {"hornbook": [sys.executable, __file__, "--ours"]}
        if given.peer_python:
            peer = str(Path(__file__).parent / "peers" / "near_duplicates.py")
            contenders |= {name: [given.peer_python, peer, name] for name in ("datasketch", "datatrove", "text-dedup")}
        results: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
        for turn in range(given.rounds):
            for name, command in contenders.items():
                directory = Path(scratch) / f"{name}-{turn}"
                directory.mkdir()
                settings = [] if name == "hornbook" else [str(step.bands), str(step.rows), str(step.words)]
                result = measured([*command, source, str(directory), *settings], directory)
                results[name].append(result)
                print(name, {key: value for key, value in result.items() if key != "dropped"}, flush=True)
        print("checking what was dropped ...", flush=True)
        right = have_another(sorted({place for runs in results.values() for place in drawn(runs[0]["dropped"])}), texts)
    for runs in results.values():
        for run in runs:
            run |= quality(run["dropped"], copies, right)
    summary: dict[str, dict[str, float]] = {
        name: {key: sorted(run[key] for run in runs)[len(runs) // 2] for key in runs[0]}
        for name, runs in results.items()
    }
    mine = summary["hornbook"]["cpu_seconds"]
    record = {
        "date": str(datetime.date.today()),
        "cores": os.cpu_count(),
        "load_at_end": os.getloadavg(),
        "documents": len(texts),
        "bytes": size,
        "alike": sum(copy["jaccard"] >= 0.8 for copy in copies),
        "rounds": given.rounds,
        "results": summary,
        "times_our_cpu": {name: round(result["cpu_seconds"] / mine, 2) for name, result in summary.items()},
    }
    print(json.dumps(record, indent=1))
    if given.peer_python:
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
