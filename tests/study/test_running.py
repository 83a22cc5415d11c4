"""A study, run: equal budgets and vocabularies, resumed to the same report, judged by what its runs recorded."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from stories import story

from hornbook.errors import UserError
from hornbook.study.compare import compare
from hornbook.study.design import BudgetSettings, Study, new_study
from hornbook.study.layout import RUNS, begin, read_plan
from hornbook.study.report import report_study
from hornbook.study.running import arm_recipe, run_study

pytestmark = pytest.mark.slow


def small(text: Path, arms: list[str], **more: object) -> Study:
    study = new_study([str(text)], arms, BudgetSettings(tokens=20_000), 2)
    return dataclasses.replace(study, width=32, layers=1, trials=1, **more)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("study")
    text = place / "text.jsonl"
    text.write_text("".join(json.dumps({"text": story(30, seed)}) + "\n" for seed in range(60)))
    task = place / "pairs.jsonl"
    pairs = [{"sentence_good": story(1, seed), "sentence_bad": story(1, seed + 1)} for seed in range(0, 40, 2)]
    task.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    begin(small(text, ["causal", "masked"], tasks=(str(task),)), place / "study")
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
    assert set(names) == {"bits per byte", "pairs.few"}
    assert [arm.seeds for arm in names["bits per byte"].arms] == [2, 2]
    assert all(len(yardstick.verdicts) == 1 for yardstick in found.yardsticks)
    again = compare([study / RUNS / f"{arm}.{seed}" for arm in ("causal", "masked") for seed in range(2)])
    assert [y.verdicts for y in again.yardsticks] == [y.verdicts for y in found.yardsticks]
    assert again.differences["objective.kind"] == {"causal": "causal", "masked": "masked"}


def test_a_study_that_was_stopped_goes_on_to_the_same_report(study: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(study, copy)
    shutil.rmtree(copy / RUNS / "masked.1")
    (copy / RUNS / "causal.1" / "result.json").unlink()
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
    file = copy / "study.toml"
    text = file.read_text()
    file.write_text(text.replace("seeds = 2", "seeds = 3").replace("margin = 0.01", "margin = 0.02"))
    assert "2 runs are not done yet." in report_study(copy).notes
    file.write_text(text.replace("few = true", "few = false"))
    run_study(copy, plain=True)
    assert {yardstick.name for yardstick in report_study(copy).yardsticks} == {"bits per byte", "pairs", "pairs.few"}
    file.write_text(text.replace("tokens = 20000", "tokens = 40000"))
    with pytest.raises(UserError, match="has changed since its runs were settled, in budget"):
        report_study(copy)
