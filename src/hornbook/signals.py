"""Ctrl-C, SIGTERM and SIGHUP: a polite request to the training loop, one sentence and an exit code everywhere else.

    start of the process -> `end_at_once` -> a command: `stoppable` -> its training loop: `SignalHandler.listening`

SIGHUP comes when the terminal is closed; under nohup, where it is ignored, it stays ignored.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from hornbook.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 10.0


class _Asked(KeyboardInterrupt):
    """Asked to stop. A plain KeyboardInterrupt that leaves `exec`, as in an import, has Python end itself by SIGINT."""


class SignalHandler:
    """Whether, and by which signal, this run was asked to stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Note the first of the signals inside the block; a second one acts as it always did.

        Outside the main thread, where Python allows no handlers, nothing is changed.
        """
        if not _in_main_thread():
            yield
            return
        previous = {number: signal.getsignal(number) for number in _heeded()}
        alarm = signal.set_wakeup_fd(-1)  # who is polite takes the time that a step takes

        def note(number: int, frame: FrameType | None) -> None:
            self.signal_number = number
            restore()

        def restore() -> None:
            signal.set_wakeup_fd(alarm)
            for number, handler in previous.items():
                signal.signal(number, handler)

        for number in previous:
            signal.signal(number, note)
        try:
            yield
        finally:
            restore()


@contextlib.contextmanager
def stoppable(message: str) -> Iterator[None]:
    """End the block with Interrupted, which says `message`, when one of the signals asks to stop.

    What the handler raises is a KeyboardInterrupt, which no `except Exception` takes for a failure of its own. It comes
    late while a library is at work in native code, and is lost in some: then the block still ends with Interrupted, and
    a process that is in it GRACE_SECONDS later ends there and then, unless somebody types into it (a notebook).
    Outside the main thread, where Python allows no handlers, nothing is changed.
    """
    if not _in_main_thread():
        yield
        return
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        raise _Asked

    previous = {number: signal.signal(number, stop) for number in _heeded()}
    try:
        with contextlib.nullcontext() if hasattr(sys, "ps1") else _last_resort(message):
            yield
    except (Exception, KeyboardInterrupt) as error:
        if asked:
            raise Interrupted(message, asked[0]) from error
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if asked:
        raise Interrupted(message, asked[0])


@contextlib.contextmanager
def _last_resort(message: str) -> Iterator[None]:
    """Let a thread end the process that has not left the block GRACE_SECONDS after a signal."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, message), name="last resort", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)


def _watch(reader: int, message: str) -> None:
    """Read the numbers of signals from a pipe until the block is left, which closes it."""
    with open(reader, "rb", buffering=0) as stream:
        while number := stream.read(1):
            if number[0] in SIGNALS:
                break
        else:
            return
        until = time.monotonic() + GRACE_SECONDS
        while select.select([stream], [], [], max(until - time.monotonic(), 0))[0]:
            if not stream.read(1):
                return
    _end(message, number[0])


def end_at_once() -> None:
    """From now on, end the process at a signal there and then: for times when nothing is begun or all is done.

    No exception is raised then, which a half-loaded library could swallow or turn into a traceback.
    """
    if _in_main_thread():
        for number in _heeded():
            signal.signal(number, lambda number, frame: _end("Stopped.", number))


def ignore_at_the_end() -> None:
    """Ignore signals when the last functions of `atexit` have run: all is done then, and Python only tidies up."""

    def ignore() -> None:
        for number in _heeded():
            signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)  # the first to be registered is the last to run


@contextlib.contextmanager
def nothing_begun() -> Iterator[None]:
    """`end_at_once` for the time of the block, such as that of loading libraries."""
    previous = {number: signal.getsignal(number) for number in _heeded()} if _in_main_thread() else {}
    end_at_once()
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end(message: str, number: int) -> NoReturn:
    """End the process with a message and the exit code of a signal."""
    if os.environ.get("RANK", "0") == "0":
        # A live picture hides the cursor; the line that says what goes on may stand there.
        screen = b"\x1b[?25h\r\x1b[K" if os.isatty(2) and os.environ.get("TERM", "dumb") != "dumb" else b""
        with contextlib.suppress(OSError):
            os.write(2, screen + f"hornbook: {message}\n".encode(errors="backslashreplace"))
    os._exit(128 + number)


def _heeded() -> list[signal.Signals]:
    """Return the signals that are not to be ignored, as nohup asks for."""
    return [number for number in SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
