"""Surprise: the nats of each token of a text, by the way in which the model can be asked for a whole text.

    exact    causal, prefix, fim, UL2's S, bart   -ln p(token | those before it), from the start of the text on
    pseudo   masked, nsp, sop                     -ln p(token | all but the rest of its word), one row a token
    bound    diffusion                            a mean over orders and masks, above the exact one
    refused  span, joined, replaced               with the reason

The ways are those of `hornbook.evaluate`, whose numbers these are; a text longer than the rows of training is scored in
the windows that `hornbook evaluate` cuts. The events are in `hornbook.app.spoken.requests`.

Shapes: N scored positions, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hornbook.app.spoken.models import Models, Opened, step_positions, text_way
from hornbook.app.spoken.requests import TOKENS, SurpriseRequest
from hornbook.errors import UserError
from hornbook.evaluate.scoring.lines import Made, before_logits, log_chances, target_nats
from hornbook.evaluate.scoring.ways import Line, Way, end_of_word
from hornbook.evaluate.windows import cut
from hornbook.run.directory import OpenRun

Event = dict[str, Any]
_ROWS = 16  # scored positions whose logits one step computes


@dataclass(frozen=True)
class TokenNats:
    """A token of a text, or of a part of it that is done: its number, its nats, and what was predicted instead.

    rank   1 = it was the likeliest; None where the way gives no prediction of its own
    top    (id, p), the likeliest first
    """

    number: int
    nats: float
    rank: int | None = None
    top: tuple[tuple[int, float], ...] = ()


def text_nats(run: OpenRun, text: str, top: int = 0) -> Iterator[list[TokenNats]]:
    """Yield the nats of the tokens of a text, in order, those of some tokens at each step, often none.

    A token that nothing predicts, as the first one where a text has no start mark, is left out. A model that goes on
    with texts also says how surprised it is that the text ends: that is the number behind the last token. Raises
    UserError where the model says no texts.
    """
    return _nats(run, text_way(run), run.tokenizer.encode([text])[0].tolist(), top)


def _nats(run: OpenRun, way: Way, ids: Sequence[int], top: int) -> Iterator[list[TokenNats]]:
    plan, objective = cut(way, run.recipe.objective), run.recipe.objective
    ids = [*ids, *(objective.boundary_tokens[1][:1] if way.name == "continuation" else ())]
    for number, window in enumerate(plan.windows(0, len(ids))):
        # A plan draws few masks for each of the many windows of a held-out text; here is one text.
        asked = way if way.kind == "bound" else plan.way_of(window, number)
        lines = list(asked.lines(0, ids[window.seen : window.begin], ids[window.begin : window.end]))
        steps = _mean(run, lines) if way.kind == "bound" else _each(run, lines, top)
        for found in steps:
            yield [TokenNats(window.begin + one.number, one.nats, one.rank, one.top) for one in found]


def _each(run: OpenRun, lines: Sequence[Line], top: int) -> Iterator[list[TokenNats]]:
    """Yield the nats of tokens each of which one position predicts."""
    step = _step(run, lines)
    for start in range(0, len(lines), step):
        part = lines[start : start + step]
        made = before_logits(run.model, part, run.device)
        targets = [target for line in part for target in line.targets]
        numbers = [number for line in part for number in line.tokens]
        for begin in range(0, len(targets), _ROWS):
            rows = slice(begin, begin + _ROWS)
            yield _predicted(made, rows, numbers[rows], targets[rows], top)


def _step(run: OpenRun, lines: Sequence[Line]) -> int:
    """Return how many of the lines one step computes."""
    return max(1, step_positions(run) // max(len(line.inputs) + len(line.behind or ()) for line in lines))


@torch.inference_mode()
def _predicted(made: Made, rows: slice, numbers: Sequence[int], targets: Sequence[int], top: int) -> list[TokenNats]:
    log = log_chances(made, rows)
    said = log.gather(1, torch.tensor(targets, device=log.device)[:, None])
    ranks = 1 + (log > said).sum(1)
    best = log.topk(min(top, log.shape[1]))
    found = zip(numbers, said[:, 0].tolist(), ranks.tolist(), best.indices.tolist(), _chances(best.values), strict=True)
    return [
        TokenNats(number, -nats, rank, tuple(zip(ids, shares, strict=True)))
        for number, nats, rank, ids, shares in found
    ]


def _chances(log: Tensor) -> list[list[float]]:
    return [list(map(float, row)) for row in log.exp().tolist()]


def _mean(run: OpenRun, lines: Sequence[Line]) -> Iterator[list[TokenNats]]:
    """Yield the nats of tokens that many lines give a part of, when all are done."""
    nats: dict[int, float] = {}
    step = _step(run, lines)
    for start in range(0, len(lines), step):
        yield []
        _add(run, lines[start : start + step], nats)
    yield [TokenNats(number, nats[number]) for number in sorted(nats)]


def _add(run: OpenRun, lines: Sequence[Line], nats: dict[int, float]) -> None:
    """Add to the nats of each token what some lines say of it."""
    found = iter(target_nats(before_logits(run.model, lines, run.device), lines).tolist())
    for line in lines:
        factors = np.broadcast_to(np.asarray(line.factor, np.float64), len(line.tokens)).tolist()
        for number, factor in zip(line.tokens, factors, strict=True):
            nats[number] = nats.get(number, 0.0) + factor * next(found)


_HOW = {
    "exact": "-ln p of each token, given those before it: the sum is -ln p of the text",
    "pseudo": "-ln p of each token with the rest of its word hidden and all other words seen, one pass a token: not a "
    "probability of the text, and not to be compared with other kinds",
    "bound": "a mean over many ways to hide tokens: the sum is above -ln p of the text, never below but for chance",
}


def surprise(models: Models, request: SurpriseRequest) -> Iterator[Event]:
    """Yield the events of /api/surprise."""
    one = models.get(request.run)
    way = text_way(one.run)
    ids, pieces = pieces_of(one, request.text)
    if not len(ids):
        raise UserError("The text has no tokens: write some words.")
    yield {
        "event": "start", "run": one.number, "kind": way.kind, "how": _HOW[way.kind],
        "comparable": way.kind != "pseudo", "tokens": len(ids),
    }  # fmt: skip
    words = _words(one, ids)
    groups = _groups(pieces)
    found: dict[int, TokenNats] = {}
    steps, told = _nats(one.run, way, ids, request.alternatives), 0
    skipped = cut(way, one.run.recipe.objective).skipped
    for part in steps:
        found |= {token.number: token for token in part}
        if not part:
            yield {"event": "progress", "run": one.number, "doing": "scoring", "done": len(found) / len(ids)}
        while told < len(groups) and all(number in found or number < skipped for number in groups[told]):
            yield _token(one, pieces, groups[told], found, words)
            told += 1
    last = found.pop(len(ids), None)
    yield {**_end(way, ids, pieces, found, words), "end_nats": None if last is None else last.nats}


def pieces_of(one: Opened, text: str) -> tuple[list[int], list[str]]:
    """Return the ids of a text and its characters token by token, "" for tokens behind the first of one character.

    What stands between tokens belongs to the one behind it. Raises UserError for a text of too many tokens.
    """
    one.encode(text)
    ids, places = one.run.tokenizer.encode_places(text)
    pieces, done = [], 0
    for _, end in places.tolist():
        pieces.append(text[done : max(done, end)])
        done = max(done, end)
    if pieces:
        pieces[-1] += text[done:]
    assert len(ids) <= TOKENS
    return ids.tolist(), pieces


def _groups(pieces: Sequence[str]) -> list[list[int]]:
    """Return the numbers of the tokens that are told together: those of one character."""
    groups: list[list[int]] = []
    for number, piece in enumerate(pieces):
        if piece or not groups:
            groups.append([number])
        else:
            groups[-1].append(number)
    return groups


def _words(one: Opened, ids: Sequence[int]) -> list[int]:
    """Return the number of the word of each token."""
    words: list[int] = []
    while len(words) < len(ids):
        end = end_of_word(one.run.tokenizer.vocab, ids, len(words))
        words += [words[-1] + 1 if words else 0] * (end - len(words))
    return words


def _token(
    one: Opened, pieces: Sequence[str], group: Sequence[int], found: dict[int, TokenNats], words: Sequence[int]
) -> Event:
    known = [found[number] for number in group if number in found]
    single = known[0] if len(group) == 1 and known else None
    top: list[Event] = []
    if known:
        names = one.names([token for token, _ in known[0].top])
        top = [{"name": name, "p": chance} for name, (_, chance) in zip(names, known[0].top, strict=True)]
    return {
        "event": "token", "text": "".join(pieces[number] for number in group), "tokens": len(group),
        "nats": sum(token.nats for token in known) if known else None,
        "rank": None if single is None else single.rank, "top": top, "word": words[group[0]],
    }  # fmt: skip


def _end(
    way: Way, ids: Sequence[int], pieces: Sequence[str], found: dict[int, TokenNats], words: Sequence[int]
) -> Event:
    nats = sum(token.nats for token in found.values())
    size = sum(len(pieces[number].encode()) for number in range(len(ids)))
    skipped = sum(len(pieces[number].encode()) for number in range(len(ids)) if number not in found)
    per_byte = nats / math.log(2) / (size - skipped) if way.kind != "pseudo" and size > skipped else None
    said: list[Event] = [{"text": "", "nats": 0.0} for _ in range(words[-1] + 1)]
    for number, word in enumerate(words):
        before, here = said[word]["nats"], found.get(number)
        said[word] = {
            "text": said[word]["text"] + pieces[number],
            "nats": None if before is None or here is None else before + here.nats,
        }
    return {
        "event": "end", "nats": nats, "tokens": len(found), "bytes": size - skipped, "bits_per_byte": per_byte,
        "words": said,
    }  # fmt: skip
