"""Reading ahead: items that a thread takes from an iterator while those before them are worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

T = TypeVar("T")

_WAIT = 0.1  # seconds after which a thread that cannot hand over looks whether anybody still wants its items


def read_ahead(items: Iterator[T], size: Callable[[T], int], group: int, groups: int = 4) -> Generator[T, None, None]:
    """Yield `items`, which a thread reads in groups of about `group` in size, at most `groups` + 2 of them held.

    An exception of `items` appears behind the items before it. A closed iterator does not wait for a slow reader: the
    thread ends with the item that it is at, or with the process.
    """
    ready: queue.Queue[tuple[list[T], BaseException | None, bool]] = queue.Queue(groups)
    unwanted = threading.Event()

    def hand_over(read: list[T], error: BaseException | None, last: bool) -> None:
        while not unwanted.is_set():
            try:
                ready.put((read, error, last), timeout=_WAIT)
                return
            except queue.Full:
                continue

    def work() -> None:
        read: list[T] = []
        held = 0
        try:
            for item in items:
                read.append(item)
                held += size(item)
                if held >= group:
                    hand_over(read, None, False)
                    read, held = [], 0
                    if unwanted.is_set():
                        return
        except BaseException as error:
            hand_over(read, error, True)
        else:
            hand_over(read, None, True)

    thread = threading.Thread(target=work, name="read ahead", daemon=True)
    thread.start()
    try:
        last = False
        while not last:
            read, error, last = ready.get()
            yield from read
            if error is not None:
                raise error
    finally:
        unwanted.set()
