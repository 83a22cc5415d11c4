"""Every objective of the catalogue has a page with its picture as the code draws it, and objectives.md leads there."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from hornbook.objectives.catalogue import CATALOGUE

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DOCS / "scripts")
    return importlib.import_module("objectives_pictures")


@pytest.mark.parametrize("kind", CATALOGUE)
def test_the_page_is_what_the_objective_does(pictures: ModuleType, kind: str) -> None:
    written = (DOCS / "objectives" / f"{kind}.md").read_text(encoding="utf-8")
    assert written == pictures.page(kind), "run `make docs`"


def test_no_page_is_left_of_an_objective_that_has_gone() -> None:
    generated = [
        path for path in (DOCS / "objectives").glob("*.md") if "`make docs` writes this page" in path.read_text()
    ]
    assert sorted(path.stem for path in generated) == sorted(CATALOGUE)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_the_overview_leads_to_the_page(kind: str) -> None:
    assert f"(objectives/{kind}.md)" in (DOCS / "objectives.md").read_text(encoding="utf-8")
