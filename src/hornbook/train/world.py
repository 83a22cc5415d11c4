"""The processes that train one model together: their ranks, how they exchange values, wait, stop and fail.

    rank 0    prepares the data, writes files and prints; it broadcasts what it finds to the others
    store     torchrun's key-value store: short messages, and a heartbeat of every process
    control   a gloo group beside the one for gradients: counts and flags, on the CPU, exact in float64

A process that fails records this in the store. The first one prints why; the others end quietly with the same exit
code. A process that can record nothing (killed, frozen, cut off) is found by its missing heartbeat, and named.
A World of one process does all of this at no cost and needs no network.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, cast

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from hornbook.errors import FailedElsewhere, HornbookError, Interrupted, ResourceError, expected

BEAT_SECONDS = 1.0
# A process is lost after this long without a heartbeat; after a broken connection, a sixth of it is enough.
LOST_SECONDS = 30.0
# No step, measurement or checkpoint takes longer. The heartbeat finds lost processes long before.
_LONGEST = timedelta(hours=2)
# Failing processes wait this long for each other, so that none is killed while it cleans up; then they are ended.
_LEAVING_SECONDS = 10.0
_POLL_SECONDS = 0.05
_CUT_OFF = ResourceError("The connection to the others was lost. Continue from the newest checkpoint with --resume.")


class World:
    """This process among all; see the module.

    rank, size   number of this process, and of all processes
    device       device of this process's tensors; None = choose the machine's best
    """

    def __init__(
        self,
        rank: int = 0,
        size: int = 1,
        device: torch.device | None = None,
        store: Store | None = None,
        lost_seconds: float = LOST_SECONDS,
    ) -> None:
        self.rank, self.size, self.device = rank, size, device
        self._store, self._lost_seconds = store, lost_seconds
        self._messages = 0
        self._elsewhere: int | None = None  # the exit code of another that failed
        self._gone: frozenset[int] = frozenset()  # ranks that were lost
        self._leaving = threading.Event()
        self._control = dist.new_group(backend="gloo", timeout=_LONGEST) if size > 1 else None
        self._heart = threading.Thread(target=self._watch, daemon=True, name="heartbeat")
        if store is not None:
            self._heart.start()

    @property
    def is_main(self) -> bool:
        """Whether this process is rank 0, which prepares, writes and prints."""
        return self.rank == 0

    def broadcast(self, find: Callable[[], str]) -> str:
        """Run `find` on rank 0 and broadcast its result; the other ranks block without a timeout."""
        if self._store is None:
            return find()
        self._messages += 1
        key = f"message/{self._messages}"
        if self.is_main:
            found = find()
            self._store.set(key, f"={found}")
            return found
        begun = time.monotonic()
        while not self._store.check([key]):
            if (failure := self._failure()) is not None:
                raise failure
            time.sleep(min(0.5, _POLL_SECONDS + (time.monotonic() - begun) / 20))
        return bytes(self._store.get(key)).decode()[1:]

    @contextlib.contextmanager
    def main_process_first(self) -> Iterator[None]:
        """Run the block on rank 0 first, then on the other ranks, which find its results."""
        if not self.is_main:
            self.broadcast(str)
        yield
        if self.is_main:
            self.broadcast(str)

    def all_reduce_sum(self, values: Sequence[float]) -> list[float]:
        """Return the sum over all processes of each value, in float64."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def all_reduce_max(self, values: Sequence[float]) -> list[float]:
        return self._reduced(values, dist.ReduceOp.MAX)

    def _reduced(self, values: Sequence[float], operation: dist.ReduceOp.RedOpType) -> list[float]:
        if self._control is None:
            return list(values)
        found = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(found, operation, group=self._control)
        return [float(value) for value in found]

    def succeed(self) -> None:
        """Wait until all processes are done, then leave the group."""
        if self._store is not None:
            self.all_reduce_max([0.0])
            self._still()
            dist.destroy_process_group()

    def fail(self, error: BaseException) -> HornbookError | None:
        """Tell the other processes of an error. Return the error to end with instead, or None to end with this one.

        It waits until the others know, so that none is killed at its work: call it last.
        """
        if self._store is None:
            return None
        with contextlib.suppress(ValueError):  # outside the main thread nobody else's signal arrives either
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the launcher's, when the first process has ended
        known = expected(error) if isinstance(error, Exception) else None
        try:
            if self._elsewhere is None:
                if _from_broken_connection(error):
                    known = self._cause()
                self._elsewhere = self._declare(self._store, 1 if known is None else known.exit_code)
            self._part()
        except dist.DistError:  # the store is gone, and with it the process or the machine that held it
            if self._elsewhere is None and self.is_main:
                return _CUT_OFF
            self._elsewhere = self._elsewhere or ResourceError.exit_code
        if self._elsewhere is not None:
            return FailedElsewhere(self._elsewhere)
        return None if known is error else known

    def _declare(self, store: Store, code: int) -> int | None:
        """Record that this process failed; return the exit code of another that failed before, or None."""
        mine = f"{self.rank} {code}"
        kept = bytes(store.compare_set("failed", "", mine)).decode()
        return None if kept == mine else int(kept.split()[1])

    def _part(self) -> None:
        """Let the others end first: without torchrun, rank 0 holds the store from which they learn of the failure."""
        assert self._store is not None
        self._still()
        self._store.set(f"left/{self.rank}", "")
        others = [f"left/{rank}" for rank in range(1, self.size) if rank not in self._gone]
        until = time.monotonic() + _LEAVING_SECONDS / 2
        while self.is_main and not self._store.check(others) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)

    def _failure(self) -> FailedElsewhere | None:
        """Return the failure that another process declared, if one did."""
        assert self._store is not None
        if not self._store.check(["failed"]):
            return None
        return FailedElsewhere(int(self._store.get("failed").decode().split()[1]))

    def _still(self) -> None:
        """End the heartbeat: a thread inside the store's C++ code while Python exits crashes the process."""
        self._leaving.set()
        self._heart.join(_LEAVING_SECONDS)

    def _cause(self) -> HornbookError:
        """Return why a connection broke: another process failed, or its heartbeat stopped."""
        assert self._store is not None
        before, until = self._beats(self._store), time.monotonic() + max(3 * BEAT_SECONDS, self._lost_seconds / 6)
        while time.monotonic() < until:
            if (failure := self._failure()) is not None:
                return failure
            time.sleep(_POLL_SECONDS)
        after = self._beats(self._store)
        lost = [rank for rank in range(self.size) if after[rank] == before[rank] and rank != self.rank]
        return self._lost(lost) if lost else _CUT_OFF

    def _lost(self, ranks: Sequence[int]) -> ResourceError:
        self._gone = frozenset(ranks)
        names = ", ".join(map(str, ranks))
        return ResourceError(
            f"Process {names} of {self.size} (from 0) was killed (perhaps because memory ran out), froze or lost its "
            "connection. Continue from the newest checkpoint with --resume."
        )

    def _beats(self, store: Store) -> list[bytes]:
        return [store.get(f"beat/{rank}") if store.check([f"beat/{rank}"]) else b"" for rank in range(self.size)]

    def _watch(self) -> None:
        """Send a heartbeat, watch that of the next process, and end this process when another has failed."""
        store = cast(Any, self._store).clone()  # a connection of its own: the other may be waiting
        next_one, beat = (self.rank + 1) % self.size, 0
        heard, at, missed = b"", time.monotonic(), False
        try:
            while not self._leaving.wait(BEAT_SECONDS):
                beat += 1
                store.set(f"beat/{self.rank}", str(beat))
                now = store.get(f"beat/{next_one}") if store.check([f"beat/{next_one}"]) else b""
                if now != heard:
                    heard, at = now, time.monotonic()
                elif time.monotonic() - at > self._lost_seconds and not store.check(["failed"]):
                    missed = True
                    error = self._lost([next_one])
                    if self._declare(store, error.exit_code) is None:
                        os.write(2, f"hornbook: {error}\n".encode())
                if store.check(["failed"]):
                    rank, code = map(int, store.get("failed").decode().split())
                    if rank == self.rank and not missed:
                        continue  # the main thread is about to say why
                    self._elsewhere = code
                    store.set(f"left/{self.rank}", "")
                    if not self._leaving.wait(_LEAVING_SECONDS):
                        os._exit(code)  # the main thread hangs in what waits for the one that failed
                    return
        except dist.DistError:
            if not self._leaving.wait(_LEAVING_SECONDS):
                if self.is_main:
                    os.write(2, f"hornbook: {_CUT_OFF}\n".encode())
                os._exit(self._elsewhere or ResourceError.exit_code)


@contextlib.contextmanager
def together(lost_seconds: float = LOST_SECONDS) -> Iterator[World]:
    """Yield the world of the processes that torchrun or `--devices` started, or of this process alone.

    An error inside the block ends all processes. The first process that fails raises it; the others raise
    FailedElsewhere, which prints nothing.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    world = _join(size, lost_seconds)
    try:
        yield world
    except BaseException as error:
        instead = world.fail(error)
        if instead is None:
            raise
        raise instead from error
    world.succeed()


def _join(size: int, lost_seconds: float) -> World:
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    store, _, _ = next(rendezvous("env://", timeout=timedelta(minutes=10)))
    dist.init_process_group(backend, store=PrefixStore("torch", store), rank=rank, world_size=size, timeout=_LONGEST)
    return World(rank, size, device, PrefixStore("hornbook", store), lost_seconds)


def _from_broken_connection(error: BaseException) -> bool:
    """Whether an error means that another process is gone.

    The launcher sends SIGTERM to all that are left when one is lost. It may come while such an error is on its way.
    """
    found: BaseException | None = error
    while isinstance(found, Interrupted | KeyboardInterrupt):
        found = found.__cause__ or found.__context__
    return found is not None and _is_broken_connection(found)


def _is_broken_connection(error: BaseException) -> bool:
    """Whether an error of torch.distributed only means that another process is gone."""
    words = ("gloo", "NCCL", "Connection closed by peer", "Connection reset", "Broken pipe")
    named = isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    return named or isinstance(error, dist.DistError)
