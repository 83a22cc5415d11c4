"""Mix studies: the regression finds a mix that is known, and proxies repeat their text as the target run does."""

import math

import numpy as np
import pytest

from hornbook.errors import UserError
from hornbook.recipes.settings import override
from hornbook.study.design import BudgetSettings, recipe_of
from hornbook.study.orders.mixes import MACRO, confirmation, fit_mix, proxy_weights, spearman

NATURAL = np.array([0.6, 0.3, 0.1])
DOMAINS = ("a", "b", "c")
SLOPES = -np.array([[0.4, 0.02, 0.0], [0.05, 0.3, 0.01], [0.0, 0.1, 0.6]])


def test_proxies_are_spread_around_the_natural_weights() -> None:
    weights = proxy_weights(NATURAL, 4000)
    assert weights.sum(1) == pytest.approx(1) and weights.min() > 0.0015
    assert weights.mean(0) == pytest.approx(NATURAL, abs=0.015)
    # A Dirichlet of concentration 3 has the variance m (1 - m) / 4.
    assert weights.var(0) == pytest.approx(NATURAL * (1 - NATURAL) / 4, rel=0.1)
    assert np.array_equal(weights[:5], proxy_weights(NATURAL, 5))


@pytest.mark.parametrize("target", [MACRO, "a", "c"])
def test_the_known_best_mix_is_found_exactly(target: str) -> None:
    weights = proxy_weights(NATURAL, 24)
    bits = 2.0 + np.log(weights) @ SLOPES.T
    found = fit_mix(DOMAINS, NATURAL, weights, bits, target)
    assert found.slopes == pytest.approx(SLOPES, abs=1e-4) and found.rank == 1.0
    slope = SLOPES.mean(0) if target == MACRO else SLOPES[DOMAINS.index(target)]
    wanted = slope / slope.sum()
    inside = ((wanted > found.low) & (wanted < found.high)).all()
    if inside:
        assert found.best() == pytest.approx(wanted, abs=0.01)
    others = proxy_weights(NATURAL, 2000, seed=1)
    others = others[((others >= found.low) & (others <= found.high)).all(1)]
    lowest = found.aim(found.predicted(others)).min()
    assert float(found.aim(found.predicted(found.best()))) <= lowest + 1e-3


def test_noise_lowers_the_rank_and_a_text_without_signal_has_none() -> None:
    weights, chance = proxy_weights(NATURAL, 24), np.random.default_rng(0)
    bits = 2.0 + np.log(weights) @ SLOPES.T
    assert fit_mix(DOMAINS, NATURAL, weights, bits + chance.normal(0, 0.02, bits.shape)).rank > 0.8
    ranks = [
        fit_mix(DOMAINS, NATURAL, weights, chance.normal(2.0, 0.02, bits.shape)).rank for _ in range(30)
    ]  # fmt: skip
    assert np.nanmean(ranks) < 0.2


def test_what_tells_nothing_is_refused() -> None:
    weights = proxy_weights(NATURAL, 4)
    with pytest.raises(UserError, match="4 finished proxies"):
        fit_mix(DOMAINS, NATURAL, weights, weights)
    with pytest.raises(UserError, match="macro or one of a, b, c"):
        fit_mix(DOMAINS, NATURAL, proxy_weights(NATURAL, 9), np.ones((9, 3)), "d")
    assert math.isnan(spearman(np.ones(3), np.arange(3.0)))


def test_the_confirmation_is_an_ordinary_study() -> None:
    mixes = {"natural": {"a": 0.6, "b": 0.4}, "best": {"a": 0.25, "b": 0.75}}
    study = confirmation(["corpus"], "topic", BudgetSettings(tokens=1e6), 3, mixes, "causal")
    recipe = recipe_of(study.arms["best"], "best")
    assert recipe.mix.weights == ("a=0.25", "b=0.75") and recipe.mix.domain == "topic"
    assert override(recipe, ["budget.steps=3"]).mix.rule == "explicit"
