"""A study that is killed at 20 moments and run again ends with the same report, byte for byte.

    python benchmarks/study_kills.py               20 moments; writes its result; about 20 minutes
    python benchmarks/study_kills.py --moments 3   fewer, which print alone

The study has two arms, two seeds, trials, a task and two transfers. It runs undisturbed once; then for each moment,
spread evenly over that time, a new one is killed (SIGKILL) and run again.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from stories import story
from transfer_runs import file, records

RESULT = Path(__file__).parent / "results" / "study_kills.json"
MOMENTS = 20
STUDY = """text = ["text.jsonl"]
seeds = 2
width = 32
layers = 1
trials = 2
tasks = ["pairs.jsonl"]
[budget]
tokens = 40000
[arms.causal]
objective = "causal"
[arms.masked]
objective = "masked"
[transfer.verbs]
train = "verbs.jsonl"
test = "verbs-test.jsonl"
shots = [16, 0]
epochs = 2
rates = [1e-3, 3e-3]
[transfer.names]
train = "names.jsonl"
test = "names-test.jsonl"
epochs = 2
rates = [3e-3]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=MOMENTS)
    moments = parser.parse_args().moments
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write(place)
        begun = time.monotonic()
        begin(place, "whole").wait()
        seconds = time.monotonic() - begun
        right = report(place, "whole")
        found = []
        for number in range(moments):
            name, moment = f"killed-{number}", seconds * (number + 0.5) / moments
            process = begin(place, name)
            time.sleep(moment)
            process.kill()
            process.wait()
            code = begin(place, name).wait()
            same = code == 0 and report(place, name) == right
            found.append({"after": round(moment, 1), "exit code": code, "same report": same})
            print(found[-1], flush=True)
    result = {
        "date": datetime.date.today().isoformat(), "seconds of a study": round(seconds, 1),
        "bytes of the report": len(right),
        "killed": moments, "same": sum(bool(one["same report"]) for one in found), "moments": found,
    }  # fmt: skip
    print(json.dumps({name: value for name, value in result.items() if name != "moments"}))
    if moments == MOMENTS:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(result["same"] != moments)


def write(place: Path) -> None:
    """Write the text, the task and the examples."""
    file(place / "text.jsonl", [{"text": story(30, seed)} for seed in range(60)])
    pairs = [{"sentence_good": story(1, seed), "sentence_bad": story(1, seed + 1)} for seed in range(0, 60, 2)]
    file(place / "pairs.jsonl", pairs)
    for name, task in (("verbs", "classify"), ("names", "tag")):
        file(place / f"{name}.jsonl", records(task, 80))
        file(place / f"{name}-test.jsonl", records(task, 60, 1))


def begin(place: Path, name: str) -> subprocess.Popen[bytes]:
    """Begin a study, or go on with it."""
    (place / name).mkdir(exist_ok=True)
    (place / name / "study.toml").write_text(STUDY)
    command = [sys.executable, "-m", "hornbook", "study", "run", name, "--processes", "1", "--plain"]
    return subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def report(place: Path, name: str) -> bytes:
    command = [sys.executable, "-m", "hornbook", "study", "report", name, "--json"]
    return subprocess.run(command, cwd=place, stdout=subprocess.PIPE, check=False).stdout


if __name__ == "__main__":
    main()
