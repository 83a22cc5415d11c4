"""Fast: the compiled counterparts of a few functions of arrays, where numba is installed.

The numpy bodies are the reference, and what runs without numba; results are equal bit for bit. A function asks `run`
for its counterpart in `hornbook.objectives.ops.kernels` and goes on by itself where it gets None:

    no numba           or a version that does not work here, or a place where nothing can be cached
    little work        numba takes a second to load, and in a new installation the kernels take many to compile: a
                       process does so once it has had so much work that kernels would have saved about that time
    what it refuses    a kernel raises where the numpy body would raise or has a case of its own
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import numpy as np

# Positions in all calls of a process until numba is worth its time: a kernel saves about 30 ns of each (docs/LOG.md).
WORTH = 30_000_000
_NONE = np.zeros((0, 0), np.int32)
_alone = ContextVar("numpy_alone", default=False)
_lock = threading.Lock()
_seen = 0  # positions in all calls until then; threads may lose a few of each other's
_ready: set[str] = set()
_broken: set[str] = set()


@functools.cache
def kernels() -> ModuleType | None:
    """Return the module of compiled functions, or None where numba cannot serve; loads numba.

    From then on they serve every call of the process: whoever expects much work may ask for them before it begins.
    """
    try:
        import numba

        if vars(numba.config)["DISABLE_JIT"]:
            return None
        from hornbook.objectives.ops import kernels as found
    except Exception:  # whatever is wrong with the accelerator, the reference works
        return None
    return found


@contextmanager
def numpy_alone() -> Iterator[None]:
    """Use the numpy bodies in this thread until the end of the block, to compare or to measure."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def optional(segments: Any) -> Any:
    """Return what a kernel takes for segments: an array without rows where there are none."""
    return _NONE if segments is None else segments


def run(name: str, *given: Any) -> Any:
    """Return what the kernel `name` makes of these arrays and numbers, or None where the numpy body must do it.

    The first array has all positions of the batch, where the work is large. Kernels want arrays in C order; others
    are copied.
    """
    if _alone.get() or name in _broken:
        return None
    if name in _ready:
        return _call(name, given)
    if not kernels.cache_info().currsize and not _is_worth(given[0].size):
        return None
    with _lock:  # one thread loads and compiles
        found = _call(name, given)
        if found is not None:
            _ready.add(name)
        return found


def _is_worth(positions: int) -> bool:
    """Count these positions too; return whether there were so many by now that numba is worth loading."""
    global _seen
    _seen += positions
    return _seen >= WORTH


def _call(name: str, given: tuple[Any, ...]) -> Any:
    module = kernels()
    if module is None:
        return None
    try:
        whole = [np.ascontiguousarray(item) if isinstance(item, np.ndarray) else item for item in given]
        return getattr(module, name)(*whole)
    except (ValueError, IndexError):  # the kernel's own refusals
        return None
    except Exception:  # numba's failures
        _broken.add(name)
        return None
