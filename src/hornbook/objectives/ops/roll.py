"""Roll: noise in spans, rotated inside each document. Pure, vectorised, from row keys alone.

Shapes: B rows, T tokens of a row, K noise spans in all rows, D documents with noise in all rows.
"""

from __future__ import annotations

import numpy as np

from hornbook.keys import Keys, bits_at_places
from hornbook.objectives.ops.noise import Spans, find_documents, stretches

_ROLL = 17  # stream of the row key


def rolled(chosen: Spans, keys: Keys) -> Spans:
    """Rotate the noise of each document to begin at one of its kept tokens, each alike; counts stay as they are.

    T5's random_roll may begin inside a noise span, which makes two of it and the row longer; this one never does.
    """
    first = np.flatnonzero(chosen.rank == 0)  # of each document with noise
    if not len(first):
        return chosen
    width = chosen.segments.shape[1]
    number = np.diff(np.append(first, len(chosen.rank)))
    start = chosen.kept_starts[first]
    documents = find_documents(chosen.segments)
    length = documents.length[np.searchsorted(documents.start, start)]
    end = np.append(chosen.kept_starts[1:], 0)  # of each span of noise
    end[first[1:] - 1], end[-1] = (start + length)[:-1], start[-1] + length[-1]
    kept = chosen.noise_starts - chosen.kept_starts
    before = kept.cumsum() - kept  # kept tokens in all earlier spans
    total = np.add.reduceat(kept, first)
    draw = bits_at_places(keys, start, width, _ROLL) >> np.uint64(32)
    drawn = before[first] + ((draw * total.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    span = np.searchsorted(before, drawn, side="right") - 1  # the one whose kept token becomes the first
    begin = chosen.kept_starts[span] + drawn - before[span]
    base, size = np.repeat(start, number), np.repeat(length, number)
    noise_starts = base + (chosen.noise_starts - np.repeat(begin, number)) % size
    kept_starts = base + (chosen.kept_starts - np.repeat(begin, number)) % size
    kept_starts[span] = start
    order = np.argsort(noise_starts, kind="stable")
    noise = np.zeros(chosen.noise.shape, bool)
    noise.reshape(-1)[stretches(noise_starts[order], (end - chosen.noise_starts)[order])] = True
    return Spans(noise, kept_starts[order], noise_starts[order], chosen.rank, chosen.segments)
