"""Room for a training on the same machine: while one is alive, the pages compute with one thread, and politely.

Being nice lasts until the server ends, for no process may take it back; the number of threads comes back by itself.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

NICE = 10


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
        torch = sys.modules.get("torch")
        if torch is None or self.training == (self._before is not None):
            return
        if self.training:
            self._before = torch.get_num_threads()
            torch.set_num_threads(1)
        else:
            torch.set_num_threads(self._before)
            self._before = None


def be_nice() -> None:
    """Let this process's threads have the processors after those of others; threads to come inherit it."""
    tasks = Path("/proc/self/task")
    threads = [int(task.name) for task in tasks.iterdir()] if tasks.is_dir() else [0]
    for thread in threads:
        with contextlib.suppress(OSError):  # it has ended, or is nicer already
            os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))
