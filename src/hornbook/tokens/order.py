"""The order of training: a function from the example's number to its row, new in every epoch, with no state to keep.

    Shuffled   every epoch a permutation of the rows
    Ascending  every epoch from the first row to the last, neighbours shuffled: rows that were sorted come in that order
    Staged     every epoch first the rows before some place, then those after it, both shuffled
    Mixed      rows of several domains, each in an order of its own, in exact shares
    Spliced    one order up to some example, then another: of a run whose length was corrected

A step draws the places and keys of some ten rows, which takes numpy longer than copying their tokens: hence kernels.

Shapes: B examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hornbook import keys
from hornbook.keys import fold
from hornbook.objectives.ops import compiled

Places = NDArray[np.int64]

_ORDER, _MIX = -1, -2  # rows' keys are folded from (seed, row, ...) with row >= 0; the order's keys never meet them
BLOCK = 1000  # examples of a block in which each domain has its exact share


def folded(seed: int, first: int | Places, second: Places) -> keys.Keys:
    """Return keys.fold(seed, first, second) [B], by its kernel where there is one."""
    whole = np.full(second.shape, first) if isinstance(first, int) else first
    base = np.uint64(seed % 2**64)
    found = compiled.run("folded", whole, second, base)
    return keys.fold(base, whole, second) if found is None else found


def permute(index: Places, size: int, key: keys.Keys) -> Places:
    """Return keys.permute(index, size, key) [B], by its kernel where there is one; there is a key for each index."""
    found = compiled.run("permute", index, key, size, keys.half_of(size), keys.ROUNDS)
    return keys.permute(index, size, key) if found is None else found


@dataclass(frozen=True)
class Shuffled:
    """Every epoch of `size` examples is a pseudo-random permutation of the rows, named by (seed, epoch).

    Where rows take turns in a cycle (row i is of kind i modulo `cycle`), each `cycle` examples of an epoch, counted
    from its start, have one row of each kind: kinds are permuted within these groups, and the rows of a kind among
    themselves.
    """

    size: int
    cycle: int = 1

    def locate(self, seed: int, example: ArrayLike) -> tuple[Places, Places]:
        """Return (epoch [B], row [B]) of training examples [B], numbered from 0 over the whole run."""
        example = np.asarray(example, dtype=np.int64)
        epoch, place = np.divmod(example, self.size)
        key, cycle = folded(seed, _ORDER, epoch), self.cycle
        if cycle == 1:
            return epoch, permute(place, self.size, key)
        group, turn = np.divmod(place, cycle)
        whole, rest = divmod(self.size, cycle)
        kind = np.empty_like(place)
        number = np.empty_like(place)
        last = group == whole  # the group at the end of an epoch that has the first `rest` kinds only
        for chosen, kinds in ((~last, cycle), (last, rest)):
            if chosen.any():
                kind[chosen] = permute(turn[chosen], kinds, fold(key[chosen], group[chosen]))
        for short in (True, False):  # the first `rest` kinds have one row more
            chosen = (kind < rest) != short
            if chosen.any():
                named = fold(key[chosen], _ORDER, kind[chosen])
                number[chosen] = permute(group[chosen], whole if short else whole + 1, named)
        return epoch, number * cycle + kind


@dataclass(frozen=True)
class Ascending:
    """Every epoch goes from the first row to the last, each window of rows shuffled by (seed, epoch, window).

    A run of fewer `examples` than rows takes rows at equal distances, so that it too comes to the last ones.

    size      rows
    examples  of the run; 0 = not known
    cycle     rows take turns, as in Shuffled; windows are of whole cycles
    window    cycles that are shuffled together
    """

    size: int
    examples: int = 0
    cycle: int = 1
    window: int = 64

    def locate(self, seed: int, example: ArrayLike) -> tuple[Places, Places]:
        epoch, place = np.divmod(np.asarray(example, dtype=np.int64), self.size)
        group, kind = np.divmod(place, self.cycle)
        groups = -(-self.size // self.cycle)
        if 0 < self.examples < self.size:
            wanted = -(-self.examples // self.cycle)
            group = group * groups // wanted
            if self.size % self.cycle:  # the last group lacks some kinds
                group = np.minimum(group, groups - 1 - (kind >= self.size % self.cycle))
            return epoch, group * self.cycle + kind
        whole = self.size // self.cycle  # groups that have every kind; what is left of the last stays where it is
        window, place = np.divmod(group, self.window)
        length = np.minimum(self.window, whole - window * self.window)
        key = fold(np.uint64(seed % 2**64), _ORDER, epoch, window)
        for size in np.unique(length[length > 0]):
            chosen = (length == size) & (group < whole)
            place[chosen] = permute(place[chosen], int(size), key[chosen])
        return epoch, (window * self.window + place) * self.cycle + kind


@dataclass(frozen=True)
class Staged:
    """Every epoch has the rows before row `turn` first, then the others, each a permutation of its own, as in Shuffled.

    A run of fewer `examples` than rows takes as large a share of the ones as of the others.

    size      rows
    turn      the first row of the late stage, a multiple of the cycle
    examples  of the run; 0 = not known
    cycle     rows take turns, as in Shuffled
    """

    size: int
    turn: int
    examples: int = 0
    cycle: int = 1

    def locate(self, seed: int, example: ArrayLike) -> tuple[Places, Places]:
        """Return (epoch [B], row [B]) of training examples [B]."""
        epoch, place = np.divmod(np.asarray(example, dtype=np.int64), self.size)
        early, late = Shuffled(self.turn, self.cycle), Shuffled(self.size - self.turn, self.cycle)
        turn = self.turn
        if 0 < self.examples < self.size:  # the last rows are read in their turn all the same
            share, least = self.turn * self.examples / self.size, self.examples - late.size  # no late row comes twice
            turn = max(round(share / self.cycle), -(-least // self.cycle)) * self.cycle
        row = np.empty_like(place)
        for chosen, order, before, first in ((place < turn, early, 0, 0), (place >= turn, late, turn, self.turn)):
            if chosen.any():
                own = epoch[chosen] * order.size + place[chosen] - before
                row[chosen] = order.locate(seed, own)[1] + first
        return epoch, row


@dataclass(frozen=True)
class Mixed:
    """Examples of several domains: every block of `BLOCK` has exactly `counts` of each, in an order of its own.

    orders  of each domain's own examples and rows
    first   the number of each domain's first row among all rows
    counts  examples of each domain in a block, BLOCK together
    late    the same in the blocks from number `turn` on
    turn    the first block of those
    """

    orders: Sequence[Order]
    first: Sequence[int]
    counts: tuple[int, ...]
    late: tuple[int, ...] | None = None
    turn: int = 0

    def locate(self, seed: int, example: ArrayLike) -> tuple[Places, Places]:
        """Return (epoch [B] of the row's domain, row [B])."""
        example = np.asarray(example, dtype=np.int64)
        domain, number = self.domains(seed, example)
        epoch, row = np.empty_like(example), np.empty_like(example)
        for place, order in enumerate(self.orders):
            mine = domain == place
            if mine.any():
                epoch[mine], own = order.locate(int(fold(np.uint64(seed % 2**64), _MIX, place)), number[mine])
                row[mine] = own + self.first[place]
        return epoch, row

    def domains(self, seed: int, example: Places) -> tuple[Places, Places]:
        """Return the domain [B] of each example, and its number [B] among the examples of that domain."""
        block, place = np.divmod(example, BLOCK)
        slot = permute(place, BLOCK, folded(seed, _MIX, block))
        late = (block >= self.turn) if self.late is not None else np.zeros(len(block), bool)
        domain, number = np.empty_like(example), np.empty_like(example)
        for chosen, counts in ((~late, self.counts), (late, self.late)):
            if counts is None or not chosen.any():
                continue
            ends = np.cumsum(counts)
            mine = np.searchsorted(ends, slot[chosen], side="right")
            each = np.array(counts)[mine]
            # A domain's examples before the late blocks count on in these.
            before, first = (np.array(self.counts)[mine] * self.turn, self.turn) if counts is self.late else (0, 0)
            domain[chosen] = mine
            number[chosen] = before + (block[chosen] - first) * each + slot[chosen] - (ends - counts)[mine]
        return domain, number

    def read(self, examples: int, seed: int) -> list[int]:
        """Return how many of a run's first `examples` examples each domain has."""
        whole, rest = divmod(examples, BLOCK)
        early = min(whole, self.turn) if self.late is not None else whole
        total = np.array(self.counts) * early
        if self.late is not None:
            total = total + np.array(self.late) * (whole - early)
        domain, _ = self.domains(seed, whole * BLOCK + np.arange(rest))
        return [int(number) for number in total + np.bincount(domain, minlength=len(self.orders))]


@dataclass(frozen=True)
class Spliced:
    """Several orders, one after the other: from example `begins[i]` on, where `orders[i]` would be with that example.

    begins  of each order, ascending, the first 0
    """

    begins: tuple[int, ...]
    orders: tuple[Ascending | Staged | Mixed, ...]

    def locate(self, seed: int, example: ArrayLike) -> tuple[Places, Places]:
        example = np.asarray(example, dtype=np.int64)
        owner = np.searchsorted(self.begins, example, side="right") - 1
        epoch, row = np.empty_like(example), np.empty_like(example)
        for number, order in enumerate(self.orders):
            mine = owner == number
            if mine.any():
                epoch[mine], row[mine] = order.locate(seed, example[mine])
        return epoch, row


Order = Shuffled | Ascending | Staged | Mixed | Spliced
