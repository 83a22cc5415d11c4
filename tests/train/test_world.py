"""What becomes of all processes when one stops, fails, freezes or is lost."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import processes
import pytest

from hornbook import errors
from hornbook.cli import program as cli
from hornbook.errors import DivergedError, FailedElsewhere, HornbookError, UserError
from hornbook.signals import stoppable
from hornbook.train.world import World, together


def said(directory: Path) -> str:
    return "".join(path.read_text() for path in sorted(directory.glob("said-*")))


def rank() -> int:
    return int(os.environ["RANK"])


def guarded(directory: Path, work: str) -> None:
    """Do a piece of work below, as the command line would: its errors become one sentence and an exit code."""
    processes.quiet(directory / f"said-{rank()}")

    def act(**unused: object) -> None:
        with together(lost_seconds=3.0) as world:
            globals()[work](world)

    cli.app = act  # type: ignore[assignment]
    cli.main([])


def agreeing(world: World) -> None:
    assert world.all_reduce_sum([float(world.rank), 1.0]) == [1.0, 2.0]
    assert world.all_reduce_max([float(world.rank), -1.0]) == [1.0, -1.0]
    assert world.broadcast(lambda: f"from {world.rank}") == "from 0"
    assert world.broadcast(str) == ""
    done: list[float] = []
    with world.main_process_first():
        if world.is_main:
            time.sleep(0.3)
        done.append(time.time())
    earliest, latest = world.all_reduce_max([-done[0]])[0], world.all_reduce_max([done[0]])[0]
    if world.is_main:
        assert done[0] == pytest.approx(-earliest) and latest > done[0]


def diverging(world: World) -> None:
    if world.rank == 1:
        raise DivergedError("The loss became nan.")
    world.all_reduce_sum([0.0])


def out_of_memory(world: World) -> None:
    if world.rank == 1:
        raise MemoryError
    world.all_reduce_sum([0.0])


def refusing(world: World) -> None:
    if world.is_main:
        raise UserError("There is no such text.")
    world.broadcast(str)


def with_a_bug(world: World) -> None:
    errors.place_of = lambda error: ""  # as if this file were Hornbook's own
    if world.rank == 1:
        raise ZeroDivisionError("a bug")
    world.all_reduce_sum([0.0])


def killed(world: World) -> None:
    if world.rank == 1:
        time.sleep(1.5)  # its heart beats
        os.kill(os.getpid(), signal.SIGKILL)
    world.all_reduce_sum([0.0])


def killed_and_asked_to_stop(world: World) -> None:
    """As below torch's launcher, which may ask the others to stop while they are on their way out."""
    with stoppable("Stopped."):
        try:
            killed(world)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def frozen(world: World) -> None:
    if world.rank == 1:
        time.sleep(1.5)
        os.kill(os.getpid(), signal.SIGSTOP)
    world.all_reduce_sum([0.0])


@pytest.mark.parametrize(
    ("work", "code", "sentence"),
    [
        ("agreeing", 0, ""),
        ("diverging", 4, "hornbook: The loss became nan.\n"),
        ("out_of_memory", 3, "hornbook: Memory ran out. "),
        ("refusing", 2, "hornbook: There is no such text.\n"),
    ],
)
def test_what_one_meets_all_end_with_and_one_says(tmp_path, work, code, sentence):
    assert processes.end(processes.start(2, guarded, tmp_path, work)) == [code, code]
    found = said(tmp_path)
    assert found.startswith(sentence) and found.count("hornbook: ") == (code > 0) and "Traceback" not in found


def test_a_bug_is_told_once_and_ends_all(tmp_path):
    codes = processes.end(processes.start(2, guarded, tmp_path, "with_a_bug"))
    assert codes == [1, 99]  # 99: its traceback, which the test's own process prints
    assert said(tmp_path).count("Traceback") == 1 and "ZeroDivisionError: a bug" in said(tmp_path)


@pytest.mark.parametrize("work", ["killed", "killed_and_asked_to_stop", pytest.param("frozen", marks=pytest.mark.slow)])
def test_a_process_that_is_lost_is_named_and_the_others_end(tmp_path, work):
    started = processes.start(2, guarded, tmp_path, work)
    started[0].join(60)
    assert started[0].exitcode == 3
    assert "hornbook: Process 1 of 2 (from 0) was killed" in said(tmp_path) and "--resume" in said(tmp_path)
    started[1].kill()
    started[1].join()


def test_alone_nothing_is_waited_for():
    world = World()
    assert world.is_main and world.all_reduce_sum([2.0]) == [2.0] and world.broadcast(lambda: "a") == "a"
    with pytest.raises(HornbookError), together() as one:
        assert one.size == 1
        raise FailedElsewhere(3)
