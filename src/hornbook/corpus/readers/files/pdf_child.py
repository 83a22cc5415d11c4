"""The process that reads PDFs for another: a path a line comes in, pages are ticked off, one line of JSON goes out.

It bounds its own memory and its own time on the processor, ends when nobody asks for a while, and when its
parent is gone. What pdfium prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import select
import signal
from typing import Any

MEMORY = 400 << 20  # bytes of address space above those of the libraries
_START, _PAGE, _HANGING = (
    60,
    0.5,
    30,
)  # seconds of the processor: of a document, of each page on the average, of any page
_IDLE = 20  # seconds


def serve() -> None:
    """Answer paths from the standard input until it ends, and end this process at once, without pdfium's own end."""
    _answer_all()
    os._exit(0)


def _answer_all() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the affair of the process that asks
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    from hornbook.corpus.readers.files import pdf_document  # noqa: F401 - loaded before memory is bounded

    _bound_memory()
    waiting = b""
    while True:
        if b"\n" not in waiting:
            if not select.select([0], [], [], _IDLE)[0]:
                return
            received = os.read(0, 1 << 16)
            if not received:
                return
            waiting += received
            continue
        line, _, waiting = waiting.partition(b"\n")
        _send(answers, json.dumps(_answer(json.loads(line), answers)).encode() + b"\n")


def _send(where: int, data: bytes) -> None:
    while data:
        data = data[os.write(where, data) :]


def _answer(path: str, answers: int) -> dict[str, Any]:
    from hornbook.corpus.readers.files.pdf_document import Refused, read_document

    spent = os.times()
    pages = 0

    def alive() -> None:
        nonlocal pages
        pages += 1
        _bound_time(spent.user + spent.system + _START + _PAGE * pages)
        _send(answers, b"\n")

    _bound_time(spent.user + spent.system + _START)
    try:
        return read_document(path, alive)._asdict()
    except Refused as error:
        return {"reason": error.reason, "message": str(error)}
    except MemoryError:
        return {"reason": "needs too much memory", "message": f"needs more than {MEMORY >> 20:,} MiB to be read."}


def _bound_memory() -> None:
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as facts:
            used = int(facts.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    except (ImportError, OSError, ValueError):
        return  # not Linux: time and the crash of this process are still bounded


def _bound_time(document: float) -> None:
    """Let the system end this process where the document, or its next page, takes too long."""
    try:
        import resource
    except ImportError:
        return
    now = os.times()
    until = min(document, now.user + now.system + _HANGING)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(until) + 1, hard))
