"""The list of jobs: what needs what, and what a directory says is done."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hornbook.artifacts import write_json
from hornbook.locks import claimed
from hornbook.study.design import BudgetSettings, Study, TransferSettings, new_study
from hornbook.study.jobs import Board, jobs
from hornbook.study.layout import RUNS
from hornbook.study.transfers import wanted
from hornbook.study.yardsticks import _shares


def asked() -> Study:
    study = new_study(["BOOK.txt"], ["causal", "masked"], BudgetSettings(tokens=20_000), 2)
    transfer = {"verbs": TransferSettings("a.tsv", "b.tsv", shots=(16, 0), seeds=2)}
    return dataclasses.replace(study, trials=2, tasks=("pairs.jsonl",), transfer=transfer)


def test_every_run_waits_for_the_trials_of_its_arm_and_what_asks_it_for_the_run() -> None:
    found = jobs(asked(), Path("study"))
    names = [job.name for job in found]
    assert len(set(names)) == len(names) == 4 + 4 + 4 + 8
    needs = {job.name: job.needs for job in found}
    assert needs["trials/causal.1"] == () and needs["runs/masked.1"] == ("trials/masked.0", "trials/masked.1")
    assert needs["runs/masked.1/evaluations"] == needs["transfers/verbs-16/masked.1"] == ("runs/masked.1",)
    for job in found:  # what is needed comes before, so that a single process never waits
        assert all(names.index(need) < names.index(job.name) for need in job.needs)
    assert names.index("transfers/verbs-all/masked.0") < names.index("runs/causal.1")


def test_without_a_choice_of_rates_there_are_no_trials() -> None:
    found = jobs(dataclasses.replace(asked(), trials=1, tasks=(), transfer={}), Path("study"))
    assert [job.name for job in found] == ["runs/causal.0", "runs/masked.0", "runs/causal.1", "runs/masked.1"]


def test_what_diverged_is_done_with_all_that_would_ask_it(tmp_path: Path) -> None:
    board = Board(asked(), tmp_path, [])
    assert len(board.left()) == 20
    write_json(tmp_path / "diverged.json", ["trials/causal.0", "runs/causal.0"])
    assert {job.name for job in jobs(asked(), tmp_path)} - {job.name for job in board.left()} == {
        "trials/causal.0", "runs/causal.0", "runs/causal.0/evaluations", "transfers/verbs-16/causal.0",
        "transfers/verbs-all/causal.0",
    }  # fmt: skip
    assert "of 20 jobs done: trials/causal.0" in next(board.news())


def test_a_lock_is_one_process_s_at_a_time(tmp_path: Path) -> None:
    with claimed(tmp_path / "jobs" / "run.lock") as first, claimed(tmp_path / "jobs" / "run.lock") as second:
        assert first and not second
    with claimed(tmp_path / "jobs" / "run.lock") as again:
        assert again


def test_every_arm_has_the_same_draw_of_examples_and_every_seed_its_own() -> None:
    requests = {run: dict(wanted(asked(), Path("s"), run)) for run in ("causal.0", "masked.0", "causal.1")}
    few = {run: found[Path(f"s/transfers/verbs-16/{run}")] for run, found in requests.items()}
    assert few["causal.0"].seed == few["masked.0"].seed != few["causal.1"].seed
    assert {request.model for request in few.values()} == {f"s/{RUNS}/{run}" for run in requests}
    assert all(dataclasses.replace(one, model="", seed=0) == dataclasses.replace(few["causal.0"], model="", seed=0)
               for one in few.values())  # fmt: skip


def test_groups_are_the_draws_of_a_task() -> None:
    items = [(str(number), group) for number, group in enumerate("aaab")]
    scores = [1.0, 0.0, 0.5, 0.0]
    assert _shares("pairs", items, scores) == {"a": 0.5, "b": 0.0}  # the mean over paradigms, as `evaluate` tells it
    passages = _shares("choices", items, scores)
    assert set(passages) == {"a", "b"} and np.mean(list(passages.values())) == pytest.approx(np.mean(scores))
    alone = {"0": 1.0, "1": 0.0, "2": 0.5, "3": 0.0}
    assert _shares("last word", items, scores) == _shares("pairs", [(name, "") for name, _ in items], scores) == alone
