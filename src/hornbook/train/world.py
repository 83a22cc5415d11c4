"""The processes that train one model together: who they are, how they agree, wait for each other, stop and fail.

    lead      rank 0: prepares, writes, speaks; what it finds out, the others hear from it
    store     torchrun's key-value store: short messages, and a heartbeat of every process
    control   a gloo group beside the one that carries gradients: counts and flags, on the CPU, exact in float64

A process that fails writes so into the store: the first to do so says why, the others end quietly with the same exit
code. One that can write nothing any more (killed, frozen, cut off) is missed by its heartbeat, and named.
A World of one process does all of this in no time and needs no network.
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

from hornbook.errors import FailedElsewhere, HornbookError, ResourceError, expected

BEAT_SECONDS = 1.0
# A process is lost when its heart has not beaten for so long; when a connection broke, a sixth of that is enough.
LOST_SECONDS = 30.0
# No step, measurement or checkpoint takes longer. Lost processes are found by their heartbeat, long before.
_LONGEST = timedelta(hours=2)
# So long processes that fail wait for each other, so that none is killed while it tidies up; then they are ended.
_LEAVING_SECONDS = 10.0
_POLL_SECONDS = 0.05
_CUT_OFF = ResourceError(
    "The connection to the other processes was lost; go on from the newest checkpoint by --resume."
)


class World:
    """One process and the others; see the module.

    rank, size   this process's number and how many there are
    device       of this process's tensors, None where the machine's best is to be found
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
        self._leaving = threading.Event()
        self._control = dist.new_group(backend="gloo", timeout=_LONGEST) if size > 1 else None
        self._heart = threading.Thread(target=self._watch, daemon=True, name="heartbeat")
        if store is not None:
            self._heart.start()

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that prepares, writes and speaks."""
        return self.rank == 0

    def broadcast(self, find: Callable[[], str]) -> str:
        """Return what `find` gives the lead; it is called there alone, and the others wait, however long it takes."""
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
        """Let the lead do the block, then the others, who find done what it did."""
        if not self.is_main:
            self.broadcast(str)
        yield
        if self.is_main:
            self.broadcast(str)

    def all_reduce_sum(self, values: Sequence[float]) -> list[float]:
        """Return the sum over all processes of each value, in float64."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def all_reduce_max(self, values: Sequence[float]) -> list[float]:
        """Return the largest of all processes' values, each for itself."""
        return self._reduced(values, dist.ReduceOp.MAX)

    def _reduced(self, values: Sequence[float], operation: dist.ReduceOp.RedOpType) -> list[float]:
        if self._control is None:
            return list(values)
        found = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(found, operation, group=self._control)
        return [float(value) for value in found]

    def succeed(self) -> None:
        """Wait until all are done, then leave."""
        if self._store is not None:
            self.all_reduce_max([0.0])
            self._still()
            dist.destroy_process_group()

    def fail(self, error: BaseException) -> HornbookError | None:
        """Tell the others of an error; return the one to end with instead, or None where it is this one to say.

        Called in the process's last moments: it waits until the others know, so that none is killed at its work.
        """
        if self._store is None:
            return None
        with contextlib.suppress(ValueError):  # outside the main thread nobody else's signal arrives either
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the launcher's, when the first process has ended
        known = expected(error) if isinstance(error, Exception) else None
        try:
            if self._elsewhere is None:
                if _is_broken_connection(error):
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
        """Write down that this process failed; return the exit code of another that did so before, or None."""
        mine = f"{self.rank} {code}"
        kept = bytes(store.compare_set("failed", "", mine)).decode()
        return None if kept == mine else int(kept.split()[1])

    def _part(self) -> None:
        """Let the others go first: without torchrun the lead holds the store, from which they have to learn the end."""
        assert self._store is not None
        self._still()
        self._store.set(f"left/{self.rank}", "")
        others, until = [f"left/{rank}" for rank in range(1, self.size)], time.monotonic() + _LEAVING_SECONDS / 2
        while self.is_main and not self._store.check(others) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)

    def _failure(self) -> FailedElsewhere | None:
        """Return the failure that another process declared, if one did."""
        assert self._store is not None
        if not self._store.check(["failed"]):
            return None
        return FailedElsewhere(int(self._store.get("failed").decode().split()[1]))

    def _still(self) -> None:
        """End the heartbeat: a thread that is in the store's C++ when Python ends takes the process down with it."""
        self._leaving.set()
        self._heart.join(_LEAVING_SECONDS)

    def _cause(self) -> HornbookError:
        """Return why a connection broke: another's failure, or whose heart has stopped since."""
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
        names = ", ".join(map(str, ranks))
        return ResourceError(
            f"Process {names} of {self.size} (from 0) was lost: killed, perhaps for memory, frozen, or cut off. "
            "The newest checkpoint is kept; go on from it with --resume."
        )

    def _beats(self, store: Store) -> list[bytes]:
        return [store.get(f"beat/{rank}") if store.check([f"beat/{rank}"]) else b"" for rank in range(self.size)]

    def _watch(self) -> None:
        """Beat, listen for the next process's heart, and end this process when another has failed."""
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
    """Yield the world that torchrun (or `--devices`) started this process in; alone where none did.

    An error inside the block ends all processes: it is raised here by the first that met one, and by the others as
    FailedElsewhere, which says nothing.
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


def _is_broken_connection(error: BaseException) -> bool:
    """Whether an error of torch.distributed only says that another process is gone."""
    text = str(error)
    words = ("gloo", "NCCL", "Connection closed by peer", "Connection reset", "Broken pipe")
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(word in text for word in words)
    )
