"""The one thread of the streams: turns, cancelling, room, deadlines; counted in steps, not timed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hornbook.app.serving.worker import MOST_JOBS, QUEUE, Busy, Job, LateError, StoppedError, Worker

SECONDS = 20.0


class Hand:
    """Generators whose steps the test lets go one by one, and a record of who did what where."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.closed: list[tuple[str, str]] = []
        self._permits = threading.Semaphore(0)

    def job(self, name: str, most: int | None = None, free: bool = False) -> Iterator[dict[str, int]]:
        try:
            for number in itertools.count() if most is None else range(most):
                if not free:
                    assert self._permits.acquire(timeout=SECONDS)
                self.steps.append(name)
                yield {"number": number}
        finally:
            self.closed.append((name, threading.current_thread().name))

    def let(self, steps: int) -> None:
        self._permits.release(steps)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    made.start()
    yield made
    made.stop()
    assert made.jobs == 0


def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds; fail where it never does."""
    for _ in range(int(SECONDS * 1000)):
        if holds():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it never held")


def test_jobs_take_turns_and_a_short_one_waits_at_most_two_steps_of_others() -> None:
    worker, hand = Worker(), Hand()
    worker.add(hand.job("a"))
    worker.add(hand.job("b"))
    worker.start()
    hand.let(4)
    until(lambda: len(hand.steps) == 4)
    assert hand.steps == ["a", "b", "a", "b"]
    gap = worker.add(hand.job("gap", 1))  # while the fifth step is being done
    hand.let(6)
    until(lambda: len(hand.steps) == 10)
    assert "gap" in hand.steps[4:7]
    until(lambda: gap.ended)
    assert gap.error is None
    assert worker.take(gap) == [{"number": 0}]
    hand.let(9)
    worker.stop()


def test_a_cancelled_job_does_at_most_the_step_that_is_begun_and_its_finally_runs_in_the_workers_thread(
    worker: Worker,
) -> None:
    hand = Hand()
    job = worker.add(hand.job("a"))
    hand.let(3)
    until(lambda: len(hand.steps) == 3)
    worker.cancel(job)
    hand.let(100)
    until(lambda: job.ended)
    assert len(hand.steps) <= 4
    assert hand.closed == [("a", "hornbook worker")]
    assert job.error is None
    worker.cancel(job)  # once more does nothing


def test_the_ninth_job_is_refused_and_jobs_begun_with_the_server_do_not_count(worker: Worker) -> None:
    hand = Hand()
    worker.begin(hand.job("models", 30))  # type: ignore[arg-type]
    jobs = [worker.add(hand.job(str(number))) for number in range(MOST_JOBS)]
    with pytest.raises(Busy):
        worker.add(hand.job("ninth"))
    worker.cancel(jobs[0])
    hand.let(20)
    until(lambda: jobs[0].ended)
    worker.add(hand.job("ninth"))
    for job in jobs:
        worker.cancel(job)
    hand.let(1000)


def test_a_reader_who_stops_reading_stops_the_job_and_reading_goes_on_with_it(worker: Worker) -> None:
    hand = Hand()
    slow = worker.add(hand.job("slow", free=True))
    until(lambda: len(hand.steps) == QUEUE)
    other = worker.add(hand.job("other", 5, free=True))
    until(lambda: other.ended)
    assert hand.steps.count("slow") == QUEUE
    assert [event["number"] for event in worker.take(slow)] == list(range(QUEUE))
    until(lambda: hand.steps.count("slow") == 2 * QUEUE)
    worker.cancel(slow)


def test_a_job_whose_reader_never_reads_ends_at_its_deadline() -> None:
    clock, hand = Clock(), Hand()
    worker = Worker(deadline=60, clock=clock)
    worker.start()
    job = worker.add(hand.job("a", free=True))
    until(lambda: len(hand.steps) == QUEUE)
    assert not job.ended
    clock.now = 60.0
    worker.cancel(worker.add(hand.job("b", 0)))  # it looks at the clock when something happens, or the time is up
    until(lambda: job.ended)
    assert isinstance(job.error, LateError)
    assert ("a", "hornbook worker") in hand.closed
    assert len(hand.steps) == QUEUE
    worker.stop()


def test_the_worker_wakes_by_itself_for_a_deadline() -> None:
    worker, hand = Worker(deadline=0.05), Hand()
    worker.start()
    job = worker.add(hand.job("a", free=True))
    until(lambda: job.ended)
    assert isinstance(job.error, LateError)
    worker.stop()


def test_a_job_that_fails_ends_alone(worker: Worker) -> None:
    def faulty(error: BaseException, late: bool = False) -> Iterator[dict[str, int]]:
        try:
            yield {"number": 0}
            if not late:
                raise error
            yield {"number": 1}
        finally:
            if late:
                raise error

    hand = Hand()
    other = worker.add(hand.job("other"))
    for error in (ValueError("x"), KeyboardInterrupt(), SystemExit(3)):
        job = worker.add(faulty(error))
        hand.let(5)
        until(lambda job=job: job.ended)
        assert job.error is error
    late = ValueError("in finally")
    job = worker.add(faulty(late, late=True))
    hand.let(5)
    until(lambda: len(job.queue) == 2 or job.ended)
    worker.cancel(job)
    hand.let(5)
    until(lambda: job.ended)
    assert job.error is late
    assert not other.ended
    worker.cancel(other)
    hand.let(5)


def test_stopping_closes_every_job_and_takes_no_more() -> None:
    worker, hand = Worker(), Hand()
    worker.start()
    jobs = [worker.add(hand.job(str(number), free=True)) for number in range(3)]
    until(lambda: len(hand.steps) == 3 * QUEUE)
    worker.stop()
    assert sorted(name for name, _ in hand.closed) == ["0", "1", "2"]
    assert all(isinstance(job.error, StoppedError) for job in jobs)
    assert worker.jobs == 0
    with pytest.raises(Busy):
        worker.add(hand.job("late"))


def test_each_change_wakes_the_reader(worker: Worker) -> None:
    woken = threading.Semaphore(0)
    job: Job = worker.add(Hand().job("a", 3, free=True), woken.release)
    for _ in range(4):  # three events and the end
        assert woken.acquire(timeout=SECONDS)
    until(lambda: job.ended)
    assert not woken.acquire(blocking=False)


def test_a_generator_that_holds_inference_mode_across_a_yield_is_a_bug_and_spoils_no_other(worker: Worker) -> None:
    torch = pytest.importorskip("torch")

    def holder() -> Iterator[dict[str, int]]:
        with torch.inference_mode():
            yield {"number": 0}

    def polite() -> Iterator[dict[str, bool]]:
        for _ in range(5):
            with torch.inference_mode():
                inside = torch.is_inference_mode_enabled()
            yield {"inside": inside, "after": torch.is_inference_mode_enabled()}

    first, bad, second = worker.add(polite()), worker.add(holder()), worker.add(polite())
    until(lambda: first.ended and bad.ended and second.ended)
    assert isinstance(bad.error, RuntimeError)
    for job in (first, second):
        assert job.error is None
        assert worker.take(job) == [{"inside": True, "after": False}] * 5
