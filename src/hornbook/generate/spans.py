"""Spans: the text of each sentinel in an output of T5's form."""

from __future__ import annotations

from collections.abc import Sequence


def read_spans(output: Sequence[int], asked: Sequence[int], sentinels: Sequence[int]) -> list[list[int]]:
    """Return the ids that `output` has for each sentinel in `asked`; `sentinels` are all that there are.

    The output is read as T5 writes it (Raffel et al. 2020, 3.1.4): a sentinel, then what it stands for. A sentinel that
    is not written, or that is written a second time, has nothing.

    >>> read_spans([99, 1, 2, 98, 3, 97], asked=[99, 98, 96], sentinels=[99, 98, 97, 96])
    [[1, 2], [3], []]
    """
    known = set(sentinels)
    spans: dict[int, list[int]] = {}
    current: list[int] = []
    for token in output:
        if token in known:
            current = []
            spans.setdefault(token, current)
        else:
            current.append(token)
    return [spans.get(token, []) for token in asked]
