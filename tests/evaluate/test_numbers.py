"""Numbers: an interval stands where draws tell of others, and nowhere else."""

import pytest

from hornbook.evaluate import statistics
from hornbook.evaluate.numbers import number


@pytest.mark.parametrize("scores", [[0.5], [0.5, 0.5, 0.5]])
def test_one_draw_and_draws_that_are_alike_have_no_interval(scores: list[float]) -> None:
    found = number("acc", statistics.mean(scores), "share", "")
    assert (found.low, found.high) == (None, None) and found.text == "50.0%"


def test_draws_that_differ_have_one() -> None:
    found = number("acc", statistics.mean([0.4, 0.6]), "share", "")
    assert found.low is not None and found.high is not None and found.low < 0.5 < found.high
