"""How much more memory a piece of work needs at its highest, by what Linux notes of the process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def growth(work: Callable[[], object]) -> int:
    """Return the bytes by which the process grew at the most while `work` was done; skips the test on other systems.

    The highest mark that getrusage tells cannot be reset, and is handed on to new processes: after a large test it
    would hide everything.
    """
    if not _RESET.exists():
        pytest.skip("only Linux tells a process's highest memory since a moment")
    gc.collect()
    _RESET.write_text("5")
    before = _kilobytes("VmRSS")
    work()
    return (_kilobytes("VmHWM") - before) * 1024


def _kilobytes(name: str) -> int:
    return next(int(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith(name))
