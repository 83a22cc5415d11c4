"""Whole documents, window by window: bits per byte of every model that gives a text a likelihood, or a bound of it.

    document   t1 t2 t3 t4 t5 t6 t7 t8 t9 end        T = 4 positions, stride 2
    window 1   [t1 t2 t3 t4]                         the first scores all that it holds
    window 2         t3 t4 [t5 t6]                   the others score their last `stride` tokens
    window 3               t5 t6 [t7 t8] ...

Each token is scored once, and sees at least T - stride tokens of its document, or all before it. Stride T, the default,
makes windows that share nothing: the cheapest, with half the context on average. A smaller one costs T / stride times
as much. Numbers of different strides are not comparable.

A window that begins a document begins with the model's start mark, from which the first token is scored. A later one of
a decoder has no mark that is not there, but a token more before it; a model whose rows never have a mark leaves the
document's first token unscored, and its bytes uncounted. Encoder-decoders are forced through each window's text, the
text before it in the encoder (`hornbook.evaluate.scorers`). Bounds look at each window's tokens alone.

Shapes: n documents, W windows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hornbook import keys
from hornbook.errors import UserError
from hornbook.evaluate.perplexity import MEASURE_STREAM
from hornbook.evaluate.scoring.lines import likelihoods
from hornbook.evaluate.scoring.ways import Bound, Ids, LeftToRight, Line, Way
from hornbook.model.electra import Model
from hornbook.objectives.base import Objective
from hornbook.tokens.packing import DocumentRows, Places

DRAWS = 3  # of masks for each window of a bound, beside the window that is hidden whole
_TOGETHER = 512  # windows computed at once: enough to sort by length, few enough to show progress
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """A part of a document: tokens `begin` to `end` are scored, those from `seen` on stand before them."""

    document: int
    seen: int
    begin: int
    end: int


@dataclass(frozen=True)
class Cut:
    """How a way of asking cuts documents.

    way      with the mark that begins a document
    later    the same without it, for windows inside of one
    first    tokens of a document's first window
    stride   tokens that each other window scores
    skipped  tokens at the beginning of each document that nothing predicts
    """

    way: Way
    later: Way
    first: int
    stride: int
    skipped: int = 0

    def windows(self, document: int, length: int) -> Iterator[Window]:
        """Yield the windows of a document of `length` tokens."""
        begin = self.skipped
        end = min(length, begin + self.first)
        while begin < length:
            yield Window(document, self._seen(begin, end - begin), begin, end)
            begin, end = end, min(length, end + self.stride)

    def _seen(self, begin: int, length: int) -> int:
        """Return the first token that stands before `length` scored ones."""
        if isinstance(self.way, Bound):
            return begin
        # A document's first token never stands without its mark.
        return 0 if begin <= self.way.room(length) else max(1, begin - self.later.room(length))

    def way_of(self, window: Window, number: int) -> Way:
        """Return how to ask for a window; a bound draws other masks for each."""
        way = self.way if window.seen == 0 else self.later
        if isinstance(way, Bound):
            return dataclasses.replace(way, seed=int(keys.row_keys(way.seed, np.array([number]))[0] >> np.uint64(1)))
        return way


def cut(way: Way, objective: Objective, stride: int = 0) -> Cut:
    """Return how a way cuts documents; `stride` 0 makes windows that share nothing.

    Raises UserError for a stride that the way cannot have.
    """
    marks = objective.boundary_tokens[0]
    later, skipped = way, 0
    if isinstance(way, LeftToRight) and way.decoder and way.form.start is None:
        if way.form.before == marks and marks:
            later = dataclasses.replace(way, form=dataclasses.replace(way.form, before=()))
        skipped = int(not way.form.before)
    most = next((length for length in range(way_positions(way), 0, -1) if way.room(length) >= skipped), 0)
    if not most:
        raise UserError("The model reads too few tokens at once to score any.")
    if stride and not isinstance(way, LeftToRight):
        raise UserError(f"Numbers of the way {way.name} have no stride: each window is looked at alone.")
    if stride > most:
        raise UserError(f"--stride must be at most {most}, the tokens that the model reads at once, not {stride}.")
    stride = stride or most
    first = most if isinstance(way, LeftToRight) and way.decoder else stride
    if isinstance(way, Bound):
        later = way = dataclasses.replace(way, draws=DRAWS)
    return Cut(way, later, first, stride, skipped)


def way_positions(way: Any) -> int:
    """Return the positions of a way's model, one more than which no text of it has."""
    return int(way.positions) + 1


@dataclass(frozen=True, eq=False)
class Scores:
    """What the windows of each document give: sums over the windows that were scored.

    nats, tokens, bytes   of text; bytes are those of the scored tokens alone
    end_nats, ends        of the marks that end documents
    context               tokens of the document that the scored tokens of text saw, added up
    windows, of           how many were scored, and how many there are
    """

    nats: Floats = field(repr=False)
    tokens: Floats = field(repr=False)
    bytes: Floats = field(repr=False)
    end_nats: Floats = field(repr=False)
    ends: Floats = field(repr=False)
    context: Floats = field(repr=False)
    windows: int = 0
    of: int = 0


def score(
    model: Model,
    plan: Cut,
    rows: DocumentRows,
    objective: Objective,
    device: torch.device,
    *,
    seed: int,
    most_rows: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Scores:
    """Score the documents of `rows`, or as many of their windows, chosen by key, as take `most_rows` rows to compute.

    The caller sets evaluation mode and no_grad; fp32. `progress` is told the number of tokens that are done.
    """
    end = objective.boundary_tokens[1][:1] if plan.way.name == "continuation" else ()
    lengths = rows.store.lengths[rows.chosen]
    every = [one for place, length in enumerate(lengths) for one in plan.windows(place, int(length) + len(end))]
    chosen = np.arange(len(every))
    if most_rows and len(every) > (number := max(1, most_rows // rows_of(plan.way))):
        order = keys.permute(np.arange(number), len(every), keys.fold(np.uint64(seed), MEASURE_STREAM))
        chosen = np.sort(order)
    found = np.zeros((6, len(lengths)))
    done = 0
    for start in range(0, len(chosen), _TOGETHER):
        numbers = chosen[start : start + _TOGETHER]
        windows = [every[number] for number in numbers]
        texts = [_tokens(rows, window, end) for window in windows]
        lines = _lines(plan, windows, texts, numbers)
        sizes = [window.end - window.begin for window in windows]
        nats, _ = likelihoods(model, lines, sizes, device)
        for window, text, each in zip(windows, texts, nats, strict=True):
            found[:, window.document] += _sums(window, text, each, int(lengths[window.document]), objective)
        done += sum(sizes)
        if progress is not None:
            progress(done)
    _set_bytes(found, plan, rows, objective)
    return Scores(found[0], found[1], found[2], found[3], found[4], found[5], len(chosen), len(every))


def rows_of(way: Way) -> int:
    """Return how many rows are computed for a window, by which costs are bounded."""
    if isinstance(way, Bound):
        return DRAWS + 1
    return 1 if isinstance(way, LeftToRight) and way.decoder else 2


def _lines(plan: Cut, windows: Sequence[Window], texts: Sequence[Ids], numbers: Places) -> Iterator[Line]:
    for item, (window, text) in enumerate(zip(windows, texts, strict=True)):
        before = window.begin - window.seen
        yield from plan.way_of(window, int(numbers[item])).lines(item, text[:before], text[before:])


def _tokens(rows: DocumentRows, window: Window, end: tuple[int, ...]) -> list[int]:
    """Return the tokens of a window, those before the scored ones first; the end mark behind the document's last."""
    document = rows.chosen[window.document]
    last = min(window.end, int(rows.store.lengths[document]))
    ids = np.zeros(last - window.seen, np.int32)
    rows.store.copy(np.array([document]), np.array([window.seen]), np.array([len(ids)]), ids, np.zeros(1, np.int64))
    return [*ids.tolist(), *(end if window.end > last else ())]


def _sums(window: Window, text: Ids, nats: Floats, length: int, objective: Objective) -> Floats:
    """Return nats, tokens, bytes by the vocabulary's table, end nats, ends and context of a window."""
    words = min(window.end, length) - window.begin
    scored = np.array(text[window.begin - window.seen :][:words], np.int64)
    seen = words * (window.begin - window.seen) + words * (words - 1) / 2
    size = objective.vocab.byte_lengths[scored].sum()
    return np.array([nats[:words].sum(), words, size, nats[words:].sum(), len(nats) - words, seen])


def _set_bytes(found: Floats, plan: Cut, rows: DocumentRows, objective: Objective) -> None:
    """Make the bytes those of the text: where the table does not add up to a document, its own, in proportion."""
    for place, document in enumerate(rows.chosen):
        length, size = int(rows.store.lengths[document]), int(rows.store.bytes[document])
        if found[1, place] == length:
            found[2, place] = size
        elif found[1, place]:
            ids = _tokens(rows, Window(place, 0, 0, length), ())
            if int(objective.vocab.byte_lengths[ids].sum()) != size:
                found[2, place] = size * found[1, place] / length
