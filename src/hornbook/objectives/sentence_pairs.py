"""SentencePairs: two texts in a row and a class that says how they belong together, around any encoder's objective.

row              a    b    c    d    e    f          nsp (Devlin et al. 2019)     sop (Lan et al. 2020)
inputs           <s>  a    b    </s> c    <m>  e    f    </s>
types            0    0    0    0    1    1    1    1    1
pair             0                                   0 next, 1 from another text  0 in order, 1 swapped

Shapes: B rows, T tokens of a row, C tokens of its companion, S = T + 3 positions.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Integers, Mask, Rows, Topology
from hornbook.errors import UserError
from hornbook.keys import below, first_bits, unit
from hornbook.objectives.base import Boundaries, Heads, Objective, PromptFormat, Requirements, need, with_vocab
from hornbook.objectives.contract import batch_of
from hornbook.objectives.masked import Masked
from hornbook.objectives.ops import compiled
from hornbook.objectives.ops.noise import Counts, row_counts
from hornbook.objectives.ops.sentences import sentence_starts
from hornbook.schema import Share, check
from hornbook.vocab import EMPTY, Vocab

_CLASS, _SHORT, _LENGTH, _CUT = 56, 57, 58, 59  # streams of the row key
_MARKS = 3
_WHO = "The sentence-pair objective"


@dataclass(frozen=True)
class SentencePairs:
    """[CLS] A [SEP] B [SEP]: the inner objective over the whole row, and the class of the pair.

    objective      objective for the tokens of the row
    kind           nsp: does B follow A, or is it from another document; sop: are A and B in order, or swapped
    short          share of the rows that are cut to a random length of at least 2 tokens (BERT: 0.1)

    A row of T tokens of one document is cut in two at a random beginning of a sentence (at a random token, where it has
    one sentence). Half of the rows are of class 1. A's partner from another document begins where a sentence begins, if
    one does. B is as long as what follows A and the other document both allow, in either class, so that lengths tell
    nothing of the class.
    """

    objective: Objective = field(default_factory=Masked)
    kind: Literal["nsp", "sop"] = "nsp"
    short: Share = 0.1
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "encoder"
    heads: ClassVar[Heads] = Heads(pair=True)
    overlap: ClassVar[int] = 0
    boundary_tokens: ClassVar[Boundaries] = ((), ())  # the objective puts its own marks around A and B

    def __post_init__(self) -> None:
        check(self, f"{_WHO}'s ")
        if self.objective.topology != "encoder" or self.objective.heads != Heads():
            raise UserError(f"{_WHO} needs a plain encoder objective such as masked inside, not {self.objective!r}.")

    @functools.cached_property
    def _inner(self) -> Objective:
        return with_vocab(self.objective, self.vocab)

    @property
    def noise_period(self) -> int:
        """As the inner objective; pairs are drawn with its noise."""
        return self.objective.noise_period

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It gives candidates for masks; the marks around a single text are those of masked language modelling."""
        return Masked(vocab=self.vocab).prompting

    @property
    def classes(self) -> tuple[str, str]:
        """What the classes 0 and 1 of a pair mean, in words."""
        if self.kind == "sop":
            return "in order, A stands before B in the text", "swapped, B stands before A in the text"
        return "next, B follows A in its text", "random, B is of another document"

    def companion_length(self, max_length: int) -> int:
        """As many tokens of another document as a row has, for the next-sentence pair."""
        return self.row_length(max_length) if self.kind == "nsp" else 0

    def requirements(self, max_length: int) -> Requirements:
        """As the inner objective, and marks."""
        inner = self.objective.requirements(max_length)
        roles = tuple(dict.fromkeys(("cls", "sep", "pad", *inner.roles)))
        return Requirements(roles, inner.sentinels, inner.modes)

    def row_length(self, max_length: int) -> int:
        """Three less than the positions, for the marks."""
        return max(self.objective.row_length(max_length) - _MARKS, 1)

    def target_length(self, max_length: int) -> int:
        """As many as inputs."""
        return self.objective.target_length(self.row_length(max_length) + _MARKS)

    def check(self, max_length: int) -> None:
        """Need room for the marks and two tokens, marks, sentence ends, and what the inner objective needs."""
        need(self.vocab, _WHO, max_length, _MARKS + 2, ("cls", "sep", "pad"))
        self._inner.check(max_length)
        if not self.vocab.ends_sentence.any():
            raise UserError(f"{_WHO} needs tokens that end a sentence, and this tokenizer has none: choose another.")

    def __call__(self, rows: Rows) -> Batch:
        """Return the batch [B, T + 3] of rows [B, T] of one document each, with types and pair.

        Rows without a companion, or with one without text, are of class 0 in next-sentence prediction, and so are rows
        of fewer than 2 tokens, whose B is empty.
        """
        tokens, types, segments, pair = self._paired(rows)
        inner = batch_of(self._inner, Rows(tokens, rows.keys, segments, rows.index, progress=rows.progress))
        return dataclasses.replace(inner, types=types, pair=pair)

    def _paired(self, rows: Rows) -> tuple[Integers, Integers, Integers, Integers]:
        """Draw the pairs: tokens, types and segments [B, T + 3], and each pair's class."""
        length = rows.tokens.shape[1]
        draws = first_bits(rows.keys, (_CLASS, _SHORT, _LENGTH, _CUT))
        used = self._used(rows, draws[:, 1], draws[:, 2])
        others = rows.companion if self.kind == "nsp" else None
        others = None if others is None else others.astype(rows.tokens.dtype, copy=False)
        given = rows.tokens, compiled.optional(others), used, draws, self.vocab.sentence_flags
        flags = self.vocab.LAST, self.vocab.PASSED, self.vocab.OPENS, self.vocab.BLANK
        if (found := compiled.run("pair", *given, *flags, self.kind == "sop", *self._ids())) is not None:
            return cast(tuple[Integers, Integers, Integers, Integers], found)
        source = rows.tokens if others is None else np.concatenate([rows.tokens, np.maximum(others, 0)], axis=1)
        line, column = _sentences(source, length, self.vocab)
        own = column < length
        cut = _cut(line[own], column[own], used, draws[:, 3])
        pair = (used >= 2) & (below(draws[:, 0], 2) == 1)
        rest = used - cut
        if self.kind == "sop":
            first, second = (np.where(pair, cut, 0), np.where(pair, rest, cut)), (np.where(pair, 0, cut), used)
        elif others is None:
            pair, first, second = np.zeros_like(pair), (np.zeros_like(cut), cut), (cut, used)
        else:
            end = row_counts(others >= 0)
            begin = _beginning(line[~own], column[~own] - length, end, cut)
            pair &= end > 0
            first = np.zeros_like(cut), cut
            # As long as both texts allow, whichever it is: its length must not tell the class.
            second = np.where(pair, length + begin, cut), cut + np.where(end > 0, np.minimum(rest, end - begin), rest)
        return *self._laid(source, first, second, used > 0, length + _MARKS), pair.astype(np.int32)

    def _ids(self) -> tuple[int, int, int]:
        """Return the marks and padding."""
        return self.vocab.require("cls", _WHO), self.vocab.require("sep", _WHO), self.vocab.require("pad", _WHO)

    def _used(self, rows: Rows, short: NDArray[np.uint64], length: NDArray[np.uint64]) -> Counts:
        """Return how many tokens of each row are used [B], by a draw of whether it is short, and one of its length."""
        real = row_counts(rows.real)
        cut_short = (unit(short) < self.short) & (real > 2)
        return np.where(cut_short, 2 + below(length, np.maximum(real - 1, 1)), real)

    def _laid(
        self, source: Integers, first: tuple[Counts, Counts], second: tuple[Counts, Counts], real: Mask, width: int
    ) -> tuple[Integers, Integers, Integers]:
        """Return tokens, types and segments [B, width]: A and B between marks.

        first    where A begins in `source`, and its length
        second   where B begins in `source`, and the lengths of A and B together
        """
        cls, sep, pad = self._ids()
        position, line = np.arange(width), np.arange(len(source))
        gap, end = first[1] + 1, second[1] + 2  # where the two [SEP] stand
        begin = source.shape[1] * line
        shift = np.stack([begin + first[0] - 1, begin + second[0] - first[1] - 2], axis=1)
        place = np.repeat(shift, np.stack([gap, width - gap], axis=1).reshape(-1)).reshape(-1, width)
        place += position
        tokens = source.reshape(-1).take(place, mode="clip")  # what is out of bounds is overwritten
        tokens[:, 0] = cls
        tokens[line, gap], tokens[line, end] = sep, sep
        there = (position <= np.where(real, end, -1)[:, None]).astype(np.int32)
        np.copyto(tokens, pad, where=there == 0)
        types = (position > gap[:, None]).astype(np.int32)
        types *= there
        return tokens, types, there


def _sentences(source: Integers, length: int, vocab: Vocab) -> tuple[Counts, Counts]:
    """Return row and column of every token that begins a sentence, but the first of each text.

    A row of `source` is one text of `length` tokens, or two, of which the first has so many.
    """
    size, width = source.shape
    texts = np.array([0] if width == length else [0, length])
    starts = sentence_starts(source.reshape(-1), (width * np.arange(size)[:, None] + texts).reshape(-1), vocab)
    line = starts // width
    column = starts - line * width
    inside = np.flatnonzero((column != 0) & (column != length))
    return line[inside], column[inside]


def _cut(line: Counts, column: Counts, used: Counts, draws: NDArray[np.uint64]) -> Counts:
    """Return how many tokens are before the cut [B]: at least 1, and less than all but where there is only 1.

    line, column   where sentences begin
    """
    within = column < used[line]
    line, column = line[within], column[within]
    choices = np.bincount(line, minlength=len(used))
    drawn = below(draws, np.where(choices > 0, choices, np.maximum(used - 1, 1)))
    found = np.append(column, 0)[np.where(choices > 0, choices.cumsum() - choices + drawn, 0)]
    return np.where(choices > 0, found, np.minimum(1 + drawn, used))


def _beginning(line: Counts, column: Counts, end: Counts, cut: Counts) -> Counts:
    """Return where the text to be taken from a companion, which ends at `end`, begins [B].

    It begins at the first sentence, if that leaves as much text as the row has behind its cut; else at the beginning.
    """
    within = (column <= cut[line]) & (column < end[line])
    line, column = np.append(line[within], -1), np.append(column[within], 0)
    first = np.searchsorted(line[:-1], np.arange(len(end)))  # the first of each row, or of a later one
    return np.where(line[first] == np.arange(len(end)), column[first], 0)
