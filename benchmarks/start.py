"""What it costs to begin: processor seconds, and what is loaded, before anything is asked for; and the first minute.

    python benchmarks/start.py [--runs 7] [--minutes 0.25 0.5 1] [--write]

A process of Python alone is the peer, in turn with the others. Bars: `import hornbook` 0.15 s beyond Python itself and
no torch; `hornbook --help` 0.5 s, all included.

`hornbook pretrain` is run on 1 MB of text, which is cleaned first, with a budget of each of `--minutes`. Every line of
its log is stamped with the seconds and the processor seconds of the process; lines end stages. Bars: the first line
within a second; the text prepared, from the libraries on, in 3 s of a processor; four fifths of what is left are
training. The first word is waited for on a terminal too.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from hornbook.artifacts import write_file
from hornbook.corpus.read import read

RESULT = Path(__file__).parent / "results" / "start.json"
SCRIPTS = {
    "python": "pass",
    "import hornbook": "import hornbook",
    "hb.Recipe and hb.objective": "import hornbook as hb; hb.Recipe(); hb.objective('span')",
    "hornbook --help": "import sys; from hornbook.cli import main; main(['--help'])",
}
HEAVY = ("torch", "numpy", "transformers", "tokenizers", "pydantic", "rich", "daft")


def seconds(script: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", script], stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def loaded(script: str) -> list[str]:
    tell = (
        f"import atexit, sys; atexit.register(lambda: print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr))"
    )
    done = subprocess.run([sys.executable, "-c", f"{tell}; {script}"], capture_output=True, text=True, check=False)
    return list(json.loads(done.stderr.splitlines()[-1].replace("'", '"')))


# What ends with a line that begins so.
STAGES = {
    "loading libraries": "first line",
    "cleaning the text first": "libraries",
    "cleaned": "cleaning",
    "reading text": "reading",
    "training a bpe tokenizer": "tokenizer",
    "writing tokens": "tokens",
    "measuring the machine: done": "machine",
    "measuring the machine: ": "machine",
    "training: ": "plan",
    "final evaluation": "evaluation",
    "Report: ": "report",
}
PREPARING = ("cleaning", "reading", "tokenizer", "tokens")
Stamp = tuple[float, float]


def pretraining(text: Path, out: Path, minutes: float) -> dict[str, Any]:
    """Return what stages of a run took, in processor seconds, and which share of its budget was training."""
    command = [sys.executable, "-m", "hornbook", "pretrain", str(text), "--plain", "--minutes", str(minutes)]
    begun = time.perf_counter()
    process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.PIPE, text=True)
    told = psutil.Process(process.pid)
    stamps: dict[str, Stamp] = {}
    last_step = last = 0.0, 0.0
    assert process.stdout is not None
    for line in process.stdout:
        last = time.perf_counter() - begun, sum(told.cpu_times())
        if line.startswith("step "):
            last_step = last
        found = next((name for start, name in STAGES.items() if line.startswith(start)), "")
        if found and not (found == "machine" and " after " in line):
            stamps[found] = last
    if process.wait():
        raise SystemExit(f"the run of {minutes:g} minutes failed")
    stamps = dict(sorted({**stamps, "steps": last_step}.items(), key=lambda item: item[1]))
    ends = [cpu for _, cpu in stamps.values()]
    took = {
        name: round(cpu - before, 2) for (name, (_, cpu)), before in zip(stamps.items(), [0.0, *ends], strict=False)
    }
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    steps = [record for record in records if record["kind"] == "train"]
    trained = sum(
        (now["tokens"] - before) / now["tokens_per_second"]
        for now, before in zip(steps, [0, *(record["tokens"] for record in steps)], strict=False)
    )
    spent = last[0] - stamps["tokens"][0]
    return {
        "minutes": minutes,
        "steps": steps[-1]["step"],
        "seconds_to_the_first_line": round(stamps["first line"][0], 2),
        "cpu_seconds": took,
        "cpu_seconds_of_preparation": round(sum(took[name] for name in PREPARING), 2),
        "seconds_of_the_budget": round(spent, 1),
        "share_of_the_budget_used": round(spent / (60 * minutes), 3),
        "share_of_the_budget_trained": round(trained / (60 * minutes), 3),
        "cpu_share_of_steps": round(took["steps"] / (last[1] - stamps["tokens"][1]), 3),
    }


def first_word(text: Path, out: Path) -> dict[str, float]:
    """Return the seconds and the processor seconds until a training shows anything on a terminal."""
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "hornbook", "pretrain", str(text), "--steps", "1", "--out", str(out)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=os.environ | {"TERM": "xterm"})
    os.close(its)
    shown = b""
    while b"..." not in shown:
        shown += os.read(mine, 100)
    found = time.perf_counter() - begun, sum(psutil.Process(process.pid).cpu_times())
    process.kill()
    process.wait()
    os.close(mine)
    return {"seconds": round(found[0], 2), "cpu_seconds": round(found[1], 2)}


def first_minute(minutes: list[float]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "text.txt"
        whole = "\n\n".join(document.text for document in read(["builtin:docs"]))
        text.write_text(whole[:1_000_000], encoding="utf-8")
        return {
            "load_at_begin": round(os.getloadavg()[0], 1),
            "terminal": first_word(text, Path(scratch) / "terminal"),
            "runs": [pretraining(text, Path(scratch) / f"{number:g}", number) for number in minutes],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--minutes", type=float, nargs="*", default=[0.25, 0.5, 1.0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    given = parser.parse_args()
    for script in SCRIPTS.values():
        seconds(script)  # compiles what has no .pyc yet
    times: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    for _ in range(given.runs):
        for name, script in SCRIPTS.items():
            times[name].append(seconds(script))
    lines = {
        name: {"cpu_seconds": round(statistics.median(values), 3), "loaded": loaded(SCRIPTS[name])}
        for name, values in times.items()
    }
    for name, line in lines.items():
        print(f"{name:28}{line['cpu_seconds']:7.3f} s   loads {', '.join(line['loaded']) or 'none of those'}")
    found = first_minute(given.minutes)
    print(json.dumps(found, indent=1))
    if given.write:
        result = {"runs": given.runs, "processes": lines, "first_minute": found}
        write_file(RESULT, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
