"""What lines have in common, computed once: the context of the choices of an item, or what an encoder reads.

    decoder            the context is read once, and each line goes on from the keys and values that were kept
    encoder-decoder    equal inputs are read once, and each line attends to the output of its own

The same products of the same numbers as row by row: nats agree to 1e-5.

Shapes: F texts that are shared, P positions of the longest, R lines, T positions behind them, N scored positions,
D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.model.inputs import check_length
from hornbook.model.reading import caches_in, reader
from hornbook.model.transformer import Transformer

if TYPE_CHECKING:
    from hornbook.evaluate.scoring.ways import Ids, Line


def can_branch(model: Any) -> bool:
    """Whether a model can go on from a text in several ways: a decoder alone."""
    return isinstance(model, Transformer) and model.encoder is None


def measures_distance(model: Any) -> bool:
    """Whether attention depends on the distance of two places in a row, so that no padding may stand between them."""
    return bool(model.config.positions == "bucketed" or model.config.window > 0)


def reads_once(model: Any) -> bool:
    """Whether a model has an encoder behind which several lines can be written."""
    return isinstance(model, Transformer) and model.encoder is not None and model.decoder is not None


def branched(model: Transformer, lines: Sequence[Line], device: torch.device) -> Tensor:
    """Return the hidden states [N, D] at the lines' scored positions, of which the first is the last shared one.

    Short texts have padding behind them, which nothing of them sees, and which is hidden from what goes on from them.
    """
    numbers = dict[Any, int]()
    of_line = torch.tensor(
        [numbers.setdefault((line.sighted, *line.inputs[: line.shared]), len(numbers)) for line in lines], device=device
    )
    check_length(model.config.max_length, torch.empty(1, max(len(line.inputs) for line in lines)))
    tokens, real = (torch.from_numpy(part).to(device).long() for part in padded([text[1:] for text in numbers]))
    sighted, lengths, longest = torch.tensor([text[0] for text in numbers], device=device), real.sum(1), tokens.shape[1]
    places = torch.arange(longest, device=device)
    visible = places < sighted[:, None] if bool(sighted.any()) else None
    reads = reader(model, places=max(len(line.inputs) for line in lines))
    memory = reads.memory(len(numbers), longest)
    first = reads.read(tokens, 0, caches_in(memory), visible=visible)  # [F, P, D]
    hidden = first[of_line, lengths[of_line] - 1][:, None]  # [R, 1, D]

    rest, has = padded([line.inputs[line.shared :] for line in lines])
    if rest.shape[1]:
        branches = caches_in(memory, of_line)
        behind = torch.from_numpy(rest).to(device).long()
        after = lengths[of_line][:, None] + torch.arange(rest.shape[1], device=device)
        after = after.clamp(max=model.config.max_length - 1)  # of padding alone
        known = None if bool((real == 1).all()) else torch.cat((real[of_line], torch.ones_like(behind)), 1)
        hidden = torch.cat((hidden, reads.read(behind, longest, branches, after, known)), 1)
    scored = np.concatenate((np.ones((len(lines), 1), bool), has != 0), 1)
    return hidden.flatten(0, 1)[torch.from_numpy(np.flatnonzero(scored)).to(device)]


def read_once(model: Transformer, lines: Sequence[Line], device: torch.device) -> Tensor:
    """Return the hidden states [N, D] of a decoder at the lines' scored positions, equal inputs being read once."""
    assert model.encoder is not None and model.decoder is not None
    numbers: dict[tuple[int, ...], int] = {}
    of_line = torch.tensor([numbers.setdefault(tuple(line.inputs), len(numbers)) for line in lines], device=device)
    inputs, real = (torch.from_numpy(part).to(device).long() for part in padded(list(numbers)))
    behind, _ = padded([line.behind or () for line in lines])
    rows = torch.from_numpy(behind).to(device).long()
    check_length(model.config.max_length, inputs, rows)
    segments = None if bool((real == 1).all()) else real
    memory = model.encoder(model.embedded(inputs, segments, None), segments)
    own = None if segments is None else torch.ones_like(rows)  # nothing sees the padding behind it
    picked = np.concatenate([np.asarray(line.places) + number * behind.shape[1] for number, line in enumerate(lines)])
    output: Tensor = model.decoder(
        model.embedded(rows, own, None, behind=True),
        own,
        memory=memory.index_select(0, of_line),
        memory_segments=None if segments is None else segments.index_select(0, of_line),
        picked=torch.from_numpy(picked).to(device),
    )
    return output


def padded(rows: Sequence[Ids]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows as int32[B, T], filled with 0 on the right, and their segments: 1 where there is a token."""
    width = max(map(len, rows))
    tokens = np.zeros((len(rows), width), np.int32)
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = row
    return tokens, (np.arange(width) < np.array([len(row) for row in rows])[:, None]).astype(np.int32)
