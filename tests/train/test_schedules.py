"""Schedules: shape, ends, and the two ways of giving a warm-up."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.train.schedules import Schedule

KINDS = st.sampled_from(["wsd", "cosine", "linear"])


@given(KINDS, st.integers(1, 500), st.floats(0, 0.99), st.floats(0, 1), st.floats(0, 1))
def test_every_rate_lies_between_zero_and_the_peak(kind, steps, warmup, decay, final):
    schedule = Schedule(kind, steps, warmup, decay, final)
    rates = [schedule(step) for step in range(steps)]
    assert all(0.0 <= rate <= 1.0 for rate in rates)
    rising = schedule.warmup_steps
    assert all(a <= b for a, b in itertools.pairwise(rates[:rising]))
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(rates[rising:]))


def test_cosine_equals_its_formula():
    schedule = Schedule("cosine", 110, warmup=10, final=0.1)
    assert schedule(9) == 1.0
    for step in (10, 37, 109):
        expected = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (step - 10) / 100))
        assert schedule(step) == pytest.approx(expected, abs=1e-15)


def test_warmup_may_be_a_share_or_a_number_of_steps():
    assert Schedule("linear", 200, warmup=0.05).warmup_steps == 10
    assert Schedule("linear", 200, warmup=30).warmup_steps == 30
    assert Schedule("linear", 20, warmup=30).warmup_steps == 20


def test_wsd_is_flat_until_its_decay_and_ends_at_the_final_share():
    schedule = Schedule("wsd", 100, warmup=0.1, decay=0.2, final=0.5)
    assert {schedule(step) for step in range(9, 81)} == {1.0}
    assert schedule(99) == pytest.approx(0.5 + 0.5 / 20)


def test_rates_agree_with_transformers_linear_and_cosine():
    transformers = pytest.importorskip("transformers")
    import torch

    for kind, name in (("linear", "get_linear_schedule_with_warmup"), ("cosine", "get_cosine_schedule_with_warmup")):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        theirs = getattr(transformers, name)(optimizer, 10, 60)
        ours = Schedule(kind, 60, warmup=10)
        for step in range(60):
            # Theirs begins the rise at 0, so its first step does nothing; ours begins one notch later.
            expected = theirs.get_last_lr()[0]
            assert ours(step) == pytest.approx(expected + (0.1 if step < 10 else 0.0), abs=1e-12)
            optimizer.step()
            theirs.step()
