"""The life of a real server on this machine: its port, its browser, its streams, its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import page_server
import pytest
from page_server import SECONDS, Counts, page, raw, request

from hornbook.app.serving import server, site
from hornbook.app.serving.options import Options
from hornbook.app.serving.server import Served, running, serve, training_in
from hornbook.app.serving.worker import MOST_JOBS, NICE, Manners, Worker
from hornbook.errors import UserError
from hornbook.run.status import noting

OPEN = Options(port=0, code=False, browser=False)
# The real program with one command more.
PROGRAM = """
from page_server import Counts, page
from hornbook.app.serving.server import serve
from hornbook.cli.pages import LOCAL, BehindProxy, Host, NoBrowser, NoCode, Port, options_of
from hornbook.cli.program import app, main

def demo(port: Port = None, host: Host = LOCAL, behind_proxy: BehindProxy = "", no_code: NoCode = False,
         no_browser: NoBrowser = False) -> None:
    serve([page(Counts())], options_of(port, host, behind_proxy, no_code, no_browser))

app.command("demo")(demo)
main()
"""


def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds; fail where it never does."""
    for _ in range(int(SECONDS * 200)):
        if holds():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never held")


def program(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the program; it finds no browser unless BROWSER is given."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        environment.setdefault(name, "")
    folder = str(Path(page_server.__file__).parent)
    path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", **environment},
    )


@contextlib.contextmanager
def stream(port: int, path: str = "/api/endless", text: str = "a") -> Iterator[socket.socket]:
    """Yield a connection that has asked for a stream."""
    body = json.dumps({"text": text}).encode()
    host = f"127.0.0.1:{port}"
    headers = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/json"}
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(request("POST", path, headers | {"Content-Length": str(len(body))}, body))
        yield connection


def get(port: int, path: str) -> page_server.Answer:
    return raw(port, request("GET", path, {"Host": f"127.0.0.1:{port}"}))


def first_lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout
    return [process.stdout.readline() for _ in range(count)]


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def served(counts: Counts) -> Iterator[Served]:
    with running([page(counts)], OPEN) as served:
        yield served


def test_ctrl_c_ends_the_server_with_streams_open(tmp_path: Path) -> None:
    process = program("--port", "0", "--no-browser", "--no-code", XDG_RUNTIME_DIR=str(tmp_path))
    try:
        port = int(re.findall(r":(\d+) ", first_lines(process, 1)[0])[0])
        with stream(port) as one, stream(port) as other:
            assert one.recv(100).startswith(b"HTTP/1.1 200")
            assert other.recv(100).startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGINT)
            read = b""
            while block := one.recv(1 << 16):
                read += block
            assert b'"code": "stopped"' in read
            _, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 128 + signal.SIGINT
    assert errors == "hornbook: Stopped.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_browser_gets_a_file_without_the_code_in_any_argument(tmp_path: Path) -> None:
    runtime, seen = tmp_path / "runtime", tmp_path / "seen"
    runtime.mkdir()
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {seen}.part\ncp "${{1#file://}}" {seen}.html\nmv {seen}.part {seen}\n')
    browser.chmod(0o755)
    process = program("--port", "0", XDG_RUNTIME_DIR=str(runtime), BROWSER=f"{browser} %s")
    try:
        lines = first_lines(process, 2)
        code = re.findall(r"Code, .*: ([0-9a-z-]{17})\n", lines[1])[0]
        until(seen.exists)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 128 + signal.SIGTERM
    assert (output, errors) == ("", "hornbook: Stopped.\n")
    assert seen.read_text().startswith(f"file://{runtime}/hornbook-")
    assert code not in seen.read_text()
    assert code in Path(f"{seen}.html").read_text()
    assert list(runtime.iterdir()) == []


def test_without_a_browser_the_server_goes_on_and_says_how() -> None:
    process = program("--port", "0", "--no-code")
    try:
        address, warning, advice = first_lines(process, 3)
        port = int(re.findall(r":(\d+) ", address)[0])
        assert "every user of this machine" in warning
        assert advice == f"No browser was found here: open http://127.0.0.1:{port} in one.\n"
        assert get(port, "/").status == 200
    finally:
        process.kill()
        process.communicate()


def test_a_port_in_use_is_one_sentence_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = program("--port", str(port), "--no-browser")
        output, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, output) == (2, "")
    assert errors == (
        f"hornbook: Port {port} is in use: end the other program, or give another port as --port N (0: any free one).\n"
    )


def test_without_a_port_the_first_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as another:
        taken = [other.getsockname()[1], another.getsockname()[1]]
        monkeypatch.setattr(server, "PORTS", taken)
        with pytest.raises(UserError, match=f"^Ports {taken[0]} to {taken[1]} are in use"):
            serve([page(Counts())], Options(browser=False))
        another.close()
        with running([page(Counts())], Options()) as served:
            assert served.port == taken[1]


@pytest.mark.parametrize(
    ("host", "words"),
    [("192.0.2.1", "no address of this machine"), ("no.such.host.invalid", "no address of this machine")],
)
def test_an_address_that_is_not_ours_is_one_sentence(host: str, words: str) -> None:
    with pytest.raises(UserError, match=words), running([], Options(port=0, host=host, behind_proxy="lab.example")):
        pass


def test_200_connects_and_aborts_leave_no_job_and_no_thread_more(served: Served, counts: Counts) -> None:
    for _ in range(8):  # the pool of threads is filled
        get(served.port, "/api/session")
    until(lambda: counts.gate.is_set() and served.worker.jobs == 0)
    before = threading.active_count()
    refused = 0
    for number in range(200):
        with stream(served.port) as connection:
            if number % 2:
                refused += connection.recv(12).endswith(b"429")
    until(lambda: served.worker.jobs == 0)
    assert threading.active_count() <= before
    assert counts.ended > 0
    until(lambda: get(served.port, "/api/session").status == 200)
    steps = counts.steps
    with stream(served.port, "/api/three") as connection:
        assert connection.recv(12).endswith(b"200")
    assert counts.steps == steps  # nobody works for who has gone


def test_who_leaves_a_stream_ends_its_generator(served: Served, counts: Counts) -> None:
    with stream(served.port) as connection:
        until(lambda: b'"number"' in connection.recv(1 << 16))  # one that was never begun has nothing to end
        assert served.worker.jobs > 0
    until(lambda: counts.ended == 1)


def test_the_ninth_stream_is_told_to_come_again(served: Served, counts: Counts) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_JOBS):
            assert stack.enter_context(stream(served.port)).recv(12).endswith(b"200")
        ninth = stack.enter_context(stream(served.port))
        answer = b""
        while b"try again" not in answer:
            block = ninth.recv(1 << 16)
            assert block, answer
            answer += block
        assert answer.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 5" in answer
        assert get(served.port, "/api/session").status == 200  # what needs no worker goes on
    until(lambda: served.worker.jobs == 0)


def test_who_stops_reading_stops_the_work_and_loses_it_at_the_deadline(counts: Counts) -> None:
    worker = Worker(deadline=1.0)
    with running([page(counts)], OPEN, worker=worker) as served, stream(served.port, text="a" * 3_900) as connection:
        assert connection.recv(12).endswith(b"200")
        until(lambda: counts.ended == 1)
        stopped = counts.steps
        until(lambda: worker.jobs == 0)
        assert counts.steps == stopped
        # What the sockets and the queue hold, and no more: an endless reader gets tens of thousands in that second.
        assert stopped * 3_900 < 40e6


def test_a_stream_that_takes_too_long_ends_with_a_sentence(counts: Counts) -> None:
    with running([page(counts)], OPEN, worker=Worker(deadline=0.2)) as served, stream(served.port) as connection:
        read = b""
        while b"\r\n0\r\n\r\n" not in read[-100:]:
            read += connection.recv(1 << 16)
    assert b'"code": "late", "message": "This took longer than 0.2 seconds' in read
    assert counts.ended == 1


def test_numbers_that_are_not_finite_are_null_in_a_stream(served: Served) -> None:
    with stream(served.port, "/api/three") as connection:
        read = b""
        while b"\r\n0\r\n\r\n" not in read:
            read += connection.recv(1 << 16)
    assert read.count(b'"nats": null') == 3


def test_a_pages_jobs_begin_when_the_first_page_has_come(counts: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "_FIRST_PAGE_SECONDS", SECONDS)
    with running([page(counts)], OPEN) as served:
        assert get(served.port, "/").status == 200
        assert counts.begun == 0
        assert get(served.port, "/api/session").status == 200
        until(counts.gate.is_set)
    assert counts.begun == 1


def test_the_server_asks_whether_a_training_is_alive(counts: Counts) -> None:
    asked = threading.Event()

    def training() -> bool:
        asked.set()
        return False

    with running([page(counts)], OPEN, training=training):
        assert asked.wait(SECONDS)


@pytest.mark.parametrize("run", ["runs/a", "runs/study/runs/causal.0"])
def test_a_training_is_alive_as_long_as_its_process_and_its_work_are(run: str, tmp_path: Path) -> None:
    training = training_in([tmp_path / "runs"])
    assert not training()
    (tmp_path / run).mkdir(parents=True)
    with noting(tmp_path / run, writes=True) as status:
        status.state("training")
        assert training()
        assert training_in([tmp_path / run])()
        (tmp_path / run).rename(tmp_path / "elsewhere")
        assert not training()
        (tmp_path / "elsewhere").rename(tmp_path / run)
    assert not training()
    code = "import sys, os, pathlib; from hornbook.run.status import Noting\n"
    code += "Noting(pathlib.Path(sys.argv[1])).state('training'); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / run)], check=True)
    assert not training()  # killed without a word


def test_beside_a_training_the_process_is_nice_and_its_later_threads_too() -> None:
    code = (
        "import os, threading; from hornbook.app.serving.worker import Manners\n"
        "manners = Manners(); manners.notice(True); manners.notice(True)\n"
        "found = [os.getpriority(os.PRIO_PROCESS, 0)]\n"
        "def look(): found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))\n"
        "later = threading.Thread(target=look)\n"
        "later.start(); later.join(); print(found)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [max(NICE, os.nice(0))] * 2


def test_beside_a_training_the_worker_computes_with_one_thread_and_afterwards_with_as_many_as_before() -> None:
    torch = pytest.importorskip("torch")
    found: list[int] = []

    def work() -> None:
        torch.set_num_threads(3)
        manners = Manners()
        for training in (False, True, True, False):
            manners.training = training  # without `notice`, which would make this process nice for good
            manners.apply()
            found.append(torch.get_num_threads())

    before = torch.get_num_threads()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    torch.set_num_threads(before)
    assert found == [3, 1, 1, 3]
