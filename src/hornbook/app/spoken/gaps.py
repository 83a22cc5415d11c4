"""The masked word: every model's chances of one list of words in the gap of a text, each asked in its own way.

    text with ___ -> proposals of each model, the reader's word, frequent words -> one list -> chances by each model

How each is asked is in `hornbook.app.spoken.chances`; the events are in `hornbook.app.spoken.requests`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hornbook.app.spoken.chances import Chance, GapText, chances, find_gap, read_gap, way_of
from hornbook.app.spoken.models import Models, Opened
from hornbook.app.spoken.proposals import proposals
from hornbook.app.spoken.requests import WORDS, GapRequest
from hornbook.errors import UserError
from hornbook.evaluate.scoring.gaps import GapWay
from hornbook.generate.unmask import film
from hornbook.generate.words import WordList

Event = dict[str, Any]
_FREQUENT = 16  # frequent words that are tried


Asked = tuple[Opened, GapWay, GapText]


def gap(models: Models, request: GapRequest) -> Iterator[Event]:
    """Yield the events of /api/gap: the list of words, then each model's chances of them, then those of unigrams."""
    if not request.runs:
        raise UserError("No model is chosen: choose at least one.")
    find_gap(request.text)
    asked: list[Asked] = []
    refused: list[Event] = []
    for number in dict.fromkeys(request.runs):
        try:
            one = models.get(number)
            one.encode(request.text)
            asked.append((one, way_of(one.run), read_gap(one.run, request.text)))
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
    for part in chances(one.run, way, text, words):
        found |= part
        yield _progress(one, "scoring", len(found) / len(words))
    yield {
        **told(one.number, way, {word: found[word] for word in words}, request),
        "reads": _reads(one, way, text, found),
    }


def _reads(one: Opened, way: GapWay, text: GapText, found: Mapping[str, Chance | None]) -> list[list[str]]:
    """Return what a model is given to say a word: the tokens of its one side, or of encoder and decoder."""
    known = next((chance for chance in found.values() if chance is not None), None)
    if known is None:
        return []
    line = way.lines(text.gap, known.ids)[0]
    return [one.names(side) for side in (line.inputs, line.behind) if side is not None]


def told(run: int, way: GapWay, found: Mapping[str, Chance | None], request: GapRequest) -> Event:
    """Return the event of a model's known, the likeliest word first."""
    known = {word: chance for word, chance in found.items() if chance is not None}
    shares = {word: math.exp(-chance.nats) for word, chance in known.items()}
    different = {chance.ids: chance for chance in known.values()}.values()  # "Cat" and "cat" may be the same to it
    outside: float | None = None
    if way.kind == "strings":
        outside = max(0.0, 1.0 - sum(math.exp(-chance.nats) for chance in different))
    elif way.kind == "masks":
        outside = max(0.0, 1.0 - sum(math.exp(-chance.nats) for chance in different if chance.pieces == 1))
    elif way.kind == "sentence":
        total = _log_sum([-chance.nats for chance in different])
        shares = {word: math.exp(-chance.nats - total) for word, chance in known.items()}
    rows: list[Event] = []
    answer = request.answer.strip()
    for word in sorted(found, key=lambda word: (-shares.get(word, -1.0), word != answer, word)):
        chance = found[word]
        left = None if chance is None or chance.left is None else chance.left
        rows.append({
            "text": word, "pieces": chance and chance.pieces, "nats": chance and chance.nats, "share": shares.get(word),
            "left": None if left is None else {"nats": left, "share": math.exp(-left)},
        })  # fmt: skip
    how = _HOW[way.kind].format(tried=len(different))
    return {
        "event": "gap", "run": run, "kind": way.kind, "exact": way.kind in ("masks", "strings"), "outside": outside,
        "total": sum({known[word].ids: share for word, share in shares.items()}.values()),
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
        "total": sum(shares.values()), "reads": [], "how": _HOW["unigram"], "words": rows, **_places(rows, request),
    }  # fmt: skip


def _film(one: Opened, way: GapWay, text: GapText, request: GapRequest) -> Iterator[Event]:
    """Yield how a diffusion model fills the gap, mask after mask, the surest first."""
    tokenizer = one.run.tokenizer
    said = text.ids_of([request.guess.strip()], tokenizer)[0] if request.guess.strip() else ()
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
