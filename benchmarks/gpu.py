"""One GPU in ten minutes: how fast Hornbook trains beside transformers' Trainer, where the time goes, what stays exact.

    python benchmarks/gpu.py                  all parts; writes its result after each
    python benchmarks/gpu.py --only causal    the parts that begin so
    python benchmarks/gpu.py --minutes 20     more time for each part
    python benchmarks/gpu.py --out FILE       where the result goes
    python benchmarks/gpu.py --toy            tiny models, nothing compiled, all in this process: runs on a CPU too

    device       rates of matrix products, of copies, of launches
    attention    the mask rule in every form beside plain products in fp64; kernels and seconds of each form
    causal       GPT-2 of 124M, rows of 1,024 tokens; 350m: of 355M (Radford et al. 2019)
    masked       BERT-base, rows of 512, 15 % of the tokens (Devlin et al. 2019)
    span         T5-base, rows of 512, 15 % in spans of 3 (Raffel et al. 2020)
    model, run   small models beside the CPU; resume, a checkpoint read on a CPU, greedy text
    exchange     one process by NCCL

Each part is a process of its own with a time limit. What it found before it failed, ran out of memory or was stopped is
kept, with the reason, and the others go on. docs/devices.md says how to read the table.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "gpu.json"
MARK = "FOUND "
# Seconds that each part may take of ten minutes, in the order in which they run. They add up to more: most need less,
# and what comes last is left out where time is over.
PARTS: Mapping[str, float] = {
    "device": 30, "attention": 100, "causal hornbook": 90, "causal trainer": 90, "run": 80, "exchange": 30, "model": 75,
    "masked hornbook": 60, "masked trainer": 70, "span hornbook": 75, "span trainer": 90, "350m hornbook": 75,
    "350m trainer": 100,
}  # fmt: skip
_LEAST = 15.0  # seconds: in less a part would not come to anything
Found = dict[str, Any]


def work(part: str, toy: bool, scratch: Path, emit: Callable[[Found], None]) -> None:
    """Do one part in this process."""
    from hornbook.errors import reason_of
    from hornbook.train.machine import find_device

    name, _, side = part.partition(" ")
    if name == "device":
        from on_gpu import rates

        return rates.measure(toy, emit)
    if side:
        from on_gpu import ours, peer

        return (ours if side == "hornbook" else peer).measure(name, toy, scratch, emit)
    from on_gpu import attention_cases, run_cases

    for case in attention_cases.CASES if name == "attention" else run_cases.CASES[name]:
        start = time.perf_counter()
        try:
            passed, facts = case(find_device(), toy, *([scratch] if name == "run" else []))
        except Exception as error:
            passed, facts = False, {"error": f"{type(error).__name__}: {reason_of(error)}"[:400]}
        seconds = round(time.perf_counter() - start, 2)
        emit({"cases": {case.__name__: {"passed": bool(passed), **facts, "seconds": seconds}}})
    return None


def isolated(command: Sequence[str], seconds: float, log: Path) -> Iterator[Found | str]:
    """Run a command at most so long; yield what it finds, and at the end the reason why it failed, or ""."""
    lines: queue.Queue[str | None] = queue.Queue()
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        )  # fmt: skip

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        end, stopped = time.monotonic() + seconds, False
        with contextlib.suppress(queue.Empty):
            while (line := lines.get(timeout=max(0.0, end - time.monotonic()))) is not None:
                if line.startswith(MARK):
                    yield json.loads(line.removeprefix(MARK))
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            stopped = True
        with contextlib.suppress(ProcessLookupError):  # its own processes too: compilers, loaders
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    said = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    last = said[-1][:300] if said else ""
    yield f"stopped after {seconds:.0f} s" if stopped else _ending(process.returncode, last)


def _ending(code: int, last: str) -> str:
    if code < 0:
        return f"ended by signal {-code}: {last}"
    return last or f"ended with {code}" if code else ""


def together(part: str, toy: bool, scratch: Path) -> Iterator[Found | str]:
    """Do a part in this process; yield as `isolated` does."""
    from hornbook.errors import reason_of

    found: list[Found] = []
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            work(part, toy, scratch, found.append)
        reason = ""
    except Exception as error:
        reason = f"{type(error).__name__}: {reason_of(error)}"[:300]
    yield from found
    yield reason


def all_parts(given: argparse.Namespace, scratch: Path) -> Found:
    """Do the parts, one after the other; write the result after each."""
    result: Found = {"date": f"{datetime.date.today()}", "toy": given.toy, "minutes": given.minutes, "parts": {}}
    end = time.monotonic() + 60 * given.minutes
    for part in [part for part in PARTS if part.startswith(given.only) and not (given.toy and "350m" in part)]:
        start = time.monotonic()
        limit = min(PARTS[part] * given.minutes / 10, end - start)
        found: Found = result["parts"].setdefault(part, {})
        if limit < _LEAST and not given.toy:
            found["failed"] = "no time was left"
        else:
            command = [sys.executable, __file__, "--part", part, "--scratch", str(scratch)]
            log = scratch / f"{part}.log"
            for item in together(part, True, scratch) if given.toy else isolated(command, limit, log):
                if isinstance(item, str):
                    found |= {"failed": item} if item else {}
                elif "cases" in item:
                    found.setdefault("cases", {}).update(item["cases"])
                else:
                    found |= item
        found["seconds"] = round(time.monotonic() - start, 1)
        print(f"{part}: {found['seconds']} s{', ' + found['failed'] if 'failed' in found else ''}", flush=True)
        if given.out is not None:
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.part:
        work(given.part, given.toy, given.scratch, lambda found: print(MARK + json.dumps(found), flush=True))
        return
    if given.out is None and not given.toy:
        given.out = RESULT
    from on_gpu.table import told

    with tempfile.TemporaryDirectory() as scratch:
        print(told(all_parts(given, Path(scratch))))


if __name__ == "__main__":
    main()
