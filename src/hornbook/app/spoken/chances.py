"""What a model gives words in the gap of a text: a few words at each step, by its own way.

How each is asked is in `hornbook.evaluate.scoring.gaps`. A blank before the gap belongs to it, and a word ends where
the next one begins.

Shapes: N scored positions, V vocabulary.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from hornbook.app.spoken.models import step_positions
from hornbook.errors import UserError
from hornbook.evaluate.scoring.gaps import Gap, GapWay, gap_way
from hornbook.evaluate.scoring.lines import before_logits, log_chances, target_nats, untouched
from hornbook.evaluate.scoring.ways import Ids
from hornbook.generate.text import GAP, joined
from hornbook.run.directory import OpenRun
from hornbook.tokens.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class Chance:
    """A word in a gap.

    ids    its pieces: words that a tokenizer reads alike, as one without capitals does, have the same
    nats   as its way has them
    left   of a causal model, those given what is before the gap alone
    """

    ids: tuple[int, ...]
    nats: float
    left: float | None = None

    @property
    def pieces(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class GapText:
    """A text with one gap, as one tokenizer reads it. `blank`: a blank stands before the gap, and belongs to it."""

    gap: Gap
    blank: bool

    def ids_of(self, words: Sequence[str], tokenizer: Tokenizer) -> list[list[int]]:
        """Return the ids of words in the gap."""
        if self.gap.left and not self.blank:
            return joined(words, tokenizer)
        spelled = [f" {word}" if self.blank else word for word in words]
        return [ids.tolist() for ids in tokenizer.encode(spelled)]


def read_gap(run: OpenRun, text: str) -> GapText:
    """Return what is before and behind the gap of a text."""
    found = find_gap(text)
    (left,) = run.tokenizer.encode([text[: found.start()]])
    (right,) = joined([text[found.end() :]], run.tokenizer)
    return GapText(Gap(left.tolist(), right), found[0][0].isspace())


def find_gap(text: str) -> re.Match[str]:
    """Return where the one gap of a text is. Raises UserError where there is none, or there are several."""
    found = list(GAP.finditer(text))
    if len(found) != 1:
        told = "has no gap: write ___ where a word is missing" if not found else "has several gaps: leave one"
        raise UserError(f"The text {told}.")
    return found[0]


def gap_nats(run: OpenRun, text: str, words: Sequence[str]) -> Iterator[Mapping[str, Chance | None]]:
    """Yield the chances of words in the gap of a text, those of a few words at each step.

    The numbers are those of `hornbook.evaluate.scoring.gaps`, in fp32; a word that the tokenizer cannot spell has None.
    Raises UserError where the model cannot be asked.
    """
    return chances(run, way_of(run), read_gap(run, text), words)


def way_of(run: OpenRun) -> GapWay:
    """Return how a run is asked for a gap, or refuse in words."""
    way = gap_way(run.recipe.objective, run.tokenizer.vocab)
    if way is None:
        raise UserError("Its objective taught it neither to fill a gap nor to go on with a text.")
    return way


def chances(run: OpenRun, way: GapWay, text: GapText, words: Sequence[str]) -> Iterator[Mapping[str, Chance | None]]:
    spelled = text.ids_of(words, run.tokenizer)
    special = run.tokenizer.vocab.special
    known = {word: ids for word, ids in zip(words, spelled, strict=True) if ids and not special[ids].any()}
    yield {word: None for word in words if word not in known}
    if way.kind == "masks":
        yield from _by_masks(run, way, text.gap, known)
        return
    size = len(text.gap.left) + len(text.gap.right) + 8
    step = max(1, step_positions(run) // size)
    names = list(known)
    for start in range(0, len(names), step):
        part = {word: known[word] for word in names[start : start + step]}
        yield _by_lines(run, way, text.gap, part)


def _by_masks(run: OpenRun, way: GapWay, gap: Gap, words: Mapping[str, Ids]) -> Iterator[Mapping[str, Chance]]:
    """Yield the chances of words over masks: words of one length share the lines of equal beginnings."""
    by_length: dict[int, list[str]] = {}
    for word, ids in words.items():
        by_length.setdefault(len(ids), []).append(word)
    for pieces, names in sorted(by_length.items()):
        lines = {
            tuple(words[word][:place]): line for word in names for place, line in enumerate(way.lines(gap, words[word]))
        }
        followers: dict[tuple[int, ...], set[int]] = {}
        for word in names:
            for place in range(pieces):
                followers.setdefault(tuple(words[word][:place]), set()).add(words[word][place])
        log: dict[tuple[int, ...], dict[int, float]] = {}
        step = max(1, step_positions(run) // len(next(iter(lines.values())).inputs))
        beginnings = list(lines)
        for start in range(0, len(beginnings), step):
            part = beginnings[start : start + step]
            rows = log_chances(before_logits(run.model, [lines[beginning] for beginning in part], run.device))
            for beginning, row in zip(part, rows, strict=True):
                wanted = sorted(followers[beginning])
                log[beginning] = dict(zip(wanted, row[wanted].tolist(), strict=True))
            if start + step < len(beginnings):
                yield {}
        yield {
            word: Chance(
                tuple(words[word]),
                -sum(log[tuple(words[word][:place])][words[word][place]] for place in range(pieces)),
            )
            for word in names
        }


def _by_lines(run: OpenRun, way: GapWay, gap: Gap, words: Mapping[str, Ids]) -> Mapping[str, Chance]:
    """Return the chances of words that have a line each: strings, sentences and what a judge says."""
    lines = [way.lines(gap, ids)[0] for ids in words.values()]
    sizes = [len(line.places) for line in lines]
    lefts: Iterator[float | None] = itertools.repeat(None)
    if way.kind == "strings":
        log = torch.split(log_chances(before_logits(run.model, lines, run.device)), sizes)
        ends = sorted(way.ends)
        nats = [_said(rows, ids) - _either(rows[-1], ends) for rows, ids in zip(log, words.values(), strict=True)]
    else:
        judges = way.kind == "judge"
        made = None if judges else before_logits(run.model, lines, run.device)
        each = untouched(cast(Any, run.model), lines, run.device) if made is None else target_nats(made, lines)
        nats = np.add.reduceat(each, [0, *itertools.accumulate(sizes[:-1])]).tolist()
    if way.asks_left:
        behind = [way.left(gap, ids) for ids in words.values()]
        log = torch.split(
            log_chances(before_logits(run.model, behind, run.device)), [len(line.places) for line in behind]
        )
        lefts = iter([_left_nats(way, ids, rows) for ids, rows in zip(words.values(), log, strict=True)])
    return {word: Chance(tuple(words[word]), one, left) for word, one, left in zip(words, nats, lefts, strict=False)}


def _left_nats(way: GapWay, word: Ids, log: Tensor) -> float:
    """Return -ln p(word, then the beginning of another one) from log-probabilities [pieces + 1, V]."""
    return _said(log, word) - _begins(way, word[-1], log[-1])


def _begins(way: GapWay, last: int, log: Tensor) -> float:
    """Return ln p(the token behind `last` is of no word that `last` is of), from log-probabilities [V]."""
    if way.vocab.ends_word[last]:
        return 0.0
    size = min(len(log), way.vocab.size)
    begins = np.flatnonzero(way.vocab.starts_word[:size] | way.vocab.special[:size])
    return _either(log, begins.tolist())


@torch.inference_mode()
def _either(log: Tensor, ids: Sequence[int]) -> float:
    """Return ln p(one of some tokens) from log-probabilities [V]."""
    return float(log[list(ids)].double().logsumexp(0))


@torch.inference_mode()
def _said(log: Tensor, targets: Ids) -> float:
    """Return the nats of targets at the first of the positions of log-probabilities [places, V]."""
    chosen = torch.as_tensor(list(targets), device=log.device)
    return -float(log[: len(targets)].gather(1, chosen[:, None]).double().sum())
