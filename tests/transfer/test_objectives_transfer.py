"""Every objective's model goes through all six tasks, or says in a sentence why it does not."""

from __future__ import annotations

import pytest
from transfer_runs import SINGLE, TASKS, base, file, records

import hornbook
from hornbook.errors import UserError
from hornbook.objectives.catalogue import CATALOGUE

QUICK = ("causal", "masked", "span")
WRITING = ("write", "instruct")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return tmp_path_factory.mktemp("bases")


def through(kind, task, bases, tmp_path):
    train, test = file(tmp_path / "train.jsonl", records(task, 12)), file(tmp_path / "test.jsonl", records(task, 3, 1))
    settings = {**SINGLE, "transfer.epochs": 1}
    run = hornbook.load(base(bases, kind)).transfer(
        train, test=test, seeds=1, out=tmp_path / "run", settings=settings, plain=True
    )
    said = run.predict(test)
    assert [one["id"] for one in said] == [str(number) for number in range(3)]
    assert run.transferred.numbers[0]["items"] == 3
    assert run.transferred.base["objective"] == kind
    again = hornbook.load(tmp_path / "run").predict(test)
    assert again == said


def encoder(kind):
    return kind in ("masked", "replaced", "diffusion", "nsp", "sop")


def check(kind, task, bases, tmp_path):
    if encoder(kind) and task in WRITING:
        with pytest.raises(UserError, match=rf"objective '{kind}' is an encoder: it reads texts and writes none"):
            through(kind, task, bases, tmp_path)
        assert not (tmp_path / "run").exists()
        return
    through(kind, task, bases, tmp_path)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", QUICK)
def test_each_topology_goes_through_every_task(kind, task, bases, tmp_path):
    check(kind, task, bases, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", [kind for kind in CATALOGUE if kind not in QUICK])
def test_every_objective_goes_through_every_task(kind, task, bases, tmp_path):
    check(kind, task, bases, tmp_path)
