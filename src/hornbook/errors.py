"""The errors that a person can mend; everything else is a bug and keeps its traceback.

Each carries one sentence that says what is wrong, where, and what to do, and the exit code of the command line:
0 done, 1 a bug of ours, 2 the user's input, 3 resources ran out, 4 the run diverged, 130 or 143 interrupted.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

# What the libraries say who know no class of error for it.
_NO_MEMORY = ("can't allocate memory", "std::bad_alloc", "could not create a memory object")


class HornbookError(Exception):
    """An expected failure: its message is one sentence for the person at the keyboard."""

    exit_code = 1


class UserError(HornbookError):
    """The user's input, file, setting or checkpoint is wrong."""

    exit_code = 2


class ResourceError(HornbookError):
    """Disk, memory or another process ran out or was lost."""

    exit_code = 3


class DivergedError(HornbookError):
    """The loss became infinite or not a number."""

    exit_code = 4


class Interrupted(HornbookError):
    """A signal stopped the run after its state was saved; exit code is 128 plus the signal's number."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, torch or the system said in an error, each in its own way, that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


class FailedElsewhere(HornbookError):
    """Another of the processes that train together failed, and has said why: nothing is left to say."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("")
        self.exit_code = exit_code


def expected(error: Exception) -> HornbookError | None:
    """Return the error a person can mend that `error` is, or None for a bug of ours."""
    if isinstance(error, HornbookError):
        return error
    if is_out_of_memory(error):
        return ResourceError("Memory ran out. Close other programs, or use a machine with more of it.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError("The disk is full. Free some space and run again.")
    return None


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest candidate, or a list of all candidates when none is close.

    >>> nearest("widht", ["width", "layers"])
    " Did you mean 'width'?"
    >>> nearest("colour", ["width", "layers"])
    ' Choose from layers, width.'
    """
    options = sorted(candidates)
    close = difflib.get_close_matches(name, options, n=1)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Choose from {', '.join(options)}." if options else ""


def first_line(error: BaseException) -> str:
    """Return what an error says in a line of at most 120 characters.

    >>> first_line(RuntimeError("no disk\\nat all")), first_line(KeyboardInterrupt())
    ('no disk', 'KeyboardInterrupt')
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:120]
