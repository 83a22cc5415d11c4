"""Writing with a run's model, on text: go on with prompts, all at once or piece by piece."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import UserError
from hornbook.generate import Decoding, Step, explain, generate, stream
from hornbook.generate.trained import Trained
from hornbook.model.electra import Electra
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import PromptFormat, continuation, infilling
from hornbook.objectives.catalogue import kind_of
from hornbook.recipes.recipe import Recipe
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

GAP = re.compile(r"\s*(?:\[MASK\]|<mask>|<extra_id_\d+>|_{3,})")  # a gap in a text, however the user writes it
_LETTER = "a"  # that a text may stand behind
_HALF = "\ufffd"  # what an incomplete character is decoded as

SAMPLED = Decoding(temperature=0.8)


@dataclass(frozen=True)
class StreamedText:
    """One text in the making.

    prompt   ids of the text before the new ones
    stop     strings that end it
    """

    tokenizer: Tokenizer
    prompt: tuple[int, ...]
    stop: tuple[str, ...]

    def so_far(self, new: Sequence[int]) -> tuple[str, bool]:
        """Return the text up to a stop string in what is new, and whether there is one."""
        whole = self.tokenizer.decode([*self.prompt, *new])
        known = len(self.tokenizer.decode(self.prompt)) if self.prompt else 0
        found = [place for stop in self.stop if (place := whole.find(stop, known)) >= 0]
        return (whole[: min(found)], True) if found else (whole, False)

    def ended(self, new: Sequence[int]) -> bool:
        return self.so_far(new)[1]

    def final(self, new: Sequence[int]) -> str:
        """Return the whole text, without a character that was begun and not completed."""
        return self.so_far(new)[0].rstrip(_HALF)

    def _is_open(self, number: int) -> bool:
        """Whether a byte behind this id belongs to the bytes before it: special ids leave no trace in a text."""
        vocab = self.tokenizer.vocab
        return number in self.tokenizer.byte_pieces or number >= vocab.size or bool(vocab.special[number])

    def certain(self, new: Sequence[int]) -> str:
        """Return what no further token can change: no half character, nothing that may become a stop string."""
        text, over = self.so_far(new)
        text = text.rstrip(_HALF)
        if over:
            return text
        ids = [*self.prompt, *new]
        while ids and self._is_open(ids[-1]):
            ids.pop()
        if any(number in self.tokenizer.byte_pieces for number in [*self.prompt, *new][len(ids) :]):
            text = self.tokenizer.decode(ids)  # the next piece may make something else of the whole run of bytes
        longest = max((len(stop) for stop in self.stop), default=0)
        for size in range(min(longest - 1, len(text)), 0, -1):
            if any(len(stop) > size and text.endswith(stop[:size]) for stop in self.stop):
                return text[:-size]
        return text


def uses_of(recipe: Recipe) -> tuple[Literal["generate", "fill"], ...]:
    """Return which of the two a recipe's model can do."""
    objective, vocab = recipe.objective, recipe.objective.vocab
    continues: tuple[Literal["generate"], ...] = ("generate",) if continuation(objective, vocab) else ()
    return (*continues, "fill") if infilling(objective, vocab) else continues


def writer(run: Trained) -> Transformer:
    """Return the run's model, which must be one that predicts tokens."""
    if isinstance(run.model, Electra):
        raise UserError("This model detects replaced tokens and generates no text: export the run, and use generator/.")
    return run.model


def generate_text(run: Trained, prompts: Sequence[str], decoding: Decoding = SAMPLED) -> list[str]:
    """Return each prompt with its continuation; of a model that writes texts anew (bart), the text it writes.

    A name of a special token among the stop strings, such as </s>, means that token.
    """
    form = _form(run)
    decoding, stop = _stops(run, form, decoding)
    asked = [_asked(run, form, prompt) for prompt in prompts]
    streamed = [StreamedText(run.tokenizer, shown, decoding.stop) for _, shown in asked]
    ids, ended = [read for read, _ in asked], (lambda row, new: streamed[row].ended(new)) if decoding.stop else None
    written = generate(writer(run), ids, decoding, stop=stop, start_id=form.start, visible=form.visible, ended=ended)
    return [streamed.final(new) for streamed, new in zip(streamed, written, strict=True)]


def stream_text(run: Trained, prompt: str, decoding: Decoding = SAMPLED) -> Iterator[str]:
    """Yield pieces of the text that `generate_text` returns for one prompt, each as soon as it is certain.

    No piece is half a character, nor what could still become a stop string. Raises UserError at once.
    """
    form = _form(run)
    decoding, stop = _stops(run, form, decoding)
    ids, shown = _asked(run, form, prompt)
    streamed = StreamedText(run.tokenizer, shown, decoding.stop)
    ended = (lambda _, new: streamed.ended(new)) if decoding.stop else None
    steps = stream(writer(run), [ids], decoding, stop=stop, start_id=form.start, visible=form.visible, ended=ended)
    return _pieces(streamed, steps)


@dataclass(frozen=True)
class Explained:
    """One text in the making, token by token.

    read     tokens that the model reads before the first new one, forced ones left out
    shown    what stands before the new tokens in the text: the prompt, or nothing where the text is written anew
    room     new tokens that the model has room for behind the prompt, forced ones included
    ended    a forced token ends the text: there is no step
    tokens   yields each step with the text that became certain by it: "" while a character is incomplete; the last
             one, with no step, has what no token is behind any more
    """

    read: int
    shown: str
    room: int
    ended: bool
    tokens: Iterator[tuple[Step | None, str]]


def explain_text(
    run: Trained, prompt: str, decoding: Decoding, *, top: int, forced: Sequence[int] = (), ready: bool = False
) -> Explained:
    """Return the text that `generate_text` makes of one prompt, each token with what it was chosen from.

    The arguments are those of `hornbook.generate.explain`; where the model's positions end before `decoding.max_new`
    tokens, so does the text. Raises UserError at once.
    """
    form = _form(run)
    decoding, stop = _stops(run, form, decoding)
    ids, shown = _asked(run, form, prompt)
    model = writer(run)
    room = model.config.max_length
    if model.encoder is None:
        room -= len(ids) + (form.start is not None)
    kept = list(itertools.takewhile(lambda token: token not in stop, forced))
    if len(kept) < len(forced):
        streamed = StreamedText(run.tokenizer, shown, decoding.stop)
        return Explained(len(ids), streamed.certain(()), room, True, _explained(streamed, iter(()), kept))
    if room <= len(forced):
        raise UserError(
            f"The model has {model.config.max_length} positions, which the text fills already: shorten it to go on."
        )
    decoding = dataclasses.replace(decoding, max_new=min(decoding.max_new, room - len(forced)))
    steps = explain(
        model, ids, decoding, top=top, forced=forced, stop=stop, start_id=form.start, visible=form.visible, ready=ready
    )
    streamed = StreamedText(run.tokenizer, shown, decoding.stop)
    return Explained(len(ids), streamed.certain(()), room, False, _explained(streamed, steps, kept))


def _explained(streamed: StreamedText, steps: Iterator[Step], new: list[int]) -> Iterator[tuple[Step | None, str]]:
    told = streamed.certain(new)
    for step in steps:
        if not step.ends:
            new.append(step.token)
        text = streamed.certain(new)
        yield step, text[len(told) :]
        told = text if len(text) > len(told) else told
        if streamed.stop and streamed.ended(new):
            break
    yield None, streamed.final(new)[len(told) :]


def _pieces(streamed: StreamedText, steps: Iterator[list[int | None]]) -> Iterator[str]:
    new: list[int] = []
    told = streamed.certain([])
    if told:
        yield told
    for (token,) in steps:
        if token is not None:
            new.append(token)
        text = streamed.certain(new)
        if len(text) > len(told):
            yield text[len(told) :]
            told = text
    text = streamed.final(new)
    if len(text) > len(told):
        yield text[len(told) :]


def _form(run: Trained) -> PromptFormat:
    """Return how the run's model goes on with a text, or refuse in words."""
    form = continuation(run.recipe.objective, run.tokenizer.vocab)
    if form is None:
        kind = kind_of(run.recipe.objective)
        fills = infilling(run.recipe.objective, run.tokenizer.vocab) is not None
        does = "fills gaps and continues no text. Use `hornbook fill`" if fills else "generates no text"
        raise UserError(f"This model learned the objective '{kind}': it {does}.")
    return form


def _asked(run: Trained, form: PromptFormat, prompt: str) -> tuple[list[int], tuple[int, ...]]:
    """Return the ids that the model reads for a prompt, and those of the text that its output is added to."""
    if form.kind == "continuation":
        text = [int(number) for number in run.tokenizer.encode([prompt])[0]]
        return [*form.before, *text, *form.after], tuple(text)
    pieces = around_gaps(prompt, run.tokenizer)
    if len(pieces) == 1 and form.masks_end:
        pieces = [*pieces, []]  # a mask at the end, in whose place the text goes on
    marks = [run.tokenizer.vocab.require("mask", "Text with gaps")] * (len(pieces) - 1)
    return [*form.before, *interleave(pieces, marks), *form.after], ()


def _stops(run: Trained, form: PromptFormat, decoding: Decoding) -> tuple[Decoding, frozenset[int]]:
    """Return the decoding with its stop strings that are text alone, and all ids that end a text."""
    ids, strings = set(form.stop | run.beside.ends), []
    for stop in decoding.stop:
        named = run.tokenizer.encode_prompt(stop)
        if len(named) == 1 and run.tokenizer.vocab.special[named[0]] and named[0] != run.tokenizer.vocab.unk:
            ids.add(int(named[0]))
        else:
            strings.append(stop)
    return dataclasses.replace(decoding, stop=tuple(strings)), frozenset(ids)


def interleave(pieces: Sequence[Sequence[int] | NDArray[np.integer[Any]]], between: Sequence[int]) -> list[int]:
    """Return the pieces' ids with one id of `between` after each piece but the last."""
    ids = [int(number) for number in pieces[0]]
    for mark, piece in zip(between, pieces[1:], strict=True):
        ids += [mark, *(int(number) for number in piece)]
    return ids


def joined(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[int]]:
    """Return the ids of texts that stand right behind another one, such as a gap.

    Some tokenizers, as those of T5 and Llama, put a blank before every text. None is there behind a letter.
    """
    (letter,) = tokenizer.encode([_LETTER])
    found: list[list[int]] = []
    both = zip(tokenizer.encode(texts), tokenizer.encode([_LETTER + text for text in texts]), strict=True)
    for alone, behind in both:
        apart = len(alone) and len(behind) > len(letter) and np.array_equal(behind[: len(letter)], letter)
        found.append((behind[len(letter) :] if apart else alone).tolist())
    return found


def around_gaps(text: str, tokenizer: Tokenizer) -> list[list[int]]:
    """Return the ids of what stands before, between and behind the gaps of a text."""
    first, *others = GAP.split(text)
    return [tokenizer.encode([first])[0].tolist(), *joined(others, tokenizer)]
