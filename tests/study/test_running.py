"""A study, run: equal budgets and vocabularies, the same report whoever did which part and wherever it was stopped."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from stories import story
from transfer_runs import file, records

from hornbook.console import View
from hornbook.errors import UserError
from hornbook.locks import claimed
from hornbook.study.compare import compare
from hornbook.study.costs import costs_of
from hornbook.study.design import ArmSettings, BudgetSettings, Study, TransferSettings, load_study, new_study
from hornbook.study.jobs import Board, jobs
from hornbook.study.layout import JOBS, RUNS, begin, diverged, read_plan
from hornbook.study.report import report_study
from hornbook.study.running import arm_recipe, read_tasks, run_study
from hornbook.study.workers import run_on_ray, run_processes

pytestmark = pytest.mark.slow


def small(text: Path, arms: list[str], **more: Any) -> Study:
    study = new_study([str(text)], arms, BudgetSettings(tokens=20_000), 2)
    return dataclasses.replace(study, **{"width": 32, "layers": 1, "trials": 1, **more})


def written(place: Path) -> Path:
    text = place / "text.jsonl"
    text.write_text("".join(json.dumps({"text": story(30, seed)}) + "\n" for seed in range(60)))
    return text


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("study")
    task = place / "pairs.jsonl"
    pairs = [{"sentence_good": story(1, seed), "sentence_bad": story(1, seed + 1)} for seed in range(0, 40, 2)]
    task.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    verbs = TransferSettings(
        str(file(place / "verbs.jsonl", records("classify", 60))),
        str(file(place / "verbs-test.jsonl", records("classify", 30, 1))),
        shots=(16, 0), epochs=1, rates=(1e-3, 3e-3),
    )  # fmt: skip
    names = TransferSettings(
        str(file(place / "names.jsonl", records("tag", 60))),
        str(file(place / "names-test.jsonl", records("tag", 30, 1))),
        epochs=1, rates=(3e-3,),
    )  # fmt: skip
    asked = small(written(place), ["causal", "masked"], tasks=(str(task),), transfer={"verbs": verbs, "names": names})
    begin(asked, place / "study")
    run_study(place / "study", plain=True)
    return place / "study"


def test_arms_are_equal_in_what_they_should_be(study: Path) -> None:
    plans = read_plan(study)
    tokens = [plan.tokens for plan in plans.values()]
    assert max(tokens) / min(tokens) < 1.01 and plans["masked"].targets < 0.2 * plans["causal"].targets
    recipes = {name: arm_recipe(study, name) for name in plans}
    assert len({recipe.model.vocab_size for recipe in recipes.values()}) == 1
    vocabularies = [
        json.loads(Path(recipe.tokenizer.file).read_text())["model"]["vocab"] for recipe in recipes.values()
    ]
    assert vocabularies[0] == vocabularies[1]


def test_the_report_follows_from_the_runs(study: Path) -> None:
    found = report_study(study)
    names = {yardstick.name: yardstick for yardstick in found.yardsticks}
    assert set(names) == {"bits per byte", "pairs.few", "verbs-16", "verbs", "names"}
    assert [one.arm for one in names["verbs"].beside] == ["majority", "TF-IDF"]
    assert [arm.seeds for arm in names["bits per byte"].arms] == [2, 2]
    assert all(len(yardstick.verdicts) == 1 for yardstick in found.yardsticks)
    again = compare([study / RUNS / f"{arm}.{seed}" for arm in ("causal", "masked") for seed in range(2)])
    assert [y.verdicts for y in again.yardsticks] == [y.verdicts for y in found.yardsticks[:2]]
    assert again.differences["objective.kind"] == {"causal": "causal", "masked": "masked"}


def test_a_study_that_was_stopped_goes_on_to_the_same_report(study: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(study, copy)
    shutil.rmtree(copy / RUNS / "masked.1")
    (copy / RUNS / "causal.1" / "result.json").unlink()
    shutil.rmtree(copy / "transfers" / "verbs-16" / "causal.0")
    assert "2 runs are not done yet." in report_study(copy).notes
    run_study(copy, plain=True)
    assert report_study(copy).plain() == report_study(study).plain()
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*.safetensors")}
    run_study(copy, plain=True)
    assert before == {path: path.stat().st_mtime_ns for path in copy.rglob("*.safetensors")}


def test_what_cannot_be_compared_is_refused(study: Path, tmp_path: Path) -> None:
    runs = study / RUNS
    for given, said in (
        ([runs / "causal.0"], "two runs"),
        ([runs / "causal.0", tmp_path], "no run"),
        ([runs / "causal.0", runs / "causal.1"], "seeds of one recipe"),
    ):
        with pytest.raises(UserError, match=said):
            compare(given)


def test_what_is_asked_may_change_and_what_settles_runs_may_not(study: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(study, copy)
    toml = copy / "study.toml"
    text = toml.read_text()
    toml.write_text(text.replace("seeds = 2", "seeds = 3").replace("margin = 0.01", "margin = 0.02"))
    assert "2 runs are not done yet." in report_study(copy).notes
    toml.write_text(text.replace("few = true", "few = false"))
    run_study(copy, plain=True)
    assert {"pairs", "pairs.few"} < {yardstick.name for yardstick in report_study(copy).yardsticks}
    toml.write_text(text.replace("epochs = 1", "epochs = 2"))
    with pytest.raises(UserError, match=r"transfer.verbs has changed since .* another name"):
        run_study(copy, plain=True)
    toml.write_text(text.replace("tokens = 20000", "tokens = 40000"))
    with pytest.raises(UserError, match="has changed since its runs were settled, in budget"):
        report_study(copy)


def anew(study: Path, place: Path) -> Path:
    """Return a new study that asks for the same."""
    place.mkdir()
    shutil.copy(study / "study.toml", place)
    return place


def test_several_processes_give_the_same_report(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = anew(study, tmp_path / "copy")
    run_processes(copy, 2, plain=True)
    assert report_study(copy).plain() == report_study(study).plain()
    total = len(jobs(load_study(copy), copy))
    assert f"{total} of {total} jobs done" in capsys.readouterr().out
    assert len(list((copy / "logs").iterdir())) == 2


def test_a_ray_cluster_gives_the_same_report(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'hornbook[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    copy = anew(study, tmp_path / "copy")
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    try:
        run_on_ray(copy, "ray", plain=True)
    finally:
        ray.shutdown()
    assert report_study(copy).plain() == report_study(study).plain()


def started(study: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "hornbook", "study", "run", str(study), "--processes", "1", "--plain"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("moment", ["plan.json", "runs/masked.0/checkpoints", "transfers/verbs-16/causal.1"])
def test_a_killed_study_goes_on_to_the_same_report(study: Path, tmp_path: Path, moment: str) -> None:
    copy = anew(study, tmp_path / "copy")
    process = started(copy)
    while not (copy / moment).exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert any(job for job in Board(load_study(copy), copy, read_tasks(load_study(copy))).left())
    assert started(copy).wait() == 0
    assert report_study(copy).plain() == report_study(study).plain()


def test_a_job_that_another_does_is_waited_for(study: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(study, copy)
    shutil.rmtree(copy / RUNS / "masked.1")
    (job,) = [job for job in jobs(load_study(copy), copy) if job.name == "runs/masked.1"]
    with claimed(copy / JOBS / f"{job.file}.lock") as free:
        assert free
        process = started(copy)
        time.sleep(8)
        assert process.poll() is None and not (copy / RUNS / "masked.1").exists()
    assert process.wait() == 0
    assert report_study(copy).plain() == report_study(study).plain()


def test_a_seed_that_diverges_is_a_result(tmp_path: Path) -> None:
    wild = ArmSettings("causal", settings=("training.learning_rate=1e30", "training.muon_learning_rate=1e30"))
    study = small(written(tmp_path), ["causal"])
    study = dataclasses.replace(study, budget=BudgetSettings(tokens=80_000))
    begin(dataclasses.replace(study, arms={**study.arms, "wild": wild}), tmp_path / "study")
    run_study(tmp_path / "study", plain=True)
    assert sorted(diverged(tmp_path / "study")) == ["runs/wild.0", "runs/wild.1"]
    assert "wild: training diverged with 2 of 2 seeds." in report_study(tmp_path / "study").notes


@pytest.mark.parametrize("budget", [BudgetSettings(tokens=2e6), BudgetSettings(flops=4e12)])
def test_what_arms_spend_agrees_to_one_percent(tmp_path: Path, budget: BudgetSettings) -> None:
    begin(small(written(tmp_path), ["causal", "masked", "span"], budget=budget, seeds=1), tmp_path / "study")
    plans = costs_of(tmp_path / "study", View(plain=True, silent=True))[1].plans.values()
    spent = [getattr(plan, budget.unit) for plan in plans]
    assert max(spent) / min(spent) < 1.01
    assert max(spent) / budget.amount < 1.01 and min(spent) / budget.amount > 0.99


def test_what_is_wrong_is_said_before_anything_runs(tmp_path: Path) -> None:
    right = str(file(tmp_path / "verbs.jsonl", records("classify", 60)))
    texts = str(file(tmp_path / "write.jsonl", records("write", 60)))

    def verbs(train: str, *shots: int) -> dict[str, Any]:
        return {"transfer": {"verbs": TransferSettings(train, train, shots=shots or (0,))}}

    wrong = {
        "In the study, budget.tokens = 5 is less than one step of causal takes": {"budget": BudgetSettings(tokens=5)},
        "In the study, tasks: .*nowhere.jsonl": {"tasks": (str(tmp_path / "nowhere.jsonl"),)},
        "In the study, transfer.verbs: .*nowhere.tsv": verbs("nowhere.tsv"),
        "transfer.verbs: 99 shots do not fit": verbs(right, 99),
        "transfer.verbs: masked writes no text": verbs(texts),
    }
    for number, (said, changes) in enumerate(wrong.items()):
        place = tmp_path / str(number)
        begin(small(written(tmp_path), ["causal", "masked"], **changes), place)
        with pytest.raises(UserError, match=said):
            run_study(place, plain=True)
        assert not (place / RUNS).exists()
