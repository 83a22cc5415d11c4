"""Rows: examples -> rows of tokens with what is to be found at which output position -> Batch.

    class   [before] text [after]                            one label, at the reading position
            [before] text_a [between] text_b [after]
    tag     [before] words [after]                           one label for each word, at its first token
    span    [before] question [between] context [after]      `hornbook.transfer.spans`
    write   [before] source [target]                         `hornbook.transfer.writing`

The marks are those that the base model saw around documents. The reading position of a class is the first one of an
encoder; of a decoder it is the last token of the row itself, never the last column of a batch; of a decoder behind an
encoder, which is given the same row shifted by one place (as BART's and T5's classes are), the same place.

Texts that do not fit are cut at their end, the longer one of a pair first, and counted. Words are never cut apart into
more rows than needed, and none is left out: a long sentence becomes windows that overlap, and each word is read in the
window where it has more words around it.

Shapes: B rows, S positions, N places of a row that are read.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Topology
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import Objective, with_vocab
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.transfer.examples import Classified, Tagged

Sight = Literal["one", "both"]
Ids = NDArray[np.int32]
_OVERLAP = 4  # windows of a long sentence share about a part in so many of their positions


@dataclass(frozen=True, eq=False)
class Row:
    """One row for the model.

    item     number of the example it is of
    inputs   int32[S] what the model reads; of an encoder-decoder what the encoder reads
    places   int64[N] output positions that are read, ascending
    targets  int64[N] what is to be found there; 0 where it is not known
    second   where the second text begins; S if there is none
    seen     how many first inputs every position of a decoder sees
    behind   what the decoder behind an encoder reads, or None
    notes    what each place stands for: the number of the word [N], or the characters in the context [N, 2]
    cut      whether something of the example is in no row
    """

    item: int
    inputs: Ids
    places: NDArray[np.int64]
    targets: NDArray[np.int64]
    second: int
    seen: int = 0
    behind: Ids | None = None
    notes: NDArray[np.int64] | None = None
    cut: bool = False

    def __len__(self) -> int:
        return len(self.inputs) + (0 if self.behind is None else len(self.behind))


@dataclass(frozen=True)
class Layout:
    """How a base model reads examples.

    before, between, after   ids of the marks around and between texts
    start                    the first input of a decoder behind an encoder, or None
    positions                how many positions a row may have
    typed                    the model tells first and second text apart
    sight                    what a token of a decoder sees: what is before it, or both sides
    """

    tokenizer: Tokenizer
    topology: Topology
    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    start: int | None
    positions: int
    typed: bool
    sight: Sight = "one"

    @property
    def reads_last(self) -> bool:
        """Whether the last token of a row is the one that has seen all of it."""
        return self.topology != "encoder"

    def room(self, marks: int = 0) -> int:
        """Return how many tokens of text fit between the marks at both ends and `marks` more."""
        return self.positions - len(self.before) - len(self.after) - marks


def layout_of(objective: Objective, tokenizer: Tokenizer, model: ModelConfig, sight: Sight) -> Layout:
    """Return how a model that learned an objective reads examples. Raises UserError where rows hold hardly a token."""
    vocab = tokenizer.vocab
    objective = with_vocab(objective, vocab)
    forms, (begin, end) = objective.prompting, objective.boundary_tokens
    mark = vocab.eos if vocab.sep is None else vocab.sep
    ends = end or (() if vocab.eos is None else (vocab.eos,))
    found = Layout(
        tokenizer,
        model.topology,
        forms[0].before if forms else begin,
        () if mark is None else (mark,),
        (forms[0].after if forms else ()) or ends,
        vocab.start("A decoder behind an encoder") if model.topology == "encoder-decoder" else None,
        model.max_length,
        model.token_types > 1,
        sight,
    )
    if found.room() < 4:
        raise UserError(f"Rows of {model.max_length} tokens are too short for a task: use a model with a longer row.")
    return found


def class_rows(items: Sequence[Classified], labels: Sequence[str], layout: Layout) -> list[Row]:
    """Return a row for each text, or pair of texts, with the number of its label at the reading position."""
    numbers = {label: number for number, label in enumerate(labels)}
    firsts = layout.tokenizer.encode([item.text for item in items])
    seconds = layout.tokenizer.encode([item.other or "" for item in items])
    rows = []
    for number, (item, one, two) in enumerate(zip(items, firsts, seconds, strict=True)):
        paired = item.other is not None
        room = layout.room(len(layout.between) if paired else 0)
        kept, more = _shortened(len(one), len(two), room)
        pair: list[Sequence[int] | Ids] = [layout.between, two[:more]] if paired else []
        inputs = joined([layout.before, one[:kept], *pair, layout.after])
        second = len(layout.before) + kept + len(layout.between) if paired else len(inputs)
        place = len(inputs) - 1 if layout.reads_last else 0
        target = 0 if item.label is None else numbers[item.label]
        cut = kept + more < len(one) + len(two)
        rows.append(shifted(Row(number, inputs, _places(place), _places(target), second, cut=cut), layout))
    return rows


def _shortened(one: int, two: int, room: int) -> tuple[int, int]:
    """Return the lengths of two texts that share so much room: what is too much is taken from the longer one.

    >>> _shortened(9, 3, 8), _shortened(9, 9, 7), _shortened(2, 3, 8)
    ((5, 3), (4, 3), (2, 3))
    """
    if one + two <= room:
        return one, two
    half = room // 2
    if two <= half:
        return room - two, two
    return (one, room - one) if one <= room - half else (room - half, half)


def tag_rows(items: Sequence[Tagged], labels: Sequence[str], layout: Layout) -> list[Row]:
    """Return the rows of sentences: each word's label stands at its first token, in one row alone.

    Words are read as they stand in running text, with a blank between them. A word of which the tokenizer makes
    nothing is read as an unknown one.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    spelled = [f" {word}" if place else word for item in items for place, word in enumerate(item.tokens)]
    pieces = iter(layout.tokenizer.encode(spelled))
    nothing = np.array([_unknown(layout)], np.int32)
    rows = []
    for number, item in enumerate(items):
        words = [found if len(found := next(pieces)) else nothing for _ in item.tokens]
        words = [word[: layout.room()] for word in words]
        targets = [0 if item.tags is None else numbers[tag] for tag in item.tags or item.tokens]
        for begin, end, first, behind in windows([len(word) for word in words], layout.room()):
            inputs = joined([layout.before, *words[begin:end], layout.after])
            starts = len(layout.before) + np.cumsum([0, *(len(word) for word in words[begin : end - 1])])
            places = starts[first - begin : behind - begin].astype(np.int64)
            notes = np.arange(first, behind)
            rows.append(Row(number, inputs, places, np.array(targets[first:behind]), len(inputs), notes=notes))
    return rows


def windows(lengths: Sequence[int], room: int) -> list[tuple[int, int, int, int]]:
    """Return windows of words (begin, end, first, behind): they hold begin to end, and are read from first to behind.

    lengths   tokens of each word, none above `room`

    Each word is read in one window; of those that two windows share, each reads the half that is nearer to its middle.

    >>> windows([2, 2, 2], 9)
    [(0, 3, 0, 3)]
    >>> windows([1] * 10, 6)
    [(0, 6, 0, 5), (5, 10, 5, 10)]
    """
    upto = np.concatenate([[0], np.cumsum(lengths)])
    spans = []
    begin = 0
    while True:
        end = int(np.searchsorted(upto, upto[begin] + room, side="right")) - 1
        spans.append((begin, end))
        if end >= len(lengths):
            break
        back = int(np.searchsorted(upto, upto[end] - room // _OVERLAP, side="left"))
        begin = min(max(back, begin + 1), end)
    edges = [0, *((a_end + begin + 1) // 2 for (_, a_end), (begin, _) in itertools.pairwise(spans))]
    return [
        (*span, first, behind) for span, first, behind in zip(spans, edges, [*edges[1:], len(lengths)], strict=True)
    ]


def _unknown(layout: Layout) -> int:
    vocab = layout.tokenizer.vocab
    known = [number for number in (vocab.unk, *layout.between, *layout.after) if number is not None]
    return known[0] if known else 0


def shifted(row: Row, layout: Layout) -> Row:
    """Return the row with what a decoder behind an encoder reads: the same, one place later (BART, T5)."""
    if layout.start is None:
        return row
    return dataclasses.replace(row, behind=joined([(layout.start,), row.inputs[:-1]]))


def joined(parts: Iterable[Sequence[int] | Ids]) -> Ids:
    return np.concatenate([np.zeros(0, np.int32), *(np.asarray(part, np.int32) for part in parts)])


def _places(number: int) -> NDArray[np.int64]:
    return np.array([number], np.int64)


def batch_of(rows: Sequence[Row], layout: Layout, *, counted: bool = False) -> Batch:
    """Return rows as one batch, padded to the longest of them.

    counted   each place counts in the loss's denominator, not each row: of words and of tokens to write
    """
    inputs, segments = padded([row.inputs for row in rows], layout.tokenizer.vocab.pad or 0)
    both = layout.start is not None and rows[0].behind is not None
    behind = behind_segments = None
    if both:
        behind, behind_segments = padded([row.behind for row in rows], layout.tokenizer.vocab.pad or 0)  # type: ignore[misc]
    targets = np.zeros(inputs.shape if behind is None else behind.shape, np.int64)
    weights = np.zeros(targets.shape, np.float32)
    for number, row in enumerate(rows):
        targets[number, row.places], weights[number, row.places] = row.targets, 1.0
    column = np.arange(inputs.shape[1])
    second = np.array([row.second for row in rows])
    seen = np.array([row.seen for row in rows])
    count = weights.sum(1, dtype=np.float64) if counted else np.ones(len(rows))
    return Batch(
        inputs, targets, weights, count, segments,
        visible=column < seen[:, None] if layout.topology == "decoder" and seen.any() else None,
        types=(column >= second[:, None]) * (segments != 0) if layout.typed else None,
        decoder_inputs=behind, decoder_segments=behind_segments,
    )  # fmt: skip


def padded(rows: Sequence[Ids], pad: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of different lengths as arrays of one: the ids, and their segments, 1 where there is a token."""
    length = max(map(len, rows))
    ids = np.full((len(rows), length), pad, np.int64)
    segments = np.zeros((len(rows), length), np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)], segments[number, : len(row)] = row, 1
    return ids, segments


def sighted(rows: Sequence[Row], layout: Layout) -> list[Row]:
    """Return rows of a decoder in which, if it has sight on both sides, every token sees all others."""
    if layout.topology != "decoder" or layout.sight == "one":
        return list(rows)
    return [dataclasses.replace(row, seen=len(row.inputs)) for row in rows]


def in_batches(
    rows: Sequence[Row], most: int, work: Callable[[list[Row]], Sequence[Any]], done: Callable[[int], object]
) -> list[Any]:
    """Return what `work` makes of each row, in the order of the rows; it gets batches of rows of about one length.

    most   positions of a batch, padding included
    done   is told the number of rows that are done
    """
    order = sorted(range(len(rows)), key=lambda number: len(rows[number]), reverse=True)
    found: list[Any] = [None] * len(rows)
    start = 0
    while start < len(order):
        size = max(1, most // max(1, len(rows[order[start]])))
        numbers = order[start : start + size]
        for number, result in zip(numbers, work([rows[number] for number in numbers]), strict=True):
            found[number] = result
        start += size
        done(min(start, len(order)))
    return found
