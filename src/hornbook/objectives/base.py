"""What every objective is: a frozen dataclass of hyper-parameters that turns Rows into a Batch.

    Objective : Rows -> Batch        numpy, pure, vectorised; knows the vocabulary, not the model

An objective says beforehand what it needs of the vocabulary (`requirements`), how many corpus tokens fill a model row
exactly (`row_length`), how long the targets are (`target_length`), which heads its model has (`heads`) and how that
model is used (`prompting`), and refuses in words what cannot work (`check`). What is the same in most of them stands
below the protocol, to be taken over by name: `row_length = one_each`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar, cast, runtime_checkable

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.vocab import Vocab

AnyObjective = TypeVar("AnyObjective", bound="Objective")
Boundaries = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Requirements:
    """What an objective needs of a vocabulary: roles ("mask", "eos"), how many sentinels, which mode tokens."""

    roles: tuple[str, ...] = ()
    sentinels: int = 0
    modes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heads:
    """What a model trains beside its head over the vocabulary; by default nothing.

    pair                  a class of the pair of texts, which have 2 token types
    generator_width       width of a generator beside it, as a share of its own; the model itself then detects replaced
                          tokens in place of the head over the vocabulary; 0 = none
    discriminator_weight  how much its loss then counts beside the generator's
    """

    pair: bool = False
    generator_width: float = 0.0
    discriminator_weight: float = 0.0


@dataclass(frozen=True)
class PromptFormat:
    """One use of a model that learned an objective.

    kind       continuation   read the text, predict what comes next
               rewrite        read a text with masks, write the whole of it
               sentinels      read a text with sentinels, write the span of each
               middle         read what is before and behind a gap, write its text
               masks          read a text with masks, give candidates for each
               unmask         the same, and fill the masks one after another
    before     ids that stand before the text
    after      ids that stand behind it
    stop       ids that end the output
    start      the id that begins the output, where that is a side of its own
    visible    the model reads its text from both sides
    masks_end  of rewrite: a text without gaps gets one at its end, in whose place it goes on
    spm        of middle: the suffix is read first, alone
    """

    kind: Literal["continuation", "rewrite", "sentinels", "middle", "masks", "unmask"]
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    stop: frozenset[int] = frozenset()
    start: int | None = None
    visible: bool = False
    masks_end: bool = False
    spm: bool = False


@runtime_checkable
class Objective(Protocol):
    """The contract; see the module. Implementations are frozen dataclasses, so they print, compare, pickle and save."""

    @property
    def vocab(self) -> Vocab:
        """The tokenizer's ids and tables; EMPTY until the run has one (`with_vocab`)."""

    @property
    def topology(self) -> Topology:
        """The kind of model that learns it."""

    @property
    def heads(self) -> Heads:
        """What that model trains beside the head over the vocabulary."""

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """How that model is used, the first that serves being taken; needs the vocabulary."""

    @property
    def overlap(self) -> int:
        """How many tokens consecutive rows of the stream share (1 where targets are the next token, else 0)."""

    @property
    def noise_period(self) -> int:
        """After how many epochs the same row gets the same noise again; 0 = never (dynamic), 1 = always the same."""

    @property
    def boundary_tokens(self) -> Boundaries:
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


class Plain:
    """What is the same in most objectives: no second head, rows that share no token, new noise in each epoch."""

    heads: ClassVar[Heads] = Heads()
    overlap: ClassVar[int] = 0
    noise_period: ClassVar[int] = 0


class Turns(Cycled, Protocol):
    """What is the same in all objectives of parts that differ in length; the packer gives each rows of its own."""

    @functools.cached_property
    def parts(self) -> tuple[Objective, ...]:
        """The different parts."""
        return tuple({id(part): part for part in self.cycle}.values())

    @property
    def boundary_tokens(self) -> Boundaries:
        """Those of the first part, in whose place the others may show their own."""
        return self.parts[0].boundary_tokens

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """Those of the parts, in turn."""
        return tuple(form for part in dict.fromkeys(self.cycle) for form in part.prompting)

    def row_length(self, max_length: int) -> int:
        """The length of rows that every part can take."""
        return min(part.row_length(max_length) for part in self.parts)

    def target_length(self, max_length: int) -> int:
        """That of the part with the longest targets."""
        return max(part.target_length(max_length) for part in self.parts)

    def check(self, max_length: int) -> None:
        """Need what the parts need, and the same marks around documents in all of them."""
        for part in self.parts:
            part.check(max_length)
            if part.boundary_tokens != self.boundary_tokens:
                told = f"{self.parts[0]!r} and {part!r} put different special tokens around documents"
                raise UserError(f"{told}: they cannot share a corpus, so mix others.")


@runtime_checkable
class Paired(Protocol):
    """An objective over pairs of texts, whose rows never cross documents and bring a text of another document."""

    def companion_length(self, max_length: int) -> int:
        """How many tokens of another document come with each row; 0 = none are needed."""


def one_each(objective: Any, max_length: int) -> int:
    """Return as many as positions: a `row_length` or `target_length` of objectives that give each token one."""
    return max_length


def boundaries(start: int | None, end: int | None) -> Boundaries:
    """Return the marks around each document, as far as the vocabulary has them."""
    return (() if start is None else (start,)), (() if end is None else (end,))


def text_boundaries(vocab: Vocab) -> Boundaries:
    """Return start and end of text; a tokenizer with one of the two has it at both places."""
    return boundaries(vocab.eos if vocab.bos is None else vocab.bos, vocab.eos)


def two_sided(kind: Any, vocab: Vocab, before: tuple[int, ...] = (), masks_end: bool = False) -> PromptFormat:
    """Return how an encoder-decoder is used: it reads text and its end, and writes what begins with the start."""
    end = () if vocab.eos is None else (vocab.eos,)
    start = vocab.pad if vocab.decoder_start is None else vocab.decoder_start
    return PromptFormat(kind, before, end, frozenset(end), start, masks_end=masks_end)


def need(vocab: Vocab, who: str, max_length: int, least: int, roles: Iterable[str] = ()) -> None:
    """Refuse in words rows of fewer than `least` positions, and a vocabulary that lacks one of these roles."""
    if max_length < least:
        raise UserError(f"{who} needs rows of at least {least} position{'s' * (least > 1)}, not {max_length}.")
    for role in roles:
        vocab.require(role, who)


def merged(needs: Sequence[Requirements]) -> Requirements:
    """Return what serves all of several objectives."""
    return Requirements(
        tuple(dict.fromkeys(role for need in needs for role in need.roles)),
        max(need.sentinels for need in needs),
        tuple(dict.fromkeys(mode for need in needs for mode in need.modes)),
    )


def with_vocab(objective: AnyObjective, vocab: Vocab) -> AnyObjective:
    """Return the objective with the ids and tables of a tokenizer."""
    return cast(AnyObjective, dataclasses.replace(cast(Any, objective), vocab=vocab))


def cycle_of(objective: Objective) -> tuple[Objective, ...]:
    """Return the parts that take turns in the rows of the corpus; most objectives are their own only part."""
    return objective.cycle if isinstance(objective, Cycled) else (objective,)


def companion_length(objective: Objective, max_length: int) -> int | None:
    """Return how many tokens of another document come with each row, None where rows are no pairs of texts."""
    return objective.companion_length(max_length) if isinstance(objective, Paired) else None


def says_every_token(objective: Objective) -> bool:
    """Return whether every token is predicted once, from those before it: what scaling laws are about."""
    return objective.topology == "decoder" and objective.overlap == 1


def tokens_per_row(objective: Objective, max_length: int) -> float:
    """Return how many corpus tokens a row takes, on average over the parts, those it shares with the next left out."""
    parts = cycle_of(objective)
    return sum(part.row_length(max_length) - part.overlap for part in parts) / len(parts)


def continuation(objective: Objective, vocab: Vocab) -> PromptFormat | None:
    """Return how a model of this objective continues a text, or None where it cannot."""
    return _first(objective, vocab, ("continuation", "rewrite"))


def infilling(objective: Objective, vocab: Vocab) -> PromptFormat | None:
    """Return how a model of this objective fills gaps, or None where it cannot."""
    return _first(objective, vocab, ("sentinels", "middle", "masks", "unmask"))


def _first(objective: Objective, vocab: Vocab, kinds: tuple[str, ...]) -> PromptFormat | None:
    return next((form for form in with_vocab(objective, vocab).prompting if form.kind in kinds), None)
