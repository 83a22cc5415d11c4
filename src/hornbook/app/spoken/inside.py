"""A look inside: embeddings that are alike, where one layer attends, what a judge holds for replaced, a pair's class.

All on the run's private copy, in fp32; the events are in `hornbook.app.spoken.requests`.

Shapes: T queries, S keys, H heads, G key-value heads, K head width, V vocabulary, E width of the embeddings.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.app.spoken.models import Models, Opened
from hornbook.app.spoken.requests import SEEN, AttentionRequest, JudgeRequest, NeighboursRequest, PairRequest
from hornbook.app.spoken.surprise import pieces_of
from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.evaluate.scoring.lines import untouched
from hornbook.evaluate.scoring.ways import Line
from hornbook.model.attention import Attention, place
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.layers import Stack
from hornbook.objectives.base import continuation, infilling

Event = dict[str, Any]
NOTE = (
    "Attention shows where a head looks, not why the model says what it says: other weights can give the same answer "
    "(Jain and Wallace 2019)."
)


def neighbours(models: Models, request: NeighboursRequest) -> Iterator[Event]:
    """Yield the event of /api/neighbours: the tokens whose embeddings have the largest cosine with a word's."""
    one = models.get(request.run)
    vocab = one.run.tokenizer.vocab
    ids = _ids_of_word(one, request.text)
    likest = nearest(one.table, ids, ~vocab.special, request.top)
    names = one.names([token for token, _ in likest])
    yield {
        "event": "neighbours", "run": one.number, "name": "".join(one.names(ids)), "pieces": len(ids),
        "nearest": [{"name": name, "cosine": cosine} for name, (_, cosine) in zip(names, likest, strict=True)],
    }  # fmt: skip


def _ids_of_word(one: Opened, text: str) -> list[int]:
    """Return the ids of a word as it stands in a text, behind a blank, or of the shorter spelling at a beginning."""
    word = text.strip()
    spelled = [ids.tolist() for ids in one.run.tokenizer.encode([f" {word}", word]) if len(ids)]
    if not word or not spelled:
        raise UserError("There is no word: write one.")
    return min(spelled, key=len)


@torch.inference_mode()
def nearest(table: Tensor, ids: Sequence[int], may: NDArray[np.bool_], top: int) -> list[tuple[int, float]]:
    """Return the tokens of `table` [V, E], rows of length 1, with the largest cosine with the mean of some rows.

    Those rows are left out, and tokens that `may` bool[V] forbids.
    """
    chosen = torch.tensor(list(ids), device=table.device)
    mean = table[chosen].mean(0)
    cosines = table @ (mean / mean.norm().clamp(min=1e-12))
    allowed = torch.zeros(len(table), dtype=torch.bool, device=table.device)
    allowed[: len(may)] = torch.from_numpy(may[: len(table)]).to(table.device)
    allowed[chosen] = False
    best = torch.where(allowed, cosines, -torch.inf).topk(min(top, int(allowed.sum())))
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


@dataclass(frozen=True)
class _Read:
    """What a model reads, row by row: ids of its stack, or of encoder and decoder, and what else a batch has."""

    inputs: list[int]
    behind: list[int] | None = None
    types: list[int] | None = None
    visible: int = 0

    def tensors(self, device: torch.device) -> Tensors:
        inputs = np.array([self.inputs])
        said = inputs if self.behind is None else np.array([self.behind])
        return to_tensors(
            Batch(
                inputs, said, np.ones(said.shape, np.float32), np.ones(1),
                visible=np.arange(inputs.shape[1])[None] < self.visible if self.visible else None,
                types=None if self.types is None else np.array([self.types]),
                decoder_inputs=None if self.behind is None else said,
            ),
            device,
        )  # fmt: skip


def attention(models: Models, request: AttentionRequest) -> Iterator[Event]:
    """Yield the event of /api/attention: the weights of all heads of one layer."""
    one = models.get(request.run)
    read = _read(one, request.text, request.second)
    for ids in (read.inputs, read.behind or []):
        if len(ids) > SEEN:
            raise UserError(f"Attention is shown of at most {SEEN} tokens, and {one.name} reads {len(ids)}: shorten.")
    sides = ["self"] if read.behind is None else ["self", "decoder", "cross"]
    if request.side not in sides:
        raise UserError(f"{one.name} has one stack of layers and no side '{request.side}'.")
    stack = _stack(one, request.side)
    layers = len(stack.local)
    if request.layer >= layers:
        raise UserError(f"{one.name} has no layer {request.layer}: it has {layers}, counted from 0.")
    yield {"event": "progress", "run": one.number, "doing": "reading", "done": 0.5}
    weights = attention_weights(one.run.model, stack, read.tensors(one.run.device), request.layer, request.side)
    queries = read.inputs if request.side == "self" else read.behind or []
    keys = read.behind or [] if request.side == "decoder" else read.inputs
    shown = (weights * 255).round().to(torch.uint8).cpu().numpy()
    yield {
        "event": "attention", "run": one.number, "layer": request.layer, "layers": layers, "side": request.side,
        "sides": sides, "heads": len(shown), "queries": one.names(queries), "keys": one.names(keys),
        "weights": base64.b64encode(shown.tobytes()).decode(), "note": NOTE,
    }  # fmt: skip


def _stack(one: Opened, side: str) -> Stack:
    model: Any = one.run.model
    if side == "self" and model.encoder is not None:
        return cast(Stack, model.encoder)
    return cast(Stack, model.decoder)


def _read(one: Opened, text: str, second: str) -> _Read:
    """Return a text as the model was trained to read one, marks included."""
    objective, vocab = one.run.recipe.objective, one.run.tokenizer.vocab
    ids, other = one.encode(text).tolist(), one.encode(second).tolist()
    if one.run.model.config.topology == "encoder-decoder":
        form = continuation(objective, vocab) or infilling(objective, vocab)
        before, after = ((), ()) if form is None else (form.before, form.after)
        start = vocab.pad if vocab.decoder_start is None else vocab.decoder_start
        return _Read([*before, *ids, *after], [start or 0, *(other or ids)])
    marks = one.gap_way.form if one.gap_way is not None else None
    before, after = ((), ()) if marks is None else (marks.before, marks.after)
    inputs = [*before, *ids, *after]
    if "pair" in one.can and other:
        return _pair(inputs, [*other, *after])
    if not inputs:
        raise UserError("The text has no tokens: write some words.")
    return _Read(inputs, visible=len(inputs) if marks is not None and marks.visible else 0)


def _pair(first: list[int], second: list[int]) -> _Read:
    return _Read([*first, *second], types=[0] * len(first) + [1] * len(second))


def attention_weights(model: Any, stack: Stack, batch: Tensors, layer: int, side: str = "self") -> Tensor:
    """Return the attention weights float32[H, T, S] of a layer of a stack for the one row of a batch.

    The layers are those that run, in turn: one that is shared is used several times.
    """
    part = "cross" if side == "cross" else "attention"
    called: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def note(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        called.append((arguments, named))

    modules = [cast(Attention, getattr(one, part)) for one in [*stack.layers] * stack.times]
    hooks = [module.register_forward_pre_hook(note, with_kwargs=True) for module in dict.fromkeys(modules)]
    try:
        _run(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return _weights(modules[layer], *called[layer])


@torch.inference_mode()
def _run(model: Any, batch: Tensors) -> None:
    if hasattr(model, "hidden"):
        model.hidden(batch)
    else:  # a model that detects replaced tokens
        model.untouched_nats(batch)


@torch.inference_mode()
def _weights(module: Attention, arguments: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    """Return softmax(queries keys^T * scale + mask) [H, T, S] for the arguments that `Attention.forward` was given."""
    x, mask, causal, *rest = arguments
    rotation = rest[0] if rest else None
    memory = named.get("memory")
    queries = place(module.q(x).view(*x.shape[:2], module.heads, module.key_width), module.q_norm, rotation)
    keys, _ = module.keys_values(x if memory is None else memory, rotation)
    keys = keys.repeat_interleave(module.heads // module.key_heads, 2)
    scores = queries.transpose(1, 2) @ keys.permute(0, 2, 3, 1) * module.scale  # [1, H, T, S]
    if causal:
        ahead = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(ahead, -torch.inf)
    if mask is not None:
        scores = scores + mask
    return scores.float().softmax(-1)[0]


def judge(models: Models, request: JudgeRequest) -> Iterator[Event]:
    """Yield the event of /api/judge: of each token the probability that it was replaced."""
    one = models.get(request.run)
    if "judge" not in one.can or one.gap_way is None:
        raise UserError(f"{one.name} judges no tokens: only a model of the objective 'replaced' does.")
    ids, pieces = pieces_of(one, request.text)
    if not ids:
        raise UserError("The text has no tokens: write some words.")
    before, after = one.gap_way.form.before, one.gap_way.form.after
    row = [*before, *ids, *after]
    line = Line(0, row, range(len(before), len(before) + len(ids)), ids, range(len(ids)))
    yield {"event": "progress", "run": one.number, "doing": "reading", "done": 0.5}
    replaced = -np.expm1(-untouched(cast(Any, one.run.model), [line], one.run.device))
    yield {
        "event": "judge", "run": one.number,
        "tokens": [{"text": text, "replaced": float(chance)} for text, chance in zip(pieces, replaced, strict=True)],
        "how": "p that a small generator wrote the token in place of another, by the judge that was trained to tell",
    }  # fmt: skip


def pair(models: Models, request: PairRequest) -> Iterator[Event]:
    """Yield the event of /api/pair: how the model holds two texts to belong together."""
    one = models.get(request.run)
    if "pair" not in one.can or one.gap_way is None:
        raise UserError(f"{one.name} knows no pairs of texts: only a model of the objective nsp or sop does.")
    before, after = one.gap_way.form.before, one.gap_way.form.after
    first, second = one.encode(request.first).tolist(), one.encode(request.second).tolist()
    if not first or not second:
        raise UserError("A pair needs two texts: write both.")
    read = _pair([*before, *first, *after], [*second, *after])
    yield {"event": "progress", "run": one.number, "doing": "reading", "done": 0.5}
    chances = _pair_chances(one.run.model, read.tensors(one.run.device))
    meanings = getattr(one.run.recipe.objective, "classes", ("class 0", "class 1"))
    names, types = one.names(read.inputs), read.types or []
    yield {
        "event": "pair", "run": one.number,
        "classes": [{"meaning": meaning, "p": p} for meaning, p in zip(meanings, chances, strict=True)],
        "tokens": [{"name": name, "type": kind} for name, kind in zip(names, types, strict=True)],
        "how": "p of each class, read at the first token of the pair",
    }  # fmt: skip


def _pair_chances(model: Any, batch: Tensors) -> list[float]:
    return [float(share) for share in model.pair_nats(batch)[0].neg().exp()]
