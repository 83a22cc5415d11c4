"""What `doctor` says of the browser; the rest of its report is read in the tests of the command line."""

from pathlib import Path

import pytest

from hornbook.diagnose.doctor import examine, find_chromium


def test_a_browser_is_named_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "google-chrome"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_chromium() == str(program)
    (found,) = [one for one in examine(tmp_path) if one.name == "Chromium"]
    assert found.value.startswith(str(program)) and not found.remedy


def test_where_no_browser_is_the_remedy_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = [one for one in examine(tmp_path) if one.name == "Chromium"]
    assert "not found" in found.value and "apt install chromium" in found.remedy
