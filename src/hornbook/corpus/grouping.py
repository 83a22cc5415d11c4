"""Grouping: consecutive items, as many at once as a limit of their size allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def grouped(items: Iterable[T], size: Callable[[T], int], limit: float, most: int = 0) -> Iterator[list[T]]:
    """Yield lists of consecutive items, at most `limit` in size together and, unless 0, `most` in number.

    An item larger than the limit has a list of its own.
    """
    held: list[T] = []
    total = 0
    for item in items:
        own = size(item)
        if held and (total + own > limit or len(held) == most):
            yield held
            held, total = [], 0
        held.append(item)
        total += own
    if held:
        yield held
