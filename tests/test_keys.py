from __future__ import annotations

import numpy as np
import pytest

from hornbook import keys
from hornbook.keys import (
    bits,
    bits_at,
    bits_at_places,
    first_bits,
    fold,
    halves,
    integers,
    mix,
    permute,
    row_keys,
    uniform,
)

KEYS = row_keys(7, np.arange(64), 0)
FIXED = [411002803395772997, 15279223106840213131, 16594918115026386958]


def test_mix_is_the_published_finaliser():
    # SplitMix64 seeded with 0: its first outputs are the finaliser of multiples of the golden ratio.
    golden = 0x9E3779B97F4A7C15
    states = np.array([golden, 2 * golden % 2**64, 3 * golden % 2**64], np.uint64)
    assert [hex(word) for word in mix(states).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_draws_never_change_between_versions_and_machines():
    assert int(row_keys(1, 2, 3)) == FIXED[0]
    assert bits(KEYS[:1], 2, 5).tolist() == [FIXED[1:3]]
    assert halves(KEYS[:1], 3, 5).tolist() == [[FIXED[1] % 2**32, FIXED[1] >> 32, FIXED[2] % 2**32]]


def test_a_python_integer_and_an_array_fold_alike():
    for part in (0, 5, -3, 2**63):
        assert np.array_equal(fold(KEYS, part), fold(KEYS, np.array(part % 2**64, np.uint64)))
    assert np.array_equal(fold(KEYS, -3), fold(KEYS, np.int64(-3)))


def test_the_order_of_parts_matters_and_streams_differ():
    assert (fold(KEYS, 1, 2) != fold(KEYS, 2, 1)).all()
    assert (bits(KEYS, 4, 1) != bits(KEYS, 4, 2)).all()


def test_words_at_places_are_those_of_whole_rows():
    row, column = np.array([0, 63, 5]), np.array([9, 0, 4])
    assert np.array_equal(bits_at(KEYS, row, column, 3), bits(KEYS, 10, 3)[row, column])
    places = np.array([0, 639, 54, 10])
    assert np.array_equal(bits_at_places(KEYS, places, 10, 3), bits(KEYS, 10, 3).reshape(-1)[places])


def test_first_words_of_streams_are_those_of_each_stream():
    keys = row_keys(3, np.arange(5))
    found = first_bits(keys, (7, 0, 80))
    assert np.array_equal(found, np.concatenate([bits(keys, 1, stream) for stream in (7, 0, 80)], axis=1))


def test_a_row_draws_the_same_however_many_it_draws():
    assert np.array_equal(bits(KEYS, 9, 0)[:, :4], bits(KEYS, 4, 0))
    assert np.array_equal(halves(KEYS, 9, 0)[:, :4], halves(KEYS, 4, 0))


@pytest.mark.parametrize("draw", [bits, halves])
def test_every_bit_is_fair_and_neighbours_are_independent(draw):
    words = draw(KEYS, 4096, 0)
    width = 8 * words.itemsize
    number = words.size
    ones = np.array([((words >> words.dtype.type(bit)) & words.dtype.type(1)).mean() for bit in range(width)])
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / number**0.5
    flips = words[:, 1:] ^ words[:, :-1]
    changed = np.array([((flips >> words.dtype.type(bit)) & words.dtype.type(1)).mean() for bit in range(width)])
    assert np.abs(changed - 0.5).max() < 5 * 0.5 / flips.size**0.5
    across = words[1:] ^ words[:-1]
    assert abs(np.unpackbits(across.view(np.uint8)).mean() - 0.5) < 5 * 0.5 / (8 * across.nbytes) ** 0.5


def test_uniform_and_integers_are_even():
    drawn = uniform(KEYS, 2000, 1)
    assert ((drawn >= 0) & (drawn < 1)).all()
    assert abs(drawn.mean() - 0.5) < 5 / (12 * drawn.size) ** 0.5
    counts = np.bincount(integers(KEYS, 2000, 2, 10).reshape(-1), minlength=10)
    assert np.abs(counts - 12_800).max() < 5 * 12_800**0.5


@pytest.mark.parametrize("size", [1, 2, 3, 10, 1000, 4097])
def test_permute_is_a_permutation_and_works_piecewise(size):
    whole = permute(np.arange(size), size, 5)
    assert sorted(whole.tolist()) == list(range(size))
    assert [int(permute(np.array([index]), size, 5)[0]) for index in range(min(size, 5))] == whole[:5].tolist()
    with pytest.raises(ValueError):
        permute(np.array([size]), size, 5)


def test_row_keys_differ_by_seed_index_and_epoch():
    every = [int(row_keys(seed, index, epoch)) for seed in range(5) for index in range(5) for epoch in (None, 0, 1)]
    assert len(set(every)) == len(every)
    assert keys.row_keys(-1, 0) == keys.row_keys(2**64 - 1, 0)


def test_few_are_permuted_as_many_are():
    index, key = np.arange(40).reshape(2, 20), row_keys(1, np.arange(40)).reshape(2, 20)
    for given in (key, key[0, 0]):
        many = permute(index, 41, given)
        few = [
            permute(index[:, n : n + 2], 41, given if given.ndim == 0 else given[:, n : n + 2]) for n in range(0, 20, 2)
        ]
        assert np.array_equal(np.concatenate(few, axis=1), many)
        assert int(permute(7, 41, key[0, 7])) == permute(index, 41, key)[0, 7]
