"""The line that says what goes on while nothing else does: no command is silent for ten seconds.

On a terminal it is one line, there within a second, that vanishes as soon as something is printed. Elsewhere it is a
line on standard error after ten seconds of silence; a command whose output is a log of its work begins that within a
second. A training says so at once, before any library is loaded.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar

from hornbook.console.numbers import duration
from hornbook.console.streams import Steady

_FIRST_SECONDS = 0.5  # of silence, before the first line of a log
_PLAIN_SECONDS = 9.5  # of silence, where lines stay
_LIVE_SECONDS = 0.6  # of silence, on a terminal: longer than a live picture's pause
_TICK = 0.1
_WIPE = "\r\x1b[K"


class Pulse:
    """Says the newest phase that is not over."""

    def __init__(self, output: Steady, errors: Steady) -> None:
        self._output, self._errors = output, errors
        self._live = errors.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._visible = [stream for stream in (output, errors) if stream.isatty() or not self._live]
        self._phases: list[tuple[str, float, bool]] = []
        self._started = time.monotonic()
        self._drawn = ""
        self._lock = threading.RLock()
        self._over = threading.Event()

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """Speak from a thread until the block ends."""
        thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        streams = self._visible if self._live else []
        for stream in streams:
            stream.before = self._wipe
        token = _CURRENT.set(self)
        thread.start()
        try:
            yield
        finally:
            _CURRENT.reset(token)
            self._over.set()
            thread.join()
            self._wipe()

    def begin(self, name: str) -> None:
        """Say at once what a command begins with; a terminal shows it until there is anything else to show."""
        self._phases.append((name, time.monotonic(), True))
        self._say()
        self._phases.pop()

    @contextlib.contextmanager
    def phase(self, name: str, eager: bool) -> Iterator[None]:
        self._phases.append((name, time.monotonic(), eager))
        if eager and self._live:  # native code that loads libraries lets no thread speak
            self._say()
        try:
            yield
        finally:
            self._phases.pop()
            self._wipe()

    def _beat(self) -> None:
        while not self._over.wait(_TICK):
            heard = max(stream.heard for stream in self._visible)
            first = not heard and not self._output.needed and any(eager for *_, eager in self._phases)
            limit = _LIVE_SECONDS if self._live else _FIRST_SECONDS if first else _PLAIN_SECONDS
            if time.monotonic() - max(self._started, heard) > limit:
                self._say()

    def _say(self) -> None:
        with self._lock:
            if not self._phases or not self._phases[-1][0]:
                return
            name, start, eager = self._phases[-1]
            seconds = time.monotonic() - start
            line = f"{name} ..." + (f" {duration(seconds)}" if seconds >= 1 else "")
            if not self._live:
                stream = self._output if eager and not self._output.needed else self._errors
                stream.write(f"{line}\n")
                stream.flush()
            elif line != self._drawn and all(stream.at_start for stream in self._visible):
                self._errors.draw(_WIPE + line[: self._width()])
                self._drawn = line

    def _width(self) -> int:
        """Return how many characters fit into a line, before the last column."""
        try:
            return (os.get_terminal_size(self._errors.fileno()).columns or 80) - 1
        except (OSError, ValueError):
            return 79

    def _wipe(self) -> None:
        if self._drawn:
            with self._lock:
                self._drawn = ""
                self._errors.draw(_WIPE)


_CURRENT: ContextVar[Pulse | None] = ContextVar("pulse", default=None)


@contextlib.contextmanager
def phase(name: str, *, eager: bool = False) -> Iterator[None]:
    """Name what the block does, for the pulse of the command that it is part of; an empty name means silence.

    `eager` is for work that may let no other thread run: a terminal shows it before the block begins, and where output
    is optional, a log of the work, it has a line of it.
    """
    pulse = _CURRENT.get()
    with contextlib.nullcontext() if pulse is None else pulse.phase(name, eager):
        yield
