import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.tokens.order import BLOCK, Ascending, Mixed, Shuffled, Staged


def locate(seed, example, size, cycle=1):
    return Shuffled(size, cycle).locate(seed, example)


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


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**64 - 1), st.integers(1, 300), st.integers(1, 7), st.integers(1, 40), st.integers(0, 3))
def test_an_ascending_epoch_has_every_row_once_and_near_its_place(seed, size, cycle, window, epoch):
    order = Ascending(size, 0, cycle, window)
    found, row = order.locate(seed, np.arange(size) + epoch * size)
    assert (found == epoch).all()
    assert np.array_equal(np.sort(row), np.arange(size))
    assert (row % cycle == np.arange(size) % cycle).all()
    assert (np.abs(row - np.arange(size)) < window * cycle).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 300), st.integers(1, 299), st.integers(1, 7))
def test_a_short_ascending_run_comes_to_the_last_rows_too(size, examples, cycle):
    examples = min(examples, size - 1)
    if examples < cycle:
        return
    _, row = Ascending(size, examples, cycle).locate(0, np.arange(examples))
    groups = row // cycle
    assert (np.diff(groups) >= 0).all() and row.max() < size
    assert len(set(row.tolist())) == examples
    assert groups[0] == 0 and groups[-1] >= (size / cycle) * (1 - cycle / examples) - 2
    assert (row % cycle == np.arange(examples) % cycle).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 300), st.integers(1, 7), st.integers(0, 3), st.data())
def test_a_staged_epoch_has_every_row_once_and_the_late_ones_last(size, cycle, epoch, data):
    if size <= cycle:
        return
    turn = cycle * data.draw(st.integers(1, (size - 1) // cycle))
    found, row = Staged(size, turn, 0, cycle).locate(5, np.arange(size) + epoch * size)
    assert (found == epoch).all()
    assert sorted(row[:turn].tolist()) == list(range(turn)) and sorted(row[turn:].tolist()) == list(range(turn, size))
    examples = data.draw(st.integers(1, size - 1))
    _, row = Staged(size, turn, examples, cycle).locate(5, np.arange(examples))
    assert len(set(row.tolist())) == examples and row.max() < size
    assert abs((row >= turn).mean() - (size - turn) / size) <= cycle / examples
    assert (np.diff((row >= turn).astype(int)) >= 0).all()


def test_a_short_run_of_a_late_stage_of_one_row_reads_no_row_twice():
    _, row = Staged(46, 45, 22, 5).locate(5, np.arange(22))
    assert len(set(row.tolist())) == 22


def mixed(sizes, counts, late=None, turn=0, cycle=1):
    first = np.cumsum([0, *(-(-size // cycle) * cycle for size in sizes)])
    orders = [Shuffled(size, cycle) for size in sizes]
    return Mixed(orders, first[:-1].tolist(), counts, late, turn), first


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.integers(0, 2**32), st.integers(1, 3), st.data())
def test_every_block_has_exact_shares_and_every_domain_its_own_epochs(sizes, seed, blocks, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, BLOCK), min_size=len(sizes) - 1, max_size=len(sizes) - 1)))
    counts = tuple(np.diff([0, *cuts, BLOCK]).tolist())
    order, first = mixed(sizes, counts)
    epoch, row = order.locate(seed, np.arange(blocks * BLOCK))
    domain = np.searchsorted(first, row, side="right") - 1
    for block in range(blocks):
        part = domain[block * BLOCK : (block + 1) * BLOCK]
        assert np.bincount(part, minlength=len(sizes)).tolist() == list(counts)
    assert order.read(blocks * BLOCK - 7, seed) == np.bincount(domain[:-7], minlength=len(sizes)).tolist()
    for number, size in enumerate(sizes):
        mine = domain == number
        times = np.bincount(row[mine] - first[number], minlength=size)
        assert times.max(initial=0) - times.min() <= 1  # no row twice before all were once
        assert sorted(epoch[mine].tolist()) == sorted(np.arange(mine.sum()) // size)


def test_late_blocks_have_other_shares_and_go_on_where_the_early_ones_stopped():
    order, first = mixed([700, 900], (900, 100), (200, 800), turn=2)
    _, row = order.locate(3, np.arange(4 * BLOCK))
    domain = np.searchsorted(first, row, side="right") - 1
    assert [np.bincount(domain[block * BLOCK :][:BLOCK]).tolist() for block in range(4)] == [
        [900, 100], [900, 100], [200, 800], [200, 800]
    ]  # fmt: skip
    assert order.read(3 * BLOCK + 500, 3) == np.bincount(domain[: 3 * BLOCK + 500]).tolist()
    times = np.bincount(row[domain == 1] - first[1], minlength=900)
    assert times.max() - times.min() <= 1


def test_an_example_of_a_mix_does_not_depend_on_its_company():
    order, _ = mixed([30, 50], (300, 700), (500, 500), turn=1)
    epoch, row = order.locate(9, np.arange(2500))
    for example in (0, 999, 1000, 2499):
        alone = order.locate(9, np.array([example]))
        assert (alone[0][0], alone[1][0]) == (epoch[example], row[example])
