from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vocab import documents

from hornbook.keys import row_keys
from hornbook.objectives.ops import noise


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_exact_takes_the_count_of_each_row_from_what_is_allowed(data):
    shape = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 40))
    allowed = np.random.default_rng(data.draw(st.integers(0, 99))).random(shape) < data.draw(st.floats(0, 1))
    counts = np.array([data.draw(st.integers(0, int(row.sum()))) for row in allowed])
    chosen = noise.exact(allowed, counts, row_keys(0, np.arange(shape[0])))
    assert np.array_equal(chosen.sum(axis=1), counts)
    assert not (chosen & ~allowed).any()


def test_rates_of_nought_and_one_are_none_and_all_and_may_differ_by_row():
    allowed = np.ones((3, 5000), bool)
    chosen = noise.bernoulli(allowed, np.array([[0.0], [0.3], [1.0]]), row_keys(0, np.arange(3)))
    assert chosen.sum(axis=1)[[0, 2]].tolist() == [0, 5000]
    assert abs(chosen[1].mean() - 0.3) < 5 * (0.21 / 5000) ** 0.5


def test_shares_round_half_to_even_and_leave_no_row_without_noise():
    assert noise.share_of([0, 1, 10, 30, 50, 512], 0.15).tolist() == [0, 1, 2, 4, 8, 77]


def test_spans_come_in_pairs_of_kept_and_noise_numbered_from_nought_in_each_document():
    segments = documents([40, 60], [100])
    drawn = noise.spans(segments, np.array([20, 20]), np.array([8, 8]), row_keys(1, [0, 1]))
    flat = drawn.noise.reshape(-1)
    assert flat[drawn.noise_starts].all() and not flat[drawn.kept_starts].any()
    assert not flat[drawn.noise_starts - 1].any()
    document = segments.reshape(-1)[drawn.noise_starts] + 10 * (drawn.noise_starts // 100)
    assert np.array_equal(document, segments.reshape(-1)[drawn.kept_starts] + 10 * (drawn.kept_starts // 100))
    for number in np.unique(document):
        assert drawn.rank[document == number].tolist() == list(range((document == number).sum()))


@pytest.mark.parametrize("length", [4096, 4097])  # the last of words of 32 bits, the first of 64
def test_spans_of_long_rows_are_exact_and_everywhere(length):
    segments = np.repeat([[1, 2]], [length // 3, length - length // 3], axis=1).repeat(64, axis=0)
    tokens, number = np.full(64, length // 8), np.full(64, length // 32)
    found = noise.spans(segments, tokens, number, row_keys(3, np.arange(64)))
    assert (found.noise.sum(axis=1) == tokens).all() and len(found.rank) == number.sum()
    eighths = found.noise[:, : length - length % 8].reshape(64, 8, -1).mean(axis=(0, 2))
    assert np.abs(eighths - 1 / 8).max() < 0.0225  # 5 sigma: spans of 4 between 28 kept tokens, 64 rows


def test_spans_of_a_document_behind_another_are_all_alike():
    segments = np.tile([1] * 5 + [2] * 8, (40_000, 1))
    counts = np.full(40_000, 6), np.full(40_000, 4)
    behind = noise.spans(segments, *counts, row_keys(4, np.arange(40_000))).noise[:, 5:]
    starts = np.count_nonzero(behind[:, 1:] > behind[:, :-1], axis=1)
    drawn = behind[(behind.sum(axis=1) == 4) & (starts == 3)] @ (1 << np.arange(8))
    seen = np.unique(drawn, return_counts=True)[1]
    expected = len(drawn) / 9  # 3 ways to compose 4 noise tokens of 3 spans, 3 to compose the rest
    assert len(seen) == 9 and expected > 1000
    assert ((seen - expected) ** 2 / expected).sum() < 8 + 5 * 4
