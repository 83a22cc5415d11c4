"""Items that are consecutive stay so, and a limit of their size is kept."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.grouping import grouped


@given(st.lists(st.integers(1, 30), max_size=20), st.integers(0, 4))
def test_groups_hold_every_item_and_stay_small(sizes: list[int], most: int) -> None:
    found = list(grouped(sizes, lambda size: size, 25, most))
    assert list(itertools.chain.from_iterable(found)) == sizes
    assert all(len(group) == 1 or (sum(group) <= 25 and len(group) <= (most or 20)) for group in found)
    assert all(sum(one) + other[0] > 25 or len(one) == most for one, other in itertools.pairwise(found))
