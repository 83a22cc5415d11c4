"""The bridge: a Batch under the names and conventions of transformers' models.

Theirs, known here alone:
- labels are -100 where nothing is scored;
- a decoder shifts labels itself: what position t says is labels[t + 1];
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
from numpy.typing import NDArray
from torch import Tensor

from hornbook.batch import Batch, Topology, allowed

IGNORED = -100


def tensor(values: Any) -> Tensor:
    """Return an array as a tensor of 64-bit whole numbers."""
    return torch.from_numpy(np.ascontiguousarray(values, np.int64))


def to_hugging_face(batch: Batch, topology: Topology) -> dict[str, Tensor]:
    """Return input_ids, attention_mask, labels, and token_type_ids where there are types; int64[B, S or T].

    Positions that are padding in every row are left out.
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
    width = _used(segments != 0)
    height = _used(labels != IGNORED) if topology == "encoder-decoder" else width
    segments = segments[:, :width]
    found = {"input_ids": inputs[:, :width], "attention_mask": segments != 0, "labels": labels[:, :height]}
    if batch.types is not None:
        found["token_type_ids"] = batch.types[:, :width]
    tensors = {name: tensor(values) for name, values in found.items()}
    if visible is not None:
        sees = allowed(segments, visible[:, :width], width, topology)[:, None]
        least = np.finfo(np.float32).min
        tensors["attention_mask"] = torch.from_numpy(np.where(sees, np.float32(0.0), least))
    return tensors


def _used(there: NDArray[np.bool_]) -> int:
    """Return the number of columns up to the last one that has something; at least 1."""
    return int(np.max(np.flatnonzero(there.any(axis=0)), initial=0)) + 1
