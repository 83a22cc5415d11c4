"""The page of the course: its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "pages" / "course.md"


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    exec(compile(block, PAGE.name, "exec"), {})
    told = capsys.readouterr().out
    assert "8 Numbers 45 minutes" in told and "loss 2.4249 nats per token" in told and "Exercise 8.1: right." in told
    assert (tmp_path / "notebooks" / "08_numbers.ipynb").is_file()
