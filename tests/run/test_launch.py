"""`--devices` and torchrun, from outside: exit codes, what is said, and what is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from hornbook.errors import FailedElsewhere, ResourceError, UserError
from hornbook.run import launch
from hornbook.train.checkpoints import newest

SETTINGS = (
    "data.clean=none",
    "model.width=32",
    "model.layers=1",
    "model.heads=2",
    "model.max_length=32",
    "training.batch_rows=4",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_tokens=200",
    "training.workers=0",
    "tokenizer.size=330",
)


@pytest.fixture(scope="session")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    lines = ["The cat sees fish. A dog eats bread. My aunt paints a house." + " Well." * (n % 7) for n in range(300)]
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path


def start(*arguments: str, torchrun: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    runner = ["-m", "torch.distributed.run", *torchrun] if torchrun else []
    return subprocess.Popen(
        [sys.executable, *runner, "-m", "hornbook", "pretrain", "--plain", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def running(text: Path, out: Path) -> subprocess.Popen[str]:
    """Start a long run on two devices and wait until it has a checkpoint."""
    more = ("budget.steps=100000", "training.evaluate_every=100000", "training.checkpoint_minutes=0.001")
    process = start("--devices", "2", "--out", str(out), f"data.paths={text}", *SETTINGS, *more)
    while process.poll() is None and not list(out.glob("checkpoints/step-*")):
        time.sleep(0.1)
    return process


def test_a_killed_process_is_named_and_the_run_goes_on_from_its_checkpoint(text, tmp_path):
    process = running(text, tmp_path / "run")
    workers = sorted(psutil.Process(process.pid).children(), key=lambda child: child.pid)
    workers[1].kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert re.search(r"hornbook: Process \d of 2 \(from 0\) was killed", errors) and "--resume" in errors
    assert errors.count("hornbook: ") == 1 and "Traceback" not in errors
    assert newest(tmp_path / "run" / "checkpoints", pytest.fail) is not None


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_signal_to_the_launcher_saves_and_says_once_how_to_go_on(text, tmp_path, number):
    process = running(text, tmp_path / "run")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert errors.count(f"hornbook pretrain --resume {tmp_path / 'run'}") == 1 and "Traceback" not in errors
    found = newest(tmp_path / "run" / "checkpoints", pytest.fail)
    assert found is not None and f"Stopped at step {found[0]['step']} of" in errors


@pytest.mark.slow
def test_torchrun_starts_it_as_well(text, tmp_path):
    arguments = ("--out", str(tmp_path / "run"), f"data.paths={text}", *SETTINGS, "budget.steps=4")
    process = start(*arguments, torchrun=("--nproc-per-node", "2", "--standalone"))
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert said.count("Use it:") == 1 and (tmp_path / "run" / "result.json").is_file()


def test_devices_is_left_out_of_what_is_handed_on():
    assert launch.without_option(["pretrain", "--devices", "2", "a.txt"]) == ["pretrain", "a.txt"]
    assert launch.without_option(["--debug", "pretrain", "a.txt", "--devices=2"]) == ["--debug", "pretrain", "a.txt"]


def test_more_devices_than_there_are_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert (launch.devices(0), launch.devices(2)) == (2, 2)
    with pytest.raises(UserError, match="only 2 GPUs"):
        launch.devices(3)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert launch.devices(3) == 3
    with pytest.raises(UserError, match="finds none"):
        launch.devices(0)
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UserError, match="torchrun has already started"):
        launch.devices(2)


def test_the_code_to_end_with_is_that_of_the_process_that_said_why():
    found = launch._failure({0: -15, 1: 4}, 2)
    assert isinstance(found, FailedElsewhere) and found.exit_code == 4
    for codes in ({1: -9}, {0: 143, 1: -9}, {0: -15, 1: -9}):  # the launcher asks those that are left to stop
        lost = launch._failure(codes, 2)
        assert isinstance(lost, ResourceError) and "Process 1 of 2" in str(lost) and "SIGKILL" in str(lost)
    asked = launch._failure({0: 143, 1: 143}, 2)
    assert isinstance(asked, FailedElsewhere) and asked.exit_code == 143
