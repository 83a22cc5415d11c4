"""Several processes for a test, as torchrun would start them: forked from one that has loaded torch already."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 120


def start(size: int, function: Callable[..., object], *arguments: Any) -> list[multiprocessing.Process]:
    """Start `function(*arguments)` in `size` processes that know their rank; it must be importable."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hornbook.run.pretrain", "torch.distributed.fsdp", "torch.distributed.tensor"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(size):
        process = context.Process(target=_main, args=(rank, size, port, function, arguments))
        process.start()
        started.append(process)
    return started


def end(started: list[multiprocessing.Process]) -> list[int | None]:
    """Wait for all and return their exit codes; what hangs is killed, and its code is that of SIGKILL."""
    for process in started:
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
    return [process.exitcode for process in started]


def run(size: int, function: Callable[..., object], *arguments: Any) -> None:
    """Do both, and expect that all ended well."""
    assert end(start(size, function, *arguments)) == [0] * size


def _main(rank: int, size: int, port: int, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": loopback()}
    import torch

    torch.set_num_threads(1)
    try:
        function(*arguments)
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        sys.exit(99)


def loopback() -> str:
    return "lo0" if sys.platform == "darwin" else "lo"


def quiet(path: Path) -> None:
    """Send what this process prints to a file of its own."""
    stream = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
