"""Lines computed: sorted by length, in batches of few padded positions, what they share computed once.

    likelihoods                    the nats of many lines
    before_logits                  of a few lines what the model predicts at the scored positions, from which follow
    log_chances, target_nats       the log-probabilities of all tokens, or the nats of the targets

What a line gives depends on no other line, but for the last bits of its numbers. Computed in fp32, whatever the
machine; sums are in double precision.

Shapes: N scored positions of a batch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.batch import Batch
from hornbook.evaluate.scoring import shared
from hornbook.evaluate.scoring.ways import Asks, Ids, Line
from hornbook.model.electra import Electra, Model
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.loss import linear_nats
from hornbook.model.parts import compute_type

POSITIONS = 1 << 14  # positions of a batch, padding included
AHEAD = 1 << 14  # lines that are sorted by length together
_LEAST = 8  # tokens that lines must share, to be worth two passes instead of one

Floats = NDArray[np.float64]


def likelihoods(
    model: Model,
    lines: Iterable[Line],
    lengths: Sequence[int],
    device: torch.device,
    *,
    likely: bool = False,
    asks: Asks = "nats",
    done: Callable[[int], None] | None = None,
) -> tuple[list[Floats], list[float]]:
    """Compute lines; return the nats of each item's tokens, and how surely each item is the likeliest one.

    lengths  tokens of each item
    likely   whether the second is asked for: 1 where all targets of the item's greedy lines are the likeliest tokens,
             1 / k for each one that is tied with k - 1 others, 0 where one is not
    asks     the method of the model that is asked
    done     is told the number of lines that are computed
    """
    nats, credits, waiting, computed = [np.zeros(length) for length in lengths], [1.0] * len(lengths), iter(lines), 0
    while ahead := list(itertools.islice(waiting, AHEAD)):
        for group in _groups(ahead, model):
            found, credit = _computed(model, group, device, likely, asks)
            start = 0
            for line in group:
                end = start + len(line.places)
                np.add.at(nats[line.item], np.asarray(line.tokens), line.factor * found[start:end])
                if line.greedy and likely:
                    credits[line.item] *= float(credit[start:end].prod())
                start = end
            computed += len(group)
            if done is not None:
                done(computed)
    return nats, credits


def _computed(
    model: Any, lines: Sequence[Line], device: torch.device, likely: bool, asks: Asks
) -> tuple[Floats, Floats]:
    """Return the nats [N] of all scored positions, line after line, and each target's credit (1 where not asked)."""
    targets = torch.tensor(list(itertools.chain.from_iterable(line.targets for line in lines)), device=device)
    with torch.no_grad():
        made = _together(model, lines, device)
        if made is None:
            tensors = _tensors(model, lines, device)
            if not likely:
                return getattr(model, asks)(tensors).double().cpu().numpy(), np.ones(len(targets))
            made = model.before_logits(tensors)
        hidden, weight, bias = made
        credit = torch.ones(len(targets), device=device)
        nats = linear_nats(hidden, weight, bias, targets, compute_type(hidden), credit if likely else None)
    return nats.double().cpu().numpy(), credit.double().cpu().numpy()


Made = tuple[Tensor, Tensor, Tensor | None]
"""What logits are made of: hidden [N, E], weight [V, E], bias [V] or None."""


def _together(model: Any, lines: Sequence[Line], device: torch.device) -> Made | None:
    """Return what the logits of all scored positions are made of, where the lines have parts that are computed once."""
    if lines[0].shared and shared.can_branch(model):
        return model.head(shared.branched(model, lines, device)), model.output_weight, model.head.bias
    if lines[0].behind is not None and shared.reads_once(model):
        return model.head(shared.read_once(model, lines, device)), model.output_weight, model.head.bias
    return None


def _tensors(model: Model, lines: Sequence[Line], device: torch.device) -> Tensors:
    tensors = to_tensors(batch_of(lines), device)
    # A decoder sees no padding behind its tokens.
    return replace(tensors, segments=None) if shared.can_branch(model) else tensors


@torch.inference_mode()
def before_logits(model: Model, lines: Sequence[Line], device: torch.device) -> Made:
    """Return what the logits of the lines' scored positions are made of, line after line."""
    return _together(model, lines, device) or model.before_logits(_tensors(model, lines, device))


@torch.inference_mode()
def log_chances(made: Made, rows: slice = slice(None)) -> Tensor:
    """Return the log-probabilities float32[N, V] at some of the positions of `before_logits`."""
    hidden, weight, bias = made
    return torch.nn.functional.linear(hidden[rows], weight, bias).float().log_softmax(-1)


@torch.inference_mode()
def target_nats(made: Made, lines: Sequence[Line]) -> Floats:
    """Return -ln p(target) [N] at the positions of `before_logits`; no array of all logits exists."""
    hidden, weight, bias = made
    targets = torch.tensor(list(itertools.chain.from_iterable(line.targets for line in lines)), device=hidden.device)
    return linear_nats(hidden, weight, bias, targets, compute_type(hidden)).double().cpu().numpy()


@torch.inference_mode()
def untouched(model: Electra, lines: Sequence[Line], device: torch.device) -> Floats:
    """Return -ln(1 - p(replaced)) [N] at the lines' scored positions, of a model that detects replaced tokens."""
    return model.untouched_nats(_tensors(model, lines, device)).double().cpu().numpy()


def _groups(lines: list[Line], model: Model) -> Iterator[list[Line]]:
    """Yield batches of lines, none of many padded positions; those of one batch share what they can, or nothing."""
    if lines[0].behind is not None:
        lines.sort(key=lambda line: (len(line.inputs), tuple(line.inputs), len(line.behind or ())))
        yield from _runs(lines, _both_sides)
        return
    families: dict[Any, list[Line]] = {}
    for number, line in enumerate(lines):
        share = line.shared >= _LEAST and shared.can_branch(model)
        key = (line.sighted, *line.inputs[: line.shared]) if share else number
        families.setdefault(key, []).append(line)
    alone = [family[0] for family in families.values() if len(family) == 1]
    yield from _runs([_unshared(line) for line in sorted(alone, key=lambda line: len(line.inputs))], _one_side)
    several = [family for family in families.values() if len(family) > 1]
    several.sort(key=lambda family: (family[0].shared, max(len(line.inputs) for line in family)))
    together = [line for family in several for line in family]
    if several and shared.measures_distance(model):
        for _, alike in itertools.groupby(together, lambda line: line.shared):
            yield from _runs(list(alike), _branches)
    else:
        yield from _runs(together, _branches, lambda line: line.shared)


def _unshared(line: Line) -> Line:
    return replace(line, shared=0)


def _read(line: Line) -> int:
    return len(line.inputs)


def _runs(
    lines: Sequence[Line], cost: Callable[[], Callable[[Line], int]], length: Callable[[Line], int] = _read
) -> Iterator[list[Line]]:
    """Yield runs of lines whose cost, in positions, is at most that of a batch; `cost` begins to count a run.

    A quarter of a batch is enough where the next `length` is longer: rows of one need no padding and no mask.
    """
    run: list[Line] = []
    counted, before = cost(), 0
    for line in lines:
        now = counted(line)
        if run and (now > POSITIONS or (before > POSITIONS // 4 and length(line) > length(run[-1]))):
            yield run
            run, counted = [], cost()
            now = counted(line)
        run.append(line)
        before = now
    if run:
        yield run


def _one_side() -> Callable[[Line], int]:
    wide = rows = 0

    def counted(line: Line) -> int:
        nonlocal wide, rows
        wide, rows = max(wide, len(line.inputs)), rows + 1
        return wide * rows

    return counted


def _both_sides() -> Callable[[Line], int]:
    """Inputs are counted once for all lines that have them; they stand side by side."""
    read = wide = behind = rows = 0
    last: Ids = ()

    def counted(line: Line) -> int:
        nonlocal read, wide, behind, rows, last
        read += line.inputs != last
        wide, behind, rows, last = (
            max(wide, len(line.inputs)),
            max(behind, len(line.behind or ())),
            rows + 1,
            line.inputs,
        )
        return read * wide + rows * behind

    return counted


def _branches() -> Callable[[Line], int]:
    """What is shared is counted once for all lines that have it; but they attend to it, so few may be long."""
    wide = behind = rows = 0

    def counted(line: Line) -> int:
        nonlocal wide, behind, rows
        wide, behind, rows = max(wide, line.shared), max(behind, len(line.inputs) - line.shared), rows + 1
        return (wide + behind) * rows

    return counted


def batch_of(lines: Sequence[Line]) -> Batch:
    """Return lines as a batch: padded on the right, and scored where they say."""
    inputs, segments = shared.padded([line.inputs for line in lines])
    behind, behind_segments = None, None
    if lines[0].behind is not None:
        behind, behind_segments = shared.padded([line.behind or () for line in lines])
    targets = np.zeros((inputs if behind is None else behind).shape, np.int32)
    weights = np.zeros(targets.shape, np.float32)
    for number, line in enumerate(lines):
        places = np.asarray(line.places)
        targets[number, places], weights[number, places] = line.targets, 1.0
    sighted = np.array([line.sighted for line in lines])
    visible = np.arange(inputs.shape[1]) < sighted[:, None] if sighted.any() else None
    count = weights.sum(axis=1, dtype=np.float64)
    return Batch(
        inputs, targets, weights, count, segments, visible, decoder_inputs=behind, decoder_segments=behind_segments
    )
