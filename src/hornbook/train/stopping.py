"""Ctrl-C and SIGTERM as a polite request: finish the step, save, say how to go on."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Stopping:
    """Whether, and by which signal, this run was asked to stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Note the first SIGINT or SIGTERM inside the block; a second one acts as it always did.

        Outside the main thread, where Python allows no handlers, nothing is changed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def note(number: int, frame: FrameType | None) -> None:
            self.signal_number = number
            restore()

        def restore() -> None:
            for number, handler in previous.items():
                signal.signal(number, handler)

        for number in previous:
            signal.signal(number, note)
        try:
            yield
        finally:
            restore()
