"""Turn a function that gives values one by one, by calling, into an iterator: it runs in a thread, a value ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class _Stopped(BaseException):
    """Nobody asks for more."""


def handed(work: Callable[[Callable[[T], None]], None]) -> Iterator[T]:
    """Yield what `work` gives to the function that it is called with; what it raises is raised here.

    `give` returns when the value after it is asked for. An iterator that is left early ends the work at its next value.
    """
    values: queue.Queue[tuple[str, Any]] = queue.Queue(1)
    asked: queue.Queue[bool] = queue.Queue(1)

    def give(value: T) -> None:
        values.put(("value", value))
        if not asked.get():
            raise _Stopped

    def run() -> None:
        try:
            work(give)
            values.put(("end", None))
        except _Stopped:
            values.put(("end", None))
        except BaseException as error:
            values.put(("error", error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = values.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
            asked.put(True)
    finally:
        asked.put(False)
        thread.join()
