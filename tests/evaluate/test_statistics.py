"""Intervals hold the truth as often as they promise, and agree with what others compute."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hornbook.evaluate import statistics
from hornbook.evaluate.statistics import bca, difference, mean, ratio, share, t_quantile, welch

SIMULATIONS = 1000


def covered(draw, truth: float, simulations: int = SIMULATIONS) -> float:
    random = np.random.default_rng(0)
    return np.mean([not draw(random).excludes(truth) for _ in range(simulations)])


def clusters(random, groups=20, size=8):
    """Scores that share half of their variance within a group; the mean is 0."""
    return (random.normal(size=(groups, 1)) + random.normal(size=(groups, size))).ravel(), np.repeat(
        np.arange(groups), size
    )


COVERED = {
    "mean": (lambda random: mean(random.exponential(size=100)), 1.0),
    "mean of 3": (lambda random: mean(random.normal(size=3)), 0.0),
    "clusters": (lambda random: mean(*clusters(random)), 0.0),
    "difference": (lambda random: difference(random.normal(size=30) + 0.3, random.normal(size=30)), 0.3),
    "share": (lambda random: share(random.binomial(60, 0.15), 60), 0.15),
    "welch 3": (lambda random: welch(random.normal(size=3), random.normal(0, 2, size=3)), 0.0),
}


@pytest.mark.parametrize("name", COVERED)
def test_95_percent_intervals_hold_the_truth_95_times_in_100(name):
    assert 0.93 <= covered(*COVERED[name]) <= (0.985 if name == "welch 3" else 0.97)  # Welch errs on the safe side


def test_ratio_intervals_hold_the_truth():
    def draw(random):
        sizes = random.integers(50, 500, size=60)
        return ratio(sizes * 2.0 + random.normal(size=60) * np.sqrt(sizes) * 5, sizes)

    assert 0.93 <= covered(draw, 2.0) <= 0.97


@pytest.mark.slow
def test_resampled_intervals_hold_the_truth():
    def draw(random):
        scores = random.normal(size=(60, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
        return bca(
            lambda items: float(np.corrcoef(scores[items].T)[0, 1]), 60, int(random.integers(1 << 30)), resamples=400
        )

    assert 0.92 <= covered(draw, 0.6, 500) <= 0.975


def test_items_of_one_group_are_not_independent():
    random = np.random.default_rng(0)
    naive = np.mean([not mean(clusters(random)[0]).excludes(0.0) for _ in range(500)])
    assert naive < 0.75
    values, groups = clusters(random)
    grouped = mean(values, groups)
    assert (grouped.items, grouped.draws) == (160, 20) and grouped.error > 1.5 * mean(values).error
    assert mean(values, [f"{number:03}" for number in range(160)]) == mean(values)


@given(st.floats(0.001, 0.999), st.floats(0.5, 1e4))
@settings(max_examples=50, deadline=None)
def test_t_quantiles_are_scipy_s(probability, degrees):
    assert t_quantile(probability, degrees) == pytest.approx(stats.t.ppf(probability, degrees), rel=1e-9, abs=1e-12)


def test_estimates_are_scipy_s_and_the_textbook_s():
    random = np.random.default_rng(1)
    one, other = random.normal(size=12), random.normal(size=9) + 1
    theirs = stats.ttest_1samp(one, 0).confidence_interval()
    assert (mean(one).low, mean(one).high) == pytest.approx(tuple(theirs))
    theirs = stats.ttest_ind(one, other, equal_var=False).confidence_interval()
    assert (welch(one, other).low, welch(one, other).high) == pytest.approx(tuple(theirs))
    theirs = stats.binomtest(7, 40).proportion_ci(method="wilson")
    assert (share(7, 40).low, share(7, 40).high) == pytest.approx(tuple(theirs))
    a, b = random.exponential(size=50), random.integers(1, 9, size=50)
    found, expected = ratio(a, b), a.sum() / b.sum()
    assert found.error == pytest.approx(math.sqrt(50 / 49 * ((a - expected * b) ** 2).sum()) / b.sum())
    theirs = stats.bootstrap((one,), np.median, n_resamples=9999, method="BCa", random_state=0).confidence_interval
    ours = bca(lambda items: float(np.median(one[items])), 12, 0, resamples=9999)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.15)


def test_a_known_variance_of_items_widens_the_interval_of_seeds():
    one, other = [1.0, 1.1, 0.9], [0.5, 0.6, 0.7]
    assert welch(one, other, more_variance=0.1).error == pytest.approx(
        math.hypot(welch(one, other).error, math.sqrt(0.1))
    )
    assert not welch(one, other, more_variance=0.1).excludes(0.0) and welch(one, other).excludes(0.0)


def test_one_draw_has_a_value_and_no_interval():
    for found in (mean([3.0]), mean([2.0, 4.0], ["a", "a"]), ratio([6.0], [2.0]), welch([4.0], [1.0, 1.0])):
        assert found.value == found.low == found.high == 3.0 and math.isnan(found.error)
    assert math.isnan(bca(lambda items: 3.0, 5, 0, groups=["a"] * 5).error)


def test_equal_records_give_equal_intervals_and_a_constant_statistic_no_width():
    def draw(seed: int):
        return bca(lambda items: float(items.mean()), 30, seed)

    assert draw(1) == draw(1) != draw(2)
    assert bca(lambda items: 1.0, 30, 0).low == bca(lambda items: 1.0, 30, 0).high == 1.0


@pytest.mark.parametrize("scores", [[], [1.0, math.nan], [math.inf], [[1.0]]])
def test_what_is_no_row_of_finite_numbers_is_refused(scores):
    with pytest.raises(ValueError, match="finite"):
        mean(scores)
    with pytest.raises(ValueError, match="groups for"):
        mean([1.0, 2.0], [1])
    with pytest.raises(ValueError, match="positive sum"):
        ratio([1.0], [0.0])
    with pytest.raises(ValueError, match="hits"):
        share(3, 2)
    assert statistics.CONFIDENCE == 0.95
