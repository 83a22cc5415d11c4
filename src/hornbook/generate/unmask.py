"""Masks: candidates for each, or one text for all, the most certain first, at once or as a film.

Shapes: N masks, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.generate.cache import private
from hornbook.generate.decoding import sound
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer


def fill(model: Transformer, ids: Sequence[int], mask_id: int, top: int) -> list[list[tuple[int, float]]]:
    """Return, for each mask in `ids` in order, the `top` likeliest ids at the mask's own position with probabilities.

    Raises UserError where the model is no encoder or `ids` hold no mask.
    """
    _refuse(model, ids, mask_id)
    chances = torch.softmax(_logits(private(model), ids, mask_id), -1)
    best = chances.topk(min(top, model.config.vocab_size))
    rows = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [list(zip(found, shares, strict=True)) for found, shares in rows]


def unmask(model: Transformer, ids: Sequence[int], mask_id: int, steps: int, never: Sequence[int] = ()) -> list[int]:
    """Return `ids` with every mask replaced, in so many steps (0 or more than masks: one mask a step).

    Each step predicts every mask and keeps the most certain tokens, the same number in each step
    as far as that goes; the others stay masked (LLaDA's low-confidence remasking, Nie et al. 2025, section 2.4).
    Nothing is drawn. The mask itself and ids in `never` are never chosen. Raises UserError as `fill`.
    """
    text = list(ids)
    for filled in film(private(model), ids, mask_id, steps, never):
        for place, token, _ in filled:
            text[place] = token
    return text


Filled = tuple[int, int, float]
"""A mask that was filled: its place, the token, and how sure the model was of it."""


def film(
    model: Transformer, ids: Sequence[int], mask_id: int, steps: int, never: Sequence[int] = ()
) -> Iterator[list[Filled]]:
    """Yield what each step of `unmask` fills; `model` is a private one, see `hornbook.generate.cache`."""
    _refuse(model, ids, mask_id)
    if steps < 0:
        raise UserError(f"The number of steps must be at least 1, or 0 for one step for each mask, not {steps}.")
    text, hidden = list(ids), sum(token == mask_id for token in ids)
    rounds = min(steps or hidden, hidden)
    forbidden = torch.tensor(sorted({mask_id, *never}), device=model.embed.tokens.weight.device)
    for number in range(rounds):
        places = [place for place, token in enumerate(text) if token == mask_id]
        # The first rounds take one more where the masks do not divide evenly, as in the released code.
        count = hidden // rounds + (number < hidden % rounds)
        filled = _surest(_logits(model, text, mask_id), forbidden, places, count)
        for place, token, _ in filled:
            text[place] = token
        yield filled


@torch.inference_mode()
def _surest(logits: Tensor, forbidden: Tensor, places: Sequence[int], count: int) -> list[Filled]:
    """Return the tokens of which the model is the surest, from the logits [N, V] at the places of the masks."""
    sure, said = torch.softmax(logits.index_fill(-1, forbidden, -torch.inf).double(), -1).max(-1)
    best = sure.sort(descending=True, stable=True).indices[:count].tolist()
    return [(places[which], int(said[which]), float(sure[which])) for which in best]


@torch.inference_mode()
def next_pieces(model: Transformer, rows: Sequence[Sequence[int]], place: int) -> Tensor:
    """Return the log-probabilities float32[B, V] at one place of each of B texts of one length.

    `model` is a private one; see `hornbook.generate.cache`.
    """
    inputs = np.array(rows)
    at = np.zeros(inputs.shape, np.float32)
    at[:, place] = 1.0
    tensors = to_tensors(Batch(inputs, inputs, at, np.ones(len(inputs))), model.embed.tokens.weight.device)
    return sound(model.output(model.hidden(tensors, tensors.scored)).float()).log_softmax(-1)


@torch.inference_mode()
def _logits(model: Transformer, ids: Sequence[int], mask_id: int) -> Tensor:
    """Return the model's logits at the masks, float32[N, V]."""
    inputs = np.array([ids])
    batch = Batch(inputs, inputs, (inputs == mask_id).astype(np.float32), np.ones(1))
    tensors = to_tensors(batch, model.embed.tokens.weight.device)
    return sound(model.output(model.hidden(tensors, tensors.scored)).float())


def _refuse(model: Transformer, ids: Sequence[int], mask_id: int) -> None:
    if model.config.topology != "encoder":
        raise UserError(f"Filling masks needs an encoder, but this model's topology is {model.config.topology}.")
    if mask_id not in ids:
        raise UserError("The text has no mask to fill: put the mask token where a word is missing.")
