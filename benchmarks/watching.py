"""What watching costs a run that is trained on the same machine: at most 2 % of its steps.

    python benchmarks/watching.py             12 pairs of 15 seconds; writes its result; about 7 minutes
    python benchmarks/watching.py --pairs 5   fewer, which print alone

One run trains all the time, beside 50 finished ones. In turn, nobody watches it, and a reader asks as the page does:
for 8 runs, every 2 seconds. Steps are counted in each window, as the run's own records have them; neighbouring windows
are a pair. The processor time that the server and the reader take is counted too: unlike the steps it does not depend
on what else the machine does. With --browser the reader is a real page in Chromium, and its drawing is in the cost.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from browser import served, tab
from small_models import book

from hornbook.diagnose.doctor import find_chromium
from hornbook.train.metrics import read_metrics

RESULT = Path(__file__).parent / "results" / "watching.json"
PAIRS, SECONDS, POLL, SHOWN, FINISHED = 12, 15.0, 2.0, 8, 50
SETTINGS = [
    "data.clean=none", "model.width=64", "model.layers=2", "model.heads=2", "model.max_length=64",
    "training.batch_rows=16",
    "training.precision=fp32", "training.compile=no", "tokenizer.size=400", "training.samples=0",
    "training.evaluate_every=1000000",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--browser", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), given.pairs, given.browser)
    print(json.dumps(found, indent=1))
    if given.pairs == PAIRS:
        kept = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
        kept["in a browser" if given.browser else "without a browser"] = found
        RESULT.write_text(json.dumps(kept, indent=1) + "\n")


def measured(folder: Path, pairs: int, browser: bool) -> dict[str, Any]:
    """Return the cost of watching, in steps and in processor time."""
    (folder / "book.txt").write_text(book())
    runs = folder / "runs"
    finished(folder, runs)
    with training(folder, runs / "live"), served("watch", runs) as address:
        server = next(one for one in psutil.Process().children() if "watch" in one.cmdline())
        with page_of(address) if browser else reader_of(address) as (watch, busy):
            watch(True)
            time.sleep(3 * POLL)  # the first answers, which bring all that was before
            windows = []
            for _ in range(pairs):
                for watched in random.sample([False, True], 2):
                    watch(watched)
                    windows.append(window(server, busy, watched))
    return account(with_speeds(windows, runs / "live"), browser)


def window(server: psutil.Process, busy: Callable[[], float], watched: bool) -> dict[str, Any]:
    begun, cost = time.time(), used(server) + busy()
    time.sleep(SECONDS)
    ended = time.time()
    share = (used(server) + busy() - cost) / (ended - begun)
    return {"watched": watched, "from": begun, "to": ended, "share": share}


def with_speeds(windows: list[dict[str, Any]], run: Path) -> list[dict[str, Any]]:
    """Return the windows with their steps a second, between the first record and the last one in each."""
    records = [one for one in read_metrics(run / "metrics.jsonl") if one["kind"] == "train"]
    found = []
    for one in windows:
        inside = [record for record in records if one["from"] <= record["time"] <= one["to"]]
        ends = (inside[0], inside[-1]) if len(inside) > 1 else None  # a machine that is too busy
        speed = None if ends is None else (ends[1]["step"] - ends[0]["step"]) / (ends[1]["time"] - ends[0]["time"])
        found.append(one | {"speed": speed})
    return found


def account(windows: list[dict[str, Any]], browser: bool) -> dict[str, Any]:
    pairs = [sorted(windows[n : n + 2], key=lambda one: one["watched"]) for n in range(0, len(windows), 2)]
    pairs = [pair for pair in pairs if all(one["speed"] for one in pair)]
    losses = [1 - watched["speed"] / alone["speed"] for alone, watched in pairs]
    draws = [statistics.median(random.choices(losses, k=len(losses))) for _ in range(2000)]
    low, high = (sorted(draws)[round(share * len(draws))] for share in (0.025, 0.975))
    shares = [one["share"] for one in windows if one["watched"]]
    cores = len(psutil.Process().cpu_affinity())
    return {
        "date": datetime.date.today().isoformat(),
        "reader": "Chromium" if browser else "requests as of the page",
        "pairs": len(pairs),
        "cores": cores,
        "steps a second, median": round(statistics.median(one["speed"] for pair in pairs for one in pair), 1),
        "loss of steps, median of pairs": round(statistics.median(losses), 4),
        "loss of steps, interval of 95 %": [round(low, 4), round(high, 4)],
        "processor time of watching, share of the machine": round(statistics.mean(shares) / cores, 4),
    }


def used(process: psutil.Process) -> float:
    """Return the seconds of processor time of a process and of those that it started."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def finished(folder: Path, runs: Path) -> None:
    """Make runs of 1,000 records that are done, as copies of one."""
    command = [sys.executable, "-m", "hornbook", "pretrain", str(folder / "book.txt"), "--steps", "40", "--plain"]
    subprocess.run(
        [*command, "--out", str(runs / "done0"), *SETTINGS],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    records = [one for one in read_metrics(runs / "done0" / "metrics.jsonl") if one["kind"] == "train"]
    many = [records[n % len(records)] | {"step": n + 1, "seconds": float(n)} for n in range(1000)]
    (runs / "done0" / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in many))
    for number in range(1, FINISHED):
        shutil.copytree(runs / "done0", runs / f"done{number}", ignore=shutil.ignore_patterns("checkpoints", "tokens"))


@contextlib.contextmanager
def training(folder: Path, run: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "hornbook", "pretrain", str(folder / "book.txt"), "--steps", "40000", "--plain"]
    process = subprocess.Popen(
        [*command, "--out", str(run), *SETTINGS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (run / "metrics.jsonl").is_file() or (run / "metrics.jsonl").stat().st_size < 5_000:
            assert process.poll() is None
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextlib.contextmanager
def reader_of(address: str) -> Iterator[tuple[Callable[[bool], None], Callable[[], float]]]:
    """Yield what turns a reader on and off, a thread of this process, and the processor time of both."""
    on, ended = threading.Event(), threading.Event()

    def read() -> None:
        known: dict[str, Any] = {"have": {}, "columns": ["loss", "tokens_per_second"], "since": 0}
        while not ended.wait(POLL):
            if on.is_set():
                known = asked(address, known)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield (lambda watched: on.set() if watched else on.clear()), time.process_time
    finally:
        ended.set()
        thread.join()


def asked(address: str, known: dict[str, Any]) -> dict[str, Any]:
    """Ask once, as the page does; return what the reader has then."""
    headers = {"Content-Type": "application/json", "Origin": address}
    request = urllib.request.Request(f"{address}/api/records", json.dumps(known).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)
    have = {name: (one["gen"], one["offset"]) for name, one in found["records"].items()}
    if not have:
        newest = sorted(found["runs"], key=lambda one: -one["changed"])[:SHOWN]
        have = {str(one["number"]): (-1, 0) for one in newest}
    return known | {"have": have, "since": found["tick"]}


@contextlib.contextmanager
def page_of(address: str) -> Iterator[tuple[Callable[[bool], None], Callable[[], float]]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        before = {one.pid for one in psutil.Process().children(recursive=True)}
        chromium = player.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        own = [one for one in psutil.Process().children(recursive=True) if one.pid not in before]
        with tab(chromium) as page:
            page.goto(f"{address}/watch")
            page.wait_for_selector(".plot canvas")

            def watch(on: bool) -> None:
                button = page.get_by_role("button", name="Go on" if on else "Pause")
                if button.count():
                    button.click()

            yield watch, lambda: sum(used(one) for one in own if one.is_running())
        chromium.close()


if __name__ == "__main__":
    main()
