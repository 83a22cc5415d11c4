"""Spans: questions on contexts -> windows of tokens, and the best span of all windows as characters of the context.

    [before] question [between] a part of the context [after]

Windows over a long context overlap by half. A span begins and ends in the context, in one window, ends where it begins
or later, and has at most 30 tokens; its score is the sum of the two logits, and the best one over all windows is the
answer. Where the examples have questions without an answer, the first position of the row stands for that (the last one
of a decoder without sight on both sides, since the first has seen nothing): there is no answer if it scores more in
every window.

Shapes: N places of a row that are read: the one for no answer, then the tokens of the context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hornbook.transfer.examples import Asked
from hornbook.transfer.rows import Layout, Row, joined, shifted

LONGEST = 30  # tokens of an answer
_BEGINS, _ENDS = 1, 2  # bits of a target; see `Transformer.task_nats`


@dataclass(frozen=True)
class Span:
    """An answer: its text, its first character in the context (-1 = no answer), and its score."""

    text: str
    start: int
    score: float


def span_rows(items: Sequence[Asked], layout: Layout) -> list[Row]:
    """Return the windows of questions: at each place whether an answer begins (1) and ends (2) there.

    A window that does not hold a whole answer points to the place of no answer. A question takes at most half of a row.
    """
    questions = layout.tokenizer.encode([item.question for item in items])
    rows = []
    for number, (item, question) in enumerate(zip(items, questions, strict=True)):
        ids, places = layout.tokenizer.encode_places(item.context)
        question = question[: layout.room(len(layout.between)) // 2]
        room = layout.room(len(layout.between)) - len(question)
        head = joined([layout.before, question, layout.between])
        spans = [found for answer in item.answers or () if (found := tokens_of(*answer, places)) is not None]
        for begin in range(0, max(1, len(ids) - room + room // 2), max(1, room // 2)):
            part = ids[begin : begin + room]
            inputs = joined([head, part, layout.after])
            rows.append(_window(number, inputs, len(head), begin, places[begin : begin + room], spans, layout))
    return rows


def _window(
    number: int, inputs: NDArray[np.int32], second: int, begin: int, characters: NDArray[np.int32],
    spans: Sequence[tuple[int, int]], layout: Layout,
) -> Row:  # fmt: skip
    size = len(characters)
    inside = [(one - begin, two - begin) for one, two in spans if begin <= one and two < begin + size]
    last = layout.topology == "decoder" and layout.sight == "one" and layout.after  # the first has seen nothing
    targets = np.zeros(1 + size, np.int64)
    if inside:
        targets[1 + inside[0][0]] |= _BEGINS
        targets[1 + inside[0][1]] |= _ENDS
    else:
        targets[0] = _BEGINS | _ENDS
    places = np.concatenate([[0], second + np.arange(size)])
    notes = np.concatenate([[[-1, -1]], characters.astype(np.int64)])
    if last:
        places, targets, notes = np.append(places[1:], len(inputs) - 1), np.roll(targets, -1), np.roll(notes, -1, 0)
    return shifted(Row(number, inputs, places, targets, second, notes=notes), layout)


def tokens_of(text: str, start: int, places: NDArray[np.int32]) -> tuple[int, int] | None:
    """Return the first and the last token that stand in an answer, by their characters [n, 2]; None if there is none.

    A blank that a token holds before its word is not looked at.
    """
    first, behind = start, start + len(text)
    while first < behind and text[first - start].isspace():
        first += 1
    while behind > first and text[behind - 1 - start].isspace():
        behind -= 1
    inside = np.flatnonzero((places[:, 1] > first) & (places[:, 0] < behind) & (places[:, 1] > places[:, 0]))
    return (int(inside[0]), int(inside[-1])) if len(inside) else None


def best_span(context: str, windows: Sequence[tuple[Row, NDArray[np.float32]]], *, may_be_none: bool) -> Span:
    """Return the best span of a context over its windows, each with its logits [N, 2]."""
    best, none = Span("", -1, -np.inf), -np.inf
    for row, logits in windows:
        assert row.notes is not None
        real = row.notes[:, 0] >= 0
        none = max(none, float(logits[~real].sum(1).max(initial=-np.inf)))
        begins, ends, characters = logits[real, 0], logits[real, 1], row.notes[real]
        if not len(begins):
            continue
        scores = begins[:, None] + ends[None, :]
        distance = np.arange(len(ends))[None, :] - np.arange(len(begins))[:, None]
        scores = np.where((distance >= 0) & (distance < LONGEST), scores, -np.inf)
        one, two = np.unravel_index(int(scores.argmax()), scores.shape)
        if scores[one, two] > best.score:
            text = context[characters[one, 0] : characters[two, 1]]
            start = int(characters[one, 0]) + len(text) - len(text.lstrip())
            best = Span(text.strip(), start, float(scores[one, two]))
    if may_be_none and none >= best.score:
        return Span("", -1, none)
    return best
