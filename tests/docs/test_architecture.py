"""The picture of the rooms is of the rooms as they are; numbers of lines may be a little old."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def picture(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DOCS / "scripts")
    return importlib.import_module("architecture_picture")


def without_lengths(svg: str) -> str:
    return re.sub(r"[\d,]+ lines", "lines", svg)


def test_the_picture_is_of_the_rooms_and_imports_as_they_are(picture: ModuleType) -> None:
    drawn = (DOCS / "pictures" / "architecture.svg").read_text(encoding="utf-8")
    assert without_lengths(drawn) == without_lengths(picture.picture()), "run `make docs`"


def test_an_arrow_that_a_longer_way_implies_is_left_out(picture: ModuleType) -> None:
    arrows = [("run", "evaluate"), ("run", "train"), ("evaluate", "train")]
    assert picture.needed(arrows) == [("run", "evaluate"), ("evaluate", "train")]
