"""Whatever happens to a file, its use gives the same result or one sentence: never another, never a traceback."""

from __future__ import annotations

import pytest
from damages import Trial


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(tmp_path_factory.mktemp("trial"))


def test_some_damages_are_refused_or_do_no_harm(trial: Trial) -> None:
    assert [verdict for verdict in map(trial.case, range(100)) if verdict.is_fault] == []


@pytest.mark.slow
def test_many_damages_are_refused_or_do_no_harm(trial: Trial) -> None:
    assert [verdict for verdict in map(trial.case, range(100, 2000)) if verdict.is_fault] == []
