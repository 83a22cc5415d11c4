"""The loader: training step's number -> its micro-batches, a pure function, computed ahead by threads.

    example   step * global_batch + 0, 1, 2, ...
    row       order.locate(seed, example)               the same for any number of workers and devices, any micro-batch
    key       keys.row_keys(seed, row, epoch)           what the objective's noise depends on
    progress  place of the step / steps of the run      what schedules depend on
    batch     objective(rows), then `prepare` (to tensors, to a device), then `receive`, when the step is asked for

The parts of a mixture take turns, and rows of one micro-batch are all of one part: each part's rows fill the model in
their own way, so nothing is padded to another's size. To resume is to ask for a later step.

Shapes: B rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from hornbook.batch import Batch, Rows
from hornbook.keys import Keys
from hornbook.objectives.base import Objective, cycle_of
from hornbook.objectives.contract import batch_of
from hornbook.tokens.order import Order, folded
from hornbook.tokens.packing import CorpusRows, Places

T = TypeVar("T")


def batches(
    rows: CorpusRows,
    objective: Objective,
    index: Places,
    keys: Callable[[Objective, Places], Keys],
    size: int,
    progress: float = 1.0,
) -> Iterator[Batch]:
    """Yield the batches of rows [B], at most `size` rows each, one part's rows at a time, else in the order given.

    `keys(part, where)` returns the keys of the rows at places `where` of `index`; `progress` is the share of the run
    that is done, of which some objectives make use.
    """
    return (batch for _, batch in shown(rows, objective, index, keys, size, progress))


def shown(
    rows: CorpusRows,
    objective: Objective,
    index: Places,
    keys: Callable[[Objective, Places], Keys],
    size: int,
    progress: float = 1.0,
) -> Iterator[tuple[Rows, Batch]]:
    """Yield what `batches` yields, each batch with the rows that it was made of."""
    parts = cycle_of(objective)
    different = {id(part): part for part in parts}
    owner = np.array([list(different).index(id(part)) for part in parts])[index % len(parts)]
    for number, part in enumerate(different.values()):
        mine = np.flatnonzero(owner == number)
        for start in range(0, len(mine), size):
            where = mine[start : start + size]
            found = replace(rows.rows(index[where], keys(part, where)), progress=np.full(len(where), progress))
            yield found, batch_of(part, found)


def unchanged(prepared: Any) -> Any:
    """Return what was prepared: for batches that are ready for whoever asks."""
    return prepared


@dataclass(frozen=True, eq=False)
class Loader(Generic[T]):
    """Batches of a run.

    seed          of the order and of the noise
    global_batch  rows of one step
    micro_batch   rows computed at once; the last may have fewer
    workers       threads that compute steps ahead; 0 = none
    prepare       what else is to be done to a batch ahead of the step
    run_steps     steps of the whole run, by which an objective with a schedule knows where it is; 0 = not known yet:
                  each step counts as the first
    share         (i, n): of each step only the i-th of n equal, consecutive shares, from 0; n divides global_batch
    receive       what is to be done to what `prepare` returned by the thread that asks for the step
    place         which step of a run of `run_steps` a step stands for, where the run's length was corrected
    """

    rows: CorpusRows
    order: Order
    objective: Objective
    seed: int
    global_batch: int
    micro_batch: int
    workers: int
    prepare: Callable[[Batch], Any]
    run_steps: int = 0
    share: tuple[int, int] = (0, 1)
    receive: Callable[[Any], T] = unchanged
    place: Callable[[int], float] = float

    def step(self, number: int) -> list[T]:
        """Return the micro-batches of one step. A global batch larger than an epoch runs into the next epoch."""
        return list(map(self.receive, self._prepared(number)))

    def _prepared(self, number: int) -> list[Any]:
        mine, shares = self.share
        rows = self.global_batch // shares
        example = number * self.global_batch + mine * rows + np.arange(rows)
        epoch, row = self.order.locate(self.seed, example)

        def keys(part: Objective, where: Places) -> Keys:
            period = part.noise_period
            return folded(self.seed, row[where], epoch[where] if period == 0 else epoch[where] % period)

        progress = min(1.0, self.place(number) / self.run_steps) if self.run_steps else 0.0
        found = batches(self.rows, self.objective, row, keys, self.micro_batch, progress)
        return [self.prepare(batch) for batch in found]

    def steps(self, first: int, last: int) -> Iterator[list[T]]:
        """Yield the steps from `first` up to, not including, `last`.

        A worker's exception appears here, at its step. Closing the iterator ends the threads.
        """
        if self.workers == 0:
            yield from map(self.step, range(first, last))
            return
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="loader")
        ahead: deque[Future[list[Any]]] = deque()
        try:
            for number in range(first, last):
                ahead.append(pool.submit(self._prepared, number))
                if len(ahead) > self.workers:
                    yield list(map(self.receive, ahead.popleft().result()))
            while ahead:
                yield list(map(self.receive, ahead.popleft().result()))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
