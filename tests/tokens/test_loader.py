import functools
import threading
import time
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from token_memory import BOS, EOS, Memory

from hornbook.batch import Batch, Rows
from hornbook.tokens.loader import Loader
from hornbook.tokens.order import Shuffled
from hornbook.tokens.packing import PackedRows
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class Turns:
    """Two echoes that take turns, the second twice as often, with noise of their own."""

    vocab: Vocab = field(default=EMPTY, repr=False)
    noise_period: int = 0

    @functools.cached_property
    def cycle(self):
        first, second = Echo(1), Echo(0)
        return first, second, second


@dataclass(frozen=True)
class Echo:
    """An objective that shows what it was given: tokens as inputs, segments, and its key's bits as targets."""

    noise_period: int = 0
    topology: str = "decoder"
    vocab: Vocab = field(default=EMPTY, repr=False)

    def __call__(self, rows: Rows) -> Batch:
        targets = np.repeat(rows.keys.astype(np.int64)[:, None], rows.tokens.shape[1], axis=1)
        weights = np.ones(rows.tokens.shape, np.float32)
        return Batch(rows.tokens, targets, weights, weights.sum(axis=1).astype(np.float64), rows.segments)


def loader(workers=0, micro_batch=4, global_batch=8, seed=5, prepare=lambda batch: batch, noise_period=0):
    rows = PackedRows(Memory([40, 7, 90, 3, 60]), None, 16, 1, ((BOS,), (EOS,)))
    return Loader(rows, Shuffled(len(rows)), Echo(noise_period), seed, global_batch, micro_batch, workers, prepare)


def content(steps):
    """What the steps hold, whatever their micro-batches: one tuple of bytes a step."""
    joined = []
    for batches in steps:
        fields = ("inputs", "targets", "weights", "count", "segments")
        joined.append(tuple(np.concatenate([getattr(item, name) for item in batches]).tobytes() for name in fields))
    return joined


def test_workers_and_micro_batches_change_nothing():
    expected = content(loader().steps(0, 12))
    assert len(set(expected)) == 12
    for workers in (0, 1, 2, 5):
        for micro_batch in (1, 3, 4, 8):
            assert content(loader(workers, micro_batch).steps(0, 12)) == expected


def test_micro_batches_have_the_size_asked_for():
    assert [len(batch) for batch in loader(micro_batch=4).step(0)] == [4, 4]
    assert [len(batch) for batch in loader(micro_batch=3).step(0)] == [3, 3, 2]


@pytest.mark.parametrize("workers", [0, 2])
def test_resuming_from_any_step_gives_the_tail(workers):
    expected = content(loader().steps(0, 9))
    for first in (1, 4, 8, 9):
        assert content(loader(workers).steps(first, 9)) == expected[first:]


def test_a_step_computed_alone_is_the_step_of_the_sequence():
    assert content([loader().step(6)]) == content(loader().steps(0, 9))[6:7]


def test_every_epoch_sees_every_row_once_in_an_order_of_its_own():
    source = loader(global_batch=1, micro_batch=1)
    size = len(source.rows)
    steps = [item[0] for item in content(source.steps(0, 3 * size))]
    epochs = [steps[start : start + size] for start in range(0, 3 * size, size)]
    assert len(set(epochs[0])) == size
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(epochs[2])
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_global_batch_larger_than_an_epoch_runs_into_the_next():
    size = len(loader().rows)
    big = loader(global_batch=2 * size + 3, micro_batch=5).step(0)
    inputs = np.concatenate([batch.inputs for batch in big])
    assert len(inputs) == 2 * size + 3
    assert sorted(row.tobytes() for row in inputs[:size]) == sorted(row.tobytes() for row in inputs[size : 2 * size])


@pytest.mark.parametrize(("period", "fresh"), [(0, 4), (1, 1), (2, 2), (3, 3)])
def test_noise_comes_anew_after_its_period(period, fresh):
    source = loader(global_batch=1, micro_batch=1, noise_period=period)
    size = len(source.rows)
    keys: dict[bytes, list[int]] = {}
    for (batch,) in source.steps(0, 4 * size):
        keys.setdefault(batch.inputs.tobytes(), []).append(int(batch.targets[0, 0]))
    assert len(keys) == size
    for seen in keys.values():
        assert len(seen) == 4 and len(set(seen)) == fresh
        assert seen == [seen[epoch % fresh] for epoch in range(4)]


def test_seeds_differ_in_order_and_in_noise():
    assert content(loader(seed=1).steps(0, 2)) != content(loader(seed=2).steps(0, 2))


def test_batches_are_prepared():
    assert list(loader(workers=2, prepare=len).steps(0, 2)) == [[4, 4], [4, 4]]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_what_was_prepared_is_received_once_in_order_by_whoever_asks(workers):
    def prepare(batch):
        return batch, threading.current_thread()

    received = []

    def receive(prepared):
        received.append((prepared[1], threading.current_thread()))
        return prepared[0]

    source = replace(loader(workers, prepare=prepare), receive=receive)
    assert content(source.steps(0, 6)) == content(loader().steps(0, 6))
    assert len(received) == 12
    assert {asking for _, asking in received} == {threading.current_thread()}
    assert (threading.current_thread() in {preparing for preparing, _ in received}) == (workers == 0)
    assert content([source.step(6)]) == content([loader().step(6)])
    assert len(received) == 14


def test_nothing_is_received_before_its_step_is_asked_for():
    received = []
    source = replace(loader(workers=3), receive=lambda batch: received.append(batch) or batch)
    steps = source.steps(0, 100)
    for number in range(1, 4):
        next(steps)
        assert len(received) == 2 * number
    steps.close()
    assert len(received) == 6


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_exception_appears_at_its_step_and_ends_the_threads(workers):
    calls = []

    def fails(batch):
        calls.append(batch)
        if len(calls) > 4:
            raise RuntimeError("in a worker")
        return batch

    seen = []
    with pytest.raises(RuntimeError, match="in a worker"):
        for step in loader(workers, micro_batch=8, prepare=fails).steps(0, 100):
            seen.append(step)
    assert len(seen) <= 4
    assert workers > 1 or len(seen) == 4
    assert not threads()


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


@pytest.mark.parametrize("workers", [1, 2])
def test_work_ahead_is_bounded_and_closing_ends_the_threads(workers):
    done = []
    steps = loader(workers, micro_batch=8, prepare=done.append).steps(0, 10_000)
    for _ in range(3):
        next(steps)
    deadline = time.monotonic() + 10
    while len(done) < 3 + workers and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(done) == 3 + workers
    assert threads()
    steps.close()
    assert not threads()
    assert len(done) == 3 + workers


def test_each_micro_batch_is_of_one_part_in_exact_shares_and_nothing_is_lost():
    rows = PackedRows(Memory([400, 7, 900, 3, 600]), None, [9, 16, 16], 0, ((), ()))
    source = Loader(rows, Shuffled(len(rows), 3), Turns(), 5, 12, 3, 0, lambda batch: batch)
    size = len(rows)
    seen: list[int] = []
    for step in range(-(-size // 12)):
        widths = [(batch.inputs.shape[1], len(batch)) for batch in source.step(step)]
        if (step + 1) * 12 <= size:
            assert widths == [(9, 3), (9, 1), (16, 3), (16, 3), (16, 2)]
        seen += [token for batch in source.step(step) for token in batch.inputs[batch.segments != 0].tolist()]
    expected = [1000 * (d + 1) + t for d, n in enumerate([400, 7, 900, 3, 600]) for t in range(n)]
    assert set(seen) == set(expected)
    assert content_of(source.steps(3, 5)) == content_of(
        Loader(rows, Shuffled(len(rows), 3), Turns(), 5, 12, 3, 2, lambda b: b).steps(3, 5)
    )


def content_of(steps):
    return [[batch.inputs.tobytes() + batch.targets.tobytes() for batch in step] for step in steps]


def test_each_part_has_its_own_noise_period():
    rows = PackedRows(Memory([400]), None, [9, 16, 16], 0, ((), ()))
    source = Loader(rows, Shuffled(len(rows), 3), Turns(), 5, len(rows), 99, 0, lambda batch: batch)
    keys = [[set(batch.targets[:, 0].tolist()) for batch in source.step(epoch)] for epoch in range(2)]
    assert keys[0][0] == keys[1][0] and not keys[0][1] & keys[1][1]


@dataclass(frozen=True)
class Clock(Echo):
    """An echo whose weights are the progress of its rows."""

    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        return replace(batch, weights=np.repeat(rows.progress[:, None], rows.tokens.shape[1], 1).astype(np.float32))


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_know_how_much_of_the_run_is_done(workers):
    whole = replace(loader(workers), objective=Clock(), run_steps=8)
    for first in (0, 5):
        told = [[np.unique(batch.weights).tolist() for batch in step] for step in whole.steps(first, 8)]
        assert told == [[[number / 8]] * 2 for number in range(first, 8)]
    assert not replace(whole, run_steps=0).step(5)[0].weights.any(), "not known yet"
