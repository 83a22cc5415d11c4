"""A run that has just ended has its report; a report that cannot be written never takes anything from the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_models import SMALL_RUN, book

import hornbook as hb
from hornbook.report import write
from hornbook.report.write import report_at_end


@pytest.mark.slow
def test_a_trained_run_ends_with_its_report_and_stays_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.txt").write_text(book(), encoding="utf-8")
    out = tmp_path / "run"
    run = hb.pretrain(tmp_path / "book.txt", steps=6, out=out, settings=SMALL_RUN, until=3, plain=True)
    assert not (out / "report.html").exists()  # it has not ended
    run.resume(plain=True)
    assert f"Report: {out / 'report.html'}" in capsys.readouterr().out
    assert all(not one.damages and not one.notes for one in hb.check(out))
    first = (out / "report.html").read_bytes(), (out / "report.md").read_bytes()
    (values,) = run.report().values["runs"]
    assert ((out / "report.html").read_bytes(), (out / "report.md").read_bytes()) == first
    assert [line["name"] for line in values["ledger"] if line["holds"] is not True] == ["text read"]
    assert (values["state"], values["step"], values["absent"]) == ("finished", 6, [])


def test_what_cannot_be_reported_is_a_sentence(tales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tales / "report.html").mkdir()
    assert report_at_end(tales).startswith("There is no report: ")
    assert report_at_end(tales / "nothing").startswith("There is no report: There is no run")
    monkeypatch.setattr(write, "_read", lambda *given: 1 / 0)
    assert "ZeroDivisionError" in report_at_end(tales) and "The run itself is whole." in report_at_end(tales)
