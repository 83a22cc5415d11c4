"""What it costs to begin: processor seconds, and what is loaded, before anything is asked for.

    python benchmarks/start.py [--runs 7] [--write]

A process of Python alone is the peer, in turn with the others. Bars: `import hornbook` 0.15 s beyond Python itself and
no torch; `hornbook --help` 0.5 s, all included.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from hornbook.artifacts import write_file

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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
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
    if given.write:
        write_file(RESULT, json.dumps({"runs": given.runs, "processes": lines}, indent=1) + "\n")


if __name__ == "__main__":
    main()
