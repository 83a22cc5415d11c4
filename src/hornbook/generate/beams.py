"""Beam search: several texts side by side, of which the likeliest as a whole wins; transformers' rules to the letter.

Shapes: B prompts, K beams, C candidates, N new tokens at most, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile

import torch
from torch import Tensor

from hornbook.generate.cache import Writer
from hornbook.generate.decoding import Decoding, penalise, sound

_NEVER = -1e9  # log-probability of what must not be chosen


@dataclass(frozen=True)
class _Texts:
    """Texts of each prompt, the best first: tokens int64[B, K, N], log-probability or score [B, K]."""

    tokens: Tensor
    scores: Tensor

    def pick(self, index: Tensor) -> _Texts:
        """Return those of the index [B, K]."""
        tokens = self.tokens.gather(1, index[..., None].expand(-1, -1, self.tokens.shape[-1]))
        return _Texts(tokens, self.scores.gather(1, index))


@torch.inference_mode()
def search(
    writer: Writer,
    read: Tensor,
    seen: Tensor | None,
    logits: Tensor,
    decoding: Decoding,
    stop: frozenset[int],
    ended: Callable[[int, list[int]], bool] | None,
) -> list[list[int]]:
    """Return the best text of each prompt: a writer, what it has read int64[B, T], and its first logits [B, V].

    C candidates are the likeliest continuations of all beams together, so many that K go on even when every beam could
    end. Those that end and are among the first K are finished; a finished text's score is its log-probability, the end
    included, divided by its length ** length_penalty. A prompt is done when its best beam, at its present length, would
    score less than the worst of K finished texts; with early_stopping as soon as there are K.
    """
    size, beams, most = len(read), decoding.beams, decoding.max_new
    device, length = read.device, read.shape[1]
    writer, logits = writer.repeated(beams), logits.repeat_interleave(beams, 0)
    seen = None if seen is None else seen.repeat_interleave(beams, 0)
    base = torch.arange(size, device=device)[:, None] * beams
    stopping = torch.tensor(sorted(stop), dtype=torch.int64, device=device)
    scores = torch.full((size, beams), _NEVER, device=device)
    running = _Texts(torch.full((size, beams, most), -1, device=device), scores.clone())
    running.scores[:, 0] = 0.0  # all beams are the same so far: count one
    finished, done = _Texts(running.tokens.clone(), scores), torch.zeros(size, beams, dtype=torch.bool, device=device)
    improves = torch.ones(size, 1, dtype=torch.bool, device=device)
    for number in range(most):
        chances = sound(logits).log_softmax(-1)
        if seen is not None:
            chances = penalise(chances, seen, decoding.repetition_penalty)
        total = (chances.view(size, beams, -1) + running.scores[..., None]).flatten(1)
        keep = min(max(2, 1 + len(stop)) * beams, total.shape[1])
        best, place = total.topk(keep)  # [B, C]
        vocabulary = chances.shape[-1]
        parent, token = place // vocabulary, place % vocabulary
        found = _Texts(running.tokens, running.scores).pick(parent)
        found = replace(found, scores=best)
        found.tokens[:, :, number] = token
        ends = torch.isin(token, stopping)
        if ended is not None:
            ends = ends | _ended(found, number + 1, ends, ended)
        if number + 1 == most:
            ends = torch.ones_like(ends)
        chosen = (best + ends.float() * _NEVER).topk(beams)[1]
        finished, done = _merged(finished, done, found, ends, improves, number + 1, decoding)
        running = replace(found, scores=best + ends.float() * _NEVER).pick(chosen)
        reached = running.scores[:, :1] / (number + 1) ** decoding.length_penalty
        worst = torch.where(done.all(1, keepdim=True), finished.scores.amin(1, keepdim=True), _NEVER)
        improves = improves & (reached > worst)
        if not improves.any() or (decoding.early_stopping and bool(done.all())) or bool(ends.all()):
            break
        rows = (base + parent.gather(1, chosen)).flatten()
        newest = running.tokens[:, :, number].reshape(-1, 1)
        writer.reorder(rows, length, length + number)
        if seen is not None:
            seen = seen[rows].scatter(1, newest, True)
        logits = writer.read(newest, length + number)
    over = stop | {-1}
    return [list(takewhile(lambda token: token not in over, text)) for text in finished.tokens[:, 0].tolist()]


def _merged(
    finished: _Texts, done: Tensor, found: _Texts, ends: Tensor, improves: Tensor, length: int, decoding: Decoding
) -> tuple[_Texts, Tensor]:
    """Return the best K texts [B, K] of those finished and those among `found` [B, C] that end, and which are real."""
    beams = decoding.beams
    now = ends & (torch.arange(ends.shape[1], device=ends.device) < beams)
    shut = ~improves | (done.all(1, keepdim=True) & decoding.early_stopping)
    scores = found.scores / length**decoding.length_penalty + shut.float() * _NEVER + (~now).float() * _NEVER
    both = _Texts(torch.cat((finished.tokens, found.tokens), 1), torch.cat((finished.scores, scores), 1))
    index = both.scores.topk(beams)[1]
    return both.pick(index), torch.cat((done, now), 1).gather(1, index)


def _ended(found: _Texts, length: int, ends: Tensor, ended: Callable[[int, list[int]], bool]) -> Tensor:
    """Return bool[B, C]: which of the texts that have not ended yet end by the caller's rule."""
    rows = enumerate(zip(found.tokens[:, :, :length].tolist(), ends.tolist(), strict=True))
    now = [[not over and ended(row, text) for text, over in zip(*own, strict=True)] for row, own in rows]
    return torch.tensor(now, device=ends.device)
