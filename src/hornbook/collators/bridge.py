"""The bridge: a Batch under the names and conventions of transformers' models.

Theirs, known here alone:
- labels are -100 where nothing is scored;
- a decoder shifts labels itself: what position t predicts is labels[t + 1];
- an encoder-decoder makes its decoder's inputs from labels, beginning with its own config's start token;
- a mask of four dimensions, 0 where a query sees a key and the least number elsewhere, replaces the model's own.

    Batch      inputs   <s>  a    b         input_ids   <s>  a    b    </s>
    (decoder)  targets  a    b    </s>      labels      -100 a    b    </s>

Shapes: B rows, S positions of inputs, T of targets; each row is one document.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from hornbook.batch import Batch, Topology

IGNORED = -100


def tensor(values: Any) -> Tensor:
    """Return an array as a tensor of 64-bit whole numbers."""
    return torch.from_numpy(np.ascontiguousarray(values, np.int64))


def to_hugging_face(batch: Batch, topology: Topology) -> dict[str, Tensor]:
    """Return input_ids, attention_mask, labels, and token_type_ids where there are types; int64[B, S or T].

    A decoder's have S + 1 = P positions; where a prefix is seen from both sides its mask is float32[B, 1, P, P].
    """
    inputs, labels = batch.inputs, np.where(batch.weights != 0, batch.targets, IGNORED)
    segments = np.ones(inputs.shape, np.int32) if batch.segments is None else batch.segments
    visible = batch.visible
    if topology == "decoder":
        nothing = np.full((len(batch), 1), IGNORED)
        scored = (batch.weights[:, -1:] != 0).astype(segments.dtype)
        inputs = np.concatenate([inputs, batch.targets[:, -1:]], axis=1)
        labels = np.concatenate([nothing, labels], axis=1)
        segments = np.concatenate([segments, scored], axis=1)
        visible = None if visible is None else np.concatenate([visible, nothing == 0], axis=1)
    found = {"input_ids": tensor(inputs), "attention_mask": tensor(segments != 0), "labels": tensor(labels)}
    if visible is not None:
        # Padding is behind all that is real, so that nothing real sees it.
        least = torch.finfo(torch.float32).min
        ahead = torch.full((inputs.shape[1],) * 2, least).triu(1)
        hidden = torch.from_numpy(np.where(visible, np.float32(0.0), np.float32(least)))
        found["attention_mask"] = torch.maximum(ahead, hidden[:, None, None])
    if batch.types is not None:
        found["token_type_ids"] = tensor(batch.types)
    return found


def trim(found: dict[str, Tensor], topology: Topology) -> dict[str, Tensor]:
    """Leave out the positions that are padding in every row, of each side of an encoder-decoder on its own.

    For objectives that make room for noise which a batch may not have.
    """
    width = _used(found["attention_mask"] != 0)
    height = _used(found["labels"] != IGNORED) if topology == "encoder-decoder" else width
    ends = {name: height if name == "labels" else width for name in found}
    return {name: values[:, : ends[name]].contiguous() for name, values in found.items()}


def cut(found: dict[str, Tensor], width: int, topology: Topology) -> dict[str, Tensor]:
    """Leave out what is behind the first `width` positions of a decoder; other models have no such positions."""
    if topology != "decoder" or found["input_ids"].shape[1] <= width:
        return found
    return {
        name: (values[..., :width, :width] if values.dim() == 4 else values[:, :width]).contiguous()
        for name, values in found.items()
    }


def widen(found: dict[str, Tensor], multiple: int, fill: int) -> dict[str, Tensor]:
    """Pad each side to a multiple of so many positions: input_ids with `fill`, labels with -100, all else with 0."""
    return {
        name: values
        if values.dim() == 1
        else _wider_mask(values, -values.shape[-1] % multiple)
        if values.dim() == 4
        else _wider(values, -values.shape[1] % multiple, {"input_ids": fill, "labels": IGNORED}.get(name, 0))
        for name, values in found.items()
    }


def _wider(values: Tensor, more: int, fill: int) -> Tensor:
    """Return values [B, T, ...] with so many positions more."""
    new = torch.full((values.shape[0], more, *values.shape[2:]), fill, dtype=values.dtype)
    return torch.cat([values, new], 1)


def _wider_mask(mask: Tensor, more: int) -> Tensor:
    """Return a mask [B, 1, P, P] of four dimensions for so many positions more, which see what is before them."""
    width = mask.shape[-1] + more
    wide = torch.full((width, width), torch.finfo(mask.dtype).min, dtype=mask.dtype).triu(1)
    wide = wide.repeat(mask.shape[0], 1, 1, 1)
    wide[..., : mask.shape[-2], : mask.shape[-1]] = mask
    return wide


def _used(there: Tensor) -> int:
    """Return the number of columns of bool[B, T] up to the last one in which a row has something; at least 1."""
    columns = there.any(0).nonzero()
    return int(columns.max()) + 1 if len(columns) else 1
