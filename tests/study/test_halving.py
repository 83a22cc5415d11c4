"""Successive halving: the worse half of the arms stops, the others end with the bits of runs that never stopped."""

import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
from stories import assert_same, result_of, story

from hornbook.errors import UserError
from hornbook.study.design import ArmSettings, BudgetSettings, Study
from hornbook.study.halving import HALVING, Rung, Standing, measure_of, rung_steps, rungs
from hornbook.study.layout import RUNS, ArmPlan, begin
from hornbook.study.report import report_study
from hornbook.study.running import run_study

SLOW, FAST = ArmSettings("causal", settings=("training.learning_rate=1e-6",)), ArmSettings("causal")
SMALL = {"width": 32, "layers": 1, "trials": 1}


def plan(name: str, steps: int) -> ArmPlan:
    return ArmPlan(name, "Causal", 1000, 32, 1, steps, 8, 1000, 1000, 1e6, 0.0)


def test_steps_of_rungs_are_parts_of_each_arms_own() -> None:
    arms = {name: ArmSettings("causal", settings=(f"training.clip={place + 1}",)) for place, name in enumerate("abcd")}
    study = Study(("t",), arms, BudgetSettings(tokens=1000), halving=2)
    plans = {name: plan(name, 100 + 100 * place) for place, name in enumerate("abcd")}
    assert rung_steps(study, plans) == [{"a": 25, "b": 50, "c": 75, "d": 100}, {"a": 50, "b": 100, "c": 150, "d": 200}]
    with pytest.raises(UserError, match="needs more steps than the 1 of a"):
        rung_steps(study, plans | {"a": plan("a", 1)})
    assert measure_of(study) == "loss"
    masked = dataclasses.replace(study, arms=arms | {"d": ArmSettings("masked")})
    assert measure_of(masked) == "bits per byte"
    rates = {name: ArmSettings("masked", settings=(f"objective.rate={name}",)) for name in ("0.2", "0.4")}
    assert measure_of(dataclasses.replace(study, arms=rates, halving=1)) == "bits per byte"


def test_a_seed_that_diverged_puts_an_arm_last() -> None:
    lost = Standing("lost", 5, 10, (1.0, None), "exact")
    assert math.isinf(lost.mean) and Standing("a", 5, 10, (1.0, 2.0), "exact").mean == 1.5
    assert Rung("loss", (Standing("a", 5, 10, (9.0,), "exact"), lost), 1).stopped == (lost,)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.jsonl"
    path.write_text("".join(json.dumps({"text": story(30, seed)}) + "\n" for seed in range(60)))
    return path


def ran(study: Study, place: Path) -> Path:
    begin(study, place)
    run_study(place, plain=True)
    return place


@pytest.mark.slow
def test_the_others_end_as_if_nothing_had_stopped(text: Path, tmp_path: Path) -> None:
    arms = {"slow": SLOW, "fast": FAST}
    whole = Study((str(text),), arms, BudgetSettings(steps=12), seeds=2, **SMALL)
    halved = ran(dataclasses.replace(whole, halving=1), tmp_path / "halved")
    (rung,) = rungs(halved)
    assert rung.going_on == ("fast",) and [one.arm for one in rung.stopped] == ["slow"] and rung.measure == "loss"
    assert rung.stopped[0].step == 6 and rung.stopped[0].mean > rung.arms[0].mean
    found = report_study(halved)
    assert found.halving == (rung,) and not any("not done yet" in note for note in found.notes)
    assert any("slow stopped at step 6 of 12: loss" in note for note in found.notes)
    assert any("saved 25%" in note for note in found.notes)
    straight = ran(whole, tmp_path / "straight")
    for seed in range(2):
        runs = halved / RUNS / f"fast.{seed}", straight / RUNS / f"fast.{seed}"
        assert_same(*runs)
        assert result_of(runs[0]) == result_of(runs[1])
        assert not (halved / RUNS / f"slow.{seed}" / "result.json").exists()

    copy = tmp_path / "copy"  # killed before the decision, with one run short of its rung
    shutil.copytree(halved, copy)
    (copy / HALVING).unlink()
    shutil.rmtree(copy / RUNS)
    for name in ("slow.0", "slow.1"):
        shutil.copytree(halved / RUNS / name, copy / RUNS / name)
    run_study(copy, plain=True)
    assert (copy / HALVING).read_bytes() == (halved / HALVING).read_bytes()
    assert report_study(copy).plain() == report_study(halved).plain()


@pytest.mark.slow
def test_unlike_objectives_are_halved_by_bits_per_byte(text: Path, tmp_path: Path) -> None:
    arms = {"masked": ArmSettings("masked"), "causal": FAST}
    found = ran(Study((str(text),), arms, BudgetSettings(steps=12), seeds=1, halving=1, **SMALL), tmp_path / "study")
    (rung,) = rungs(found)
    kinds = {one.arm: one.kind for one in rung.arms}
    assert rung.measure == "bits per byte" and kinds == {"masked": "bound", "causal": "exact"}
    assert any("stopped by its bound may be no worse" in note for note in report_study(found).notes)
