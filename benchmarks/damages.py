"""Some thousand damages to the files of a run, an export and a corpus: how the use of each ends.

    python benchmarks/damages.py [NUMBER]        writes benchmarks/results/damages.json

Each case damages one file of a fresh copy (a bit, a byte, a digit; cut, zeroed, grown, repeated, swapped, that of
another run, nested 100,000 deep, removed, or replaced by a folder, a pipe, a device, a link to itself) and then opens,
evaluates, exports, imports, reads or resumes it to the end. Right are the same result, one sentence, or an older
checkpoint that is named; faults are another result without a word, a traceback, and no end within 20 seconds.
"""

from __future__ import annotations

import collections
import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from damages import Trial  # noqa: E402


def main(number: int) -> None:
    """Try so many damages and write what came of them."""
    begin, ends = time.perf_counter(), collections.Counter[str]()
    faults: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        with contextlib.redirect_stdout(io.StringIO()):
            trial = Trial(Path(scratch))
        for case in range(number):
            verdict = trial.case(case)
            ends[f"{verdict.tree}, {verdict.use}: {verdict.end}"] += 1
            if verdict.is_fault:
                faults.append(
                    [case, verdict.tree, verdict.file, verdict.damage, verdict.use, verdict.end, verdict.told]
                )
                print(*faults[-1], flush=True)
    found = {"cases": number, "seconds": round(time.perf_counter() - begin), "ends": dict(sorted(ends.items()))}
    text = json.dumps(found | {"faults": faults}, indent=1)
    (HERE / "results" / "damages.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3_000)
