"""The masked word: every model's chances of one list of words in the gap of a text, each asked in its own way.

    text with ___ -> proposals of each model, the reader's word, frequent words -> one list -> chances by each model

How each is asked is in `hornbook.evaluate.scoring.gaps`; the events are in `hornbook.app.spoken.requests`. A blank
before the gap belongs to it, and a word ends where the next one begins.

Shapes: N scored positions, V vocabulary.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from hornbook.app.spoken.models import Models, Opened, step_positions
from hornbook.app.spoken.proposals import proposals
from hornbook.app.spoken.requests import WORDS, GapRequest
from hornbook.errors import UserError
from hornbook.evaluate.scoring.gaps import Gap, GapWay
from hornbook.evaluate.scoring.lines import before_logits, log_chances, target_nats, untouched
from hornbook.evaluate.scoring.ways import Ids
from hornbook.generate.text import GAP
from hornbook.generate.unmask import film
from hornbook.generate.words import WordList
from hornbook.run.directory import OpenRun

Event = dict[str, Any]
_FREQUENT = 16  # frequent words that are tried


@dataclass(frozen=True)
class Chance:
    """A word in a gap: nats as its way has them, and of a causal model those given what is before the gap alone."""

    pieces: int
    nats: float
    left: float | None = None


@dataclass(frozen=True)
class GapText:
    """A text with one gap, as one tokenizer reads it. `blank`: a blank stands before the gap, and belongs to it."""

    gap: Gap
    blank: bool

    def spelled(self, word: str) -> str:
        return f" {word}" if self.blank else word


def read_gap(run: OpenRun, text: str) -> GapText:
    """Return what is before and behind the gap of a text. Raises UserError where there is not exactly one."""
    found = _check_gap(text)
    left, right = run.tokenizer.encode([text[: found.start()], text[found.end() :]])
    return GapText(Gap(left.tolist(), right.tolist()), found[0][0].isspace())


def _check_gap(text: str) -> re.Match[str]:
    found = list(GAP.finditer(text))
    if len(found) != 1:
        told = "has no gap: write ___ where a word is missing" if not found else "has several gaps: leave one"
        raise UserError(f"The text {told}.")
    return found[0]


def gap_nats(run: OpenRun, way: GapWay, text: GapText, words: Sequence[str]) -> Iterator[Mapping[str, Chance | None]]:
    """Yield the chances of words, those of a few words at each step; None for a word that the tokenizer cannot spell.

    The numbers are those of `hornbook.evaluate.scoring.gaps`, in fp32.
    """
    spelled = run.tokenizer.encode([text.spelled(word) for word in words])
    special = run.tokenizer.vocab.special
    known = {
        word: ids.tolist() for word, ids in zip(words, spelled, strict=True) if len(ids) and not special[ids].any()
    }
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
            word: Chance(pieces, -sum(log[tuple(words[word][:place])][words[word][place]] for place in range(pieces)))
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
    return {word: Chance(len(words[word]), one, left) for word, one, left in zip(words, nats, lefts, strict=False)}


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


Asked = tuple[Opened, GapWay, GapText]


def gap(models: Models, request: GapRequest) -> Iterator[Event]:
    """Yield the events of /api/gap: the list of words, then each model's chances of them, then those of unigrams."""
    if not request.runs:
        raise UserError("No model is chosen: choose at least one.")
    _check_gap(request.text)
    asked: list[Asked] = []
    refused: list[Event] = []
    for number in dict.fromkeys(request.runs):
        try:
            one = models.get(number)
            if one.gap_way is None:
                raise UserError("Its objective taught it neither to fill a gap nor to go on with a text.")
            one.encode(request.text)
            asked.append((one, one.gap_way, read_gap(one.run, request.text)))
        except UserError as error:
            refused.append(_refused(number, error))
    yield from refused
    words, asked = yield from _list(asked, request)
    yield {"event": "words", "tried": words}
    for one, way, text in asked:
        try:
            yield from _of_model(one, way, text, words, request)
            if way.form.kind == "unmask":
                yield from _film(one, way, text, request)
        except UserError as error:
            yield _refused(one.number, error)
    counted = next((one.words for one, _, _ in asked if max(one.words.counts.values(), default=1) > 1), None)
    if counted is not None:
        yield _unigrams(counted, words, request)
    yield {"event": "end", "tried": len(words)}


def _refused(run: int, error: UserError) -> Event:
    return {"event": "refused", "run": run, "why": str(error)}


def _list(asked: Sequence[Asked], request: GapRequest) -> Generator[Event, None, tuple[list[str], list[Asked]]]:
    """Return the words to try, and the models that can be asked.

    The words are those given; without any, what the models propose and frequent ones.
    """
    own = [request.guess, request.guess.lower(), request.answer]
    words = [word.strip() for word in (*own, *request.tried) if word.strip()]
    if request.tried:
        return list(dict.fromkeys(words))[:WORDS], list(asked)
    proposed: list[list[str]] = []
    able: list[Asked] = []
    frequent: list[str] = []
    for one, way, text in asked:
        found: list[str] = []
        yield _progress(one, "proposing", 0.0)
        frequent += list(one.words.counts)[:_FREQUENT]
        yield _progress(one, "proposing", 0.0)
        try:
            for done, names in proposals(one, way, text.gap, text.blank):
                found = names or found
                yield _progress(one, "proposing", done)
        except UserError as error:
            yield _refused(one.number, error)
            continue
        proposed.append(found)
        able.append((one, way, text))
    words += list(dict.fromkeys(frequent))[:_FREQUENT]
    words += [word for row in itertools.zip_longest(*proposed) for word in row if word]
    return list(dict.fromkeys(words))[:WORDS], able


def _progress(one: Opened, doing: str, done: float) -> Event:
    return {"event": "progress", "run": one.number, "doing": doing, "done": done}


def _of_model(one: Opened, way: GapWay, text: GapText, words: Sequence[str], request: GapRequest) -> Iterator[Event]:
    found: dict[str, Chance | None] = {}
    for part in gap_nats(one.run, way, text, words):
        found |= part
        yield _progress(one, "scoring", len(found) / len(words))
    yield told(one.number, way, {word: found[word] for word in words}, request)


def told(run: int, way: GapWay, found: Mapping[str, Chance | None], request: GapRequest) -> Event:
    """Return the event of a model's chances, the likeliest word first."""
    chances = {word: chance for word, chance in found.items() if chance is not None}
    shares = {word: math.exp(-chance.nats) for word, chance in chances.items()}
    outside: float | None = None
    if way.kind == "strings":
        outside = max(0.0, 1.0 - sum(shares.values()))
    elif way.kind == "masks":
        outside = max(0.0, 1.0 - sum(shares[word] for word, chance in chances.items() if chance.pieces == 1))
    elif way.kind == "sentence":
        total = _log_sum([-chance.nats for chance in chances.values()])
        shares = {word: math.exp(-chance.nats - total) for word, chance in chances.items()}
    rows: list[Event] = []
    for word in sorted(found, key=lambda word: (-shares.get(word, -1.0), word)):
        chance = found[word]
        left = None if chance is None or chance.left is None else chance.left
        rows.append({
            "text": word, "pieces": chance and chance.pieces, "nats": chance and chance.nats, "share": shares.get(word),
            "left": None if left is None else {"nats": left, "share": math.exp(-left)},
        })  # fmt: skip
    how = _HOW[way.kind].format(tried=len(chances))
    return {
        "event": "gap", "run": run, "kind": way.kind, "exact": way.kind in ("masks", "strings"), "outside": outside,
        "how": how, "words": rows, **_places(rows, request),
    }  # fmt: skip


_HOW = {
    "masks": "p at the mask: exact for words of one piece; a word of k pieces fills k masks, which is another question",
    "strings": "p of the word and then the end of the gap: exact, over texts of any length",
    "sentence": "each word is put in and the sentence scored from there on; share among the {tried} words tried",
    "judge": "the judge reads the sentence with the word: p that it is the original one; not a distribution",
    "unigram": "how often the word stands in the training text; the model knows nothing of the sentence",
}


def _log_sum(values: Sequence[float]) -> float:
    most = max(values, default=0.0)
    return most + math.log(sum(math.exp(value - most) for value in values)) if values else 0.0


def _places(rows: Sequence[Event], request: GapRequest) -> Event:
    """Return where the reader's word, as written or in small letters, and the answer stand among the rows."""
    texts = [row["text"] for row in rows]

    def first(*words: str) -> int | None:
        found = [texts.index(word) for word in words if word and word in texts]
        return min(found, default=None)

    guess = request.guess.strip()
    return {"guess": first(guess, guess.lower()), "answer": first(request.answer.strip())}


def _unigrams(counted: WordList, words: Sequence[str], request: GapRequest) -> Event:
    """Return the event of a model that knows how often words stand in the text, with one added to each count."""
    total = sum(counted.counts.values()) + len(counted.counts) + 1  # one more word stands for all that were never seen
    shares = {word: (counted.counts.get(word, 0) + 1) / total for word in words}
    rows = [
        {"text": word, "pieces": 1, "nats": -math.log(shares[word]), "share": shares[word], "left": None}
        for word in sorted(words, key=lambda word: (-shares[word], word))
    ]
    seen = sum(share for word, share in shares.items() if word in counted.counts)
    return {
        "event": "gap", "run": None, "kind": "unigram", "exact": True, "outside": max(0.0, 1.0 - seen),
        "how": _HOW["unigram"], "words": rows, **_places(rows, request),
    }  # fmt: skip


def _film(one: Opened, way: GapWay, text: GapText, request: GapRequest) -> Iterator[Event]:
    """Yield how a diffusion model fills the gap, mask after mask, the surest first."""
    tokenizer = one.run.tokenizer
    said = tokenizer.encode([text.spelled(request.guess.strip())])[0] if request.guess.strip() else ()
    masks = request.masks or max(1, len(said))
    mask = tokenizer.vocab.require("mask", "Filling gaps")
    before = [*way.form.before, *text.gap.left]
    ids = [*before, *[mask] * masks, *text.gap.right, *way.form.after]
    special = np.flatnonzero(tokenizer.vocab.special).tolist()
    never = [number for number in special if number < one.run.model.config.vocab_size]
    gap = [mask] * masks
    for step, filled in enumerate(film(one.transformer, ids, mask, 0, never), 1):
        shown = []
        for place, token, sure in filled:
            inside = place - len(before)
            if 0 <= inside < masks:
                gap[inside] = token
                shown.append({"place": inside, "name": one.names([token])[0], "p": sure})
        text_now = "".join("___" if token == mask else tokenizer.decode([token]) for token in gap)
        yield {"event": "film", "run": one.number, "step": step, "of": masks, "filled": shown, "text": text_now}
