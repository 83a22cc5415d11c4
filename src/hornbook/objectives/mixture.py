"""Mixture: several objectives of one topology that take turns, row by row, in exact shares.

    weights 2, 1      rows  0  1  2  3  4  5 ...
                      part  A  B  A  A  B  A

Row i of the corpus is part `cycle[i % len(cycle)]`: every whole cycle of rows has the exact shares. The packer cuts the
corpus so that each part's rows have its own length, and the loader gives the model the rows of one part at a time:
nothing is read that is not used, and nothing is padded to another part's size.

Shapes: B rows.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.keys import integers
from hornbook.objectives.base import Heads, Objective, Requirements, Turns, cycle_of, merged, with_vocab
from hornbook.objectives.causal import Causal
from hornbook.objectives.contract import batch_of
from hornbook.objectives.prefix import PrefixLM
from hornbook.schema import Positive, check
from hornbook.vocab import EMPTY, Vocab

_PART = 48  # stream of the row key
_LONGEST = 1000


def turns(weights: Sequence[float | Fraction]) -> tuple[int, ...]:
    """Return the shortest sequence of 0, 1, ... in which number i has the share weights[i], evenly spread.

    Each place goes to the number that is furthest behind its share, the first among equals. Raises UserError when the
    shares need more than 1,000 places.

    >>> turns([0.4, 0.4, 0.2])
    (0, 1, 2, 0, 1)
    """
    exact = [Fraction(str(weight)) for weight in weights]  # as written, not as rounded
    shares = [weight / sum(exact) for weight in exact]
    places = math.lcm(*(share.denominator for share in shares))
    if places > _LONGEST:
        told = ", ".join(map(str, weights))
        raise UserError(f"The weights {told} need a cycle of {places:,} rows: round them to need {_LONGEST:,} at most.")
    order: list[int] = []
    given = [0] * len(shares)
    for place in range(1, places + 1):
        number = max(range(len(shares)), key=lambda index: (place * shares[index] - given[index], -index))
        given[number] += 1
        order.append(number)
    return tuple(order)


def pick(rows: Rows, cycle: int) -> NDArray[np.int64]:
    """Return each row's turn in a cycle [B]: by the row's number in the corpus, or where rows have none, by its key."""
    return integers(rows.keys, 1, _PART, cycle)[:, 0] if rows.index is None else rows.index % cycle


@dataclass(frozen=True)
class Mixture(Turns):
    """Rows of several objectives.

    objectives   objectives to mix; each row is of one of them
    weights      relative weight of each objective, by rows; empty = equal weights
    """

    objectives: tuple[Objective, ...] = (Causal(), PrefixLM())
    weights: tuple[Positive, ...] = ()
    vocab: Vocab = field(default=EMPTY, repr=False)

    heads: ClassVar[Heads] = Heads()

    def __post_init__(self) -> None:
        check(self, "The mixture's ")
        if not self.objectives:
            raise UserError("The mixture has no objectives: name at least one in objectives.")
        number, given = len(self.objectives), len(self.weights)
        if given not in (0, number):
            raise UserError(f"The mixture has {number} objectives but {given} weights: give one for each.")
        topologies = {part.topology for part in self.objectives}
        if len(topologies) > 1:
            raise UserError(f"A mixture's objectives must have one topology, not {' and '.join(sorted(topologies))}.")
        if any(part.heads != Heads() for part in self.objectives):
            raise UserError("The objectives nsp, sop and replaced need own models: leave them out of a mixture.")

    @functools.cached_property
    def cycle(self) -> tuple[Objective, ...]:
        """The parts in turn; parts that are mixtures themselves share their turns among their own."""
        inner = [cycle_of(with_vocab(part, self.vocab)) for part in self.objectives]
        weights = [Fraction(str(weight)) for weight in self.weights or [1.0] * len(inner)]
        parts = [part for cycle in inner for part in cycle]
        shares = [weight / len(cycle) for weight, cycle in zip(weights, inner, strict=True) for _ in cycle]
        return tuple(parts[number] for number in turns(shares))

    @property
    def topology(self) -> Topology:
        """That of the parts."""
        return self.objectives[0].topology

    @property
    def overlap(self) -> int:
        """1 where the rows of every part share a token with the next; the packer lets each part share its own."""
        return min(part.overlap for part in self.parts)

    @property
    def noise_period(self) -> int:
        """That of the parts, 0 where they differ."""
        periods = {part.noise_period for part in self.parts}
        return periods.pop() if len(periods) == 1 else 0

    def requirements(self, max_length: int) -> Requirements:
        """Whatever any part needs."""
        return merged([part.requirements(max_length) for part in self.parts])

    def __call__(self, rows: Rows) -> Batch:
        """Return the batch of rows [B, T], each by its turn, as wide as the widest part makes it."""
        turn = pick(rows, len(self.cycle))
        owner = np.array([self.parts.index(part) for part in self.cycle])[turn]
        given = rows if rows.segments is not None else dataclasses.replace(rows, segments=rows.real.astype(np.int32))
        found = [(np.flatnonzero(owner == number), part) for number, part in enumerate(self.parts)]
        batches = [(where, batch_of(part, given.take(where))) for where, part in found if len(where)]
        empty = [_empty(cast(Any, part), rows.tokens.shape[1], rows.tokens.dtype.str) for part in self.parts]
        return _joined(batches, empty, len(rows), self.vocab.pad or 0, self.topology)


@functools.lru_cache(maxsize=256)
def _empty(part: Any, length: int, kind: str) -> Batch:
    """Return what a part makes of a row without text: the shapes that its batches have."""
    tokens = np.zeros((1, length), np.dtype(kind))
    batch: Batch = part(Rows(tokens, np.zeros(1, np.uint64), np.zeros((1, length), np.int32)))
    return batch


def _joined(
    batches: list[tuple[NDArray[np.int64], Batch]], shapes: list[Batch], size: int, pad: int, topology: Topology
) -> Batch:
    """Return the parts' batches as one of `size` rows, with every array that one of them has."""
    values: dict[str, Any] = {}
    for item in fields(Batch):
        arrays = [getattr(batch, item.name) for batch in shapes]
        known = [array for array in arrays if array is not None]
        if not known:
            continue
        width = tuple(max(array.shape[axis] for array in known) for axis in range(1, known[0].ndim))
        fill = pad if item.name in ("inputs", "targets", "decoder_inputs") else 0
        whole = np.full((size, *width), fill, known[0].dtype)
        for where, batch in batches:
            array = getattr(batch, item.name)
            if array is not None:
                place: tuple[Any, ...] = (where, *(slice(0, end) for end in array.shape[1:]))
                whole[place] = array
            elif item.name == "visible" and topology != "decoder":
                whole[where] = True
        values[item.name] = whole
    return Batch(**values)
