"""PDFs are read in a process of their own, since pdfium is C++: what brings it down, or hangs, costs one file.

A thread that reads PDFs has one such process, started at its first, and again after a crash; it ends by itself when
there is nothing to read. pdfium may not be used by two threads at once, which so cannot happen. Starting costs a
third of a second, each file below a millisecond more than reading it here.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from hornbook.errors import ResourceError

_SILENCE = 600  # seconds without a page: the disk or the machine is stuck, for the processor's time is bounded
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from hornbook.corpus.readers.files.pdf_child import serve; serve()"
)


def read_apart(path: Path) -> dict[str, Any]:
    """Return {"text", "facts", "pictures", "damaged"} of a PDF, or {"reason", "message"} why it is not read."""
    return _reader(os.getpid(), threading.get_ident()).read(path)


class _Apart:
    """A process that reads, for one thread of one process."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def read(self, path: Path) -> dict[str, Any]:
        for _ in range(3):
            answer = self._asked(str(path.absolute()))
            if answer is not None:
                return answer
        raise ResourceError("The process that reads PDFs does not start. Free memory, or use fewer --workers.")

    def _asked(self, path: str) -> dict[str, Any] | None:
        """Return the answer; None where the process had ended of itself before it was asked."""
        child = self._child
        if child is None or child.poll() is not None:
            child = self._child = _started()
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(path).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            self._ended()
            return None
        line = _line(child.stdout.fileno())
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        code = self._ended()
        return _fate(code) if code else None

    def _ended(self) -> int:
        """End the process and return its exit code."""
        child, self._child = self._child, None
        assert child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(1)
        child.kill()
        with child:
            return child.wait()


@functools.cache
def _reader(process: int, thread: int) -> _Apart:
    """Return the reader of a thread; a process that was forked has its own."""
    return _Apart()


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _CODE, json.dumps(sys.path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _line(stream: int) -> bytes:
    """Return the first line that is not empty, b"" at the end, or where nothing comes for too long."""
    held = bytearray()
    last = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while time.monotonic() - last < _SILENCE:
            if not selector.select(_SILENCE):
                continue
            received = os.read(stream, 1 << 20)
            if not received:
                return b""
            last = time.monotonic()
            held += received if held else received.lstrip(b"\n")
            if held.endswith(b"\n"):
                return bytes(held)
    return b""


def _fate(code: int) -> dict[str, Any]:
    """Return what an exit code says of the file that was read."""
    if code == -signal.SIGXCPU:
        return {"reason": "takes too long", "message": "takes too long to be read. Make it again, or split it."}
    if code == -signal.SIGKILL:
        return {"reason": "hangs", "message": "cannot be read: nothing came for ten minutes. Make it again."}
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
    message = f"brings its reader down ({name}), as files do that want too much memory. Make it again."
    return {"reason": "crashes the reader", "message": message}
