"""A run that was trained once and is kept: see tests/fixtures/report."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def tales(tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(Path(__file__).parents[1] / "fixtures" / "report" / "tales", tmp_path / "tales"))
