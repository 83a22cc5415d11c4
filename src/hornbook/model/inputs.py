"""Tensors: a Batch on its device, ready for the model.

Shapes: B rows, S positions of the input, T of the output (T = S but for encoder-decoders), N scored positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.batch import Batch
from hornbook.errors import UserError


@dataclass(frozen=True, eq=False)
class Tensors:
    """A Batch as tensors on one device; the conventions are those of `hornbook.batch`.

    inputs            int64[B, S]
    targets           int64[B, T]
    weights           float32[B, T]
    count             sum of the batch's count: its share of the loss's denominator
    scored            int64[N]      ascending indices into [B * T] where weights are not 0
    segments          int64[B, S] or None where every row is one document without padding
    visible           bool[B, S] or None
    types             int64[B, S] or None
    pair              int64[B] or None
    counts            float32[B]    each row's share of `count`, where there are pairs; else None
    decoder_inputs    int64[B, T] or None
    decoder_segments  int64[B, T] or None where every row is one document, padded or not: nothing sees padding behind it
    positions         how many positions the model computes, B * S and, of an encoder-decoder, B * T
    padding           those of them that hold no token
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    count: float
    scored: Tensor
    segments: Tensor | None = None
    visible: Tensor | None = None
    types: Tensor | None = None
    pair: Tensor | None = None
    counts: Tensor | None = None
    decoder_inputs: Tensor | None = None
    decoder_segments: Tensor | None = None
    positions: int = 0
    padding: int = 0

    @property
    def scored_targets(self) -> int:
        """How many targets have a loss."""
        return self.scored.numel()

    @property
    def other_targets(self) -> int:
        """How many have none."""
        return self.targets.numel() - self.scored.numel()


def to_tensors(batch: Batch, device: torch.device) -> Tensors:
    """Copy a Batch to the device. Segments that forbid nothing become None, so that attention takes its fast path."""

    def move(values: NDArray[np.generic] | None, kind: type) -> Any:
        if values is None:
            return None
        tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=kind))
        # Pinned memory that is let go is not used again before the copy, on whichever stream, is done.
        return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)

    segments = None if batch.segments is None or (batch.segments == 1).all() else batch.segments
    behind = batch.decoder_segments
    if behind is not None and segments is None and (behind <= 1).all() and (np.diff(behind, axis=1) <= 0).all():
        behind = None
    return Tensors(
        inputs=move(batch.inputs, np.int64),
        targets=move(batch.targets, np.int64),
        weights=move(batch.weights, np.float32),
        count=float(batch.count.sum()),
        scored=move(np.flatnonzero(batch.weights != 0), np.int64),
        segments=move(segments, np.int64),
        visible=move(batch.visible, np.bool_),
        types=move(batch.types, np.int64),
        pair=move(batch.pair, np.int64),
        counts=None if batch.pair is None else move(batch.count, np.float32),
        decoder_inputs=move(batch.decoder_inputs, np.int64),
        decoder_segments=move(behind, np.int64),
        positions=batch.inputs.size + (0 if batch.decoder_inputs is None else batch.decoder_inputs.size),
        padding=sum(
            int(np.count_nonzero(side == 0)) for side in (batch.segments, batch.decoder_segments) if side is not None
        ),
    )


def check_length(longest: int, *sides: Tensor | None) -> None:
    """Refuse rows of tokens [B, T] longer than the model's positions."""
    for side in sides:
        if side is not None and side.shape[1] > longest:
            raise UserError(
                f"A row of {side.shape[1]} tokens is longer than the model's {longest} positions: shorten the text, "
                "or train with a larger model.max_length."
            )


class CopyStream:
    """Copies batches to a CUDA device on a stream of its own, so that the device computes meanwhile.

    On the stream of the computing, where every other copy is, one waits for all that was asked for before it.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def send(self, batch: Batch) -> tuple[Tensors, torch.cuda.Event]:
        """Begin to copy a batch, in any thread; return its tensors and what tells that they hold it."""
        device = self._stream.device  # with its number, which a thread has to be told
        with torch.cuda.device(device), torch.cuda.stream(self._stream):
            return to_tensors(batch, device), self._stream.record_event()

    def receive(self, sent: tuple[Tensors, torch.cuda.Event]) -> Tensors:
        """Return the tensors of what `send` returned, for the calling thread's stream: it waits, not the thread."""
        tensors, arrived = sent
        computing = torch.cuda.current_stream(self._stream.device)
        computing.wait_event(arrived)
        for value in vars(tensors).values():
            if isinstance(value, Tensor):
                value.record_stream(computing)  # else the next copies take its memory once Python has let it go
        return tensors
