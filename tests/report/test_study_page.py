"""A study's report as files: every number is in them, charts stand beside tables, equal bytes each time."""

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hornbook.artifacts import manifest_of, write_manifest
from hornbook.report import studies, write
from hornbook.report.markdown import escaped
from hornbook.report.studies import report_of_study
from hornbook.report.write import write_study
from hornbook.study.design import STUDY
from hornbook.study.layout import ArmPlan
from hornbook.study.report import StudyReport
from hornbook.study.verdicts import Scores, not_worse_than_the_best, verdicts
from hornbook.study.yardsticks import ArmNumber, Yardstick


def yardstick(name: str, unit: str, seeds: dict[str, list[float]]) -> Yardstick:
    scores = [Scores(arm, np.array(values)) for arm, values in seeds.items()]
    lower = unit != "share"
    said = verdicts(scores, unit=unit, lower_is_better=lower, margin=0.01)
    numbers = tuple(
        ArmNumber(s.arm, float(s.seeds.mean()), len(s.seeds), float(s.seeds.std(ddof=1)), "rows, exact", unit)
        for s in scores
    )
    return Yardstick(name, unit, numbers, tuple(said), tuple(not_worse_than_the_best(scores, said, lower)))


def report() -> StudyReport:
    return StudyReport(
        (
            yardstick("bits per byte", "bits per byte", {"a": [1.9, 1.91, 1.92], "b|c": [2.5, 2.4, 2.45]}),
            yardstick("sst2-16", "share", {"a": [0.5, 0.6, 0.55], "b|c": [0.6, 0.7, 0.65]}),
            yardstick("sst2-256", "share", {"a": [0.7, 0.71, 0.72], "b|c": [0.75, 0.76, 0.77]}),
        ),
        {},
        ("This is of models of 3M parameters.",),
    )


def files(directory: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((directory / "report").iterdir())}


def test_the_page_has_every_number_and_its_charts(tmp_path: Path) -> None:
    page = write_study(tmp_path, report())
    text, shown = page.with_suffix(".md").read_text(encoding="utf-8"), page.read_text(encoding="utf-8")
    for one in report().yardsticks:
        for arm in one.arms:
            assert all(escaped(cell) in text and cell in shown for cell in arm.row)
        assert all(escaped(verdict.sentence) in text and verdict.sentence in shown for verdict in one.verdicts)
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert pictures == ["differences-1.svg", "differences-2.svg", "differences-3.svg", "shots-1.svg"]
    assert {path.name for path in page.parent.iterdir()} == {*pictures, "report.md", "report.html"}
    assert "This is of models of 3M parameters." in text and shown.count("<img") == len(pictures)


def test_equal_reports_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "study").mkdir(parents=True)
        write_study(tmp_path / name / "study", report())
    assert files(tmp_path / "one" / "study") == files(tmp_path / "two" / "study")


def test_a_page_elsewhere_brings_no_files_of_charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the user's own files their names may be taken."""
    monkeypatch.setattr(write, "report_of_study", lambda place: report_of_study(place, report()))
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / STUDY).write_text("")
    (tmp_path / "shots-1.svg").write_text("mine")
    found = write.write_report([tmp_path / "study"], tmp_path / "mine.html")
    assert (tmp_path / "shots-1.svg").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"study", "shots-1.svg", "mine.html", "mine.md"}
    assert "![" not in found.markdown.read_text(encoding="utf-8") and "<img" in found.page.read_text(encoding="utf-8")


def test_shots_share_a_chart_by_task(tmp_path: Path) -> None:
    write_study(tmp_path, report())
    drawn = (tmp_path / "report" / "shots-1.svg").read_text(encoding="utf-8")
    assert drawn.count("<polyline") == 2 and "sst2 by examples" in drawn


def test_arms_of_one_objective_with_unlike_settings_or_tokens_share_no_axis(
    tmp_path: Path, tales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss at 40 % of masks, or of a larger vocabulary, is of other targets."""

    def like(name: str, change: Callable[[dict[str, Any]], object]) -> Path:
        run = Path(shutil.copytree(tales, tmp_path / name))
        manifest = manifest_of(run) or {}
        change(manifest)
        write_manifest(run, manifest)
        return run

    runs = {
        "a": like("a", lambda _: None),
        "b": like("b", lambda _: None),
        "settings": like("settings", lambda manifest: manifest["recipe"]["objective"].update(own=1)),
        "tokens": like("tokens", lambda manifest: manifest["files"]["tokenizer.json"].update(sha256="0" * 64)),
    }
    plan = ArmPlan("", "Causal", 1, 1, 1, 220, 1, 220, 220, 1.0, 0.0)
    monkeypatch.setattr(studies, "finished_runs", lambda _: {name: [run] for name, run in runs.items()})
    text = studies.report_of_study(tmp_path, StudyReport((), dict.fromkeys(runs, plan), ()))
    (drawn,) = (section.blocks for section in text.sections if section.name == "loss")
    titles = [block.chart.title.removeprefix("Held-out loss while training: ") for block in drawn]
    assert titles == ["causal (a and b)", "causal (settings)", "causal (tokens)"]
