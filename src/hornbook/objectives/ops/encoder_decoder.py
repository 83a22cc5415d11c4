"""Sides: the batch of an encoder-decoder whose inputs keep what the noise leaves and whose targets are the noise.

Shapes: B rows, T tokens of a row, K noise spans in all rows, S positions of the inputs, U of the targets.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hornbook.batch import Batch, Integers, Mask, Rows
from hornbook.errors import UserError
from hornbook.objectives.ops import compiled, rewrite
from hornbook.objectives.ops.noise import Counts, Spans, changes, last_segments
from hornbook.vocab import Vocab


def require_sentinels(vocab: Vocab, needed: int, who: str) -> None:
    """Refuse in words a vocabulary with too few sentinels."""
    found = len(vocab.sentinels)
    if found < needed:
        told = f"needs {needed} sentinels (<extra_id_0>, <extra_id_1>, ...) in a row, but this tokenizer has {found}"
        raise UserError(f"{who} {told}: use shorter rows, a larger mean_span, a lower density or another tokenizer.")


def build(
    rows: Rows, chosen: Spans, reads: Counts, says: Counts, widths: tuple[int, int], vocab: Vocab, who: str
) -> Batch:
    """Return inputs [B, S] and targets [B, U]: each noise span is a sentinel in the inputs, its tokens in the targets.

    rows     tokens [B, T]; its segments are not used, those of `chosen` are
    chosen   the noise; noise without spans is dropped from the inputs and written out without sentinels
    reads    int64[B] tokens and sentinels that a row's inputs have, the end of text left out
    says     int64[B] the same of its targets
    widths   S, U

    The end of text stands behind both sides, but a row with nothing to predict, such as one of a single token, has none
    in its targets: to predict it would teach the model to say nothing.
    """
    pad, eos, start = vocab.require("pad", who), vocab.require("eos", who), vocab.start(who)
    tokens, segments = rows.tokens, chosen.segments
    require_sentinels(vocab, int(chosen.rank.max(initial=-1)) + 1, who)
    sentinels = np.array(vocab.sentinels, tokens.dtype)[chosen.rank]
    given = chosen.noise, chosen.kept_starts, chosen.noise_starts, sentinels, reads, says
    if (found := compiled.run("build", tokens, segments, *given, *widths, pad, eos, start)) is not None:
        return of_kernel(rows, *found)
    dropped = chosen.noise | (segments == 0) if not segments[:, -1].all() else chosen.noise
    read, read_at = rewrite.collapse(tokens, dropped, chosen.noise_starts, sentinels)
    said, said_at = rewrite.collapse(tokens, ~chosen.noise, chosen.kept_starts, sentinels)
    end, some = np.array([pad, eos], tokens.dtype), (says > 0).astype(np.int64)
    inputs = rewrite.lay(read, reads, widths[0], pad, end[(reads > 0).astype(np.int64)])
    targets = rewrite.lay(said, says, widths[1], pad, end[some])
    if rows.segments is None:
        return finish(inputs, targets, says + some, start, None, None)
    last = last_segments(segments)
    own = rewrite.lay(segments.take(read_at), reads, widths[0], 0, last)
    behind = rewrite.lay(segments.take(said_at), says, widths[1], 0, last * some.astype(last.dtype))
    return finish(inputs, targets, says + some, start, own, behind)


def of_kernel(rows: Rows, *found: Any) -> Batch:
    """Return the batch of what a kernel made of rows; without segments where they have none."""
    inputs, targets, weights, count, before, *sides = found
    segments, behind = sides if rows.segments is not None else (None, None)
    return Batch(inputs, targets, weights, count, segments, decoder_inputs=before, decoder_segments=behind)


def finish(
    inputs: Integers, targets: Integers, count: Counts, start: int, segments: Integers | None, behind: Integers | None
) -> Batch:
    """Return the batch of both sides; rows have `count` targets, each document's decoder inputs begin with `start`."""
    weights: Mask = np.arange(targets.shape[1]) < count[:, None]
    decoder_inputs = np.empty_like(targets)
    decoder_inputs[:, :1] = start
    decoder_inputs[:, 1:] = targets[:, :-1]
    if behind is not None:
        decoder_inputs.reshape(-1)[np.flatnonzero(changes(behind)) + 1] = start
    seen = inputs, targets, weights.astype(np.float32), count.astype(np.float64), segments
    return Batch(*seen, decoder_inputs=decoder_inputs, decoder_segments=behind)
