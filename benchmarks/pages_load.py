"""Twenty clients at once at the server of the pages, for a minute: errors, waiting, and what is left afterwards.

    python benchmarks/pages_load.py [--clients 20] [--seconds 60]

Each client does in turn what a page does: it loads the shell and its parts, asks for the session, asks a question,
reads a stream to its end, leaves a stream in its middle, and sends what is refused. A step of a stream multiplies two
matrices in PyTorch, as a model would. The answer 429 is right where eight streams are at work; every other answer than
the one that is due is an error. Afterwards no job may be left, no thread more than before, and memory within 10 %.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import http.client
import itertools
import json
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from hornbook.artifacts import write_json
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "pages_load.json"
PARTS = ("/", "/static/app.css", "/static/shell.mjs", "/static/vendor/preact.mjs", "/static/vendor/uplot.mjs")
STEPS = 40  # of a stream
SETTLE_SECONDS = 3.0


@dataclass(frozen=True)
class Ask:
    text: str
    steps: int = STEPS


def serve(pipe: Connection) -> None:
    """Serve a page until the pipe says so: say the port first, then for each word the number of jobs."""
    import torch

    from hornbook.app.serving.endpoints import Page, Reply, Stream
    from hornbook.app.serving.options import Options
    from hornbook.app.serving.server import running

    weights = torch.randn(256, 256)

    def events(ask: Ask) -> Iterator[Mapping[str, Any]]:
        state = torch.randn(64, 256)
        for number in range(ask.steps):
            with torch.inference_mode():
                state = torch.tanh(state @ weights)
                told = float(state.mean())
            yield {"number": number, "nats": told, "text": ask.text}

    endpoints = Reply("/api/quick", Ask, lambda ask: {"letters": len(ask.text)}), Stream("/api/slow", Ask, events)
    with running([Page("load", "Load", endpoints, dict)], Options(port=0, code=False, browser=False)) as served:
        pipe.send(served.port)
        while pipe.recv():
            pipe.send(served.worker.jobs)


class Client:
    """A reader of the pages, and what it was answered: status by what it did, seconds by what it did."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.statuses: collections.Counter[tuple[str, int]] = collections.Counter()
        self.seconds: dict[str, list[float]] = collections.defaultdict(list)

    def turns(self) -> Iterator[tuple[str, Callable[[], int]]]:
        """Yield what it does next, without end."""
        good = json.dumps({"text": "The cat is chasing the mouse. " * 20}).encode()
        wrong = json.dumps({"text": 3}).encode()
        for part in itertools.cycle(PARTS):
            yield "part", lambda part=part: self.ask("GET", part)
            yield "session", lambda: self.ask("GET", "/api/session")
            yield "quick", lambda: self.ask("POST", "/api/quick", good)
            yield "stream", lambda: self.ask("POST", "/api/slow", good)
            yield "refused", lambda: self.ask("POST", "/api/quick", wrong)
            yield "left", lambda: self.ask("POST", "/api/slow", good, leave=True)

    def ask(self, method: str, path: str, body: bytes | None = None, leave: bool = False) -> int:
        """Return the status of an answer that is read to its end, or left after its first line."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            if leave:
                answer.readline()
            elif path == "/api/slow" and answer.status == 200:
                lines = answer.read().splitlines()
                assert len(lines) == STEPS, lines[-1]
            else:
                answer.read()
            return answer.status
        finally:
            connection.close()

    def work(self, until: float) -> None:
        for name, turn in self.turns():
            if time.monotonic() > until:
                return
            begun = time.monotonic()
            try:
                status = turn()
            except (OSError, http.client.HTTPException, AssertionError) as error:
                print(f"{name}: {type(error).__name__}: {error}")
                status = 0
            self.statuses[name, status] += 1
            self.seconds[name].append(time.monotonic() - begun)


def used(process: psutil.Process) -> dict[str, float]:
    return {"threads": process.num_threads(), "megabytes": round(process.memory_info().rss / 1e6, 1)}


def load(clients: int, seconds: float, port: int) -> list[Client]:
    """Let the clients work for a time, and return them."""
    found = [Client(port) for _ in range(clients)]
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=client.work, args=(until,)) for client in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    port = ours.recv()
    watched = psutil.Process(process.pid)
    load(given.clients, 3.0, port)  # every thread and buffer that is used is there
    time.sleep(SETTLE_SECONDS)
    before = used(watched)
    clients = load(given.clients, given.seconds, port)
    time.sleep(SETTLE_SECONDS)
    ours.send(True)
    jobs, after = ours.recv(), used(watched)
    ours.send(False)
    process.join()
    due = {"part": 200, "session": 200, "quick": 200, "stream": 200, "refused": 422, "left": 200}
    statuses = sum((client.statuses for client in clients), collections.Counter())
    errors = sum(count for (name, status), count in statuses.items() if status not in (due[name], 429))
    seconds = {name: sorted(itertools.chain(*(client.seconds[name] for client in clients))) for name in due}
    result = {
        "machine": environment(find_device()),
        "date": str(datetime.date.today()),
        "clients": given.clients,
        "seconds": given.seconds,
        "answers": sum(statuses.values()),
        "told_to_come_again": sum(count for (_, status), count in statuses.items() if status == 429),
        "errors": errors,
        "jobs_left": jobs,
        "before": before,
        "after": after,
        "milliseconds": {
            name: {
                "median": round(1e3 * statistics.median(found), 1),
                "p99": round(1e3 * found[len(found) * 99 // 100], 1),
            }
            for name, found in seconds.items()
        },
    }
    print(json.dumps(result, indent=1))
    write_json(RESULT, result)
    assert errors == 0
    assert jobs == 0
    assert after["threads"] <= before["threads"]
    assert after["megabytes"] <= 1.1 * before["megabytes"]


if __name__ == "__main__":
    main()
