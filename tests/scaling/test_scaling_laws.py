"""Scaling laws: published numbers come out, the optimum is one, repeats are worth what was published."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.errors import UserError
from hornbook.scaling.laws import PUBLISHED, Law


@pytest.mark.parametrize(
    ("name", "flops", "billions", "tokens"),
    [
        ("hoffmann", 1e24, 51.9, 3.21e12),
        ("epoch", 1e24, 96.0, 1.74e12),  # 95.9 with alpha and beta rounded to four digits
        ("muennighoff", 1e24, 92.2, 1.81e12),
        ("hoffmann", 5.76e23, 40.4, 2.38e12),  # the paper: 40B
        ("hoffmann", 2.21e19, 0.389, 9.47e9),
    ],
)
def test_published_optima(name: str, flops: float, billions: float, tokens: float) -> None:
    size, read = PUBLISHED[name].optimum(flops)
    assert size / 1e9 == pytest.approx(billions, rel=2e-3) and read == pytest.approx(tokens, rel=5e-3)
    assert 6 * size * read == pytest.approx(flops)


def test_rounded_coefficients_are_refused() -> None:
    with pytest.raises(UserError, match="rounded"):
        Law(1.69, 406.4, 410.7, 0.34, 0.28)
    with pytest.raises(UserError, match="rounded"):
        Law(1.69, 406, 411, 0.34, 0.28)


def test_repeats_are_worth_less_and_no_more_than_the_limit() -> None:
    law = PUBLISHED["muennighoff"]
    unique, size = 1e9, 1e8
    once = law.loss(size, unique, unique)
    assert once == law.loss(size, unique)
    losses = [law.loss(size, epochs * unique, unique) for epochs in (1, 2, 4, 8, 16, 44, 1e6)]
    assert losses == sorted(losses, reverse=True)
    # for ever = 16.388 times the text, with a model that the text can teach
    taught = min(size, law.size_for(unique))
    worth = taught + taught * law.parameters_worth * (1 - math.exp(-(size / taught - 1) / law.parameters_worth))
    assert losses[-1] == pytest.approx(law.loss(worth, 16.387756 * unique))
    assert law.loss(size, 4 * unique, unique) > law.loss(size, 4 * unique)


def test_a_small_text_is_read_with_fewer_epochs_than_new_text_would_want() -> None:
    law = PUBLISHED["muennighoff"]
    size, tokens = law.optimum(1e21, unique=1e9)
    alone = law.optimum(1e21)
    assert tokens > 1e9 and size * tokens * 6 == pytest.approx(1e21)
    best = law.loss(size, tokens, 1e9)
    assert best <= min(law.loss(size * factor, tokens / factor, 1e9) for factor in (0.5, 0.9, 1.1, 2)) + 1e-9
    assert best < law.loss(*alone, unique=1e9)


@given(st.floats(0.15, 0.6), st.floats(0.15, 0.6), st.floats(15, 26))
def test_no_other_size_is_better_for_the_budget(alpha: float, beta: float, power: float) -> None:
    law = Law(1.7, 300.0, 900.0, alpha, beta)
    size, tokens = law.optimum(10**power)
    for factor in (0.3, 0.9, 1.1, 3.0):
        assert law.loss(size, tokens) <= law.loss(size * factor, tokens / factor)
