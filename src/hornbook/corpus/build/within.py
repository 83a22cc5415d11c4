"""How far workers are inside the units that they read: a number in a file each; the build looks at it every second."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from hornbook.corpus.readers import packed

_SECONDS = 1.0
_ENDING = ".bytes"
T = TypeVar("T")


def telling(items: Iterator[T], path: Path, size: int) -> Iterator[T]:
    """Yield the items, and write down about every second how many of `size` bytes this process has taken for them."""
    before, said = packed.taken(), time.monotonic()
    note = path.with_suffix(_ENDING)
    for item in items:
        if time.monotonic() - said > _SECONDS:
            said = time.monotonic()
            with contextlib.suppress(OSError):  # a number to look at: the work goes on without it
                note.write_text(str(min(packed.taken() - before, size)), encoding="ascii")
        yield item
    note.unlink(missing_ok=True)


@contextlib.contextmanager
def looking(folder: Path, told: Callable[[int], None]) -> Iterator[None]:
    """Call `told` about every second with the bytes that are taken of units not yet whole."""
    for stale in folder.glob(f"*{_ENDING}"):
        stale.unlink(missing_ok=True)
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_SECONDS):
            amount = 0
            for path in folder.glob(f"*{_ENDING}"):
                with contextlib.suppress(OSError, ValueError):  # gone by now, or half written
                    amount += int(path.read_text(encoding="ascii"))
            if amount and not ended.is_set():
                told(amount)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
