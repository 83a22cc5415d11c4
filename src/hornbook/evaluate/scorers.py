"""How likely a model finds a text behind another one: one protocol, one way of asking for each way of training.

    Way            who                             kind    what is computed of the continuation's tokens x_t
    continuation   causal, prefix, fim, UL2's S    exact   -ln p(x_t | context, the tokens before)
    rewrite        bart                            exact   the same; the encoder reads the context and a mask
    sentinels      span corruption                 exact   the same, behind the first sentinel; off its training
    pll, pll-word  models with a mask token        pseudo  -ln p(x_t | all others), or all but the rest of its word
    bound          models with a mask token        bound   the expectation below; an upper bound

    bound = sum over l = 1 ... L of (1/l) E over subsets S of l tokens [sum over i in S of -ln p(x_i | all but S)]

It bounds the -ln of the model's mean over all orders (Uria et al. 2014; Ou et al. 2025). Up to four tokens all subsets
are computed; else as many draws as asked for, with their sizes l stratified over 1 ... L, and the nats of all tokens
hidden together as control variate: the estimate stays unbiased, and of a model without context it is exact. The
pseudo-log-likelihood is that of Salazar et al. 2020; `pll-word` also hides the later tokens of a token's own word
(Kauf and Ivanova 2023).

Every way lays out `Line`s, and `likelihoods` computes the lines of all items together, sorted by length.
Shapes: L tokens of a continuation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from hornbook import keys
from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.model.electra import Model
from hornbook.model.inputs import to_tensors
from hornbook.objectives.base import Objective, PromptFormat, with_vocab
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.vocab import Vocab

Kind = Literal["exact", "bound", "pseudo"]
Ids = Sequence[int]
_POSITIONS = 1 << 14  # positions of a batch, padding included
_AHEAD = 1 << 12  # lines that are sorted by length together
_ENUMERATED = 4  # tokens of which all subsets are computed
_DRAWS = 128  # as LLaDA's `mc_num`


@dataclass(frozen=True, eq=False)
class Line:
    """One row for a model, and what is scored in it.

    places    output positions that are scored
    targets   what each must say
    tokens    which token of the continuation each stands for
    factor    how much each counts for that token; one for all, or one for each
    sighted   how many first inputs of a decoder every position sees
    behind    inputs of the decoder behind an encoder
    """

    item: int
    inputs: Ids
    places: Ids
    targets: Ids
    tokens: Ids
    factor: float | NDArray[np.float64] = 1.0
    sighted: int = 0
    behind: Ids | None = None


class Way(Protocol):
    """How a model is asked.

    name     as in the table of the module
    kind     what the numbers are: exact likelihoods, upper bounds of nats, or neither
    trained  whether the model was trained on such inputs
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def trained(self) -> bool: ...

    def room(self, length: int) -> int:
        """Return how many tokens of context fit before a continuation of `length` tokens; negative: none fits it."""

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        """Yield what the model must compute for a continuation of at least one token."""


@dataclass(frozen=True)
class LeftToRight:
    """Token after token: continuation, rewrite and sentinels. `gap` stands in the encoder for what is written."""

    name: str
    form: PromptFormat
    decoder: bool
    positions: int
    gap: tuple[int, ...] = ()
    repeats: bool = False  # the decoder writes the context as well
    trained: bool = True
    kind: Kind = "exact"

    def room(self, length: int) -> int:
        marks = len(self.form.before) + len(self.form.after)
        if self.decoder:
            return self.positions + (self.form.start is None) - marks - len(self.gap) - length
        if length + len(self.gap) > self.positions:
            return -1
        read = self.positions - marks - len(self.gap)
        return min(read, self.positions - length - len(self.form.before)) if self.repeats else read

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        form = self.form
        read = [*form.before, *context, *self.gap, *form.after]
        if self.decoder:
            if form.start is not None:
                read.append(form.start)
            row = [*read, *text]
            places = range(len(read) - 1, len(row) - 1)
            yield Line(item, row[:-1], places, text, range(len(text)), sighted=len(read) if form.visible else 0)
            return
        assert form.start is not None  # of every encoder-decoder
        before = [form.start, *(form.before if self.repeats else ()), *(context if self.repeats else self.gap)]
        row = [*before, *text]
        places = range(len(before) - 1, len(row) - 1)
        yield Line(item, read, places, text, range(len(text)), behind=row[:-1])


@dataclass(frozen=True)
class Masks:
    """What all ways with a mask token share."""

    name: str
    form: PromptFormat
    vocab: Vocab
    positions: int
    trained: bool
    kind: Kind

    def room(self, length: int) -> int:
        return self.positions - len(self.form.before) - len(self.form.after) - length

    def line(self, item: int, context: Ids, text: Ids, hidden: Ids, asked: Ids, factor: Any = 1.0) -> Line:
        """Return the line in which the `hidden` tokens are masks and those `asked` are scored."""
        start = len(self.form.before) + len(context)
        row = [*self.form.before, *context, *text, *self.form.after]
        for token in hidden:
            row[start + token] = self.vocab.require("mask", "Scoring with masks")
        return Line(item, row, [start + token for token in asked], [text[token] for token in asked], asked, factor)


@dataclass(frozen=True)
class PseudoLikelihood(Masks):
    """pll, and with `words` pll-word."""

    words: bool = False

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        for token in range(len(text)):
            end = self._end_of_word(text, token) if self.words else token + 1
            yield self.line(item, context, text, range(token, end), [token])

    def _end_of_word(self, text: Ids, token: int) -> int:
        """Return where the word of a token ends: before the next one that begins a word, or behind one that ends it."""
        end = token + 1
        while end < len(text) and not self.vocab.starts_word[text[end]] and not self.vocab.ends_word[text[end - 1]]:
            end += 1
        return end


@dataclass(frozen=True)
class Bound(Masks):
    """bound: the same masks, by their number, for all continuations of one length."""

    seed: int = 0
    draws: int = _DRAWS

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        length = len(text)
        if length <= _ENUMERATED:
            for size in range(1, length + 1):
                for subset in itertools.combinations(range(length), size):
                    yield self.line(item, context, text, subset, subset, 1 / size / math.comb(length, size))
            return
        key, counted = keys.row_keys(self.seed, np.arange(self.draws)), np.zeros(length)
        sizes = ((np.arange(self.draws) + keys.uniform(key, 1, 0)[:, 0]) * length / self.draws).astype(int) + 1
        for number, size in enumerate(sizes.tolist()):
            chosen = np.sort(keys.permute(np.arange(length), length, key[number])[:size])
            factor = length / size / self.draws
            counted[chosen] += factor
            yield self.line(item, context, text, chosen.tolist(), chosen.tolist(), factor)
        yield self.line(item, context, text, range(length), range(length), 1 - counted)


def ways(objective: Objective, vocab: Vocab, positions: int, seed: int = 0) -> dict[str, Way]:
    """Return the ways in which a model of an objective can be asked, by name; the first is its own.

    positions  the most that the model reads, or writes
    """
    found: dict[str, Way] = {}
    decoder = objective.topology == "decoder"
    for form in with_vocab(objective, vocab).prompting:
        if form.kind == "continuation":
            found.setdefault("continuation", LeftToRight("continuation", form, decoder, positions))
        elif form.kind == "rewrite" and form.masks_end:
            gap = (vocab.require("mask", "Scoring"),)
            found.setdefault("rewrite", LeftToRight("rewrite", form, decoder, positions, gap, repeats=True))
        elif form.kind == "sentinels":
            sentinel = vocab.sentinels[:1]
            way = LeftToRight("sentinels", form, decoder, positions, sentinel, trained=False)
            found.setdefault("sentinels", way)
        elif form.kind in ("masks", "unmask") and vocab.mask is not None:
            fixed = form.kind == "masks"  # at one rate: it never saw that much hidden
            bound = Bound("bound", form, vocab, positions, not fixed, "bound", seed)
            alone = PseudoLikelihood("pll", form, vocab, positions, True, "pseudo")
            word = PseudoLikelihood("pll-word", form, vocab, positions, True, "pseudo", words=True)
            order: list[Way] = [word, alone, bound] if fixed else [bound, alone, word]
            found = {way.name: way for way in order} | found
    return found


@dataclass(frozen=True, eq=False)
class Scored:
    """A continuation, scored.

    nats    float64[L]: of each token; see the way's kind
    bytes   UTF-8 bytes of the continuation's text
    cut     tokens of the context that did not fit, from its beginning
    likely  whether every token is the likeliest one where it is scored; None where nothing asked for it
    """

    nats: NDArray[np.float64]
    bytes: int
    cut: int
    likely: bool | None = None

    @property
    def total(self) -> float:
        return float(self.nats.sum())


@dataclass(frozen=True)
class Scorer:
    """A model with a way to ask it; it scores texts."""

    model: Model
    tokenizer: Tokenizer
    way: Way
    device: torch.device

    def score(self, asked: Sequence[tuple[str, str]], *, likely: bool = False) -> list[Scored]:
        """Return the score of each continuation behind its context; either may be long, the context also empty.

        With `likely` it is also told whether each token is the likeliest, for ways that go from left to right.
        Raises UserError for a continuation that is empty, gives no tokens, or is too long for the model.
        """
        pieces = [self._cut_to_fit(context, text, *self._split(context, text)) for context, text in asked]
        lines = (line for item, (context, text, _) in enumerate(pieces) for line in self.way.lines(item, context, text))
        nats, best = likelihoods(self.model, lines, [len(text) for _, text, _ in pieces], self.device, likely)
        return [
            Scored(nats[item], len(asked[item][1].encode()), cut, best[item] if likely else None)
            for item, (_, _, cut) in enumerate(pieces)
        ]

    def _split(self, context: str, text: str) -> tuple[list[int], list[int]]:
        """Return the ids of context and continuation, encoded as one text; blanks between them belong to the latter.

        Where a token reaches over the border it belongs to the continuation.
        """
        shorter = context.rstrip()
        context, text = shorter, context[len(shorter) :] + text
        whole, before = (ids.tolist() for ids in self.tokenizer.encode([context + text, context]))
        common = 0
        while common < min(len(whole) - 1, len(before)) and whole[common] == before[common]:
            common += 1
        return whole[:common], whole[common:]

    def _cut_to_fit(
        self, context: str, text: str, before: list[int], ids: list[int]
    ) -> tuple[list[int], list[int], int]:
        if not text or not ids:
            raise UserError(f"There is nothing to score behind {context[-40:]!r}: the continuation is empty.")
        room = self.way.room(len(ids))
        if room < 0:
            raise UserError(f"A text of {len(ids)} tokens is too long to be scored by this model: {text[:40]!r} ...")
        return before[max(0, len(before) - room) :], ids, max(0, len(before) - room)


def likelihoods(
    model: Model, lines: Iterable[Line], lengths: Sequence[int], device: torch.device, likely: bool = False
) -> tuple[list[NDArray[np.float64]], list[bool]]:
    """Compute lines; return the nats of each item's tokens, and whether each of its tokens is always the likeliest.

    lengths  tokens of each item. In fp32, whatever the machine; what a line gives depends on no other line.
    """
    nats, best = [np.zeros(length) for length in lengths], [True] * len(lengths)
    waiting = iter(lines)
    while ahead := list(itertools.islice(waiting, _AHEAD)):
        ahead.sort(key=lambda line: (len(line.inputs), len(line.behind or ())))
        for group in _groups(ahead):
            tensors = to_tensors(_batch(group), device)
            found, hits = _nats(model, tensors, likely)
            start = 0
            for line in group:
                end = start + len(line.places)
                np.add.at(nats[line.item], list(line.tokens), line.factor * found[start:end])
                best[line.item] &= bool(hits[start:end].all())
                start = end
    return nats, best


def _nats(model: Any, tensors: Any, likely: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the nats of all scored positions, and whether each target is the likeliest (True where not asked)."""
    found = model.nats(tensors).double().cpu().numpy()
    if not likely:
        return found, np.ones(len(found), bool)
    with torch.no_grad():
        logits = model.output(model.hidden(tensors, tensors.scored))
        hits = logits.argmax(-1) == tensors.targets.flatten()[tensors.scored]
    return found, hits.cpu().numpy()


def _groups(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """Yield runs of lines, in ascending order of length, that make a batch of at most so many positions."""
    start = 0
    for end in range(1, len(lines) + 1):
        if end == len(lines):
            yield lines[start:]
        else:
            wide = len(lines[end].inputs) + max(len(line.behind or ()) for line in lines[start : end + 1])
            if wide * (end + 1 - start) > _POSITIONS:
                yield lines[start:end]
                start = end


def _batch(lines: Sequence[Line]) -> Batch:
    """Return lines as a batch: padded on the right, and scored where they say."""

    def padded(rows: Sequence[Ids]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        tokens = np.zeros((len(rows), max(map(len, rows))), np.int32)
        for number, row in enumerate(rows):
            tokens[number, : len(row)] = row
        real = np.arange(tokens.shape[1]) < np.array([len(row) for row in rows])[:, None]
        return tokens, real.astype(np.int32)

    inputs, segments = padded([line.inputs for line in lines])
    behind, behind_segments = None, None
    if lines[0].behind is not None:
        behind, behind_segments = padded([line.behind or () for line in lines])
    targets = np.zeros((inputs if behind is None else behind).shape, np.int32)
    weights = np.zeros(targets.shape, np.float32)
    for number, line in enumerate(lines):
        targets[number, list(line.places)], weights[number, list(line.places)] = line.targets, 1.0
    sighted = np.array([line.sighted for line in lines])
    visible = np.arange(inputs.shape[1]) < sighted[:, None] if sighted.any() else None
    count = weights.sum(axis=1, dtype=np.float64)
    return Batch(
        inputs, targets, weights, count, segments, visible, decoder_inputs=behind, decoder_segments=behind_segments
    )
