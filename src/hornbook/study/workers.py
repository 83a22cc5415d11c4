"""Many processes at one study: started here, or as tasks on a Ray cluster. Each does what `run_study` does.

No work is handed out: every process takes the next job whose lock is free (`hornbook.study.jobs`), so that they may be
started anywhere the study's directory is seen, in any number, at any time, and any of them may be lost.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from hornbook.artifacts import make_directory
from hornbook.console import View
from hornbook.corpus.build.engine import RAY, join_ray
from hornbook.errors import FailedElsewhere, HornbookError, ResourceError, UserError
from hornbook.signals import stoppable
from hornbook.study.design import Study, load_study
from hornbook.study.jobs import Board
from hornbook.study.layout import LOGS, PAUSE, stopped
from hornbook.study.running import read_tasks, run_study
from hornbook.train.processors import cpus_at_hand

_GRACE = 60.0  # seconds that processes have to save and stop
_AGAIN = "If memory ran out, run the command again with fewer --processes; it goes on where it stopped."


def default_processes(study: Study) -> int:
    """Return how many processes this machine runs well: one for each GPU, or the CPUs shared by runs' threads."""
    runs = len(study.arms) * max(len(study.seed_list), study.trials)
    return max(1, min(runs, torch.cuda.device_count() or cpus_at_hand() // study.threads))


def run_processes(directory: Path, number: int, plain: bool = False) -> None:
    """Run a study by so many processes of this machine; a single one is this one. What others say is in STUDY/logs.

    Raises what `run_study` raises, and ResourceError where all processes were lost.
    """
    if number == 1:
        run_study(directory, plain)
        return
    study, view = load_study(directory), View(plain)
    make_directory(directory / LOGS)
    names = [f"{socket.gethostname()}-{os.getpid()}-{place}.log" for place in range(number)]
    logs = [directory / LOGS / name for name in names]
    with _started(directory, logs) as processes:

        def alive() -> bool:
            for process, log in zip(processes, logs, strict=True):
                if (process.poll() or 0) > 0:  # one that was killed is lost, and others take up its job
                    _raise_end(process.returncode, log, view)
            return any(process.poll() is None for process in processes)

        _watch(study, directory, view, alive)


@contextlib.contextmanager
def _started(directory: Path, logs: list[Path]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start a process for each log; those that are still there at the end are asked to save and stop."""
    command = [sys.executable, "-m", "hornbook", "study", "run", str(directory), "--processes", "1", "--plain"]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for place, log in enumerate(logs):
            with log.open("ab") as stream:
                processes.append(
                    subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=stream,
                        stderr=stream,
                        env=_own(place),
                        start_new_session=True,  # so that a terminal's Ctrl-C reaches them once, from here
                    )
                )
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + _GRACE
        for process in processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def _own(place: int) -> dict[str, str]:
    """Return the environment of a process: of several GPUs each has one."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    cards = seen.split(",") if seen else [str(number) for number in range(torch.cuda.device_count())]
    return {**os.environ, **({"CUDA_VISIBLE_DEVICES": cards[place % len(cards)]} if cards else {})}


def _raise_end(code: int, log: Path, view: View) -> None:
    """Raise what ended a process, as the last line of its log says it."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    last = lines[-1].removeprefix("hornbook: ") if lines else f"A process ended with code {code}."
    if code == 2:
        raise UserError(last)
    view.say(f"{last} (All that the process said is in {log}.)")
    raise FailedElsewhere(code)


def reach(address: str) -> Any:
    """Connect to a Ray cluster and return Ray.

    address   ray (a cluster that is up on this machine, else one of its own) or ray://HOST:PORT
    Raises UserError where there is no Ray or no cluster.
    """
    if address != RAY and not address.startswith("ray://"):
        raise UserError(f"There is no cluster {address!r}: write --on ray, or --on ray://HOST:PORT.")
    return join_ray(address)


def run_on_ray(directory: Path, address: str, plain: bool = False) -> None:
    """Run a study by one task for each free CPU of a Ray cluster whose nodes see its directory at the same path.

    address   as for `reach`
    Raises UserError where there is no Ray or no cluster, and what a task raises.
    """
    study, view, ray = load_study(directory), View(plain), reach(address)
    free = int(ray.available_resources().get("CPU", 0)) // study.threads
    runs = len(study.arms) * max(len(study.seed_list), study.trials)
    if free < 1:
        raise ResourceError(
            f"No CPU of the Ray cluster is free for {study.threads} threads: wait, or end what uses it."
        )
    view.say(f"Ray: {min(free, runs)} tasks of {study.threads} threads")
    task = ray.remote(num_cpus=study.threads, max_retries=0)(_in_task)
    left = [task.remote(str(directory.resolve()), os.getcwd()) for _ in range(min(free, runs))]

    def alive() -> bool:
        nonlocal left
        ended, left = ray.wait(left, num_returns=len(left), timeout=0)
        for one in ended:
            _raise_failure(ray, one)
        return bool(left)

    try:
        _watch(study, directory, view, alive)
    finally:
        for one in left:
            ray.cancel(one)


def _in_task(directory: str, folder: str) -> None:
    """Run a study in a task of Ray, where relative paths mean what they mean to who began it."""
    os.chdir(folder)
    run_study(Path(directory), plain=True)


def _raise_failure(ray: Any, one: Any) -> None:
    """Raise what ended a task; where its machine or process was lost, nothing: others take up its job."""
    try:
        ray.get(one)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, HornbookError):
            raise error.cause from error
        raise
    except ray.exceptions.RayError:
        pass


def _watch(study: Study, directory: Path, view: View, alive: Callable[[], bool]) -> None:
    """Tell what is done until nothing is left; raises ResourceError where nobody is at work any more."""
    board = Board(study, directory, read_tasks(study))
    with stoppable(stopped(directory)):
        while board.left():
            at_work = alive()
            for line in board.news():
                view.say(line)
            if not at_work and board.left():
                raise ResourceError(f"All processes of the study were lost before it was done. {_AGAIN}")
            time.sleep(PAUSE)
        for line in board.news():
            view.say(line)
