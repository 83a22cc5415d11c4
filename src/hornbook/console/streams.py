"""Standard output and error that outlive their reader.

A pipe is closed by `head`, a disk fills up under a log, a terminal is hung up. Where output is all that a command
makes, the command ends then. Where it makes something that lasts, such as a run, the stream is dropped, once aloud on
the other one, and the work goes on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

from hornbook.errors import FailedElsewhere, HornbookError, ResourceError, UserError

# What our pictures are made of, for a terminal or a file that is not Unicode.
_IN_ASCII = dict(zip("█▇▆▅▄▃▂▁▮▯·✓⏎…─━│╭╮╰╯", "##++==-_#-.+/.--|++++", strict=True))


class Steady:
    """A text stream whose failure ends no work.

    stream    the stream underneath; None = there is none, as after `>&-`
    needed    whether a failure is raised, as an error for the user, rather than told to `lose`
    lose      is called once, with the reason, when the stream is lost
    owned     whether its file descriptor is this program's, and becomes /dev/null when the stream is lost
    before    is called before each piece of text
    heard     when something was last written (time.monotonic), 0 = never
    at_start  whether the next character begins a line
    """

    def __init__(self, stream: TextIO | None, lose: Callable[[str], None], *, needed: bool, owned: bool) -> None:
        self._stream, self._lose, self._owned = stream, lose, owned
        self._lost: OSError | ValueError | None = None
        if stream is None:
            self._lost = OSError(errno.EBADF, "it is closed")
        self.needed = needed
        self.before: Callable[[], None] = lambda: None
        self.heard, self.at_start = 0.0, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        """Say whether a person at a terminal reads this."""
        return self._stream is not None and self._lost is None and self._stream.isatty()

    @property
    def is_lost(self) -> bool:
        return self._lost is not None

    def write(self, text: str) -> int:
        """Write text; a character that the stream cannot encode is written in ASCII."""
        self.before()
        self.heard = time.monotonic()
        if text:
            self.at_start = text.endswith("\n")
        self._try(lambda stream: stream.write(_encodable(text, stream)))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._try(lambda stream: stream.flush())

    def draw(self, text: str) -> None:
        """Write what is soon wiped away: it does not count as written."""
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None and self._lost is None:
                self._stream.write(_encodable(text, self._stream))
                self._stream.flush()

    def optional(self) -> None:
        """From now on, do not raise when the stream is lost; say it where it is lost already."""
        self.needed = False
        if self._lost:
            self._lose(_reason(self._lost))

    def _try(self, act: Callable[[TextIO], object]) -> None:
        if self._stream is not None and self._lost is None:
            try:
                act(self._stream)
            except (OSError, ValueError) as error:
                self._lost = error
                self._release()
                if not self.needed:
                    self._lose(_reason(error))
        if self._lost and self.needed:
            raise _failure(self._lost) from self._lost

    def _release(self) -> None:
        """Give what is still in the stream's buffer, and native code, a place to write to."""
        with contextlib.suppress(OSError, ValueError):
            if self._owned and self._stream is not None:
                with open(os.devnull, "wb") as nothing:
                    os.dup2(nothing.fileno(), self._stream.fileno())


def _encodable(text: str, stream: TextIO) -> str:
    """Return text as the stream can encode it: our own signs by others, all else as \\x, \\u or \\U."""
    try:
        text.encode(stream.encoding or "utf-8", stream.errors or "strict")
    except (UnicodeEncodeError, AttributeError):
        encoding = getattr(stream, "encoding", None) or "ascii"
        if not encoding.lower().startswith("utf"):
            text = "".join(_IN_ASCII.get(sign, sign) for sign in text)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _failure(error: OSError | ValueError) -> HornbookError:
    """Return the error that ends a command whose output is all that it makes."""
    number = getattr(error, "errno", None)
    if number == errno.EPIPE:
        return FailedElsewhere(0)  # the reader, such as `head`, has had enough
    if number == errno.EBADF:
        return UserError("Standard output is closed, so the result cannot be printed.")
    return ResourceError(f"Standard output cannot be written ({_reason(error)}).")


@contextlib.contextmanager
def steady_streams(owned: bool) -> Iterator[tuple[Steady, Steady]]:
    """Put steady streams into the places of sys.stdout and sys.stderr; yields both.

    `owned` says that the process is this program's alone: then they stay, for whatever is written at its very end.
    """
    if owned:
        _open_closed()
    before = sys.stdout, sys.stderr

    def lose_output(reason: str) -> None:
        errors.write(f"hornbook: Standard output cannot be written ({reason}). The work goes on and shows less.\n")

    def lose_errors(reason: str) -> None:
        if not output.needed and not output.is_lost:
            output.write(f"hornbook: Standard error cannot be written ({reason}). The work goes on.\n")

    output = Steady(before[0], lose_output, needed=True, owned=owned)
    errors = Steady(before[1], lose_errors, needed=False, owned=owned)
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, errors)
    try:
        yield output, errors
    finally:
        if not owned:
            sys.stdout, sys.stderr = before


def _open_closed() -> None:
    """Open what was closed before the start: else the next file, a checkpoint perhaps, would get what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115 it stays open as long as the process


def work_lasts() -> None:
    """Say that this command makes something that lasts: it goes on when its output is lost."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Steady):
            stream.optional()


def shown_to(stream: TextIO | None) -> TextIO:
    """Return a stream that ends no work, for a caller whose own `stream` may be any."""
    if isinstance(stream, Steady):
        return cast(TextIO, stream)

    def lose(reason: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(f"Standard output cannot be written ({reason}). The work goes on and shows less.", file=sys.stderr)

    return cast(TextIO, Steady(stream, lose, needed=False, owned=False))
