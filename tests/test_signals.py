"""Signals: heard once where one is polite, one sentence and an exit code elsewhere, whatever native code does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import hornbook
from hornbook.errors import Interrupted
from hornbook.signals import SIGNALS, SignalHandler, stoppable

# The main thread waits in C for a lock that it holds itself: no signal brings it back to Python. The other thread
# speaks when the first has gone there, since nothing else takes the turn from it.
_DEAF = """
import ctypes, sys, threading
from hornbook import signals
signals.GRACE_SECONDS = 0.3
lock, mutex = ctypes.CDLL(None).pthread_mutex_lock, ctypes.create_string_buffer(128)
gate = threading.Event()
threading.Thread(target=lambda: (gate.wait(), print("ready", flush=True)), daemon=True).start()
with signals.stoppable("Stopped; go on with: x"):
    lock(mutex)
    sys.setswitchinterval(60)
    gate.set()
    lock(mutex)
"""
# As an import does that makes a class.
_IN_EXEC = """
import sys
from hornbook.errors import Interrupted
from hornbook.signals import stoppable
try:
    with stoppable("x"):
        exec("import os, time; print('ready', flush=True); time.sleep(60)")
except Interrupted as error:
    sys.exit(error.exit_code)
"""


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_block_with_its_code_and_the_old_handlers_come_back(number: int) -> None:
    before = handlers()
    with pytest.raises(Interrupted, match="go on with: x") as stopped, stoppable("go on with: x"):
        try:
            os.kill(os.getpid(), number)
            threading.Event().wait(10)
        except Exception:
            pytest.fail("it was taken for a failure of the work itself")
    assert stopped.value.exit_code == 128 + number
    assert handlers() == before


def test_a_signal_that_is_swallowed_or_becomes_another_error_ends_the_block_all_the_same() -> None:
    def lose() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(10)
        except KeyboardInterrupt:
            return

    with pytest.raises(Interrupted, match="x"), stoppable("x"):
        lose()
    with pytest.raises(Interrupted, match="x"), stoppable("x"):
        lose()
        raise RuntimeError("the engine was shut down")


def test_without_a_signal_errors_are_their_own() -> None:
    with pytest.raises(ZeroDivisionError), stoppable("x"):
        _ = 1 / 0
    with pytest.raises(KeyboardInterrupt), stoppable("x"):
        raise KeyboardInterrupt


def stopped(folder: Path, program: str, number: int) -> tuple[int, str]:
    """Send a signal to a program that says "ready"; return its exit code and errors."""
    (folder / "program.py").write_text(program)
    process = subprocess.Popen(
        [sys.executable, "-m", "program"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(hornbook.__file__).parent.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


@pytest.mark.skipif(sys.platform != "linux", reason="zeros are a mutex on Linux")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_process_that_hears_nothing_in_native_code_ends_after_the_time_of_grace(tmp_path: Path, number: int) -> None:
    assert stopped(tmp_path, _DEAF, number) == (128 + number, "hornbook: Stopped; go on with: x\n")


def test_an_interrupted_exec_ends_with_the_code_and_not_by_the_signal(tmp_path: Path) -> None:
    assert stopped(tmp_path, _IN_EXEC, signal.SIGINT) == (130, "")


def test_who_listens_politely_has_all_the_time() -> None:
    with stoppable("x"):
        stopping = SignalHandler()
        alarm = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(alarm)
        with stopping.listening():
            during = signal.set_wakeup_fd(-1)
            os.kill(os.getpid(), signal.SIGINT)
            assert stopping.signal_number == signal.SIGINT
            after = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(alarm)
    assert (during, after) == (-1, alarm) and alarm != -1
