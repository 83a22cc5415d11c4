"""A model in the middle of writing: what it has read of each row, kept so that every step reads one token alone.

Rows of different lengths end at the same place: short ones begin later, so that all write at one place, and what
stands before a row's first token is a document that nothing of the row sees.

Shapes: B rows, T tokens read at once, S places in all, V vocabulary, G key-value heads, K head width.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hornbook.model.attention import Cache, KeysValues, additive, crossing
from hornbook.model.layers import Stack
from hornbook.model.parts import Linear, compute_type
from hornbook.model.transformer import Transformer

_WORTH = 24  # laying out the weights costs about as much as so many steps gain by it


@dataclass(frozen=True)
class Writer:
    """A private copy of a model, and what its decoder remembers.

    caches       what each layer has read
    pads         int64[B]      places before a row's first token; None where there are none
    segments     int64[B, S]   1 where a row has a token, or will; None where that is everywhere
    memories     an encoder's output for each layer, or None
    memory_mask  hides what is behind the end of short inputs, or None
    """

    model: Transformer
    stack: Stack
    caches: list[Cache]
    pads: Tensor | None
    segments: Tensor | None
    memories: list[KeysValues] | None = None
    memory_mask: Tensor | None = None

    @torch.inference_mode()
    def read(self, tokens: Tensor, start: int, visible: bool = False) -> Tensor:
        """Take in tokens int64[B, T] at the places from `start` on; return the logits float32[B, V] of the next one.

        `visible`: the tokens also see those behind them.
        """
        length = start + tokens.shape[1]
        positions = torch.arange(start, length, device=tokens.device)
        segments = None
        if self.pads is not None and self.segments is not None:
            positions = (positions - self.pads[:, None]).clamp(min=0)
            segments = self.segments[:, :length]
        x = self.model.embed(tokens, positions, None, behind=self.model.encoder is not None)
        seen = torch.ones_like(tokens, dtype=torch.bool) if visible else None
        hidden = self.stack.step(x, positions, start, self.caches, segments, seen, self.memories, self.memory_mask)
        return self.model.output(hidden[:, -1]).float()

    @torch.inference_mode()
    def repeated(self, times: int) -> Writer:
        """Return a writer of `times` rows for each of this one's, in turn."""

        def again(tensor: Any) -> Any:
            return None if tensor is None else tensor.repeat_interleave(times, 0)

        caches = [Cache(again(cache.keys), again(cache.values)) for cache in self.caches]
        memories = None if self.memories is None else [(again(keys), again(values)) for keys, values in self.memories]
        pads, segments, mask = map(again, (self.pads, self.segments, self.memory_mask))
        return Writer(self.model, self.stack, caches, pads, segments, memories, mask)

    @torch.inference_mode()
    def reorder(self, rows: Tensor, length: int) -> None:
        """Let row b remember what row rows[b] has read, up to `length`; both rows must be of one prompt."""
        for cache in self.caches:
            for memory in (cache.keys, cache.values):
                memory[:, :length] = memory[rows, :length]


@torch.inference_mode()
def begin(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    room: int,
    start_id: int | None,
    visible: bool,
    ready: bool = False,
) -> tuple[Writer, Tensor, Tensor]:
    """Return a writer with room for so many new tokens, what it has read int64[B, T], and its first logits [B, V].

    A decoder reads the prompts, from both sides where `visible`, and then `start_id`; an encoder-decoder's encoder
    reads the prompts, its decoder `start_id`, or 0. `ready`: the model is a private copy already.
    """
    device, kind = model.embed.tokens.weight.device, compute_type(model.embed.tokens.weight)
    if not ready:
        model = private(model, laid_out=len(prompts) == 1 and room >= _WORTH)
    stack = model.decoder
    assert stack is not None
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    longest = int(lengths.max())
    ragged = bool((lengths < longest).any())
    padding = [[0] * (longest - len(prompt)) for prompt in prompts]
    pads = segments = memories = memory_mask = None
    if model.encoder is None:
        tokens = torch.tensor([[*pad, *prompt] for pad, prompt in zip(padding, prompts, strict=True)], device=device)
        if ragged:
            pads = longest - lengths
            segments = (torch.arange(longest + 1 + room, device=device) >= pads[:, None]).long()
    else:
        inputs = torch.tensor([[*prompt, *pad] for pad, prompt in zip(padding, prompts, strict=True)], device=device)
        real = None
        if ragged:
            real = (torch.arange(longest, device=device) < lengths[:, None]).long()
            memory_mask = additive(crossing(torch.ones_like(real[:, :1]), real), None, kind)
        memory = model.encoder(model.embedded(inputs, real, None), real).to(kind)
        memories = stack.attend_to(memory)
        tokens = torch.full((len(prompts), 1), start_id or 0, device=device)
    first = model.encoder is None and start_id is not None
    shape = (len(prompts), tokens.shape[1] + first + room, model.config.key_heads, model.config.key_width)
    caches = [Cache(*(torch.zeros(shape, dtype=kind, device=device) for _ in range(2))) for _ in stack.layers]
    writer = Writer(model, stack, caches, pads, segments, memories, memory_mask)
    logits = writer.read(tokens, 0, visible and model.encoder is None)
    if first:
        start = torch.full((len(prompts), 1), start_id or 0, device=device)
        logits = writer.read(start, tokens.shape[1])
        tokens = torch.cat((tokens, start), 1)
    return writer, tokens, logits


def private(model: Transformer, laid_out: bool = False) -> Transformer:
    """Return a copy of the model in evaluation mode, uncompiled (every length would compile anew), with its weights.

    The weights are the model's own. `laid_out`: on a CPU one row times a weight with more outputs than inputs takes
    half of the time when the weight lies in memory column after column, so such weights are copied that way; of more
    rows nothing is gained.
    """
    own: dict[int, object] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    weight = model.output_weight
    laid_out = laid_out and weight.device.type == "cpu" and weight.dtype == torch.float32
    if laid_out:
        for part in model.modules():
            if isinstance(part, Linear) and part.weight.shape[0] > part.weight.shape[1]:
                own[id(part.weight)] = _by_columns(part.weight)
    found = copy.deepcopy(model, own).eval()
    if laid_out and found.head.output is None:
        found.head.output = Linear(weight.shape[1], weight.shape[0], bias=False)
        found.head.output.weight = _by_columns(weight)
    return found


def _by_columns(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight.detach().t().contiguous().t(), requires_grad=False)
