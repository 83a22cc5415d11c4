"""The loader: training step's number -> its micro-batches, a pure function, computed ahead by threads.

    example   step * global_batch + 0, 1, 2, ...
    row       order.locate(seed, example)               the same for any number of workers and any micro-batch
    key       keys.row_keys(seed, row, epoch)           what the objective's noise depends on
    batch     objective(rows), then `prepare` (to tensors, to a device)

To resume is to ask for a later step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from hornbook.batch import Batch
from hornbook.keys import row_keys
from hornbook.objectives.base import Objective
from hornbook.tokens.order import locate
from hornbook.tokens.packing import PackedRows

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Loader(Generic[T]):
    """Batches of a run.

    rows          the packed corpus
    objective     makes batches of rows
    seed          of the order and of the noise
    global_batch  rows of one step
    micro_batch   rows computed at once; the last may have fewer
    workers       threads that compute steps ahead; 0 = none
    prepare       what else is to be done to a batch ahead of the step
    """

    rows: PackedRows
    objective: Objective
    seed: int
    global_batch: int
    micro_batch: int
    workers: int
    prepare: Callable[[Batch], T]

    def step(self, number: int) -> list[T]:
        """Return the micro-batches of one step. A global batch larger than an epoch runs into the next epoch."""
        example = number * self.global_batch + np.arange(self.global_batch)
        epoch, row = locate(self.seed, example, len(self.rows))
        period = self.objective.noise_period
        keys = row_keys(self.seed, row, epoch if period == 0 else epoch % period)
        parts = [slice(start, start + self.micro_batch) for start in range(0, self.global_batch, self.micro_batch)]
        return [self.prepare(self.objective(self.rows.rows(row[part], keys[part]))) for part in parts]

    def steps(self, first: int, last: int) -> Iterator[list[T]]:
        """Yield the steps from `first` up to, not including, `last`.

        A worker's exception appears here, at its step. Closing the iterator ends the threads.
        """
        if self.workers == 0:
            yield from map(self.step, range(first, last))
            return
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="loader")
        ahead: deque[Future[list[T]]] = deque()
        try:
            for number in range(first, last):
                ahead.append(pool.submit(self.step, number))
                if len(ahead) > self.workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
