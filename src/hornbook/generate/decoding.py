"""Decoding: how the next token is chosen from the model's logits, and the choice itself.

Shapes: B rows, V vocabulary, C candidates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from hornbook.errors import UserError
from hornbook.schema import Count, NotNegative, Positive, PositiveCount, PositiveShare, Seed, Share, Weights, check

# Sorting a whole vocabulary costs more than a small model's layer; so many of the likeliest nearly always suffice.
_LIKELIEST = 256
# Below it fp32 knows no temperature; only the likeliest token, or those that tie with it, are drawn long before.
_COLDEST = 1e-30
_LARGEST = 1e8  # score after a penalty; with the coldest temperature it is still an fp32 number


def default_temperature(beams: int) -> float:
    """Return the temperature where nobody asks for one: sampled at 0.8, the likeliest in a beam search."""
    return 0.8 if beams == 1 else 0.0


@dataclass(frozen=True)
class Decoding:
    """How a text is written.

    max_new             at most so many new tokens
    temperature         0: always the likeliest token; else one drawn from softmax(logits / temperature)
    top_k               drawn among the k likeliest; 0 = all
    top_p               ... among the fewest likeliest whose probabilities reach p (Holtzman et al. 2020)
    min_p               ... among those at least p times as likely as the likeliest (Nguyen et al. 2024)
    repetition_penalty  logits of tokens already in the text are divided by it where positive, else multiplied (Keskar
                        et al. 2019, as transformers has it); 1 = none. In an encoder-decoder the text is the output
    beams               texts kept side by side, the likeliest as a whole wins (beam search); 1 = none
    length_penalty      beams are compared by log p / length ** length_penalty: above 0 favours long texts
    early_stopping      end as soon as there are `beams` finished texts, though a better one could still come
    stop                strings that end a text; it is cut before them
    weights             of the products: fp32 (the model's own), bf16, or int8 on a CPU; fewer bytes are read sooner
    seed                draws are a function of it, the prompt's number and the new token's number

    The cuts apply in the order in which they stand here, each to what the one before has left, as in transformers.
    """

    max_new: PositiveCount = 100
    temperature: NotNegative = 0.0
    top_k: Count = 0
    top_p: PositiveShare = 1.0
    min_p: Share = 0.0
    repetition_penalty: Positive = 1.0
    beams: PositiveCount = 1
    length_penalty: Annotated[float, Ge(-10), Le(10)] = 1.0
    early_stopping: bool = False
    stop: tuple[str, ...] = ()
    weights: Weights = "fp32"
    seed: Seed = 0

    def __post_init__(self) -> None:
        check(self, "")
        if self.beams > 1 and self.temperature > 0:
            raise UserError(f"Beam search does not sample: set temperature to 0, not {self.temperature}, or beams 1.")
        if "" in self.stop:
            raise UserError("A stop string is empty, which would end every text at once: leave it out.")


def sound(logits: Tensor) -> Tensor:
    """Return logits [B, V], or raise UserError where no token can be chosen from them: one is infinite or no number.

    Minus infinity is a token that is never chosen.
    """
    _check(logits.amax(-1))
    return logits


def likeliest(logits: Tensor) -> Tensor:
    """Return the likeliest id of each row int64[B] of logits [B, V], the first of several; raises as `sound`."""
    best, found = logits.max(-1)
    _check(best)
    return found


def _check(best: Tensor) -> None:
    """Raise UserError where the largest logit of a row, [B], is no number."""
    if not all(map(math.isfinite, best.tolist())):
        raise UserError(
            "The model's predictions are not finite: its weights are too large to compute with. Use an earlier "
            "checkpoint, or train with a lower training.learning_rate and training.muon_learning_rate."
        )


def penalise(scores: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Return scores [B, V] in which those of ids that a row has seen, bool[B, V], are lowered by the penalty."""
    lowered = torch.where(scores < 0, scores * penalty, scores / penalty)
    return torch.where(seen, lowered.nan_to_num(0.0).clamp(-_LARGEST, _LARGEST), scores)


def candidates(logits: Tensor, decoding: Decoding) -> tuple[Tensor, Tensor | None]:
    """Return the probabilities float64[B, C] of those that may be drawn, 0 for others, and their ids [B, C].

    Ids are None where the candidates are the whole vocabulary in its own order; else the likeliest is first. The
    temperature must be above 0.
    """
    scores, ids = logits / max(decoding.temperature, _COLDEST), None
    if not 0 < decoding.top_k < scores.shape[-1] and decoding.top_p == 1.0 and decoding.min_p == 0.0:
        return torch.softmax(scores.double(), -1), None
    whole = scores
    if decoding.top_k and decoding.top_k < scores.shape[-1]:
        scores, ids = scores.topk(decoding.top_k)
        whole = scores
    elif decoding.top_p < 1.0:
        scores, ids = scores.topk(min(_LIKELIEST, scores.shape[-1]))
    chances = (scores.double() - whole.double().logsumexp(-1, keepdim=True)).exp()
    if decoding.top_p < 1.0:
        if scores is not whole and bool((chances.sum(-1) < decoding.top_p).any()):
            scores, ids = whole.sort(-1, descending=True)
            chances = torch.softmax(scores.double(), -1)
        chances = chances * (chances.cumsum(-1) - chances < decoding.top_p)
    if decoding.min_p > 0.0:
        chances = chances * (chances >= decoding.min_p * chances.amax(-1, keepdim=True))
    return chances / chances.sum(-1, keepdim=True), ids


def draw(chances: Tensor, ids: Tensor | None, at: Tensor) -> Tensor:
    """Return the candidate of each row at which `at` float64[B] in [0, 1) falls among chances [B, C]: ids int64[B]."""
    reached = chances.cumsum(-1)
    place = torch.searchsorted(reached, at[:, None] * reached[:, -1:], right=True)
    # Rounding may point behind the last candidate that has a chance; the first place where all is reached is that one.
    last = torch.searchsorted(reached, reached[:, -1:].contiguous())
    place = place.minimum(last)
    return place[:, 0] if ids is None else ids.gather(1, place)[:, 0]
