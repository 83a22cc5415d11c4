"""The ways in which a model is asked how likely it finds a text behind another one.

    Way            who                             kind    what is computed of the continuation's tokens x_t
    continuation   causal, prefix, fim, UL2's S    exact   -ln p(x_t | context, the tokens before)
    rewrite        bart                            exact   the same; the encoder reads the context and a mask
    sentinel       span corruption                 exact   the same, behind the first sentinel; off its training
    span-pll       span corruption                 pseudo  -ln p(x_t | all but its word, its word's tokens before)
    pll, pll-word  models with a mask token        pseudo  -ln p(x_t | all others), or all but the rest of its word
    bound          models with a mask token        bound   the expectation below; an upper bound
    replaced       ELECTRA's discriminator         pseudo  -ln(1 - p(x_t was replaced)) in the whole text, one pass

    bound = sum over l = 1 ... L of (1/l) E over subsets S of l tokens [sum over i in S of -ln p(x_i | all but S)]

It bounds the -ln of the model's mean over all orders (Uria et al. 2014; Ou et al. 2025). Up to four tokens all subsets
are computed; else as many draws as asked for, with their sizes l stratified over 1 ... L, and the nats of all tokens
hidden together as control variate: the estimate stays unbiased, and of a model without context it is exact. The
pseudo-log-likelihood is that of Salazar et al. 2020; `pll-word` also hides the later tokens of a token's own word
(Kauf and Ivanova 2023). `span-pll` hides a word behind a sentinel and leaves the closing sentinel out. ELECTRA's
generator is asked by pll and pll-word.

`replaced` is no -ln of a probability of the text: that a token looks real does not say how likely it is, and over all
tokens of the vocabulary these shares do not add up to one. So it has no bits per byte, and no perplexity.

Shapes: L tokens of a continuation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.errors import UserError
from hornbook.evaluate.numbers import Kind
from hornbook.objectives.base import Objective, PromptFormat, with_vocab
from hornbook.vocab import Vocab

Ids = Sequence[int]
Asks = Literal["nats", "untouched_nats"]  # the method of a model that computes lines
ENUMERATED = 4  # tokens of which all subsets are computed
DRAWS = 128  # as LLaDA's `mc_num`


@dataclass(frozen=True, eq=False)
class Line:
    """One row for a model, and what is scored in it.

    places    output positions that are scored
    targets   what each must say
    tokens    which token of the continuation each stands for
    factor    how much each counts for that token; one for all, or one for each
    sighted   how many first inputs of a decoder every position sees
    behind    inputs of the decoder behind an encoder
    greedy    whether its targets, each behind the true ones, say if the continuation is the likeliest one
    shared    how many first inputs of a decoder are those of the context: lines with equal ones compute them once
    """

    item: int
    inputs: Ids
    places: Ids
    targets: Ids
    tokens: Ids
    factor: float | NDArray[np.float64] = 1.0
    sighted: int = 0
    behind: Ids | None = None
    greedy: bool = False
    shared: int = 0


class Way(Protocol):
    """How a model is asked.

    name     as in the table of the module
    kind     what the numbers are
    trained  whether the model was trained on such inputs
    given    whether the model is told how many tokens the continuation has
    asks     the method of the model that is asked
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def trained(self) -> bool: ...
    @property
    def given(self) -> bool: ...
    @property
    def asks(self) -> Asks: ...

    def room(self, length: int) -> int:
        """Return how many tokens of context fit before a continuation of `length` tokens; negative: none fits it."""

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        """Yield what the model must compute for a continuation of at least one token."""

    def greedy(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        """Yield the lines, of no weight, that say beside those whether each token is the likeliest behind the others.

        Raises UserError where the way predicts no tokens.
        """


@dataclass(frozen=True)
class LeftToRight:
    """Token after token: continuation, rewrite and sentinel. `gap` stands in the encoder for what is written."""

    name: str
    form: PromptFormat
    decoder: bool
    positions: int
    gap: tuple[int, ...] = ()
    repeats: bool = False  # the decoder writes the context as well
    trained: bool = True
    kind: Kind = "exact"
    given: bool = False
    asks: Asks = "nats"

    def room(self, length: int) -> int:
        marks = len(self.form.before) + len(self.gap) + len(self.form.after)
        if self.decoder:
            behind = 0 if self.form.start is None else 1 + len(self.gap)
            return self.positions + 1 - marks - behind - length  # the last token is no input
        if length + len(self.gap) > self.positions:
            return -1
        read = self.positions - marks
        return min(read, self.positions - length - len(self.form.before)) if self.repeats else read

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        form = self.form
        read = [*form.before, *context, *self.gap, *form.after]
        tokens = range(len(text))
        if self.decoder:
            sighted = len(read) if form.visible else 0
            if form.start is not None:  # as an encoder-decoder, one side behind the other
                read += [form.start, *self.gap]
            row = [*read, *text]
            places = range(len(read) - 1, len(row) - 1)
            yield Line(item, row[:-1], places, text, tokens, sighted=sighted, greedy=True, shared=len(read))
            return
        assert form.start is not None  # of every encoder-decoder
        before = [form.start, *(form.before if self.repeats else ()), *(context if self.repeats else self.gap)]
        row = [*before, *text]
        places = range(len(before) - 1, len(row) - 1)
        yield Line(item, read, places, text, tokens, behind=row[:-1], greedy=True)

    def greedy(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        yield from ()  # its own lines say so


@dataclass(frozen=True)
class SpanPseudoLikelihood:
    """span-pll: one word at a time stands behind the first sentinel, in place of which the encoder reads a gap."""

    form: PromptFormat
    decoder: bool
    vocab: Vocab
    positions: int
    name: str = "span-pll"
    trained: bool = True
    kind: Kind = "pseudo"
    given: bool = False
    asks: Asks = "nats"

    def room(self, length: int) -> int:
        read = self.positions - len(self.form.before) - len(self.form.after) - length  # a gap is a word at least
        if self.decoder:
            return read - 2  # gap, start and sentinel come on top, and the last token is no input
        return read if length < self.positions else -1

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        form, gap = self.form, self.vocab.sentinels[0]
        begin = 0
        while begin < len(text):
            end = end_of_word(self.vocab, text, begin)
            read = [*form.before, *context, *text[:begin], gap, *text[end:], *form.after]
            before = [0 if form.start is None else form.start, gap]
            word, tokens = text[begin:end], range(begin, end)
            if self.decoder:
                row = [*read, *before, *word]
                places = range(len(row) - len(word) - 1, len(row) - 1)
                yield Line(item, row[:-1], places, word, tokens, sighted=len(read) if form.visible else 0)
            else:
                yield Line(item, read, range(1, 1 + len(word)), word, tokens, behind=[*before, *word][:-1])
            begin = end

    def greedy(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        """Each token behind the true ones, and nothing behind it: as by `sentinel`."""
        one = LeftToRight("sentinel", self.form, self.decoder, self.positions, self.vocab.sentinels[:1])
        yield from (unweighted(line) for line in one.lines(item, context, text))


@dataclass(frozen=True)
class Masks:
    """What all ways with a mask token share."""

    name: str
    form: PromptFormat
    vocab: Vocab
    positions: int
    trained: bool
    kind: Kind
    given: bool = True
    asks: Asks = "nats"

    def room(self, length: int) -> int:
        return self.positions - len(self.form.before) - len(self.form.after) - length

    def line(self, item: int, context: Ids, text: Ids, hidden: Ids, asked: Ids, factor: Any = 1.0) -> Line:
        """Return the line in which the `hidden` tokens are masks and those `asked` are scored."""
        start = len(self.form.before) + len(context)
        row = [*self.form.before, *context, *text, *self.form.after]
        for token in hidden:
            row[start + token] = self.vocab.require("mask", "Scoring with masks")
        return Line(item, row, [start + token for token in asked], [text[token] for token in asked], asked, factor)

    def greedy(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        for token in range(len(text)):
            yield unweighted(self.line(item, context, text, range(token, len(text)), [token]))


def unweighted(line: Line) -> Line:
    """Return a line that counts for no nats, and says whether its targets are the likeliest."""
    return replace(line, factor=0.0, greedy=True)


def end_of_word(vocab: Vocab, text: Ids, token: int) -> int:
    """Return where the word of a token ends: before the next one that begins a word, or behind one that ends it."""
    end = token + 1
    while end < len(text) and not vocab.starts_word[text[end]] and not vocab.ends_word[text[end - 1]]:
        end += 1
    return end


@dataclass(frozen=True)
class PseudoLikelihood(Masks):
    """pll, and with `words` pll-word."""

    words: bool = False

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        for token in range(len(text)):
            end = end_of_word(self.vocab, text, token) if self.words else token + 1
            yield self.line(item, context, text, range(token, end), [token])


@dataclass(frozen=True)
class Bound(Masks):
    """bound: the same masks, by their number, for all continuations of one length."""

    seed: int = 0
    draws: int = DRAWS

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        length = len(text)
        if length <= ENUMERATED:
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


@dataclass(frozen=True)
class Untouched(Masks):
    """replaced: the discriminator reads the whole text once and judges each token of the continuation."""

    asks: Asks = "untouched_nats"
    given: bool = False

    def lines(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        yield self.line(item, context, text, (), range(len(text)))

    def greedy(self, item: int, context: Ids, text: Ids) -> Iterator[Line]:
        raise UserError(
            "ELECTRA's discriminator judges given words and predicts none: ask its generator, with --way pll-word."
        )


def ways(objective: Objective, vocab: Vocab, positions: int, seed: int = 0) -> dict[str, Way]:
    """Return the ways to ask a model that reads, or writes, so many positions, by name; the first is its own."""
    found: dict[str, Way] = {}
    decoder = objective.topology == "decoder"
    for form in with_vocab(objective, vocab).prompting:
        if form.kind == "continuation":
            found.setdefault("continuation", LeftToRight("continuation", form, decoder, positions))
        elif form.kind == "rewrite" and form.masks_end:
            mask = (vocab.require("mask", "Scoring"),)
            found.setdefault("rewrite", LeftToRight("rewrite", form, decoder, positions, mask, repeats=True))
        elif form.kind == "sentinels":
            gap = vocab.sentinels[:1]
            found.setdefault("sentinel", LeftToRight("sentinel", form, decoder, positions, gap, trained=False))
            found.setdefault("span-pll", SpanPseudoLikelihood(form, decoder, vocab, positions))
        elif form.kind in ("masks", "unmask") and vocab.mask is not None:
            fixed = form.kind == "masks"  # at one rate: it never saw that much hidden
            bound = Bound("bound", form, vocab, positions, not fixed, "bound", seed=seed)
            alone, word = _pseudo(form, vocab, positions)
            order: list[Way] = [word, alone, bound] if fixed else [bound, alone, word]
            found = {way.name: way for way in order} | found
    if objective.heads.generator_width and vocab.mask is not None:
        before, after = with_vocab(objective, vocab).boundary_tokens
        form = PromptFormat("masks", before, after)
        judge = Untouched("replaced", form, vocab, positions, True, "pseudo")
        alone, word = _pseudo(form, vocab, positions)
        found = {way.name: way for way in (judge, word, alone)} | found
    # Of several exact ways the one that the model learned is its own: UL2's continuations before its spans.
    return {name: found[name] for name in ("continuation", "rewrite") if name in found} | found


def _pseudo(form: PromptFormat, vocab: Vocab, positions: int) -> tuple[PseudoLikelihood, PseudoLikelihood]:
    """Return pll and pll-word."""
    alone = PseudoLikelihood("pll", form, vocab, positions, True, "pseudo")
    return alone, PseudoLikelihood("pll-word", form, vocab, positions, True, "pseudo", words=True)


def chosen_way(found: dict[str, Way], name: str, objective: str) -> Way:
    """Return the way that a name means: auto, one of the ways, or the first of a kind (exact, bound, pseudo).

    Raises UserError, in words, where the model lacks it.
    """
    if not found:
        raise UserError(
            f"A model of the objective '{objective}' gives texts no likelihood: it neither continues a text nor fills "
            "gaps or masks in one."
        )
    if name == "auto":
        return next(iter(found.values()))
    way = found.get(name) or next((way for way in found.values() if way.kind == name), None)
    if way is None:
        kinds = dict.fromkeys(way.kind for way in found.values())
        names = list(dict.fromkeys([*found, *kinds]))
        raise UserError(
            f"This model of the objective '{objective}' can be asked by {', '.join(names)}, not by '{name}'."
        )
    return way
