"""Gaps: the ways in which a model is asked how likely it finds a word in a gap of a text.

    kind       who                          what is computed of the pieces w_1 ... w_k of a word
    masks      masked, nsp, sop, diffusion  sum of -ln p(w_j | k masks in the gap, w_1 ... w_j-1 already filled in)
    strings    fim, span, UL2's R, joined   -ln p(w_1 ... w_k, then the end | what is before and behind the gap)
    sentence   causal, prefix, bart         -ln p(w_1 ... w_k, then the rest of the text | what is before the gap)
    judge      replaced                     sum of -ln(1 - p(w_j was replaced)) in the whole text

Masks: a word of one piece has its exact probability among all such words; words of other lengths are other questions,
since the model is told how many pieces there are (Kauf and Ivanova 2023). Strings are exact, and have a length of
their own: the sentinel of the gap, or the mark of the middle, is put in and not asked for, and the end is the end of
text or the next sentinel. A sentence has no sum over all words, so that its words only share what those tried have; a
causal model also has p(w | what is before the gap), where a word ends only where the next one begins. The judge gives
no distribution.

Shapes: none; ids and lines alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hornbook.errors import UserError
from hornbook.evaluate.scoring.ways import Ids, Line
from hornbook.objectives.base import Objective, PromptFormat, continuation, infilling, with_vocab
from hornbook.objectives.fim import MODES
from hornbook.vocab import Vocab

GapKind = Literal["masks", "strings", "sentence", "judge"]


@dataclass(frozen=True)
class Gap:
    """The ids of a text before and behind its gap."""

    left: Ids
    right: Ids


@dataclass(frozen=True)
class GapWay:
    """How a model is asked for a gap.

    form       how it reads a text
    decoder    it has one side, which reads and writes
    ends       strings: ids that end what is written into the gap
    """

    kind: GapKind
    form: PromptFormat
    vocab: Vocab
    decoder: bool
    ends: frozenset[int] = frozenset()

    @property
    def asks_left(self) -> bool:
        """Whether a word also has a probability given what is before the gap alone, as it has by a causal model."""
        return self.kind == "sentence" and self.form.kind == "continuation"

    def piece(self, gap: Gap, prefix: Ids, pieces: int) -> Line:
        """Return the line whose last scored position predicts the piece behind `prefix`, of a word of `pieces`."""
        if self.kind not in ("masks", "judge"):  # the judge's generator fills masks
            return self._string(gap, prefix) if self.kind == "strings" else self.left(gap, prefix)
        mask = self.vocab.require("mask", "Filling gaps")
        left = [*self.form.before, *gap.left, *prefix]
        row = [*left, *[mask] * (pieces - len(prefix)), *gap.right, *self.form.after]
        return Line(0, row, [len(left)], [0], [0])

    def lines(self, gap: Gap, word: Ids) -> tuple[Line, ...]:
        """Return the lines whose scored positions, one after another, predict the pieces of a word, and what follows.

        What follows is the end of a string, or the rest of a sentence.
        """
        if self.kind == "masks":
            return tuple(self.piece(gap, word[:place], len(word)) for place in range(len(word)))
        if self.kind == "judge":
            left = [*self.form.before, *gap.left]
            row = [*left, *word, *gap.right, *self.form.after]
            return (Line(0, row, range(len(left), len(left) + len(word)), word, range(len(word))),)
        if self.kind == "strings":
            return (self._string(gap, word),)
        read, behind = self._whole(gap)
        text = [*word, *gap.right]
        return (self._written(read, behind, text[:-1], text),)

    def left(self, gap: Gap, word: Ids) -> Line:
        """Return the line that predicts a word, and what comes next, from what is before the gap alone."""
        read, behind = self._whole(Gap(gap.left, ()) if self.asks_left else gap)
        return self._written(read, behind, word, [*word, 0])

    def _string(self, gap: Gap, word: Ids) -> Line:
        read, behind = self._asked(gap)
        return self._written(read, behind, word, [*word, 0])

    def _asked(self, gap: Gap) -> tuple[list[int], list[int]]:
        """Return what a model reads of a gap, and what stands before what it writes into it."""
        form = self.form
        if form.kind == "middle":
            prefix, suffix, middle = (self.vocab.mode(name, "Filling in the middle") for name in MODES)
            if form.spm:
                return [*form.before, prefix, suffix, *gap.right, middle, *gap.left], []
            return [*form.before, prefix, *gap.left, suffix, *gap.right, middle], []
        sentinel = self.vocab.sentinels[0]
        return [*form.before, *gap.left, sentinel, *gap.right, *form.after], [form.start or 0, sentinel]

    def _whole(self, gap: Gap) -> tuple[list[int], list[int]]:
        """Return what a model reads of a text with a gap, and what stands before the word that it writes."""
        form = self.form
        if form.kind == "rewrite":
            mask = self.vocab.require("mask", "Text with gaps")
            read = [*form.before, *gap.left, mask, *gap.right, *form.after]
            return read, [form.start or 0, *form.before, *gap.left]
        read = [*form.before, *gap.left, *form.after]
        return read, [] if form.start is None else [form.start]

    def _written(self, read: list[int], behind: list[int], said: Ids, targets: Ids) -> Line:
        """Return the line in which a model that has read one side, and written what is behind, says the targets."""
        sighted = len(read) if self.form.visible else 0
        before = [*read, *behind] if self.decoder else behind
        if not before:
            raise UserError("This model predicts nothing before the first token of a text: put a word before the gap.")
        row, tokens = [*before, *said], range(len(targets))
        places = range(len(before) - 1, len(row))
        if self.decoder:
            return Line(0, row, places, targets, tokens, sighted=sighted, shared=len(before))
        return Line(0, read, places, targets, tokens, behind=row)


def gap_way(objective: Objective, vocab: Vocab) -> GapWay | None:
    """Return how a model of an objective is asked for a gap: as it fills one, else as it goes on with a text.

    None where it does neither.
    """
    decoder = objective.topology == "decoder"
    if objective.heads.generator_width:
        marks = PromptFormat("masks", *with_vocab(objective, vocab).boundary_tokens)
        return GapWay("judge", marks, vocab, decoder)
    form = infilling(objective, vocab) or continuation(objective, vocab)
    if form is None:
        return None
    if form.kind in ("masks", "unmask"):
        return GapWay("masks", form, vocab, decoder)
    if form.kind in ("middle", "sentinels"):
        next_gap = vocab.sentinels[1:2] if form.kind == "sentinels" else ()
        return GapWay("strings", form, vocab, decoder, form.stop | set(next_gap))
    return GapWay("sentence", form, vocab, decoder)
