"""The page of objectives shows every objective of the catalogue as the code draws it."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from hornbook.objectives.catalogue import CATALOGUE

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("objectives_pictures")


def test_every_objective_has_its_picture_once(pictures):
    found = pictures.pictured(pictures.PAGE.read_text(encoding="utf-8"))
    assert sorted(found) == sorted(CATALOGUE)


def test_the_pictures_are_what_the_objectives_do(pictures):
    written = pictures.PAGE.read_text(encoding="utf-8")
    assert written == pictures.page(written), "run `make docs`"
