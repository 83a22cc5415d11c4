"""What each document gives to a measurement of packed rows: documents are the units of every interval, tokens never.

    row        segment 1 of document 7 | segment 2 of document 8 | segment 3 of document 9 ...
    batch      scored positions, each of a segment -> nats, targets, ends ... of (row, document)
    documents  the sums over the rows that a document lies in

Objectives keep the segments of their rows. Where one numbers its pieces in another way (a prefix objective with two
sides cuts documents in halves) a row's sums are divided among its documents by their tokens in it.

Shapes: B rows, S scored positions of a batch, M pairs (row, document) of a batch, n documents.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Rows
from hornbook.objectives.base import Objective
from hornbook.tokens.packing import DocumentRows, Places

Floats = NDArray[np.float64]
# What is added up of each document: the objective's weighted nats and their denominator, nats and number of the scored
# targets that are text, those of the other scored targets (document ends, sentinels), how many tokens of text the
# predictions of text saw before them, and the pairs of texts with those told rightly.
COLUMNS = ("nats", "count", "text_nats", "targets", "end_nats", "ends", "context", "pairs", "pairs_right")


@dataclass(frozen=True, eq=False)
class DocumentSums:
    """The columns of each measured document.

    store     int64[n]: its number in the token store
    bytes     int64[n]: of its text, see `scored_bytes`
    columns   float64[n, len(COLUMNS)]
    """

    store: Places
    bytes: Places
    columns: Floats = field(repr=False)

    def __getitem__(self, name: str) -> Floats:
        return self.columns[:, COLUMNS.index(name)]


@dataclass(frozen=True, eq=False)
class Share:
    """What of a batch belongs to which document.

    document   int64[M]: its place among `rows.chosen`
    of_target  int64[S]: the pair of each scored position; -1 where the row's sums are divided by `share`
    row        int64[M]: the row of each pair
    share      float64[M]: which part of the row's text is the document's
    """

    document: Places
    of_target: Places
    row: Places
    share: Floats


def share_of(rows: DocumentRows, shown: Rows, batch: Batch, objective: Objective) -> Share:
    """Return which documents a batch is of; it depends on the text alone, not on what a model says."""
    assert shown.index is not None  # of every row of a corpus
    segments = shown.real.astype(np.int64) if shown.segments is None else shown.segments.astype(np.int64)
    number = segments.max(axis=1)
    begin = np.concatenate([[0], np.cumsum(number)])
    row = np.repeat(np.arange(len(segments)), number)
    document = rows.first_documents(shown.index)[row] + np.arange(begin[-1]) - begin[row]
    text = (segments > 0) & ~objective.vocab.special[shown.tokens]
    pair = (begin[:-1, None] + segments - 1)[text]
    tokens = np.bincount(pair, minlength=begin[-1]).astype(np.float64)
    of_row = np.bincount(row, weights=tokens, minlength=len(segments))
    share = np.where(of_row[row] > 0, tokens / np.maximum(of_row[row], 1), 1 / np.maximum(number[row], 1))
    said = batch.segments if batch.decoder_inputs is None else batch.decoder_segments
    said = np.ones(batch.targets.shape, np.int64) if said is None else said.astype(np.int64)
    kept = said.max(axis=1) <= number
    scored, place = np.nonzero(batch.weights)
    of_target = np.where(kept[scored], begin[scored] + np.maximum(said[scored, place], 1) - 1, -1)
    return Share(document, of_target, row, share)


def sums_of(share: Share, batch: Batch, scored: Floats, pairs: Floats) -> Floats:
    """Return the columns of each pair (row, document), float64[M, len(COLUMNS)].

    scored   float64[S, 7]: the first of COLUMNS for each scored position, its weight in place of the count
    pairs    float64[B, 2]: pairs of texts of each row, and those told rightly
    """
    found = np.zeros((len(share.row), len(COLUMNS)))
    direct = share.of_target >= 0
    rows = len(batch)
    row = np.nonzero(batch.weights)[0]
    divided = np.array([np.bincount(row[~direct], column, rows) for column in scored[~direct].T]).reshape(-1, rows)
    for number, column in enumerate(scored.T):
        found[:, number] = np.bincount(share.of_target[direct], column[direct], len(share.row))
        found[:, number] += divided[number][share.row] * share.share
    weights = np.bincount(row, scored[:, 1], rows)
    # A row's denominator that is not the sum of its weights is a number of words, masked or not: diffusion.
    words = ~np.isclose(weights, batch.count)[share.row]
    found[words, 1] = (batch.count[share.row] * share.share)[words]
    found[:, -2:] = pairs[share.row] * share.share[:, None]
    return found


def scored_bytes(rows: DocumentRows, objective: Objective) -> Places:
    """Return the bytes of each document that rows say whose every token is predicted, int64[n].

    Without a start mark nothing predicts a document's first token: its bytes do not count.
    """
    size = rows.store.bytes[rows.chosen]
    if objective.boundary_tokens[0]:
        return np.asarray(size)
    number = len(rows.chosen)
    first = np.zeros(number, np.int32)
    rows.store.copy(rows.chosen, np.zeros(number, np.int64), np.ones(number, np.int64), first, np.arange(number))
    return np.asarray(size - objective.vocab.byte_lengths[first])


def context_of(batch: Batch, objective: Objective) -> Places:
    """Return how many tokens of its document's text each scored position of a decoder sees, int64[S]."""
    text = ~objective.vocab.special[batch.inputs]
    segments = np.ones(batch.inputs.shape, np.int64) if batch.segments is None else batch.segments
    before: Places = np.cumsum(text, axis=1) - text
    starts = np.ones(segments.shape, bool)
    starts[:, 1:] = segments[:, 1:] != segments[:, :-1]
    first = np.maximum.accumulate(np.where(starts, before, 0), axis=1)
    return np.asarray((before + text - first)[batch.weights != 0], np.int64)
