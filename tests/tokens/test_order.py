import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.tokens.order import locate


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**64 - 1), st.integers(1, 300), st.integers(0, 50))
def test_every_epoch_is_a_permutation(seed, size, epoch):
    found, row = locate(seed, np.arange(size) + epoch * size, size)
    assert (found == epoch).all()
    assert np.array_equal(np.sort(row), np.arange(size))


def test_epochs_and_seeds_differ():
    orders = {tuple(locate(seed, np.arange(50) + epoch * 50, 50)[1]) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_an_example_s_place_does_not_depend_on_its_company():
    epoch, row = locate(3, np.arange(1000), 37)
    for example in (0, 36, 37, 500, 999):
        alone = locate(3, np.array([example]), 37)
        assert (alone[0][0], alone[1][0]) == (epoch[example], row[example])
    assert [number.tolist() for number in locate(3, np.arange(90, 120), 37)] == [
        epoch[90:120].tolist(),
        row[90:120].tolist(),
    ]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**64 - 1), st.integers(1, 200), st.integers(2, 30), st.integers(0, 5))
def test_each_group_of_a_cycle_has_one_row_of_each_kind(seed, size, cycle, epoch):
    found, row = locate(seed, np.arange(size) + epoch * size, size, cycle)
    assert (found == epoch).all()
    assert np.array_equal(np.sort(row), np.arange(size))
    for start in range(0, size, cycle):
        kinds = row[start : start + cycle] % cycle
        assert len(set(kinds.tolist())) == len(kinds)


def test_groups_of_a_cycle_differ_in_order_and_in_what_they_hold():
    _, row = locate(1, np.arange(700), 700, 7)
    groups = row.reshape(100, 7)
    assert len({tuple((group % 7).tolist()) for group in groups}) > 90
    assert (groups // 7 != np.arange(100)[:, None]).mean() > 0.9
    assert (np.ptp(groups // 7, axis=1) > 0).all()  # kinds are permuted apart
