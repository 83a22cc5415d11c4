import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook import keys

MODULUS = 2**64
WORDS = st.integers(0, MODULUS - 1)


def splitmix64(state: int) -> int:
    """Sebastiano Vigna's public-domain splitmix64.c: the output after one step from `state`."""
    z = (state + 0x9E3779B97F4A7C15) % MODULUS
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % MODULUS
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % MODULUS
    return z ^ (z >> 31)


def test_published_outputs_of_splitmix64():
    golden = 0x9E3779B97F4A7C15
    states = np.array([(1234567 + golden * step) % MODULUS for step in range(1, 6)], np.uint64)
    assert keys.mix(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(WORDS)
def test_mix_is_the_finaliser_for_every_word(word):
    assert int(keys.mix((word + 0x9E3779B97F4A7C15) % MODULUS)) == splitmix64(word)


def test_mix_leaves_its_argument_alone_and_keeps_its_shape():
    words = np.arange(6, dtype=np.uint64).reshape(2, 3)
    before = words.copy()
    assert keys.mix(words).shape == (2, 3)
    assert np.array_equal(words, before)
    assert keys.mix(np.uint64(7)).shape == ()


@settings(deadline=None)
@given(WORDS, st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4))
def test_fold_of_an_array_is_the_fold_of_each(key, parts):
    whole = keys.fold(np.uint64(key), np.array(parts))
    assert whole.tolist() == [int(keys.fold(np.uint64(key), part)) for part in parts]


def test_fold_depends_on_order_and_on_every_part():
    key = np.uint64(5)
    seen = {int(keys.fold(key, *parts)) for parts in [(), (1,), (2,), (1, 2), (2, 1), (0, 1), (-1,), (1, 2, 0)]}
    assert len(seen) == 8


def test_fold_reads_integers_modulo_two_to_the_64():
    assert int(keys.fold(np.uint64(1), -1)) == int(keys.fold(np.uint64(1), np.uint64(MODULUS - 1)))


def test_row_keys_with_and_without_epoch():
    rows = np.arange(100)
    static = keys.row_keys(3, rows)
    assert np.array_equal(static, keys.row_keys(3 + MODULUS, rows))
    dynamic = np.concatenate([static, *(keys.row_keys(3, rows, epoch) for epoch in range(3)), keys.row_keys(4, rows)])
    assert len(set(dynamic.tolist())) == 500
    assert np.array_equal(keys.row_keys(3, rows, np.full(100, 2)), keys.row_keys(3, rows, 2))


@settings(deadline=None, max_examples=20)
@given(WORDS, st.integers(0, 9))
def test_uniform_numbers_look_uniform(seed, stream):
    drawn = keys.uniform(keys.row_keys(seed, np.arange(200)), 100, stream).reshape(-1)
    assert drawn.min() >= 0.0 and drawn.max() < 1.0
    counts = np.bincount((drawn * 20).astype(int), minlength=20)
    # Chi-squared with 19 degrees of freedom: below 70 but for one case in ten million.
    assert ((counts - 1000) ** 2 / 1000).sum() < 70
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.04


def test_draws_of_a_row_depend_on_its_key_alone():
    rows = keys.row_keys(0, np.arange(8))
    for draw in (
        lambda some: keys.uniform(some, 5, 1),
        lambda some: keys.bits(some, 5, 1),
        lambda some: keys.integers(some, 5, 1, 1000),
    ):
        assert np.array_equal(draw(rows)[3:6], draw(rows[3:6]))
    assert np.array_equal(keys.bits(rows, 9, 1)[:, :5], keys.bits(rows, 5, 1))
    assert not np.intersect1d(keys.bits(rows, 5, 1), keys.bits(rows, 5, 2)).size


def test_integers_stay_below_their_bound_and_reach_all_values():
    rows = keys.row_keys(0, np.arange(1000))
    assert set(keys.integers(rows, 10, 0, 7).reshape(-1).tolist()) == set(range(7))
    high = np.array([1, 2, 1 << 32])
    drawn = keys.integers(rows, 3, 0, high)
    assert (drawn >= 0).all() and (drawn < high).all()
    assert drawn[:, 2].max() > 1 << 31


@pytest.mark.parametrize("size", [*range(1, 70), 127, 128, 129, 1000, 4096, 4097, 65537])
def test_permute_is_a_bijection(size):
    for key in (0, 1, MODULUS - 1):
        image = keys.permute(np.arange(size), size, np.uint64(key))
        assert np.array_equal(np.sort(image), np.arange(size))


def test_permute_reaches_every_permutation_of_four_about_equally_often():
    names = [tuple(keys.permute(np.arange(4), 4, keys.mix(key)).tolist()) for key in range(4800)]
    counts = [names.count(name) for name in set(names)]
    assert len(counts) == 24
    assert min(counts) > 130 and max(counts) < 280


def test_permute_leaves_no_trace_of_the_order():
    size = 10_000
    image = keys.permute(np.arange(size), size, np.uint64(9))
    assert abs(np.corrcoef(np.arange(size), image)[0, 1]) < 0.05
    assert abs(np.corrcoef(image[:-1], image[1:])[0, 1]) < 0.05


def test_permute_with_a_key_for_each_index():
    index, epoch = np.arange(12) % 6, np.arange(12) // 6
    both = keys.permute(index, 6, keys.fold(np.uint64(0), epoch))
    for number in range(2):
        alone = keys.permute(np.arange(6), 6, keys.fold(np.uint64(0), number))
        assert np.array_equal(both[epoch == number], alone)


def test_permute_refuses_what_is_outside():
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError):
            keys.permute(index, size, 0)
    assert keys.permute(np.zeros(0, np.int64), 5, 0).shape == (0,)
