"""The errors that a user can fix, and our own warnings. Every other error is a bug and keeps its traceback.

Each error has one sentence, which says what is wrong, where, and what to do, and the exit code of the command line:
0 done, 1 a bug in Hornbook, 2 wrong input, 3 out of resources, 4 the loss diverged, 129, 130 or 143 interrupted.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import functools
import re
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

# How the libraries that have no error class for it say that memory ran out.
_NO_MEMORY = ("can't allocate memory", "std::bad_alloc", "could not create a memory object")
# How Python, C++ and Rust say that the system starts no more threads for this user.
_NO_THREADS = ("can't start new thread", "Resource temporarily unavailable", "ThreadPoolBuildError", "code: 11, kind")
# How libraries that are not written in Python quote the system's error numbers.
_QUOTED = re.compile(r"\(os error (\d+)\)|\[[Ee]rrno (\d+)\]|Os \{ code: (\d+)")
# Numbers for a place that one cannot write to, the last three only where something of ours is being written.
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}
_REFUSED_WRITING = {*_REFUSED, errno.EEXIST, errno.ENOENT, errno.ENOTEMPTY}
# Numbers for a disk, or a network behind it, that failed.
_BROKEN = {errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT}


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


def place_of(error: BaseException) -> str:
    """Return "line 3 of my.py" for where an error arose in a person's own code; "" where it did not.

    That is the last line of a file that belongs neither to Hornbook nor to Python or an installed library, and that
    Hornbook called: a script that calls Hornbook is no cause. It is that of the error, or of the first that led to it.
    """
    if isinstance(error, SyntaxError) and error.lineno and not _installed(str(error.filename)):
        return f"line {error.lineno} of {error.filename}"
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and (found := place_of(before)):
        return found
    frames = traceback.extract_tb(error.__traceback__)
    first = next((place for place, frame in enumerate(frames) if _is_ours(frame.filename)), len(frames))
    own = next((frame for frame in reversed(frames[first:]) if not _installed(frame.filename)), None)
    return "" if own is None else f"line {own.lineno} of {own.filename}"


def _is_ours(filename: str) -> bool:
    return Path(filename).is_relative_to(Path(__file__).parent)


def _installed(filename: str) -> bool:
    """Whether a file is Hornbook's, Python's or a library's, or no file at all."""
    return filename.startswith("<") or any(Path(filename).is_relative_to(folder) for folder in _installations())


@functools.cache
def _installations() -> tuple[str, ...]:
    places = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    return str(Path(__file__).parent), *places


def account_of(error: BaseException) -> str:
    """Return an error's place in a person's own code, its class and what it says, in a line.

    A StopIteration that a generator has wrapped is what it was.
    """
    place, cause = place_of(error), error.__cause__
    error = cause if isinstance(error, RuntimeError) and isinstance(cause, StopIteration) else error
    said = f"{type(error).__name__}: {reason_of(error)}" if str(error) else type(error).__name__
    return f"{place}: {said}" if place else said


def expected(error: BaseException) -> HornbookError | None:
    """Return `error` as one that the user can fix, or None where it is a bug.

    What arises in code of a person's own, such as an objective, is theirs to fix.
    """
    if isinstance(error, HornbookError):
        return error
    if is_out_of_memory(error):
        return ResourceError("Memory ran out. Close other programs, or use a machine with more memory.")
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        named = f" {str(error.filename)[:60]}..." if error.filename else ""
        return UserError(f"The file name{named} is too long for the file system: choose a shorter one.")
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return UserError(f"{error.object[:60]!a} is not Unicode (UTF-8): rename the file, or convert the text.")
    if isinstance(error, ValueError) and str(error) == "embedded null byte":
        return UserError("A file name contains a null character: check the paths that were given.")
    if (known := of_the_system(error)) is not None:
        return known
    if place_of(error):
        return UserError(f"{account_of(error)} (add --debug for the traceback)")
    return None


def of_the_system(error: BaseException, writing: object = None) -> HornbookError | None:
    """Return what an error of the disk or the system means for the user; None for any other error.

    `writing` is the file or directory that is being written; without it, the error may name one. The error may also be
    a library's that quotes the system's error number.
    """
    foreign = isinstance(error, RuntimeError) or type(error).__name__ == "PanicException"  # of a library in Rust
    if foreign and any(words in str(error) for words in _NO_THREADS):
        return _no_threads()
    number = error.errno if isinstance(error, OSError) else _quoted_number(error)
    place = writing if writing is not None else getattr(error, "filename", None)
    if isinstance(error, OSError) and number is None and "requested and" in str(error):  # numpy hides the number
        return ResourceError(
            f"The disk took only a part of {place or 'a file'}: it is full, or the limit on file sizes (ulimit -f) is "
            "reached. Free some space, or raise the limit, and run again."
        )
    if number == errno.ENOSPC:
        where = f": {place} could not be written" if place else ""
        return ResourceError(f"The disk is full{where}. Free some space and run again.")
    if number == errno.EDQUOT:
        where = f": {place} could not be written" if place else ""
        return ResourceError(f"Your quota of disk space is used up{where}. Free some space and run again.")
    if number == errno.EFBIG:
        return ResourceError(f"{place or 'A file'} is larger than the limit on file sizes (ulimit -f): raise that.")
    if number in _BROKEN:
        reason = f" ({reason_of(error)})" if place is None else f" at {place}"
        return ResourceError(f"The disk failed{reason}. Check the disk and its connection, then run again.")
    if number in (errno.EMFILE, errno.ENFILE):
        whose = "this process (ulimit -n)" if number == errno.EMFILE else "this system"
        return ResourceError(f"Too many files are open for {whose}: raise that limit, or close other programs.")
    if number == errno.EAGAIN and place is None:
        return _no_threads()
    if writing is not None and number in _REFUSED_WRITING:
        reason = getattr(error, "strerror", None) or reason_of(error)
        return UserError(f"Cannot write {place} ({reason}). Choose a place you may write to.")
    if place is not None and number in _REFUSED:
        reason = getattr(error, "strerror", None) or reason_of(error)
        return UserError(f"{place} cannot be used ({reason}). Name another, or change its permissions.")
    return None


def _no_threads() -> ResourceError:
    return ResourceError(
        "The system starts no more threads or processes (ulimit -u, or a container's limit): raise that limit, close "
        "other programs, or set OMP_NUM_THREADS=1."
    )


def _quoted_number(error: BaseException) -> int | None:
    """Return the system's error number that a library's message quotes."""
    found = _QUOTED.search(str(error))
    return int(next(filter(None, found.groups()))) if found else None


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
