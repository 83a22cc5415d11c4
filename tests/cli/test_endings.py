"""How the real program ends: at a signal, and where its output is lost, at every moment and by every way."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "hornbook"]
TRAINING = [
    "pretrain", "text.txt", "data.clean=none", "model.layers=1", "model.width=32", "model.heads=2",
    "training.batch_rows=4", "training.row_length=32", "training.compile=no", "--out", "run",
]  # fmt: skip
# Loses the streams named in the first argument, as a shell's >&- does, and becomes the program.
LOSING = (
    "import os, sys\n"
    "for name in sys.argv[1].split(','): os.close(int(name))\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'hornbook', *sys.argv[2:]])"
)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("\n\n".join(f"The {word} sat on a mat and was glad." for word in range(400)))
    return tmp_path


def trained(folder: Path) -> None:
    assert (folder / "run" / "result.json").is_file()


def test_training_ends_well_when_the_reader_of_its_log_has_gone(folder: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, *TRAINING, "--steps", "20"], cwd=folder, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait() == 0, errors
    assert errors == "hornbook: Standard output cannot be written (Broken pipe). The work goes on and shows less.\n"
    trained(folder)


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["1", "2", "1,2", "0,1,2"])
def test_training_ends_well_without_streams(folder: Path, lost: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOSING, lost, *TRAINING, "--steps", "20"], cwd=folder, env=environment(),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr
    trained(folder)


@pytest.mark.slow
@pytest.mark.parametrize("full", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_training_ends_well_when_the_disk_under_its_log_is_full(folder: Path, full: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as sink:
        done = subprocess.run(
            [*PROGRAM, *TRAINING, "--steps", "20"], cwd=folder, env=environment(), text=True,
            **{name: sink if name in full else subprocess.PIPE for name in ("stdout", "stderr")},
        )  # fmt: skip
    assert done.returncode == 0
    trained(folder)


@pytest.mark.slow
def test_a_terminal_that_is_closed_saves_the_run(folder: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.chdir(folder)
        os.execve(sys.executable, [*PROGRAM, *TRAINING, "--steps", "1000000"], environment(TERM="xterm"))
    seen = b""
    while b"train " not in seen:
        seen += os.read(terminal, 4096)
    time.sleep(2)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert list((folder / "run" / "checkpoints").glob("step-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells whether Python has begun with the program")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3, 1.0])
def test_a_signal_ends_a_command_that_begins_in_one_sentence(number: int, seconds: float) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "check"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not answers(process.pid, signal.SIGTERM):
        time.sleep(0.002)
    time.sleep(seconds)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.splitlines()[-1]) == (128 + number, "hornbook: Stopped.")
    assert "Traceback" not in errors


def answers(process: int, number: int) -> bool:
    """Say whether a process has a handler of its own for a signal."""
    caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{process}/status").read_text())
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


def test_a_command_that_only_prints_ends_where_it_cannot() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PROGRAM, "settings"], env=environment(), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert done.stderr == "hornbook: Standard output cannot be written (No space left on device).\n"
    for lost, errors in (("1", "hornbook: Standard output is closed, so the result cannot be printed.\n"), ("1,2", "")):
        done = subprocess.run(
            [sys.executable, "-c", LOSING, lost, "settings"], env=environment(), capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (2, errors)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*PROGRAM, "settings"], env=environment(), stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_arguments_that_are_no_text_are_refused_and_nothing_is_made(tmp_path: Path) -> None:
    for arguments in (["pretrain", b"\xff.txt"], ["show", b"a\xe9"], ["pretrain", "--out", b"\xfe"]):
        done = subprocess.run([*PROGRAM, *arguments], cwd=tmp_path, env=environment(), capture_output=True, text=True)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith("hornbook: The argument ") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}])
def test_text_with_an_accent_is_shown_in_every_locale(locale: dict[str, str]) -> None:
    done = subprocess.run(
        [*PROGRAM, "show", "h\u00e9 was", "--objective", "masked"], env=environment(**locale), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert b"\xc3\xa9" in done.stdout or b"\\xe9" in done.stdout
