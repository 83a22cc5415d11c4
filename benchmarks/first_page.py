"""How soon `hornbook play RUN` has its page, before the model is there: bar 1 second on two quiet cores.

    python benchmarks/first_page.py [TIMES]

A small run is made. Each time a new process is started, and its address asked until it answers with the shell; then all
that the shell loads is asked for, and the session, which says that the model is not read yet. Written to
benchmarks/results/first_page.json with the processor time that the machine's other work took meanwhile.
"""

from __future__ import annotations

import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

import hornbook as hb

RESULT = Path(__file__).parent / "results" / "first_page.json"
SETTINGS = {"model.width": 64, "model.layers": 2, "model.heads": 2, "model.max_length": 64, "tokenizer.size": 1000}


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        hb.pretrain("builtin:docs", objective="masked", steps=20, out=run, settings=SETTINGS, plain=True)
        found = [once(run) for _ in range(times)]
    page = [one["page"] for one in found]
    result = {
        "command": "hornbook play RUN --no-code --no-browser",
        "seconds_to_the_page": {"least": min(page), "median": statistics.median(page), "most": max(page)},
        "seconds_to_the_session": statistics.median(one["session"] for one in found),
        "models_read_by_then": sum(one["ready"] for one in found),
        "processor_share_of_others": statistics.mean(one["others"] for one in found),
        "times": times,
        "cores": len(os.sched_getaffinity(0)),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def once(run: Path) -> dict[str, float]:
    """Start the server, ask for the page and for the session, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "hornbook", "play", str(run), "--port", str(port), "--no-code", "--no-browser"]
    before = psutil.cpu_times()
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        shell = ""
        while not shell:
            try:
                shell = asked(f"{address}/")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.005)
        for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', shell):
            asked(address + name)
        page = time.perf_counter() - begun
        session = json.loads(asked(f"{address}/api/session"))
        whole = time.perf_counter() - begun
        now = psutil.cpu_times()
        own = sum(psutil.Process(process.pid).cpu_times()[:2])
        busy = sum(getattr(now, name) - getattr(before, name) for name in ("user", "system", "nice")) - own
        ready = sum(one["state"] == "ready" for one in session["play"]["runs"])
        return {"page": page, "session": whole, "ready": ready, "others": busy / whole / (os.cpu_count() or 1)}
    finally:
        process.terminate()
        process.wait()


def asked(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        text: str = answer.read().decode("utf-8", "replace")
        return text


if __name__ == "__main__":
    main()
