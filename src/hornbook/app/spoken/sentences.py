"""Sentences with a gap, to be guessed: forty that come with Hornbook, and held-out ones of a run, which it never saw.

The words that stand in the gaps are known, so a guess has nats of the truth. Which sentences come, and which word of a
held-out one is hidden, depends on the seed and the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hornbook import keys
from hornbook.app.spoken.models import Models
from hornbook.app.spoken.requests import SentencesRequest
from hornbook.artifacts import is_done
from hornbook.corpus.document import Document, document_hash
from hornbook.errors import UserError

if TYPE_CHECKING:  # both load torch, and the page has its sentences before
    from hornbook.run.directory import OpenRun

Event = dict[str, Any]
Sentence = tuple[str, str]  # with ___ for one word, and the word

_STREAM = 0x47415053  # of what is chosen, apart from what training draws with the same seed
_WORDS = range(6, 21)  # of a held-out sentence
_DOCUMENTS, _TOKENS = 200, 400  # that are looked at, each to so many tokens
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_])")
_HIDDEN = re.compile(r"[^\W\d_]{3,}")  # a word that may be hidden

BUNDLED: tuple[Sentence, ...] = (
    ("The ___ is chasing the mouse.", "cat"),
    ("She opened the ___ and looked out at the rain.", "window"),
    ("In winter the lake is covered with ___.", "ice"),
    ("He put the ___ on the table and sat down.", "book"),
    ("The sun rises in the ___ and sets in the west.", "east"),
    ("They waited an hour for the ___ to arrive.", "train"),
    ("My grandmother bakes ___ every Sunday morning.", "bread"),
    ("The teacher wrote the answer on the ___.", "board"),
    ("A week has ___ days.", "seven"),
    ("The baby began to ___ when the light went out.", "cry"),
    ("He drinks his coffee with milk and ___.", "sugar"),
    ("The ship sailed across the ___ to America.", "ocean"),
    ("Please close the ___ behind you.", "door"),
    ("The bird built its ___ in the old oak.", "nest"),
    ("She has lived in this ___ for twenty years.", "house"),
    ("The doctor told him to stay in ___ for a week.", "bed"),
    ("Water boils when it gets very ___.", "hot"),
    ("The king had three sons and one ___.", "daughter"),
    ("We walked along the ___ until the stars came out.", "beach"),
    ("The farmer gave the horse some ___ to eat.", "hay"),
    ("I forgot my ___, so I got wet.", "umbrella"),
    ("The library is ___ on Mondays.", "closed"),
    ("He could not read without his ___.", "glasses"),
    ("The children played in the ___ until dinner.", "garden"),
    ("It was so dark that we could not ___ anything.", "see"),
    ("The river flows slowly into the ___.", "sea"),
    ("She sang a song while he played the ___.", "piano"),
    ("The soup needs a little more ___.", "salt"),
    ("All the leaves fall from the trees in ___.", "autumn"),
    ("The bank keeps the ___ in a large safe.", "money"),
    ("He wrote a long ___ to his brother in Canada.", "letter"),
    ("The dog wagged its ___ when she came home.", "tail"),
    ("After the long climb they reached the top of the ___.", "mountain"),
    ("The ___ landed on time in Berlin.", "plane"),
    ("You can see the ___ through a telescope at night.", "moon"),
    ("The thief ran away, but the ___ caught him.", "police"),
    ("Bees make ___ from flowers.", "honey"),
    ("The clock on the wall had ___ at noon.", "stopped"),
    ("A spider has eight ___.", "legs"),
    ("The answer to the question was ___ than he thought.", "simpler"),
)


def sentences(models: Models, request: SentencesRequest) -> Iterator[Event]:
    """Yield the event of /api/sentences: the tutorial's first where they are bundled ones and the seed is 0."""
    if request.run is None:
        found, source = bundled(request.number, request.seed), "bundled"
    else:
        one = models.get(request.run)
        yield {"event": "progress", "run": one.number, "doing": "reading", "done": 0.0}
        found, source = held_out(one.run, request.number, request.seed), f"held-out text of {one.name}"
    yield {
        "event": "sentences",
        "sentences": [{"text": text, "answer": answer, "source": source} for text, answer in found],
    }


def bundled(number: int, seed: int) -> list[Sentence]:
    """Return so many of the bundled sentences: in their own order for the seed 0, else in one that the seed gives."""
    order = keys.permute(np.arange(len(BUNDLED)), len(BUNDLED), keys.fold(seed, _STREAM)) if seed else range(number)
    return [BUNDLED[int(place)] for place in order][:number]


def held_out(run: OpenRun, number: int, seed: int) -> list[Sentence]:
    """Return at most so many sentences of held-out documents, each with one word hidden.

    Raises UserError where the run has no text, or none of its sentences serves.
    """
    from hornbook.prepare.dataset import CORPUS, open_prepared

    if not is_done(run.directory, CORPUS):
        raise UserError(f"{run.directory.name} came without text: take the bundled sentences.")
    prepared = open_prepared(run.recipe, run.directory, run.tokenizer)
    texts = prepared.held_out_beginnings(_DOCUMENTS, _TOKENS)
    whole = list(dict.fromkeys(sentence for text in texts for sentence in _whole(text)))
    order = keys.permute(np.arange(len(whole)), len(whole), keys.fold(seed, _STREAM)) if whole else ()
    found = [_hidden(whole[int(place)], seed) for place in order]
    if not any(found):
        raise UserError(
            f"The held-out text of {run.directory.name} has no sentence that serves: take the bundled ones."
        )
    return [sentence for sentence in found if sentence is not None][:number]


def _whole(text: str) -> list[str]:
    """Return the sentences of a text that are not cut off, and neither too short nor too long."""
    from hornbook.generate.text import GAP

    found = []
    for line in text.splitlines():
        for sentence in _SENTENCE.split(" ".join(line.split())):
            ends = sentence.endswith((".", "!", "?")) and sentence[:1].isupper()
            if ends and len(sentence.split()) in _WORDS and not GAP.search(sentence):
                found.append(sentence)
    return found


def _hidden(sentence: str, seed: int) -> Sentence | None:
    """Return a sentence with one of its words hidden, but for the first, chosen by the key of its text."""
    places = _places(sentence)
    if not places:
        return None
    begin, end = places[int(keys.integers(_key(sentence, seed), 1, _STREAM, len(places))[0, 0])]
    return f"{sentence[:begin]}___{sentence[end:]}", sentence[begin:end]


def _places(sentence: str) -> Sequence[tuple[int, int]]:
    found = []
    for match in _HIDDEN.finditer(sentence):
        begin, end = match.span()
        alone = begin and sentence[begin - 1].isspace() and sentence[end : end + 1] not in ("'", "\u2019", "-", "_")
        if alone and not sentence[end : end + 1].isdigit():
            found.append((begin, end))
    return found


def _key(sentence: str, seed: int) -> keys.Keys:
    return keys.fold(np.uint64(seed), _STREAM, np.array([document_hash(Document(sentence, "", ""))], np.uint64))
