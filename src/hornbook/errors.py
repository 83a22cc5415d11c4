"""The errors that a user can fix, and our own warnings. Every other error is a bug and keeps its traceback.

Each error has one sentence, which says what is wrong, where, and what to do, and the exit code of the command line:
0 done, 1 a bug in Hornbook, 2 wrong input, 3 out of resources, 4 the loss diverged, 129, 130 or 143 interrupted.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
from collections.abc import Iterable, Iterator

# How the libraries that have no error class for it say that memory ran out.
_NO_MEMORY = ("can't allocate memory", "std::bad_alloc", "could not create a memory object")


class HornbookError(Exception):
    """An expected failure. Its message is one sentence for the user."""

    exit_code = 1


class UserError(HornbookError):
    """The user's input, file, setting or checkpoint is wrong."""

    exit_code = 2


class ResourceError(HornbookError):
    """Memory or disk ran out, or another process was lost."""

    exit_code = 3


class DivergedError(HornbookError):
    """The loss became infinite or not a number."""

    exit_code = 4


class Interrupted(HornbookError):
    """A signal stopped the command. The exit code is 128 plus the signal's number."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


class Notice(FutureWarning):
    """A warning to the user; the command line prints its message alone."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, torch or the system means that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


class FailedElsewhere(HornbookError):
    """Another process of the same training failed and has printed why: this one prints nothing."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("")
        self.exit_code = exit_code


def expected(error: Exception) -> HornbookError | None:
    """Return `error` as one that the user can fix, or None where it is a bug."""
    if isinstance(error, HornbookError):
        return error
    if is_out_of_memory(error):
        return ResourceError("Memory ran out. Close other programs, or use a machine with more memory.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError("The disk is full: free some space and run again.")
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        named = f" {str(error.filename)[:60]}..." if error.filename else ""
        return UserError(f"The file name{named} is too long for the file system: choose a shorter one.")
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return UserError(f"{error.object[:60]!a} is not Unicode (UTF-8): rename the file, or convert the text.")
    if isinstance(error, ValueError) and str(error) == "embedded null byte":
        return UserError("A file name contains a null character: check the paths that were given.")
    return None


@contextlib.contextmanager
def needing(what: str, extra: str) -> Iterator[None]:
    """Raise UserError where an import in the block fails: `what` needs the libraries of an extra of ours."""
    try:
        yield
    except ImportError as error:
        message = f"{what} needs a library that is not installed: pip install 'hornbook[{extra}]'"
        raise UserError(message) from error


def reason_of(error: BaseException) -> str:
    """Return the first line of what an error says, or its class's name where it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


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
