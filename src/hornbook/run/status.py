"""status.json: what a run is doing, or how it ended. Its process writes it; whoever looks at the run only reads it.

    preparing -> training -> measuring -> done          or, from any of them, interrupted, diverged or failed

Rank 0 writes it at each change of state, and for each stage of the preparation, never for a step. A process that is
killed writes nothing: its last status stays, and names a process that is no more. So a status is read together with
the process table: `signs_of` says whether its writer lives. No lock is tried, which would keep `--resume` out for a
moment. Reading loads no torch.

The run's manifest does not list it, and nothing depends on it: without one, or with one that is damaged, a run trains,
resumes and is listed as before.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal, get_args

from hornbook.artifacts import json_text, write_file
from hornbook.errors import DivergedError, HornbookError, Interrupted, expected, reason_of

STATUS = "status.json"  # the name of the file in a run
State = Literal["preparing", "training", "measuring", "done", "interrupted", "diverged", "failed"]
AT_WORK: frozenset[str] = frozenset({"preparing", "training", "measuring"})
# alive: its process is there    lost: it is not    elsewhere: on another machine, which cannot be asked from here
Sign = Literal["alive", "lost", "elsewhere", "copied"]
QUIET_SECONDS = 120.0  # after which a run on another machine that wrote nothing is not called running
_GROWING = ("metrics.jsonl", "samples.jsonl", STATUS)  # the files by which a run far away shows that it works
_LARGEST = 1 << 16  # bytes of a status, at the most
_KINDS: Mapping[str, tuple[type, ...]] = {  # of the fields that are not texts
    "exit_code": (int, type(None)), "pid": (int,), "folder": (int,), "time": (int, float),
}  # fmt: skip


@dataclass(frozen=True)
class Status:
    """What a run's last process said of itself.

    stage      what it does now, in words, such as "tokenizing"
    sentence   how it ended; "" while it works and when all is done
    exit_code  of its end; None while it works
    pid        its process, which `started` tells from a later one of the same number
    machine    the system that counts its processes: a boot of a kernel and a space of process numbers
    host       the machine's name
    folder     the inode of the run's directory: a copy of it has another one
    time       of this status, seconds since 1970
    """

    state: State
    stage: str = ""
    sentence: str = ""
    exit_code: int | None = None
    pid: int = 0
    started: str = ""
    machine: str = ""
    host: str = ""
    folder: int = 0
    time: float = 0.0


class Noting:
    """Writes the status of one run while it goes on. What cannot be written is left out: it never ends a run.

    writes   whether this process is the one of the run that does
    """

    def __init__(self, directory: Path, writes: bool = True) -> None:
        self._path, self._writes = directory / STATUS, writes
        pid = os.getpid()
        folder = directory.stat().st_ino if directory.is_dir() else 0
        self._status = Status("preparing", "", "", None, pid, _start_of(pid), _machine(), socket.gethostname(), folder)

    def state(self, state: State, stage: str = "") -> None:
        """Say what the run does from now on."""
        self._write(replace(self._status, state=state, stage=stage))

    def stage(self, name: str) -> None:
        """Say what it does within its state."""
        self._write(replace(self._status, stage=name))

    def end(self, state: State, sentence: str, exit_code: int) -> None:
        """Say how it ended."""
        self._write(replace(self._status, state=state, stage="", sentence=sentence, exit_code=exit_code))

    @property
    def now(self) -> Status:
        """What it said last."""
        return self._status

    def _write(self, status: Status) -> None:
        self._status = status = replace(status, time=round(time.time(), 3))
        if not self._writes:
            return
        text = json_text(asdict(status), indent=1, ascii_only=False) + "\n"
        try:
            write_file(self._path, text)
        except (HornbookError, OSError):
            # A full disk has no room for a new file, but the old one has its block: the end of the run fits in there.
            with contextlib.suppress(OSError), self._path.open("r+b") as stream:
                stream.write(text.encode())
                stream.truncate()


@contextlib.contextmanager
def noting(directory: Path, writes: bool) -> Iterator[Noting]:
    """Note what a run does in the block, and how that ends; nothing is caught."""
    status = Noting(directory, writes)
    status.state("preparing")
    try:
        yield status
    except BaseException as error:
        status.end(*_ending(error))
        raise
    if status.now.state in AT_WORK:
        status.end("done", "", 0)


def _ending(error: BaseException) -> tuple[State, str, int]:
    """Return state, sentence and exit code for what ended a run."""
    if isinstance(error, Interrupted):
        return "interrupted", str(error), error.exit_code
    if isinstance(error, DivergedError):
        return "diverged", str(error), error.exit_code
    if not isinstance(error, Exception):  # Ctrl-C in a notebook, or an exit
        return "interrupted", f"It was ended by {type(error).__name__}.", 130
    known = expected(error)
    if known is None:
        return "failed", f"An error of the program ended it: {type(error).__name__}: {reason_of(error)}", 1
    return "failed", str(known) or "Another process of this training failed.", known.exit_code


def read_status(directory: Path) -> Status | None:
    """Return the status of a run; None where there is none, or one that cannot be read or that another version made."""
    try:
        with (directory / STATUS).open("rb") as stream:
            found = json.loads(stream.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("state") not in get_args(State):
        return None
    kept = {item.name: found[item.name] for item in fields(Status) if item.name in found}
    if not all(type(value) in _KINDS.get(name, (str,)) for name, value in kept.items()):
        return None
    return Status(**kept)


def signs_of(status: Status, directory: Path) -> Sign:
    """Say whether the process that wrote a status is still there: the same number, begun at the same moment."""
    if status.machine != _machine():
        return "elsewhere"
    try:
        if directory.stat().st_ino != status.folder:
            return "copied"
    except OSError:
        return "lost"
    return "alive" if status.started and _start_of(status.pid) == status.started else "lost"


def silence(directory: Path, now: float) -> float:
    """Return the seconds since a run last wrote a record, a sample or its status; 0 where there is none of them."""
    times = []
    for name in _GROWING:
        with contextlib.suppress(OSError):
            times.append((directory / name).stat().st_mtime)
    return max(0.0, now - max(times)) if times else 0.0


def is_running(status: Status, directory: Path) -> bool:
    """Say whether a run is at work: its process lives, or it is on another machine and wrote something just now."""
    if status.state not in AT_WORK:
        return False
    sign = signs_of(status, directory)
    return sign == "alive" or (sign == "elsewhere" and silence(directory, time.time()) < QUIET_SECONDS)


def told(status: Status, directory: Path) -> str:
    """Return in a sentence how a run stands that does not work and is not done; "" for one that works or is done."""
    if status.state not in AT_WORK:
        return status.sentence
    sign = signs_of(status, directory)
    doing = f"{status.state} ({status.stage})" if status.stage not in ("", status.state) else status.state
    if sign == "lost":
        return f"Its process ended without a word while it was {doing}: it was killed, or the machine was."
    if sign == "copied":
        return f"It is a copy of a run that was {doing}."
    quiet = silence(directory, time.time())
    if sign == "elsewhere" and quiet >= QUIET_SECONDS:
        return f"No sign for {_span(quiet)} from {status.host or 'its machine'}, where it was {doing}."
    return ""


def _span(seconds: float) -> str:
    """Return a time in its largest unit.

    >>> _span(720), _span(7300), _span(200_000)
    ('12 min', '2 h', '2 days')
    """
    minutes = seconds / 60
    if minutes < 60:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"


def _start_of(pid: int) -> str:
    """Return what tells a process from all others of its number; "" where there is none that lives."""
    if pid <= 0:
        return ""
    try:
        # Field 22 of proc(5), in ticks since the boot; the name in field 2 may hold spaces and brackets.
        parts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if parts[0] in "ZX" else parts[19]
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return ""
    import psutil

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""


def _machine() -> str:
    """Return what names this boot of this machine, and the space of process numbers within it, as of a container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()
