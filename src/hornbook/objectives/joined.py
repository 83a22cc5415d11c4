"""Joined: an encoder-decoder's objective, learned by a decoder alone, which reads inputs and predicts targets.

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
from typing import ClassVar, Literal

import numpy as np

from hornbook.batch import Batch, Integers, Mask, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives import base
from hornbook.objectives.base import Boundaries, Heads, Objective, PromptFormat, Requirements
from hornbook.objectives.contract import batch_of
from hornbook.objectives.ops.noise import find_documents
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.schema import check
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class Joined:
    """Inputs and targets in one row, document by document; targets alone are scored.

    objective   encoder-decoder objective to train on
    inputs      attention among input tokens. visible: bidirectional, as in an encoder; causal: to earlier tokens only

    Each document's targets follow its inputs, begin with the padding token as they do in a decoder, and see all of the
    inputs of their document.
    """

    objective: Objective = field(default_factory=SpanCorruption)
    inputs: Literal["visible", "causal"] = "visible"
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "decoder"
    heads: ClassVar[Heads] = Heads()

    def __post_init__(self) -> None:
        if self.objective.topology != "encoder-decoder":
            raise UserError(f"The joined objective needs an encoder-decoder objective inside, not {self.objective!r}.")
        check(self, "The joined objective's ")

    @functools.cached_property
    def _inner(self) -> Objective:
        return base.with_vocab(self.objective, self.vocab)

    @functools.cached_property
    def cycle(self) -> tuple[Joined, ...]:
        """The parts of the inner objective, each joined."""
        inner = base.cycle_of(self._inner)
        if inner == (self._inner,):
            return (self,)
        made = {id(part): Joined(part, self.inputs, self.vocab) for part in inner}
        return tuple(made[id(part)] for part in inner)

    @property
    def _parts(self) -> tuple[Joined, ...]:
        return tuple(dict.fromkeys(self.cycle))

    @property
    def overlap(self) -> int:
        """As the inner objective."""
        return self.objective.overlap

    @property
    def noise_period(self) -> int:
        """As the inner objective."""
        return self.objective.noise_period

    @property
    def boundary_tokens(self) -> Boundaries:
        """As the inner objective."""
        return self._inner.boundary_tokens

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """As the inner objective; the model reads as it did in training."""
        visible = self.inputs == "visible"
        return tuple(dataclasses.replace(form, visible=visible) for form in self._inner.prompting)

    def _inner_length(self, max_length: int) -> int:
        """Return the longest inner inputs that leave room for their targets."""

        def total(length: int) -> int:
            return length + self.objective.target_length(length)

        return max(1, bisect.bisect_right(range(1, max_length + 1), max_length, key=total))

    def requirements(self, max_length: int) -> Requirements:
        """As the inner objective, for its share of the positions."""
        return base.merged([part.objective.requirements(part._inner_length(max_length)) for part in self._parts])

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
        inner = batch_of(self._inner, rows)
        assert inner.decoder_inputs is not None
        says, segments = _order(inner)
        targets = np.full(says.shape, self.vocab.pad or 0, inner.targets.dtype)
        weights = np.zeros(says.shape, np.float32)
        if segments is None:  # the same places in every row
            reads = inner.inputs.shape[1]
            inputs = np.concatenate([inner.inputs, inner.decoder_inputs], axis=1)
            targets[:, reads:], weights[:, reads:] = inner.targets, inner.weights
        else:
            place = np.flatnonzero(says)
            inputs = np.empty(says.shape, inner.inputs.dtype)
            inputs.reshape(-1)[np.flatnonzero(~says)] = inner.inputs.reshape(-1)
            inputs.reshape(-1)[place] = inner.decoder_inputs.reshape(-1)
            targets.reshape(-1)[place] = inner.targets.reshape(-1)
            weights.reshape(-1)[place] = inner.weights.reshape(-1)
        visible = None
        if self.inputs == "visible":
            visible = ~says if segments is None else ~says & (segments != 0)
        return Batch(inputs, targets, weights, inner.count.copy(), segments, visible)


def _order(inner: Batch) -> tuple[Mask, Integers | None]:
    """Return bool[B, S + T], where a joined row has its targets, and its segments: documents in turn, padding last.

    Both sides keep their own order, so what is where follows from the runs of one document on each side.
    """
    size, reads = inner.inputs.shape
    width = reads + inner.targets.shape[1]
    if inner.segments is None or inner.decoder_segments is None:
        return np.tile(np.arange(width) >= reads, (size, 1)), None
    runs = find_documents(inner.segments), find_documents(inner.decoder_segments)
    own = inner.segments.reshape(-1)[runs[0].start], inner.decoder_segments.reshape(-1)[runs[1].start]
    row, segment = np.concatenate([run.row for run in runs]), np.concatenate(own)
    side = np.arange(len(row)) >= len(runs[0].row)
    order = np.lexsort((side, segment, segment == 0, row))
    lengths = np.concatenate([run.length for run in runs])[order]
    shape = size, width
    return np.repeat(side[order], lengths).reshape(shape), np.repeat(segment[order], lengths).reshape(shape)
