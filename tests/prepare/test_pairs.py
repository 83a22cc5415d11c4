"""Counted pairs: what a loop over the positions counts, however the batches are cut."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hornbook.batch import Batch
from hornbook.prepare import pairs
from hornbook.prepare.pairs import count_pairs

V = 5


def batches(values: list[tuple[int, int, bool]], cut: int, behind: bool) -> list[Batch]:
    """Return positions (read, said, scored) as batches of rows of one position; `behind` = they are a decoder's."""
    found = []
    for start in range(0, len(values), cut):
        part = values[start : start + cut]
        read, said = (np.array([item[place] for item in part])[:, None] for place in (0, 1))
        weights = np.array([[float(item[2])] for item in part], np.float32)
        other = np.zeros_like(read)
        inputs = {"inputs": other, "decoder_inputs": read} if behind else {"inputs": read}
        found.append(Batch(targets=said, weights=weights, count=weights.sum(1).astype(np.float64), **inputs))
    return found


@given(
    st.lists(st.tuples(st.integers(0, V - 1), st.integers(0, V - 1), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 9),
    st.booleans(),
    st.integers(1, 20),
)
def test_every_scored_position_is_counted_once(
    values: list[tuple[int, int, bool]], cut: int, behind: bool, together: int
) -> None:
    before, pairs._TOGETHER = pairs._TOGETHER, together
    try:
        found = count_pairs(batches(values, cut, behind), V)
    finally:
        pairs._TOGETHER = before
    wanted = Counter((read, said) for read, said, scored in values if scored)
    have = list(zip(found.read.tolist(), found.said.tolist(), strict=True))
    assert dict(zip(have, found.times.tolist(), strict=True)) == wanted
    assert have == sorted(have)
    assert found.positions == sum(wanted.values())
