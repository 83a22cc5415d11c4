"""The CPUs that this process may really use: those that the system lets it run on, as far as its quota goes.

    affinity   taskset, cpusets, Slurm: which CPUs
    quota      a control group, such as a container, may have the time of fewer: cgroup v2 cpu.max, v1 cpu.cfs_quota_us;
               groups lie in each other, and the smallest quota on the way counts

Everything beside the kernel's files is a pure function; their root is an argument.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

import torch

_GROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cpus_at_hand() -> int:
    """Return how many threads can compute at the same time: at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.floor(min(allowed, quota())))


def quota(groups: Path = _GROUPS, own: Path = _OWN) -> float:
    """Return how many CPUs' time the control groups of this process allow; infinite without a limit."""
    found = [math.inf]
    with contextlib.suppress(OSError):
        for line in own.read_text(encoding="utf-8").splitlines():
            _, controllers, place = line.split(":", 2)
            if not controllers:
                unified = groups / "unified"  # beside groups of version 1
                found += map(_second, _upwards(unified if unified.is_dir() else groups, place))
            elif "cpu" in controllers.split(","):
                mounted = next((groups / name for name in (controllers, "cpu") if (groups / name).is_dir()), groups)
                found += map(_first, _upwards(mounted, place))
    return min(found)


def _upwards(root: Path, place: str) -> Iterator[Path]:
    """Yield a group's folder and those around it. Inside a container the path may be the host's: then the root only."""
    folder = root / place.strip("/")
    while folder != root and root in folder.parents:
        yield folder
        folder = folder.parent
    yield root


def _second(folder: Path) -> float:
    """Return the CPUs of a group of version 2: "max 100000" or "150000 100000"."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        most, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        return math.inf if most == "max" else int(most) / int(period)
    return math.inf


def _first(folder: Path) -> float:
    """Return the CPUs of a group of version 1, where -1 means no limit."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        most, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return most / period if most > 0 else math.inf
    return math.inf


def default_threads() -> int:
    """Return the threads that compute where nothing else was asked for.

    They are torch's (physical cores; OMP_NUM_THREADS and torch.set_num_threads change them), but no more than the CPUs
    at hand, unless the user asked for more by OMP_NUM_THREADS.
    """
    return torch.get_num_threads() if asked_threads() else min(torch.get_num_threads(), cpus_at_hand())


def asked_threads() -> bool:
    """Say whether the user chose the number of threads, by OMP_NUM_THREADS."""
    return os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip().isdigit()


@contextlib.contextmanager
def computing(threads: int) -> Iterator[None]:
    """Compute with so many threads inside the block; 0 = as many as now. The last bits of sums depend on them."""
    before = torch.get_num_threads()
    if threads:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
