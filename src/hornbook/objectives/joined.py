"""Joined: an objective for encoder-decoders, learned by a decoder alone, which reads the inputs and says the targets.

row              a    b    c    d    e    f
inputs           a    <X0> d    e    <X1> </s> .    <X0> b    c    <X1> f
visible          1    1    1    1    1    1    0    0    0    0    0    0
targets          .    .    .    .    .    .    <X0> b    c    <X1> f    </s>
weights          0    0    0    0    0    0    1    1    1    1    1    1

Shapes: B rows, S positions of the inner objective's inputs, T of its targets.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives.base import Objective, Requirements, cycle_of, merged
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class Joined:
    """Inputs and targets in one row, document by document; targets alone are scored.

    objective   the objective of the encoder-decoder
    inputs      visible: inputs see each other from both sides, as in an encoder; causal: only what is before them

    Each document's targets follow its inputs, begin with the padding token as they do in a decoder, and see all of the
    inputs of their document.
    """

    objective: Objective = field(default_factory=SpanCorruption)
    inputs: Literal["visible", "causal"] = "visible"
    vocab: Vocab = field(default=EMPTY, repr=False)

    def __post_init__(self) -> None:
        if self.objective.topology != "encoder-decoder":
            raise UserError(f"Only objectives of encoder-decoders can be joined, not {self.objective!r}.")
        if self.inputs not in ("visible", "causal"):
            raise UserError(f"The joined objective's inputs must be visible or causal, not {self.inputs!r}.")

    @functools.cached_property
    def _inner(self) -> Objective:
        return cast(Objective, dataclasses.replace(cast(Any, self.objective), vocab=self.vocab))

    @functools.cached_property
    def cycle(self) -> tuple[Joined, ...]:
        """The parts of the inner objective, each joined."""
        inner = cycle_of(self._inner)
        if inner == (self._inner,):
            return (self,)
        made = {id(part): Joined(part, self.inputs, self.vocab) for part in inner}
        return tuple(made[id(part)] for part in inner)

    @property
    def _parts(self) -> tuple[Joined, ...]:
        return tuple(dict.fromkeys(self.cycle))

    @property
    def topology(self) -> Topology:
        """A decoder."""
        return "decoder"

    @property
    def overlap(self) -> int:
        """As the inner objective."""
        return self.objective.overlap

    @property
    def noise_period(self) -> int:
        """As the inner objective."""
        return self.objective.noise_period

    @property
    def marks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """As the inner objective."""
        return self._inner.marks

    def _inner_length(self, max_length: int) -> int:
        """Return the longest inner inputs that leave room for their targets."""

        def total(length: int) -> int:
            return length + self.objective.target_length(length)

        return max(1, bisect.bisect_right(range(1, max_length + 1), max_length, key=total))

    def requirements(self, max_length: int) -> Requirements:
        """As the inner objective, for its share of the positions."""
        return merged([part.objective.requirements(part._inner_length(max_length)) for part in self._parts])

    def row_length(self, max_length: int) -> int:
        """As many tokens as have inputs and targets that fit together."""
        return min(part.objective.row_length(part._inner_length(max_length)) for part in self._parts)

    def target_length(self, max_length: int) -> int:
        """Inputs and targets."""
        inner = [(part.objective, part._inner_length(max_length)) for part in self._parts]
        return max(length + part.target_length(length) for part, length in inner)

    def check(self, max_length: int) -> None:
        """Need what the inner objective needs."""
        for part in self._parts:
            part._inner.check(part._inner_length(max_length))

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs and targets [B, S + T]."""
        inner = self._inner(rows)
        assert inner.decoder_inputs is not None
        reads, says = _places(inner)
        size, width = len(rows), inner.inputs.shape[1] + inner.targets.shape[1]

        def laid(first: NDArray[Any] | int, second: NDArray[Any] | int, kind: Any) -> NDArray[Any]:
            values = np.zeros((size, width), kind)
            values.reshape(-1)[reads], values.reshape(-1)[says] = first, second
            return values

        pad = self.vocab.pad or 0
        segments = None
        if inner.segments is not None:
            assert inner.decoder_segments is not None
            segments = laid(inner.segments, inner.decoder_segments, inner.segments.dtype)
        visible = None
        if self.inputs == "visible":
            visible = laid(1 if inner.segments is None else inner.segments != 0, 0, np.bool_)
        return Batch(
            laid(inner.inputs, inner.decoder_inputs, inner.inputs.dtype),
            laid(pad, inner.targets, inner.targets.dtype),
            laid(0, inner.weights, np.float32),
            inner.count.copy(),
            segments,
            visible,
        )


def _places(inner: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the flat place in a joined row of each input [B, S] and target [B, T]: documents in turn, padding last."""
    size, reads = inner.inputs.shape
    says = inner.targets.shape[1]
    row = (reads + says) * np.arange(size)[:, None]
    if inner.segments is None or inner.decoder_segments is None:
        return row + np.arange(reads), row + reads + np.arange(says)
    most = max(int(inner.segments.max(initial=0)), int(inner.decoder_segments.max(initial=0))) + 1
    number = (most + 1) * np.arange(size)[:, None]
    own = np.where(inner.segments == 0, most, inner.segments) + number
    behind = np.where(inner.decoder_segments == 0, most, inner.decoder_segments) + number
    numbers = (most + 1) * size
    said = np.bincount(behind.reshape(-1), minlength=numbers).reshape(size, -1)
    read = np.bincount(own.reshape(-1), minlength=numbers).reshape(size, -1)
    before, through = said.cumsum(axis=1) - said, read.cumsum(axis=1)  # of earlier documents; of those and this one
    return row + np.arange(reads) + before.reshape(-1)[own], row + np.arange(says) + through.reshape(-1)[behind]
