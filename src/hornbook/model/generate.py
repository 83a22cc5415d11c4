"""Using a model: continue a text, fill masked positions, fill spans. All on ids; layers run uncompiled, shapes vary.

Shapes: B rows, T positions given, S positions known, V vocabulary, D width, G key-value heads, K head width.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.keys import row_keys, uniform
from hornbook.model.attention import Cache, KeysValues, additive, crossing
from hornbook.model.inputs import to_tensors
from hornbook.model.layers import Stack
from hornbook.model.parts import compute_type
from hornbook.model.transformer import Transformer

_STREAM = 0x67656E  # of the draws; the number of the new token is added


def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    max_new: int,
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    stop: frozenset[int] = frozenset(),
    seed: int = 0,
    start_id: int = 0,
) -> list[list[int]]:
    """Return at most `max_new` new ids for each prompt, without the prompt and without the id in `stop` that ended it.

    A decoder continues the prompt; an encoder-decoder reads it and writes from `start_id` on. Temperature 0 takes the
    likeliest id; otherwise one is drawn from softmax(logits / temperature), cut to the `top_k` likeliest ids (0 = all)
    and to the fewest likeliest whose probabilities reach `top_p` (Holtzman et al. 2020). The draw is a function of the
    seed, the prompt's number and the new id's number. Prompts of different lengths do not affect each other.
    Raises UserError where a prompt is empty or longer than the model's positions allow.
    """
    lengths = [len(prompt) for prompt in prompts]
    if not lengths:
        return []
    _refuse(model, lengths, max_new)
    draws = row_keys(seed, np.arange(len(prompts)))
    device = model.embed.tokens.weight.device
    with _using(model):
        writer, tokens, last = _begin(model, prompts, max_new, start_id, device)
        positions = torch.arange(tokens.shape[1], device=device).expand_as(tokens)
        rows = torch.arange(len(prompts), device=device)
        written: list[Tensor] = []
        going = torch.ones(len(prompts), dtype=torch.bool, device=device)
        stopping = torch.tensor(sorted(stop), dtype=torch.int64, device=device)
        for number in range(max_new):
            hidden = writer.read(tokens, positions)  # [B, T, D]
            logits = model.output(hidden[rows, last]).float()  # [B, V]
            draw = torch.from_numpy(uniform(draws, 1, _STREAM + number)[:, 0]).to(device)
            found = _pick(logits, temperature, top_k, top_p, draw)
            written.append(found)
            going &= ~torch.isin(found, stopping)
            if not going.any():
                break
            positions = positions[rows, last][:, None] + 1
            tokens, last = found[:, None], torch.zeros_like(last)
    return [_until(row, stop) for row in torch.stack(written, 1).tolist()]


def fill(model: Transformer, ids: Sequence[int], mask_id: int, top: int) -> list[list[tuple[int, float]]]:
    """Return, for each mask in `ids` in order, the `top` likeliest ids at the mask's own position with probabilities.

    Raises UserError where the model is no encoder or `ids` hold no mask.
    """
    if model.config.topology != "encoder":
        raise UserError(f"Only an encoder fills masks, and this model is of topology {model.config.topology}.")
    if mask_id not in ids:
        raise UserError("The text has no mask to fill: put the mask token where a word is missing.")
    inputs = np.array([ids])
    batch = Batch(inputs, inputs, (inputs == mask_id).astype(np.float32), np.ones(1))
    with _using(model):
        tensors = to_tensors(batch, model.embed.tokens.weight.device)
        logits = model.output(model.hidden(tensors)[0, tensors.scored])  # [N, V]
        best = torch.softmax(logits.float(), -1).topk(min(top, model.config.vocab_size))
    return [
        list(zip(found, chances, strict=True))
        for found, chances in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def fill_spans(
    model: Transformer, input_ids: Sequence[int], sentinels: Sequence[int], eos: int, start_id: int, max_new: int
) -> list[list[int]]:
    """Return the ids an encoder-decoder writes for each sentinel in `input_ids`, in their order; greedy.

    The output is read as T5 writes it (Raffel et al. 2020, 3.1.4): a sentinel, then what it stands for. A sentinel that
    is not written, or that is written a second time, has nothing. Raises UserError where there is none to fill.
    """
    if model.config.topology != "encoder-decoder":
        raise UserError(f"Only an encoder-decoder fills spans, and this model is of topology {model.config.topology}.")
    known = set(sentinels)
    asked = [token for token in input_ids if token in known]
    if not asked:
        raise UserError("The text has no gap to fill: put a sentinel such as <extra_id_0> where words are missing.")
    (output,) = generate(model, [input_ids], max_new=max_new, stop=frozenset([eos]), start_id=start_id)
    spans: dict[int, list[int]] = {}
    current: list[int] = []
    for token in output:
        if token in known:
            current = []
            spans.setdefault(token, current)
        else:
            current.append(token)
    return [spans.get(token, []) for token in asked]


@dataclass(frozen=True)
class _Writer:
    """A model in the middle of writing: what its layers remember of each row."""

    model: Transformer
    stack: Stack
    caches: list[Cache]
    memories: list[KeysValues] | None
    memory_mask: Tensor | None

    def read(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Take in tokens int64[B, T] at positions int64[B, T] and return what the last layer says, [B, T, D]."""
        x = self.model.embed(tokens, positions, None, behind=self.model.encoder is not None)
        length = int(positions.max()) + 1
        return self.stack.step(x, positions, length, self.caches, self.memories, self.memory_mask)


def _begin(
    model: Transformer, prompts: Sequence[Sequence[int]], max_new: int, start_id: int, device: torch.device
) -> tuple[_Writer, Tensor, Tensor]:
    """Return the writer, its first tokens int64[B, T] (short rows padded at their end) and each row's last index [B].

    What stands behind a row's last token is never seen by it, and is overwritten as the row grows.
    """
    config, stack = model.config, model.decoder
    assert stack is not None
    lengths = [len(prompt) for prompt in prompts]
    tokens = torch.zeros(len(prompts), max(lengths), dtype=torch.int64, device=device)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = torch.tensor(prompt, device=device)
    last = torch.tensor(lengths, device=device) - 1
    kind = compute_type(model.embed.tokens.weight)
    memories = memory_mask = None
    room = max(lengths) + max_new
    if model.encoder is not None:
        segments = None
        if min(lengths) < max(lengths):
            segments = (torch.arange(max(lengths), device=device) <= last[:, None]).long()
            memory_mask = additive(crossing(torch.ones_like(segments[:, :1]), segments), None, kind)
        memory = model.encoder(model.embedded(tokens, segments, None), segments).to(kind)
        memories = stack.attend_to(memory)
        tokens = torch.full((len(prompts), 1), start_id, device=device)
        last = torch.zeros_like(last)
        room = max_new
    shape = (len(prompts), room, config.key_heads, config.key_width)
    caches = [
        Cache(torch.zeros(shape, dtype=kind, device=device), torch.zeros(shape, dtype=kind, device=device))
        for _ in stack.layers
    ]
    return _Writer(model, stack, caches, memories, memory_mask), tokens, last


def _pick(logits: Tensor, temperature: float, top_k: int, top_p: float, draw: Tensor) -> Tensor:
    """Return one id of each row of logits [B, V]: the likeliest, or that at which draw [B] falls among those kept."""
    if temperature == 0:
        return logits.argmax(-1)
    chances, ids = torch.sort(torch.softmax(logits.double() / temperature, -1), dim=-1, descending=True, stable=True)
    if top_k:
        chances[:, top_k:] = 0.0
    chances /= chances.sum(-1, keepdim=True)
    kept = chances.cumsum(-1) - chances < top_p
    kept[:, 0] = True
    reached = (chances * kept).cumsum(-1)
    place = (reached <= draw[:, None] * reached[:, -1:]).sum(-1, keepdim=True)
    place = place.minimum((chances * kept > 0).sum(-1, keepdim=True) - 1)
    picked: Tensor = ids.gather(1, place)[:, 0]
    return picked


def _refuse(model: Transformer, lengths: list[int], max_new: int) -> None:
    longest, room = max(lengths), model.config.max_length
    if model.decoder is None:
        raise UserError("An encoder does not write text; fill masks with it instead.")
    if min(lengths) == 0:
        raise UserError("A prompt is empty: begin it with at least one token, such as the beginning-of-sequence token.")
    if model.encoder is None and longest + max_new > room:
        raise UserError(
            f"A prompt of {longest} tokens and {max_new} new ones do not fit into the model's {room} positions: "
            f"ask for at most {max(0, room - longest)} new tokens or shorten the prompt to {max(0, room - max_new)}."
        )
    if model.encoder is not None and max(longest, max_new) > room:
        raise UserError(
            f"The model reads and writes at most {room} tokens, but the text has {longest} and {max_new} new ones "
            "are asked for."
        )


def _until(row: list[int], stop: frozenset[int]) -> list[int]:
    return row[: next((number for number, token in enumerate(row) if token in stop), len(row))]


@contextlib.contextmanager
def _using(model: Transformer) -> Iterator[None]:
    """Evaluate the model without gradients, dropout or compilation (each new length would compile anew)."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            yield
    finally:
        model.train(training)
