"""A model in the middle of writing: what it has read of each row, kept so that every step reads one token alone.

Rows of different lengths end at the same place: short ones begin later, so that all write at one place, and what
stands before a row's first token is a document that nothing of the row sees.

Shapes: B rows, T tokens read at once, S places in all, V vocabulary, G key-value heads, K head width.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hornbook.model.attention import KeysValues, additive, crossing
from hornbook.model.reading import Cache, Reader, caches_in, reader
from hornbook.model.transformer import Transformer
from hornbook.schema import Weights

_WORTH = 24  # laying out the weights costs about as much as so many steps gain by it


@dataclass(frozen=True)
class Writer:
    """What reads with a model's decoder, and what it remembers.

    memory       what each layer has read, and `caches`, each layer's part of it
    pads         int64[B]      places before a row's first token; None where there are none
    segments     int64[B, S]   1 where a row has a token, or will; None where that is everywhere
    memories     an encoder's output for each layer, or None
    memory_mask  hides what is behind the end of short inputs, or None
    """

    reader: Reader
    memory: Tensor
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
        positions = segments = None
        if self.pads is not None and self.segments is not None:
            positions = (torch.arange(start, length, device=tokens.device) - self.pads[:, None]).clamp(min=0)
            segments = self.segments[:, :length]
        seen = torch.ones_like(tokens, dtype=torch.bool) if visible else None
        hidden = self.reader.read(
            tokens, start, self.caches, positions, segments, seen, self.memories, self.memory_mask
        )  # fmt: skip
        return self.reader.logits(hidden[:, -1])

    @torch.inference_mode()
    def repeated(self, times: int) -> Writer:
        """Return a writer of `times` rows for each of this one's, in turn."""

        def again(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.repeat_interleave(times, 0)

        memory = self.memory.repeat_interleave(times, 2)
        memories = self.memories
        if memories is not None:
            memories = [
                (keys.repeat_interleave(times, 0), values.repeat_interleave(times, 0)) for keys, values in memories
            ]
        pads, segments, mask = map(again, (self.pads, self.segments, self.memory_mask))
        return replace(
            self, memory=memory, caches=caches_in(memory), pads=pads, segments=segments, memories=memories,
            memory_mask=mask,
        )  # fmt: skip

    @torch.inference_mode()
    def reorder(self, rows: Tensor, begin: int, end: int) -> None:
        """Let row b remember what row rows[b] has read from `begin` to `end`; before that, both have read the same."""
        self.memory[:, :, :, begin:end] = self.memory[:, :, rows, begin:end]


@torch.inference_mode()
def begin(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    room: int,
    start_id: int | None,
    visible: bool,
    ready: bool = False,
    weights: Weights = "fp32",
) -> tuple[Writer, Tensor, Tensor]:
    """Return a writer with room for so many new tokens, what it has read int64[B, T], and its first logits [B, V].

    A decoder reads the prompts, from both sides where `visible`, and then `start_id`; an encoder-decoder's encoder
    reads the prompts, its decoder `start_id`, or 0. `ready`: the model is a private copy already, and will be asked
    again: its weights stay as they lie.
    """
    device = model.embed.tokens.weight.device
    if model.encoder is not None and not ready:
        model = private(model)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    longest = int(lengths.max())
    ragged = bool((lengths < longest).any())
    padding = [[0] * (longest - len(prompt)) for prompt in prompts]
    pads = segments = None
    if model.encoder is None:
        tokens = torch.tensor([[*pad, *prompt] for pad, prompt in zip(padding, prompts, strict=True)], device=device)
        if ragged:
            pads = longest - lengths
            segments = (torch.arange(longest + 1 + room, device=device) >= pads[:, None]).long()
    else:
        inputs = torch.tensor([[*prompt, *pad] for pad, prompt in zip(padding, prompts, strict=True)], device=device)
        tokens = torch.full((len(prompts), 1), start_id or 0, device=device)
    first = model.encoder is None and start_id is not None
    places = tokens.shape[1] + first + room
    reads = reader(model, weights, not ready and room >= _WORTH, places)
    memory = reads.memory(len(prompts), places)
    writer = Writer(reads, memory, caches_in(memory), pads, segments)
    if model.encoder is not None:
        writer = _behind_encoder(writer, model, inputs, lengths if ragged else None)
    logits = writer.read(tokens, 0, visible and model.encoder is None)
    if first:
        start = torch.full((len(prompts), 1), start_id or 0, device=device)
        logits = writer.read(start, tokens.shape[1])
        tokens = torch.cat((tokens, start), 1)
    return writer, tokens, logits


def _behind_encoder(writer: Writer, model: Transformer, inputs: Tensor, lengths: Tensor | None) -> Writer:
    """Return a writer that has read inputs int64[B, S] of unlike lengths, or all whole, with the model's encoder."""
    real = mask = None
    if lengths is not None:
        real = (torch.arange(inputs.shape[1], device=inputs.device) < lengths[:, None]).long()
        mask = additive(crossing(torch.ones_like(real[:, :1]), real), None, writer.reader.kind)
    assert model.encoder is not None
    found = model.encoder(model.embedded(inputs, real, None), real)
    return replace(writer, memories=writer.reader.memories(found), memory_mask=mask)


def private(model: Transformer) -> Transformer:
    """Return a copy of the model in evaluation mode, uncompiled (every length would compile anew), with its weights.

    The weights are the model's own.
    """
    own: dict[int, object] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, own).eval()
