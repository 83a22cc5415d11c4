"""Verdicts: equal arms are called equal, unlike ones apart, as often as they say; bounds tell in one direction."""

import math

import numpy as np
import pytest

from hornbook.errors import UserError
from hornbook.study.verdicts import (
    Scores,
    not_worse_than_the_best,
    smallest_effect,
    smallest_paired_difference,
    verdict,
    verdicts,
)

KNOWN = {"unit": "bits per byte", "lower_is_better": True, "margin": 0.01}


def arm(name: str, mean: float, seeds: int = 5, sd: float = 0.004, key: int = 0, **more: object) -> Scores:
    draws = np.random.default_rng([key, *name.encode()])
    return Scores(name, mean + draws.normal(0, sd, seeds), **more)


def test_better_worse_and_not_distinguishable() -> None:
    good, bad, near = arm("good", 1.5), arm("bad", 1.6), arm("near", 1.503, sd=0.02)
    assert verdict(good, bad, **KNOWN).word == "better" and verdict(bad, good, **KNOWN).word == "worse"
    told = verdict(good, bad, **KNOWN).sentence
    assert told.startswith("good is better than bad by 0.") and "bits per byte (95 %: 0." in told
    assert told == verdict(bad, good, **KNOWN).sentence
    apart = verdict(good, near, **KNOWN)
    assert (
        apart.word == "not distinguishable" and "seeds of each would tell 0.0100 bits per byte apart" in apart.sentence
    )
    assert verdict(good, bad, **{**KNOWN, "lower_is_better": False}).word == "worse"


def test_small_differences_are_equivalent_within_the_margin() -> None:
    one, other = arm("one", 1.5, sd=0.001), arm("other", 1.5005, sd=0.001)
    assert verdict(one, other, **KNOWN).word == "equivalent"
    assert verdict(one, other, **{**KNOWN, "margin": 0.0}).word != "equivalent"


def test_one_seed_is_no_test_and_lost_seeds_are_told() -> None:
    found = verdict(arm("one", 1.5, seeds=1), arm("other", 2.0, diverged=1), **KNOWN)
    assert found.word == "not tested" and found.probability is None
    assert "one has 1 and other 5 finished seeds" in found.sentence and "other diverged with 1 more" in found.sentence


def test_bounds_tell_in_one_direction() -> None:
    bound, above = arm("bound", 1.4, kind="bound"), arm("above", 1.6, kind="bound")
    exact = arm("exact", 1.5)
    assert verdict(bound, exact, **KNOWN).word == "better"
    told = verdict(above, exact, **KNOWN)
    assert told.word == "not comparable" and "proves nothing" in told.sentence
    assert verdict(exact, above, **KNOWN).word == "not comparable"
    assert verdict(arm("a", 9.0, kind="pseudo"), exact, **KNOWN).word == "not comparable"
    assert verdict(arm("a", 9.0, kind="pseudo"), arm("b", 8.0, kind="pseudo"), **KNOWN).word == "worse"


def test_several_arms_share_one_error_rate() -> None:
    arms = [arm(f"arm{number}", 1.5, key=number) for number in range(6)]
    alone = [verdict(a, b, **KNOWN) for i, a in enumerate(arms) for b in arms[i + 1 :]]
    together = verdicts(arms, **KNOWN)
    assert len(together) == 15
    assert sum(v.word in ("better", "worse") for v in together) <= sum(v.word in ("better", "worse") for v in alone)
    assert all(v.sentence.endswith(".") and ".;" not in v.sentence for v in together)
    weak = verdicts([arm("low", 1.5, key=3), arm("high", 1.508, key=4), *arms[:3]], **{**KNOWN, "margin": 0.0})
    assert any(v.sentence.endswith("alone that would count, but not among 10 comparisons.") for v in weak)
    far = [*arms, arm("far", 1.2)]
    found = verdicts(far, **KNOWN)
    assert not_worse_than_the_best(far, found, lower_is_better=True) == ["far"]


def test_few_groups_of_items_are_no_certainty() -> None:
    """Arms that differ by the draw of a few groups alone are told apart as seldom as the intervals say."""
    wrong = 0
    for key in range(300):
        draws = np.random.default_rng([17, key])
        groups = draws.normal(0, 0.1, 4)  # a paired difference of each group, around 0
        one = Scores("one", 1.5 + groups.mean() + draws.normal(0, 0.001, 3), groups)
        other = Scores("other", 1.5 + draws.normal(0, 0.001, 3), np.zeros(4))
        wrong += verdict(one, other, **{**KNOWN, "margin": 0.0}).word in ("better", "worse")
    assert wrong / 300 < 0.09  # 5 % are meant; with the normal's bounds it would be 14 %


def test_items_must_be_the_same() -> None:
    one = Scores("one", np.array([1.0, 1.1]), np.zeros(5))
    with pytest.raises(UserError, match="same items"):
        verdict(one, Scores("other", np.array([1.0, 1.2]), np.zeros(6)), **KNOWN)


@pytest.mark.parametrize(
    ("seeds", "by_seeds", "by_items", "number"),
    [
        (3, 1.0, 1.0, 300),
        pytest.param(2, 1.0, 0.2, 1500, marks=pytest.mark.slow),
        pytest.param(5, 0.3, 1.0, 1500, marks=pytest.mark.slow),
    ],
)
def test_equal_arms_are_called_apart_in_about_one_of_twenty(
    seeds: int, by_seeds: float, by_items: float, number: int
) -> None:
    draws = np.random.default_rng(11)
    items, wrong = 60, 0
    for _ in range(number):
        paired = draws.normal(0, by_items, items)  # of this draw of items; the items' own mean is in every seed
        one = Scores("a", draws.normal(0, by_seeds, seeds) + paired.mean(), paired)
        other = Scores("b", draws.normal(0, by_seeds, seeds), np.zeros(items))
        wrong += verdict(one, other, **{**KNOWN, "margin": 0.0}).word in ("better", "worse")
    # Around 5 %: 2.4 standard errors for few simulations, which the slow cases narrow.
    assert 0.02 < wrong / number < (0.08 if number < 1000 else 0.07)


def test_power_is_known_before_anything_runs() -> None:
    known = {3: 3.1, 4: 2.4, 5: 2.0, 8: 1.5, 10: 1.3}  # by simulation
    for seeds, effect in known.items():
        assert smallest_effect(seeds) == pytest.approx(effect, abs=0.06)
    assert smallest_effect(1) == math.inf and smallest_effect(4, 0.5) == pytest.approx(smallest_effect(4) / 2)
    for items, points in ((100, 8.9), (872, 3.0), (1821, 2.1), (2376, 1.8), (3270, 1.6), (34_000, 0.48)):
        assert 100 * smallest_paired_difference(items, 0.1) == pytest.approx(points, abs=0.06)
