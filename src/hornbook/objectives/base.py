"""What every objective is: a frozen dataclass of hyper-parameters that turns Rows into a Batch.

    Objective : Rows -> Batch        numpy, pure, vectorised; knows the vocabulary, not the model

An objective says beforehand what it needs of the vocabulary (`requirements`), how many corpus tokens fill a model row
exactly (`row_length`), how long the targets are (`target_length`), and refuses in words what cannot work (`check`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hornbook.batch import Batch, Rows, Topology
from hornbook.vocab import Vocab


@dataclass(frozen=True)
class Requirements:
    """What an objective needs of a vocabulary: roles ("mask", "eos"), how many sentinels, which mode tokens."""

    roles: tuple[str, ...] = ()
    sentinels: int = 0
    modes: tuple[str, ...] = ()


@runtime_checkable
class Objective(Protocol):
    """The contract; see the module. Implementations are frozen dataclasses, so they print, compare, pickle and save."""

    @property
    def vocab(self) -> Vocab:
        """The tokenizer's ids and tables; EMPTY until the run has one (`dataclasses.replace(objective, vocab=...)`)."""

    @property
    def topology(self) -> Topology:
        """The kind of model that learns it."""

    @property
    def overlap(self) -> int:
        """How many tokens consecutive rows of the stream share (1 where targets are the next token, else 0)."""

    @property
    def noise_period(self) -> int:
        """After how many epochs the same row gets the same noise again; 0 = never (dynamic), 1 = always the same."""

    @property
    def boundary_tokens(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The special ids that the packer puts before and after every document."""

    def requirements(self, max_length: int) -> Requirements:
        """What the vocabulary must provide for model rows of `max_length`; needs no vocabulary itself."""

    def row_length(self, max_length: int) -> int:
        """How many corpus tokens, marks included, fill a model row of `max_length` positions exactly."""

    def target_length(self, max_length: int) -> int:
        """How many output positions such a row has."""

    def check(self, max_length: int) -> None:
        """Raise UserError, in one sentence, when vocabulary or lengths cannot serve this objective."""

    def __call__(self, rows: Rows) -> Batch:
        """Return the batch for these rows; a row's result depends on the row alone: tokens, segments, key ..."""


@runtime_checkable
class Cycled(Protocol):
    """An objective of several parts that take turns: row i of the corpus is part i modulo the cycle's length."""

    @property
    def cycle(self) -> tuple[Objective, ...]:
        """The parts in turn; a part that has twice another's share stands there twice as often."""


@runtime_checkable
class Paired(Protocol):
    """An objective over pairs of texts, whose rows never cross documents and bring a text of another document."""

    def companion_length(self, max_length: int) -> int:
        """How many tokens of another document come with each row; 0 = none are needed."""


def merged(needs: Sequence[Requirements]) -> Requirements:
    """Return what serves all of several objectives."""
    return Requirements(
        tuple(dict.fromkeys(role for need in needs for role in need.roles)),
        max(need.sentinels for need in needs),
        tuple(dict.fromkeys(mode for need in needs for mode in need.modes)),
    )


def cycle_of(objective: Objective) -> tuple[Objective, ...]:
    """Return the parts that take turns in the rows of the corpus; most objectives are their own only part."""
    return objective.cycle if isinstance(objective, Cycled) else (objective,)


def tokens_per_row(objective: Objective, max_length: int) -> float:
    """Return how many corpus tokens a row takes, on average over the parts, those it shares with the next left out."""
    parts = cycle_of(objective)
    return sum(part.row_length(max_length) - part.overlap for part in parts) / len(parts)
