"""Locks on directories and files: one process holds them, and they end with it, however that ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from hornbook.artifacts import clear_leftovers, disk_errors, make_directory
from hornbook.errors import UserError

_TRIES, _MOMENT = 5, 0.02  # of a directory's lock; seconds between them


def is_locked(directory: Path) -> bool:
    """Say whether a process holds a directory; it is not disturbed."""
    import fcntl

    try:
        with (directory / ".lock").open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # nobody ever held it, or the disk knows no locks
        return False
    return False


@contextlib.contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Hold a directory for this process alone, and clear what killed writers left in it.

    The lock ends with the process, however that ends.
    """
    with contextlib.ExitStack() as held:
        for left in reversed(range(_TRIES)):  # who asks whether it is held, holds it for a moment
            if held.enter_context(claimed(directory / ".lock")):
                break
            if not left:
                raise UserError(f"Another process is using {directory}: wait for it, or choose another.")
            time.sleep(_MOMENT)
        clear_leftovers(directory)
        yield


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a lock for this process alone, where no other has it; yields whether that is so.

    The lock ends with the process, however that ends. Its file is empty, and stays.
    """
    import fcntl

    with disk_errors(path.parent):
        make_directory(path.parent)
        stream = path.open("a")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
