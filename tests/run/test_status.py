"""The status of a run: each way to end it is told, by real processes that end so; nothing of it is needed to go on."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from small_models import SMALL_RUN, book

import hornbook as hb
from hornbook.artifacts import MANIFEST, read_json
from hornbook.diagnose.whole import check_path
from hornbook.errors import DivergedError, Interrupted, ResourceError, UserError
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run import status as module
from hornbook.run.pretrain import begin
from hornbook.run.status import STATUS, Noting, is_running, noting, read_status, signs_of, told
from hornbook.study.listing import runs

SMALL = {**SMALL_RUN, "training.threads": 1}


def training(folder: Path, steps: int) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own and return when it trains."""
    (folder / "book.txt").write_text(book())
    settings = [f"{name}={value}" for name, value in SMALL.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "hornbook", "pretrain", str(folder / "book.txt"), "--steps", str(steps), "--plain",
         "--out", str(folder / "run"), *settings],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    records = folder / "run" / "metrics.jsonl"
    while not (records.is_file() and b"\n" in records.read_bytes()):
        assert process.poll() is None
        time.sleep(0.05)
    return process


def test_a_run_says_that_it_trains_and_that_it_was_killed(tmp_path: Path) -> None:
    process, run = training(tmp_path, 100_000), tmp_path / "run"
    try:
        found = read_status(run)
        assert found is not None and (found.state, found.stage, found.exit_code) == ("training", "training", None)
        assert found.pid == process.pid and signs_of(found, run) == "alive" and is_running(found, run)
        assert told(found, run) == "" and runs([run])[0].state == "running"
        copy = shutil.copytree(run, tmp_path / "copy")
        assert signs_of(found, copy) == "copied" and not is_running(found, copy)
        assert told(found, copy) == "It is a copy of a run that was training."
        assert runs([copy])[0].state == "stopped"
    finally:
        process.kill()
    while (place := Path(f"/proc/{process.pid}/stat")).is_file() and " Z " not in place.read_text():
        time.sleep(0.01)
    assert signs_of(found, run) == "lost"  # nobody has waited for the process yet: its number is still there
    process.wait()
    sentence = "Its process ended without a word while it was training: it was killed, or the machine was."
    (line,) = runs([run])
    assert read_status(run) == found and told(found, run) == sentence == line.ending and line.state == "stopped"


def test_a_run_that_is_interrupted_says_so_and_how_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(book())
    run, records = tmp_path / "run", tmp_path / "run" / "metrics.jsonl"

    def interrupt() -> None:
        while not (records.is_file() and b"\n" in records.read_bytes()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(Interrupted):
        hb.pretrain(tmp_path / "book.txt", steps=100_000, out=run, settings=SMALL, plain=True)
    found = read_status(run)
    assert found is not None and (found.state, found.exit_code) == ("interrupted", 130)
    assert found.sentence.startswith("Stopped at step") and "--resume" in found.sentence
    assert not is_running(found, run) and runs([run])[0].state == "stopped" and runs([run])[0].ending == ""


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_says_that_it_is_done(tmp_path: Path) -> None:
    process, run = training(tmp_path, 600), tmp_path / "run"
    process.kill()
    process.wait()
    hb.load(run).resume(plain=True)
    found = read_status(run)
    assert found is not None and (found.state, found.exit_code, found.sentence) == ("done", 0, "")
    assert found.pid == os.getpid() and runs([run])[0].state == "finished"


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped on purpose, without its text."""
    folder = tmp_path_factory.mktemp("half")
    (folder / "book.txt").write_text(book())
    lines = [f"{name}={value}" for name, value in {**SMALL, "budget.steps": 6}.items()]
    recipe = override(default("causal"), [f"data.paths={folder / 'book.txt'}", *lines])
    assert begin(recipe, folder / "run", until=3, plain=True) is None
    return folder / "run"


def test_the_manifest_does_not_know_it_and_a_run_without_it_is_whole(half: Path, tmp_path: Path) -> None:
    status = read_status(half)
    assert status is not None and (status.state, status.exit_code) == ("interrupted", 0)
    assert status.sentence == "It stopped after step 3 of 6, as asked."
    assert STATUS not in read_json(half / MANIFEST, "manifest")["files"]
    bare = shutil.copytree(half, tmp_path / "bare")
    (bare / STATUS).unlink()
    spoilt = shutil.copytree(half, tmp_path / "spoilt")
    (spoilt / STATUS).write_text('{"state": "trai')
    for run in (half, bare, spoilt):
        found = next(iter(check_path(run, print)))
        assert (found.damages, found.notes) == ((), ())
    assert read_status(bare) is None and read_status(spoilt) is None
    assert [line.state for line in runs([bare, spoilt])] == ["stopped", "stopped"]
    hb.load(spoilt).resume(plain=True)
    again = read_status(spoilt)
    assert again is not None and again.state == "done"


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (UserError("The text is gone."), "failed", 2),
        (ResourceError("The disk is full."), "failed", 3),
        (DivergedError("The run diverged."), "diverged", 4),
        (Interrupted("Stopped.", signal.SIGTERM), "interrupted", 143),
        (KeyboardInterrupt(), "interrupted", 130),
        (MemoryError(), "failed", 3),
        (ZeroDivisionError("in a file of one's own."), "failed", 2),
    ],
)
def test_how_a_run_ended_is_noted_and_raised(error: BaseException, state: str, code: int, tmp_path: Path) -> None:
    with pytest.raises(type(error)), noting(tmp_path, True):
        raise error
    found = read_status(tmp_path)
    assert found is not None and (found.state, found.exit_code) == (state, code) and found.sentence
    assert told(found, tmp_path) == found.sentence


def test_only_one_process_of_a_run_writes(tmp_path: Path) -> None:
    with noting(tmp_path, False) as status:
        status.state("training")
    assert read_status(tmp_path) is None


def test_the_end_fits_where_no_new_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full takes no second file beside the first; the first is written over."""
    status = Noting(tmp_path)
    status.state("training", "a stage with a long name, so that what comes is shorter")

    def full(path: Path, content: str) -> None:
        raise ResourceError("The disk is full.")

    monkeypatch.setattr(module, "write_file", full)
    status.end("failed", "The disk is full.", 3)
    found = read_status(tmp_path)
    assert found is not None and (found.state, found.sentence) == ("failed", "The disk is full.")
    Noting(tmp_path / "nowhere").state("training")  # ends nothing


def test_a_run_on_another_machine_is_told_by_what_it_wrote(tmp_path: Path) -> None:
    Noting(tmp_path).state("training")
    mine = read_status(tmp_path)
    assert mine is not None
    there = dataclasses.replace(mine, machine="another boot", host="gpu7", folder=1)
    assert signs_of(there, tmp_path) == "elsewhere" and is_running(there, tmp_path) and told(there, tmp_path) == ""
    long_ago = time.time() - 12 * 60
    os.utime(tmp_path / STATUS, (long_ago, long_ago))
    assert not is_running(there, tmp_path)
    assert told(there, tmp_path) == "No sign for 12 min from gpu7, where it was training."
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    assert is_running(there, tmp_path)


def test_a_later_process_of_the_same_number_is_another_one(tmp_path: Path) -> None:
    Noting(tmp_path).state("preparing", "tokenizing")
    mine = read_status(tmp_path)
    assert mine is not None and signs_of(mine, tmp_path) == "alive"
    later = dataclasses.replace(mine, started=f"{mine.started}1")
    assert signs_of(later, tmp_path) == "lost" and "preparing (tokenizing)" in told(later, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", "[" * 100_000, '{"state": "training", "pid": "7"}', '{"state": "training", "pid": true}',
     '{"state": "dancing"}', '{"state": "done", "sentence": 3}', "\x00" * 50],
)  # fmt: skip
def test_what_is_no_status_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / STATUS).write_text(text)
    assert read_status(tmp_path) is None
    (tmp_path / STATUS).unlink()
    (tmp_path / STATUS).mkdir()
    assert read_status(tmp_path) is None


def test_a_status_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    (tmp_path / STATUS).write_text(json.dumps({"state": "training", "mood": "good"}))
    found = read_status(tmp_path)
    assert found is not None and found.state == "training" and not found.started


def test_a_reader_always_finds_a_whole_status(tmp_path: Path) -> None:
    status, missing = Noting(tmp_path), []
    status.state("preparing")
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            missing.extend([1] * (read_status(tmp_path) is None))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        status.stage(f"stage {number}" + "." * (number % 7) * 300)
    ended.set()
    reader.join()
    assert missing == []


def test_reading_loads_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", "import hornbook.run.status, sys; sys.exit('torch' in sys.modules)"])
    assert done.returncode == 0
