"""Samples: what a model says while it trains, of the same held-out texts all along. They change nothing of training.

    held-out documents -> a few texts, chosen once by key            with gaps, where the objective teaches to fill them
    a text, the weights as they are -> what the model says of it     as `hornbook generate` and `fill` would, in fp32
    samples.jsonl: one line for each text and step      kind "sample", step, text (number), way, asked, said, seed, time

The model that speaks is a private copy with the same weights: mode, compiled layers and autocast of the one in training
stay as they are, and what is drawn is a function of the seed. An objective that teaches no output has no samples, as
that of a model that detects replaced tokens.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hornbook import keys
from hornbook.errors import UserError
from hornbook.generate.decoding import Decoding
from hornbook.generate.infill import fill_text
from hornbook.generate.text import GAP, generate_text
from hornbook.generate.trained import Trained
from hornbook.keys import Keys
from hornbook.objectives.base import PromptFormat
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.train.metrics import MetricsFile, read_metrics

SAMPLES = "samples.jsonl"  # the name of the file in a run
_STREAM = 0x53414D50  # of what is chosen, apart from what training draws with the same seed
_ASKED, _SAID = 32, 64  # tokens of a text, and that the model says of it, at the most
_UNMASKED, _ROUNDS = 32, 16  # masks behind a text that are filled, and in how many rounds
_GAPS, _CANDIDATES = 2, 3  # of a text with gaps: how many, and how many candidates for each
_TEMPERATURE = 0.8  # that of `hornbook generate`
_LOOKS = 20  # at places of the held-out text, for each text that is wanted
_SHARE = 0.02  # of the training: what samples may cost
# What one pass of a model over a few tokens costs, in positions of a training step (docs/train.md).
_PASS = {"cpu": 32}
_PASS_ELSEWHERE = 2_000
_SHOWN = 70  # characters of a text in the line at the end


def way_of(prepared: Prepared) -> PromptFormat | None:
    """Return how a model in training is asked: by the first use that its objective teaches; None where it has none."""
    return next(iter(prepared.objective.prompting), None)


def steps_worth(recipe: Recipe, prepared: Prepared, device: torch.device, tokens_per_step: float) -> float:
    """Return about how many training steps the samples at one step cost."""
    way = way_of(prepared)
    if way is None or not recipe.training.samples:
        return 0.0
    texts = recipe.training.samples
    passes = {"masks": 5 * texts, "unmask": _ROUNDS * texts, "sentinels": _SAID * texts, "middle": _SAID * texts}
    return passes.get(way.kind, _SAID) * _PASS.get(device.type, _PASS_ELSEWHERE) / tokens_per_step


def every(worth: float, evaluate_every: int) -> int:
    """Return at which measurements there are samples, every how many, so that they cost a fiftieth at the most.

    >>> every(0.5, 30), every(2.0, 30)
    (1, 4)
    """
    return max(1, math.ceil(worth / (_SHARE * evaluate_every)))


def most_worth(worth: float, steps: float, measurements: int) -> float:
    """Return how many training steps all samples of a run cost at the most, those at its end included."""
    return min(worth * measurements, _SHARE * steps) + worth


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of a run in training.

    every   measurements on held-out text from one time to the next
    asked   the texts
    way     how the model is asked
    model   the model in training with what belongs to it
    """

    every: int
    asked: tuple[str, ...]
    way: PromptFormat
    model: Trained
    file: MetricsFile
    say: Callable[[str], None]

    def write(self, step: int) -> None:
        """Ask the model, as it is after so many steps, and write what it says."""
        # Each text is as long as it is, and would be compiled for itself.
        compiled = self.model.recipe.training.compile == "yes"
        try:
            with torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext():
                said = answers(self.model, self.way, self.asked)
        except UserError as error:  # such as predictions that are not finite: training itself will find out
            self.say(f"no samples at step {step}: {error}")
            return
        seed = self.model.recipe.seed
        for number, (asked, text) in enumerate(zip(self.asked, said, strict=True)):
            record = {"kind": "sample", "step": step, "text": number, "way": self.way.kind, "asked": asked}
            self.file.write(record | {"said": text, "seed": seed, "time": round(time.time(), 3)})
        self.file.sync()  # a checkpoint, which comes later, never knows more than they do


@contextlib.contextmanager
def open_samples(
    model: Trained, prepared: Prepared, worth: float, resumed_at: int, say: Callable[[str], None]
) -> Iterator[Samples | None]:
    """Yield the samples of a model that is trained on `prepared`, or None where it says nothing, or has no room.

    `worth` is what `steps_worth` says. Samples of earlier starts stay up to the step at which this one goes on.
    """
    way, training = way_of(prepared), model.recipe.training
    if way is None or not training.samples:
        yield None
        return
    asked = texts(prepared, way, model.recipe, training.samples)
    if not asked:
        say("no samples while training: the rows, or the held-out text, are too short")
        yield None
        return
    file = MetricsFile(model.directory / SAMPLES, resumed_at, say)
    try:
        yield Samples(every(worth, training.evaluate_every), asked, way, model, file, say)
    finally:
        file.close()


def first_and_last(directory: Path) -> str:
    """Return in a line what a run said of its first text at first and what it says now; "" where there is no both."""
    found = [record for record in read_metrics(directory / SAMPLES) if record.get("text") == 0]
    if len(found) < 2:
        return ""
    first, last = found[0], found[-1]
    return (
        f"sample: {_line(first['asked'])} -> step {first['step']}: {_line(first['said'])}; "
        f"step {last['step']}: {_line(last['said'])}"
    )


def _line(text: str) -> str:
    text = "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))
    return json.dumps(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...", ensure_ascii=False)


def answers(run: Trained, way: PromptFormat, asked: Sequence[str]) -> list[str]:
    """Return what a model says of each text: what it writes, or the texts or the candidates of its gaps."""
    if way.kind in ("continuation", "rewrite"):
        room = run.recipe.model.max_length
        if run.model.config.topology == "decoder":
            longest = max(len(ids) for ids in run.tokenizer.encode(list(asked)))
            room -= longest + len(way.before) + len(way.after) + (way.start is not None)
        decoding = Decoding(max_new=min(_SAID, room), temperature=_TEMPERATURE, seed=run.recipe.seed)
        written = generate_text(run, asked, decoding)
        return [text.removeprefix(start) for text, start in zip(written, asked, strict=True)]
    found = []
    for text in asked:
        if way.kind == "unmask":
            filled = fill_text(run, text, length=_length(run, way, text), steps=_ROUNDS)
        else:
            filled = fill_text(run, text, top=_CANDIDATES, length=int(way.kind == "masks"), most=_SAID)
        gaps = []
        for gap in filled.gaps:
            shares = gap.probabilities or (None,)
            named = zip(gap.candidates, shares, strict=False)
            gaps.append(", ".join(_named(name) + ("" if share is None else f" {share:.0%}") for name, share in named))
        found.append(" | ".join(gaps))
    return found


def _named(candidate: str) -> str:
    return candidate.strip() or (repr(candidate) if candidate else "")


def _length(run: Trained, way: PromptFormat, text: str) -> int:
    """Return how many masks fit behind a text."""
    known = len(run.tokenizer.encode([GAP.sub("", text)])[0])
    return min(_UNMASKED, run.recipe.model.max_length - known - len(way.before) - len(way.after))


def texts(prepared: Prepared, way: PromptFormat, recipe: Recipe, number: int) -> tuple[str, ...]:
    """Return so many texts that held-out documents begin with, with gaps where the model is asked for them.

    They depend on the documents and the seed alone. Where there are too few documents, other places of them are taken.
    """
    positions = min(recipe.model.max_length, recipe.row_length) - len(way.before) - len(way.after) - 1
    asked = min(_ASKED, positions // 2)
    found: dict[str, None] = {}
    for ids, draws in _passages(prepared, recipe.seed, asked, _LOOKS * number) if asked > 1 else ():
        text = _with_gaps(prepared.tokenizer, ids, way, draws)
        if text and sum(map(len, prepared.tokenizer.encode(GAP.split(text)))) <= asked:
            found[text] = None
        if len(found) == number:
            break
    return tuple(found)


def _passages(prepared: Prepared, seed: int, tokens: int, number: int) -> Iterator[tuple[NDArray[np.int32], Keys]]:
    """Yield (ids of at most so many tokens, a key [1]): each document's beginning, then other places of them, by key.

    They begin and end with whole words, where the tokenizer says which tokens begin one.
    """
    store, held_out = prepared.store, prepared.held_out_documents
    lengths = store.lengths[held_out]
    long_enough = held_out[lengths >= min(tokens, lengths.max())]
    order = np.argsort(keys.fold(seed, _STREAM, store.hashes[long_enough]), kind="stable")
    starts_word = prepared.tokenizer.vocab.starts_word
    for place in range(number):
        document = int(long_enough[order[place % len(order)]])
        key = keys.fold(seed, _STREAM, store.hashes[document : document + 1], place)
        start = 0
        if place >= len(order):
            start = int(keys.uniform(key, 1, _STREAM)[0, 0] * max(0, store.lengths[document] - tokens))
        ids = store.passage(document, start, tokens + 1)
        if start:
            ids = ids[np.argmax(starts_word[ids]) :]
        ends = np.flatnonzero(starts_word[ids])
        ends = ends[(ends > tokens // 2) & (ends <= tokens)]
        yield ids[: ends[-1] if len(ends) else tokens], key


def _with_gaps(tokenizer: Tokenizer, ids: NDArray[np.int32], way: PromptFormat, key: Keys) -> str:
    """Return ids as text, with gaps where the model fills any: in place of a few words, or behind the text.

    "" where the text says nothing, or has what looks like a gap already.
    """
    text = tokenizer.decode(ids).rstrip("\ufffd")
    if not text.strip() or GAP.search(text):
        return ""
    if way.kind == "continuation" or (way.kind == "rewrite" and tokenizer.vocab.mask is None):
        return text
    if way.kind == "unmask":
        return f"{text} ___"
    starts = np.flatnonzero(tokenizer.vocab.starts_word[ids])
    inside = list(itertools.pairwise([*starts.tolist(), len(ids)]))[1:-1]
    words = [place for place in inside if any(map(str.isalnum, _between(tokenizer, ids, *place)))]
    if way.kind == "masks":  # a mask is one token
        words = [(begin, end) for begin, end in words if end == begin + 1] or words
    if not words:
        return ""
    chosen = sorted(np.argsort(keys.uniform(key, len(words), _STREAM)[0])[:_GAPS].tolist())
    said, known = "", 0
    for begin, end in (words[number] for number in chosen):
        hidden = _between(tokenizer, ids, begin, end)
        said += f"{_between(tokenizer, ids, known, begin)}{' ' * hidden[:1].isspace()}___"
        known = end
    return (said + _between(tokenizer, ids, known, len(ids))).rstrip("\ufffd")


def _between(tokenizer: Tokenizer, ids: NDArray[np.int32], begin: int, end: int) -> str:
    """Return the text of some of the ids, with the blanks that it has among the others."""
    return tokenizer.decode(ids[:end])[len(tokenizer.decode(ids[:begin])) :]
