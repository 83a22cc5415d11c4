"""Advice: what decides, where sources disagree, and a pilot that keeps its minutes."""

import json
import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
from stories import story

import hornbook as hb
from hornbook.advice.advise import Line, _decided, _disagreements, advise
from hornbook.advice.evidence import best_of, findings, fits, studies_below
from hornbook.advice.pilot import Examples, run_pilot
from hornbook.advice.rules import task_kind
from hornbook.errors import UserError
from hornbook.study.design import BudgetSettings, new_study
from hornbook.study.layout import begin
from hornbook.study.running import run_study
from hornbook.study.verdicts import Verdict
from hornbook.study.yardsticks import ArmNumber, Yardstick

THUMB = Line("rule of thumb", "rule of thumb", "Masked.", "a table", ("masked", "causal"))
FAR = Line("published", "published", "Prefix.", "a paper. Of 5B", ("prefix",), "of other sizes")
STUDY = Line("study", "measured here, 3 seeds", "causal is better.", "runs/a. Small", ("causal",))
PILOT = Line("pilot", "measured here, 2 seeds", "span is better.", "the pilot", ("span",))


@pytest.mark.parametrize(
    ("lines", "objective", "why"),
    [
        ([THUMB], "masked", "nothing tells more"),
        ([THUMB, FAR], "masked", "nothing tells more"),
        ([THUMB, STUDY], "causal", "measured here, 3 seeds (runs/a)"),
        ([THUMB, STUDY, PILOT], "span", "measured here, 2 seeds (the pilot)"),
        ([THUMB, replace(PILOT, favours=())], "masked", "nothing tells more"),
        ([THUMB, replace(PILOT, favours=("span", "causal"))], "causal", "the pilot), then rule of thumb (a table)"),
        ([], "masked", "nothing that is known here"),
    ],
)
def test_what_was_measured_decides_before_what_is_said(lines: list[Line], objective: str, why: str) -> None:
    found, told = _decided(task_kind("classify"), lines)
    assert found == objective and why in told


def test_disagreements_are_told_of_what_decides_alone() -> None:
    assert _disagreements([THUMB, FAR, STUDY]) == []
    (told,) = _disagreements([THUMB, FAR, PILOT])
    assert told == "masked, causal by rule of thumb (a table), but span by measured here, 2 seeds (the pilot)."


def yardstick(how: str, word: str) -> Yardstick:
    arms = tuple(ArmNumber(name, 0.5, 3, 0.01, how, "share") for name in ("causal", "masked"))
    return Yardstick("sst2", "share", arms, (Verdict("causal", "masked", word, None, 0.5, "told"),), ("masked",))


def test_yardsticks_fit_the_tasks_that_they_measure() -> None:
    tuned, asked = (
        yardstick("accuracy after fine-tuning on 64 examples", "worse"),
        yardstick("acc_pairs by pll", "worse"),
    )
    assert fits(tuned, task_kind("classify")) and not fits(tuned, task_kind("tag"))
    assert fits(asked, task_kind("grammar")) and not fits(asked, task_kind("classify"))
    bits = replace(asked, name="bits per byte")
    assert fits(bits, task_kind("generation")) and not fits(bits, task_kind("classify"))
    assert best_of(tuned) == ("masked",)
    for word in ("not distinguishable", "not tested", "not comparable", "equivalent"):
        assert best_of(yardstick("f1", word)) == ()


def test_without_text_studies_or_pilot_there_are_the_rules(tmp_path: Path) -> None:
    found = hb.advise("few-shot", studies=tmp_path / "none")
    assert {line.mark for line in found.lines} == {"rule of thumb", "published"}
    assert found.objective == "causal" and found.commands[0].startswith("hornbook pretrain BOOK.txt --objective causal")
    assert any("masked" in told and "causal" in told for told in found.disagree)  # the two tables
    assert json.loads(json.dumps(found.plain()))["task"] == "few-shot"
    (tmp_path / "x y.txt").write_text("x")
    named = hb.advise("ner", tmp_path / "x y.txt", studies=tmp_path)
    assert named.commands[0].startswith(f"hornbook pretrain '{tmp_path}/x y.txt' --objective masked")
    assert named.commands[1] == "hornbook transfer runs/masked TRAIN --test TEST"


def test_the_size_of_a_text_says_what_was_published_of_such(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("word " * 1000)
    small = advise("scoring", [str(tmp_path / "book.txt")], studies=tmp_path)
    babylm = next(line for line in small.lines if "BabyLM" in line.by)
    assert "yours has about 8e+02" in babylm.beyond


@pytest.mark.parametrize(
    ("task", "text", "minutes", "given", "said"),
    [
        ("generation", [], 10, {}, "trains on your text"),
        ("tag", ["x.txt"], 10, {}, "needs examples of the task"),
        ("infilling", ["x.txt"], 10, {}, "needs examples of the task"),
        ("generation", ["x.txt"], 0.5, {}, "minutes at least, not 0.5: raise --minutes"),
        ("classify", ["x.txt"], 10, {"train": "nosuch.tsv", "test": "nosuch.tsv"}, "nosuch.tsv"),
        ("classify", ["x.txt"], 10, {"train": "a.tsv"}, "give both train and test"),
        ("generation", ["x.txt"], 0, {}, "above 0"),
        ("generation", ["x.txt"], math.nan, {}, "above 0"),
    ],
)
def test_a_pilot_that_could_tell_nothing_is_refused_before_it_runs(
    task: str, text: list[str], minutes: float, given: dict[str, str], said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("x.txt").write_text("x")
    with pytest.raises(UserError, match=said):
        hb.advise(task, text, minutes=minutes, pilot=True, out="pilot", **given)
    assert not Path("pilot").exists()


def test_examples_of_another_task_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.txt").write_text("x")
    lines = "".join(f"{'good' if n % 2 else 'bad'} film {n}\t{n % 2}\n" for n in range(40))
    Path("a.tsv").write_text(f"text\tlabel\n{lines}")
    with pytest.raises(UserError, match="examples of the task classify, not of tag"):
        hb.advise("tag", "x.txt", pilot=True, train="a.tsv", test="a.tsv")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.jsonl"
    path.write_text("".join(json.dumps({"text": story(30, seed)}) + "\n" for seed in range(60)))
    return path


@pytest.mark.slow
def test_studies_on_this_machine_are_found_and_told(text: Path, tmp_path: Path) -> None:
    study = replace(new_study([str(text)], ["causal", "prefix"], BudgetSettings(tokens=20_000), 2), trials=1)
    begin(replace(study, width=32, layers=1), tmp_path / "runs" / "a" / "study")
    begin(study, tmp_path / "runs" / "undone")
    run_study(tmp_path / "runs" / "a" / "study", plain=True)
    assert len(studies_below(tmp_path / "runs")) == 2
    (found,) = findings(tmp_path / "runs", task_kind("generation"), [str(text)])
    assert found.same_text and found.seeds == 2 and found.yardstick == "bits per byte" and found.sentences
    assert findings(tmp_path / "runs", task_kind("tag"), [str(text)]) == []
    line = next(one for one in advise("generation", studies=tmp_path / "runs").lines if one.source == "study")
    assert line.mark == "measured here, 2 seeds" and "another text" in line.by


@pytest.mark.slow
def test_a_pilot_stops_the_worse_and_keeps_its_minutes(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hornbook.advice.pilot._BESIDE", 1.0)
    begun = time.monotonic()
    found = run_pilot(
        task_kind("generation"), ["causal", "prefix", "diffusion"], [str(text)], 1.5, None, tmp_path / "p"
    )
    assert {arm.arm for arm in found.first.arms} == {"causal", "prefix", "diffusion"}
    assert all(arm.seeds == 1 for arm in found.first.arms)
    if found.second is not None:  # a busy machine has no time for it, and says so
        assert len(found.second.arms) == 2 and found.seeds in (2, 3)
        assert {verdict.word for verdict in found.second.verdicts} != {"not tested"}
    assert found.took <= (time.monotonic() - begun) / 60 + 0.01


@pytest.mark.slow
def test_a_pilot_asks_the_examples_of_the_task(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hornbook.advice.pilot._BESIDE", 1.0)
    monkeypatch.setattr("hornbook.advice.pilot._EPOCHS", 1.0)
    for name, first in (("train", 0), ("test", 100)):
        lines = [f"The {'king' if n % 2 else 'cat'} eats fish {n}.\t{'king' if n % 2 else 'cat'}" for n in range(60)]
        (tmp_path / f"{name}.tsv").write_text("text\tlabel\n" + "\n".join(lines[first % 7 :]) + "\n")
    examples = Examples(str(tmp_path / "train.tsv"), str(tmp_path / "test.tsv"))
    found = run_pilot(task_kind("classify"), ["causal", "masked"], [str(text)], 0.8, examples, tmp_path / "pilot")
    assert {arm.arm for arm in found.first.arms} == {"causal", "masked"}
    assert all("accuracy after fine-tuning" in arm.how and 0 <= arm.value <= 1 for arm in found.first.arms)
