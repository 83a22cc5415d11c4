"""A budget of minutes ends with its minutes, whatever the machine does meanwhile: by a clock that the test moves."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from hornbook.tokens.timeline import Timeline
from hornbook.train.pace import Deadline, Pace

BUDGET = 60.0


def trained(
    a_step: Callable[[float], float],
    planned: int,
    *,
    measurement: float = 0.0,
    sampling: float = 0.0,
    most: int = 10**9,
    before: float = 0.0,
) -> tuple[float, Pace]:
    """Train by a clock on which a step at some second takes `a_step` seconds; return (seconds at the end, pace)."""
    now = [0.0]
    deadline = Deadline(BUDGET, most, measurement / a_step(0.0), 2.0, sampling=sampling / a_step(0.0))
    pace = Pace(Timeline(((0, planned),)), deadline, clock=lambda: now[0], begun=0.0, before=before)
    step, every = 0, max(1, math.ceil(planned / 10))
    while step < pace.timeline.steps:
        now[0] += a_step(now[0]) * (5 if step == 0 else 1)
        step += 1
        if step == 1:
            pace.begin(step)
        place = pace.timeline.place
        if math.floor(place(step) / every) > math.floor(place(step - 1) / every) or step == pace.timeline.steps:
            now[0] += measurement + sampling
            pace.measured(measurement, sampling)
        left = math.ceil(place(pace.timeline.steps) / every) - math.floor(place(step) / every)
        if steps := pace.look(step, left, left):
            pace.timeline = pace.timeline.corrected(step, steps)
    return before + now[0] + 2.0 * measurement, pace


@pytest.mark.parametrize("planned", [3, 4, 100, 450, 5_000])
@pytest.mark.parametrize("measurement", [0.0, 0.3])
def test_a_first_plan_that_is_far_off_is_corrected_within_the_first_tenth(planned: int, measurement: float) -> None:
    end, pace = trained(lambda now: 0.1, planned, measurement=measurement)
    assert end == pytest.approx(BUDGET, rel=0.03)
    assert 0 < pace.timeline.foreseen[1][0] <= 60


def test_samples_after_each_measurement_are_foreseen_and_not_taken_for_the_last_evaluation() -> None:
    end, pace = trained(lambda now: 0.1, 580, measurement=0.5, sampling=1.0)
    assert end == pytest.approx(BUDGET, rel=0.02)
    assert pace.timeline.steps == pytest.approx((0.99 * BUDGET - 10 * 1.5 - 2 * 0.5) / 0.1, rel=0.03)


@pytest.mark.parametrize("planned", [3, 4, 23, 60])
@pytest.mark.parametrize("step", [0.3, 1.2, 2.4])
def test_a_run_of_few_slow_steps_fills_its_budget_too(planned: int, step: float) -> None:
    """As of a quarter of a minute: 0.3 of 60 s are 75 ms of 15, and a first plan by one slow step has 3 steps."""
    end, _ = trained(lambda now: step, planned, measurement=0.3 * step)
    assert end <= 1.02 * BUDGET
    assert end >= 0.97 * BUDGET - step


@pytest.mark.parametrize("turn", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_a_machine_that_gets_busy_or_quiet_in_the_middle_changes_the_steps_and_not_the_end(
    turn: float, factor: float
) -> None:
    end, pace = trained(lambda now: 0.1 * (factor if now > turn * BUDGET else 1.0), 550, measurement=0.1)
    assert end == pytest.approx(BUDGET, rel=0.05)
    assert turn > 0.9 or (pace.timeline.steps < 550) == (factor > 1)


def test_a_plan_that_holds_is_left_alone_and_a_small_text_ends_the_run_early() -> None:
    _, pace = trained(lambda now: 0.1, 588)
    assert len(pace.timeline.foreseen) == 1
    end, pace = trained(lambda now: 0.1, 100, most=200)
    assert pace.timeline.steps == 200 and end < BUDGET / 2


def test_the_seconds_of_earlier_starts_count_and_those_between_do_not() -> None:
    end, pace = trained(lambda now: 0.1, 596, before=40.0)
    assert end == pytest.approx(BUDGET, rel=0.03) and pace.timeline.steps == pytest.approx(200, rel=0.1)


def test_recorded_corrections_of_later_steps_stay_and_no_deadline_corrects_nothing() -> None:
    now = [50.0]
    ahead = Timeline(((0, 100), (40, 60)))
    pace = Pace(ahead, Deadline(BUDGET, 10**9, 0.0, 0.0), clock=lambda: now[0], begun=0.0)
    pace.begin(0)
    now[0] = 59.0
    assert [bool(pace.look(step, 0)) for step in (39, 40, 41)] == [False, False, True]
    endless = Pace(Timeline(((0, 100),)), clock=lambda: now[0], begun=0.0)
    endless.begin(0)
    now[0] = 1e9
    assert endless.look(50, 0) == 0
