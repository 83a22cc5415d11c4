"""One thread that does the work of all streams: generators in turn, a step each.

    add(events) -> [ job, job, job ] -> next(job.events) in turn -> job.queue -> who reads the job

A job's queue holds 64 events: a reader who stops reading stops the job, which waits until there is room and ends at its
deadline. `cancel` closes the generator before its next step, in the worker's thread, so that its `finally` blocks run
where its steps ran. A step is never interrupted.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_JOBS = 8
NICE = 10  # of the process, once a training was seen on this machine
QUEUE = 64  # events of a job that nobody has read yet
DEADLINE_SECONDS = 60.0

Event = Mapping[str, Any]


class Busy(Exception):
    """As many jobs as there may be are at work already."""


class LateError(Exception):
    """A job was not done when its time was up."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class StoppedError(Exception):
    """The worker was stopped before a job was done."""


@dataclass(eq=False)
class Job:
    """A generator at work, and what it has yielded that nobody has read yet.

    events   the generator; only the worker's thread touches it
    until    when its time is up, by the worker's clock; None for a job without a deadline
    wake     called after each change of queue or ended, in the worker's thread
    queue    what it yielded, oldest first
    ended    it will yield no more
    error    why it ended, where it did not end by itself
    """

    events: Iterator[Any]
    until: float | None
    wake: Callable[[], None]
    queue: deque[Event] = field(default_factory=deque)
    ended: bool = False
    cancelled: bool = False
    error: BaseException | None = None

    def ready(self, now: float) -> bool:
        """Say whether the worker has something to do for it: a step, or its end."""
        return self.cancelled or self.late(now) or len(self.queue) < QUEUE

    def late(self, now: float) -> bool:
        return self.until is not None and now >= self.until


class Worker:
    """The thread and its jobs; `clock` gives seconds and `deadline` is the time that a job has."""

    def __init__(self, deadline: float = DEADLINE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.deadline = deadline
        self._clock = clock
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        # Called in the worker's thread before a step, where the libraries keep their settings of a thread.
        self.before_step: Callable[[], None] = lambda: None

    @property
    def jobs(self) -> int:
        """Return how many jobs there are, those begun with the server among them."""
        with self._changed:
            return len(self._jobs)

    def start(self) -> None:
        """Begin to work, also after a stop."""
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="hornbook worker", daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """Close every job after the step that is being done; wait that long for it, for a step cannot be stopped."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    def add(self, events: Iterator[Event], wake: Callable[[], None] = lambda: None) -> Job:
        """Let a generator have its turns; raises Busy where MOST_JOBS have theirs."""
        with self._changed:
            if self._stopping or sum(job.until is not None for job in self._jobs) >= MOST_JOBS:
                raise Busy
            return self._append(Job(events, self._clock() + self.deadline, wake))

    def begin(self, events: Iterator[None]) -> Job:
        """Let a generator have its turns that nobody reads: it has no deadline and does not count."""
        with self._changed:
            return self._append(Job(events, None, lambda: None))

    def take(self, job: Job) -> list[Event]:
        """Return what a job has yielded since the last time; that makes room in its queue."""
        with self._changed:
            taken = list(job.queue)
            job.queue.clear()
            self._changed.notify_all()
        return taken

    def cancel(self, job: Job) -> None:
        """End a job before its next step; one that has ended stays as it is."""
        with self._changed:
            job.cancelled = True
            self._changed.notify_all()

    def _append(self, job: Job) -> Job:
        self._jobs.append(job)
        self._changed.notify_all()
        return job

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if job.cancelled or job.late(self._clock()):
                self._end(job, None if job.cancelled else LateError(self.deadline))
                continue
            try:
                self.before_step()
                event = next(job.events)
                _refuse_holders()
            except StopIteration:
                self._end(job, None)
            except BaseException as error:  # of whatever kind: the thread must live for the others
                self._end(job, error)
            else:
                with self._changed:
                    self._jobs.rotate(-1)  # after the step: who came meanwhile has a turn before it
                    if job.until is not None:
                        job.queue.append(event)
                job.wake()
        for job in list(self._jobs):
            self._end(job, StoppedError())

    def _next(self) -> Job | None:
        """Wait for the next job that is ready, and put it first; None when the worker is to stop."""
        with self._changed:
            while not self._stopping:
                now = self._clock()
                for _ in range(len(self._jobs)):
                    if self._jobs[0].ready(now):
                        return self._jobs[0]
                    self._jobs.rotate(-1)
                limits = [job.until - now for job in self._jobs if job.until is not None]
                self._changed.wait(min(limits, default=None))
        return None

    def _end(self, job: Job, error: BaseException | None) -> None:
        """Close a job's generator and take the job out; the error of its last blocks counts where it has no other."""
        try:
            close = getattr(job.events, "close", None)
            if close is not None:
                close()
        except BaseException as late:  # raised by a `finally` of the generator
            error = error or late
        with self._changed:
            self._jobs.remove(job)
            job.error, job.ended = error, True
        job.wake()


def _refuse_holders() -> None:
    """Raise RuntimeError where a step has left a mode of PyTorch on, which the steps of others would be done in."""
    torch = torch_if_loaded()
    if torch is None:
        return
    cast = any(torch.is_autocast_enabled(device) for device in ("cpu", "cuda"))
    if torch.is_inference_mode_enabled() or not torch.is_grad_enabled() or cast:
        raise RuntimeError("a generator holds inference_mode, no_grad or autocast across a yield")


class Manners:
    """How many threads the worker computes with. `training` says whether a training is alive on this machine."""

    def __init__(self) -> None:
        self.training = False
        self._before: int | None = None  # threads before the training was noticed

    def notice(self, training: bool) -> None:
        """Take note of a training that has begun or ended."""
        if training and not self.training:
            be_nice()
        self.training = training

    def apply(self) -> None:
        """Set the number of threads of the thread that calls: the worker's, before a step."""
        torch = torch_if_loaded()
        if torch is None or self.training == (self._before is not None):
            return
        if self.training:
            self._before = torch.get_num_threads()
            torch.set_num_threads(1)
        else:
            torch.set_num_threads(self._before)
            self._before = None


def torch_if_loaded() -> Any:
    """Return PyTorch where this process has loaded it whole, else None."""
    torch = sys.modules.get("torch")
    return None if torch is None or getattr(torch.__spec__, "_initializing", False) else torch


def be_nice() -> None:
    """Let this process's threads have the processors after those of others; threads to come inherit it."""
    tasks = Path("/proc/self/task")
    threads = [int(task.name) for task in tasks.iterdir()] if tasks.is_dir() else [0]
    for thread in threads:
        with contextlib.suppress(OSError):  # it has ended, or is nicer already
            os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))
