"""The length of a run: what its corrections mean for a step, and how they are written."""

from __future__ import annotations

import itertools

import pytest

from hornbook.errors import UserError
from hornbook.recipes.named import default
from hornbook.recipes.sections import Budget
from hornbook.recipes.settings import from_dict, override, to_dict
from hornbook.tokens.timeline import Timeline, read_timeline, written
from hornbook.train.schedules import Schedule

LONGER = Timeline(((0, 100), (10, 190), (100, 250)))
SHORTER = Timeline(((0, 100), (10, 55), (40, 50)))


@pytest.mark.parametrize("timeline", [LONGER, SHORTER])
def test_a_place_goes_on_from_where_it_was_and_ends_with_the_run(timeline: Timeline) -> None:
    places = [timeline.place(step) for step in range(timeline.steps + 1)]
    assert places[:11] == [float(step) for step in range(11)], "nothing changes before the first correction"
    assert all(before < after for before, after in itertools.pairwise(places))
    assert places[-1] == pytest.approx(timeline.planned)
    earlier = Timeline(timeline.foreseen[:2])
    begin = timeline.corrected_at
    assert places[: begin + 1] == [earlier.place(step) for step in range(begin + 1)], "what was is not changed"


@pytest.mark.parametrize("kind", ["wsd", "cosine", "linear"])
@pytest.mark.parametrize("timeline", [LONGER, SHORTER])
def test_a_corrected_rate_never_jumps_and_still_falls_to_its_end(kind: str, timeline: Timeline) -> None:
    schedule = Schedule(kind, 100, warmup=0.2, decay=0.4, final=0.1)
    rates = [schedule(step, timeline.place(step)) for step in range(timeline.steps)]
    assert rates[:10] == [schedule(step) for step in range(10)]
    if timeline is LONGER or kind == "wsd":
        assert rates[:20] == [pytest.approx((step + 1) / 20) for step in range(20)], "the warm-up keeps its steps"
    assert max(abs(a - b) for a, b in itertools.pairwise(rates[20:])) < 0.12
    assert rates[-1] == pytest.approx(0.1, abs=0.12) and max(rates) <= 1.0


def test_a_run_that_ends_in_its_warm_up_falls_too() -> None:
    timeline, schedule = Timeline(((0, 1000), (5, 30))), Schedule("wsd", 1000, warmup=0.05, decay=0.4)
    assert schedule(29, timeline.place(29)) < 0.15


def test_without_corrections_every_rate_is_the_schedules_own() -> None:
    timeline = Timeline(((0, 60),))
    for kind in ("wsd", "cosine", "linear"):
        schedule = Schedule(kind, 60, warmup=0.1, decay=0.3)
        assert all(schedule(step, timeline.place(step)) == schedule(step) for step in range(60))


def test_corrections_are_a_setting_that_another_budget_removes() -> None:
    recipe = override(default("causal"), ["budget.steps=50", "budget.corrections=0=100,10=55,40=50"])
    assert recipe.budget.timeline == SHORTER and from_dict(to_dict(recipe)) == recipe
    assert written(recipe.budget.timeline.foreseen) == recipe.budget.corrections
    assert override(recipe, ["budget.minutes=2"]).budget == Budget(minutes=2)
    assert override(recipe, ["budget.steps=9"]).budget.timeline == Timeline(((0, 9),))


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (["0=100", "10=x"], "list of step=steps"),
        (["10"], "list of step=steps"),
        (["5=50"], "begin with 0=steps"),
        (["0=100", "10=60", "10=50"], "above the last"),
        (["0=100", "110=50"], "below the steps"),
        (["0=10", "20=50"], "below the steps"),
        (["0=100", "10=60"], "ends with 60 steps, but budget.steps is 50"),
    ],
)
def test_corrections_that_no_run_can_have_are_refused(given: list[str], wrong: str) -> None:
    with pytest.raises(UserError, match=wrong):
        read_timeline(given, 50, "budget.corrections")
    with pytest.raises(UserError, match="leave it out"):
        Budget(minutes=1, corrections=("0=1",))
