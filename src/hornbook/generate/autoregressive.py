"""Writing: the continuation of prompts, greedy, drawn or by beam search.

    generate   the new ids of each prompt
    stream     the same, an id of each prompt at a time
    explain    one prompt, a `Step` at a time: what the model thought of the token, and what decoding made of that

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hornbook.errors import UserError
from hornbook.generate.beams import search
from hornbook.generate.cache import begin
from hornbook.generate.decoding import Decoding, candidates, draw, likeliest, penalise, sound
from hornbook.keys import row_keys, uniform
from hornbook.model.transformer import Transformer

_STREAM = 0x67656E  # of the draws; the number of the new token is added

Ended = Callable[[int, list[int]], bool]
"""Of a prompt's number and its new ids so far: whether it ends with the last of them."""

_DEFAULT = Decoding()


def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    decoding: Decoding = _DEFAULT,
    *,
    stop: frozenset[int] = frozenset(),
    start_id: int | None = None,
    visible: bool = False,
    ended: Ended | None = None,
) -> list[list[int]]:
    """Return the new ids of each prompt, without the prompt and without the id in `stop` that ended it.

    A decoder continues the prompt, behind `start_id` where there is one; an encoder-decoder reads the prompt and
    writes from `start_id`, or 0, on. `visible`: each token of a decoder's prompt sees all others of it, as the prefix
    objective teaches it. Prompts of different lengths do not affect each other. Strings in `decoding.stop` are for
    `ended` to find, since ids are no text.
    Raises UserError where a prompt is empty, or longer than the model's positions allow.
    """
    if not prompts:
        return []
    if decoding.beams > 1:
        _refuse(model, prompts, decoding.max_new, stop, start_id)
        writer, tokens, logits = begin(model, prompts, decoding.max_new, start_id, visible, weights=decoding.weights)
        return search(writer, tokens, _seen(prompts, tokens, model, decoding), logits, decoding, stop, ended)
    written: list[list[int]] = [[] for _ in prompts]
    for step in stream(model, prompts, decoding, stop=stop, start_id=start_id, visible=visible, ended=ended):
        for row, token in zip(written, step, strict=True):
            if token is not None:
                row.append(token)
    return written


def stream(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    decoding: Decoding = _DEFAULT,
    *,
    stop: frozenset[int] = frozenset(),
    start_id: int | None = None,
    visible: bool = False,
    ended: Ended | None = None,
) -> Iterator[list[int | None]]:
    """Yield the next new id of each prompt, None where it has ended, until all have; see `generate`.

    Beam search knows its text at the end alone, so it is refused.
    """
    if decoding.beams > 1:
        raise UserError(f"Beam search cannot stream: set beams to 1, not {decoding.beams}.")
    _refuse(model, prompts, decoding.max_new, stop, start_id)

    def steps() -> Iterator[list[int | None]]:
        written: list[list[int]] = [[] for _ in prompts]
        going = [True] * len(prompts)
        for found, _ in _rounds(model, prompts, decoding, start_id, visible):
            step: list[int | None] = []
            for row, token in enumerate(found.tolist()):
                going[row] = going[row] and token not in stop
                step.append(token if going[row] else None)
                if going[row]:
                    written[row].append(token)
                    going[row] = ended is None or not ended(row, written[row])
            if any(token is not None for token in step):
                yield step
            if not any(going):
                return

    return steps()


@dataclass(frozen=True)
class Step:
    """A new token of a text.

    chance  the probability that the model gives it, before any decoding
    nats    -ln of it
    rank    1 = the likeliest one
    drawn   the share with which decoding draws it: 1 for the likeliest one at temperature 0
    top     tokens worth a look, the likeliest first: (id, the model's probability, the share with which it is drawn)
    ends    it is a stop id, which ends the text and is not part of it
    """

    token: int
    chance: float
    nats: float
    rank: int
    drawn: float
    top: tuple[tuple[int, float, float], ...]
    ends: bool


def explain(
    model: Transformer,
    prompt: Sequence[int],
    decoding: Decoding = _DEFAULT,
    *,
    top: int,
    forced: Sequence[int] = (),
    stop: frozenset[int] = frozenset(),
    start_id: int | None = None,
    visible: bool = False,
    ready: bool = False,
) -> Iterator[Step]:
    """Yield each new token of one prompt with what it was chosen from, a stop id at the end included.

    The tokens are those of `stream`. `forced` are new tokens that are written already: what follows is drawn as if they
    had been chosen, so that a text goes on as it did where it is forced to its own beginning. `top` tokens are shown of
    each step. `ready`: the model is a copy by `generate.cache.private`, so none is made.
    """
    if decoding.beams > 1:
        raise UserError(f"Beam search has no steps of one text: set beams to 1, not {decoding.beams}.")
    _refuse(model, [prompt], decoding.max_new + len(forced), stop, start_id)

    def look(logits: Tensor, seen: Tensor | None) -> _Look:
        return _looked(logits, seen, decoding)

    def steps() -> Iterator[Step]:
        for found, seen in _rounds(model, [prompt], decoding, start_id, visible, forced, look, ready):
            assert seen is not None
            token = int(found[0])
            yield _step(token, seen, min(top, len(seen[0])), token in stop)
            if token in stop:
                return

    return steps()


_Look = tuple[Tensor, Tensor]  # log-probabilities float32[V], shares after decoding float64[V]


def _rounds(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    decoding: Decoding,
    start_id: int | None,
    visible: bool,
    forced: Sequence[int] = (),
    look: Callable[[Tensor, Tensor | None], _Look] | None = None,
    ready: bool = False,
) -> Iterator[tuple[Tensor, _Look | None]]:
    """Yield the chosen ids int64[B] of one step after another, and what `look` makes of its logits."""
    writer, tokens, logits = begin(
        model, prompts, decoding.max_new + len(forced), start_id, visible, ready, decoding.weights
    )
    if forced:
        behind = torch.tensor([list(forced)], device=tokens.device)
        logits = writer.read(behind, tokens.shape[1])
        tokens = torch.cat((tokens, behind), 1)
    seen = _seen([[*prompt, *forced] for prompt in prompts], tokens, model, decoding)
    draws = row_keys(decoding.seed, np.arange(len(prompts)))
    for number in range(decoding.max_new):
        looked = None if look is None else look(logits, seen)
        at = uniform(draws, 1, _STREAM + len(forced) + number)[:, 0] if decoding.temperature else None
        found = _choose(logits, seen, decoding, at)
        yield found, looked
        if number + 1 < decoding.max_new:
            logits = writer.read(found[:, None], tokens.shape[1] + number)


@torch.inference_mode()
def _looked(logits: Tensor, seen: Tensor | None, decoding: Decoding) -> _Look:
    """Return what the model thinks of each token, from logits [1, V], and with which share decoding draws it."""
    shares = torch.zeros_like(logits, dtype=torch.float64)
    scores = logits if seen is None else penalise(logits, seen, decoding.repetition_penalty)
    if decoding.temperature == 0:
        shares[0, scores[0].argmax()] = 1.0
    else:
        chances, ids = candidates(scores, decoding)
        shares = chances if ids is None else shares.scatter(1, ids, chances)
    return logits[0].log_softmax(-1), shares[0]


@torch.inference_mode()
def _step(token: int, look: _Look, top: int, ends: bool) -> Step:
    log, shares = look
    worth = torch.maximum(log.exp().double(), shares).topk(top).indices
    worth = worth[log[worth].argsort(descending=True, stable=True)]
    shown = zip(worth.tolist(), log[worth].exp().tolist(), shares[worth].tolist(), strict=True)
    rank = 1 + int((log > log[token]).sum())
    return Step(token, float(log[token].exp()), -float(log[token]), rank, float(shares[token]), tuple(shown), ends)


@torch.inference_mode()
def _choose(logits: Tensor, seen: Tensor | None, decoding: Decoding, at: np.ndarray | None) -> Tensor:
    """Return the next id of each row int64[B] of logits [B, V], and note it in `seen`.

    `at` float64[B] in [0, 1) says where each is drawn; None = the likeliest is taken.
    """
    if seen is not None:
        logits = penalise(sound(logits), seen, decoding.repetition_penalty)
    if at is None:
        found = likeliest(logits)
    else:
        found = draw(*candidates(sound(logits), decoding), torch.from_numpy(at).to(logits.device))
    if seen is not None:
        seen.scatter_(1, found[:, None], True)
    return found


def _seen(prompts: Sequence[Sequence[int]], tokens: Tensor, model: Transformer, decoding: Decoding) -> Tensor | None:
    """Return bool[B, V], which ids are in each row's text, where repetition is penalised."""
    if decoding.repetition_penalty == 1.0:
        return None
    seen = torch.zeros(len(prompts), model.config.vocab_size, dtype=torch.bool, device=tokens.device)
    texts = prompts if model.encoder is None else tokens.tolist()
    for row, text in enumerate(texts):
        seen[row, torch.tensor(list(text), device=tokens.device)] = True
    return seen


def _refuse(
    model: Transformer, prompts: Sequence[Sequence[int]], max_new: int, stop: frozenset[int], start_id: int | None
) -> None:
    """Raise UserError where the model cannot write so many tokens after these prompts."""
    lengths, room = [len(prompt) for prompt in prompts], model.config.max_length
    if model.decoder is None:
        raise UserError("An encoder cannot generate text: fill masks with it instead.")
    if min(lengths, default=1) == 0:
        raise UserError("A prompt is empty: begin it with at least one token, such as the beginning-of-sequence token.")
    unknown = sorted(number for number in stop if not 0 <= number < model.config.vocab_size)
    if unknown:
        raise UserError(f"The stop id {unknown[0]} is not one of the model's {model.config.vocab_size} tokens.")
    longest = max(lengths, default=0)
    if model.encoder is None:
        longest += start_id is not None
        if (over := longest + max_new - room) > 0:
            advice = f"shorten the prompt to {room - max_new}" if max_new < room else "shorten the prompt"
            raise UserError(
                f"{longest} prompt tokens and {max_new} new ones exceed the model's {room} positions by {over}: ask "
                f"for at most {max(0, room - longest)} new tokens, or {advice}."
            )
    elif (over := max(longest, max_new) - room) > 0:
        what = f"the text has {longest} tokens" if longest > room else f"you ask for {max_new} new tokens"
        raise UserError(f"The model reads and writes at most {room} tokens each, but {what}, {over} more.")
