"""The files, modules and functions that the pages name in backticks exist; LOG and CHANGELOG tell of their own days."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from hornbook.errors import UserError

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES.remove(ROOT / "docs" / "LOG.md")
FOLDERS = [ROOT, ROOT / "src", ROOT / "src" / "hornbook"]
ELSEWHERE = {"json/decoder.py"}  # an example of Python's own
FILES = {path.name for folder in ("src", "tests", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")}


def exists(name: str) -> bool:
    """Whether a name is a file or folder, or a module of hornbook or something in one."""
    if name.startswith("hornbook."):
        return _in_a_module(name)
    return name in ELSEWHERE or name in FILES or any((folder / name).exists() for folder in FOLDERS)


def _in_a_module(name: str) -> bool:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        except UserError:  # it is there, and needs an extra that is not installed here
            return end == len(parts)
        for part in parts[end:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def named(text: str) -> set[str]:
    """Return what a page names: files and folders of ours, dotted names, and what its Python imports."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    names = {name for span in spans for name in re.findall(r"\b(?:[a-z_]+/)*[a-z_]+\.py\b(?!:)", span)}
    names |= {name for span in spans for name in re.findall(r"\b(?:src|tests|benchmarks)/[\w/.]*\w", span)}
    names |= {name for span in spans for name in re.findall(r"\bhornbook(?:\.[A-Za-z_]\w*)+", span)}
    for module, listed in re.findall(r"^ *from (hornbook[\w.]*) import ([\w, ]+)", text, re.MULTILINE):
        names |= {f"{module}.{item.split(' as ')[0].strip()}" for item in listed.split(",")}
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_exists(page: Path) -> None:
    missing = sorted(name for name in named(page.read_text(encoding="utf-8")) if not exists(name))
    assert missing == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`src/hornbook/keys.py` and `run/pretrain.py`", []),
        ("`hornbook.run.pretrain` and `hornbook.keys.row_keys`", []),
        ("`runs.py`, `train/orthogonal.py`", ["runs.py", "train/orthogonal.py"]),
        ("`hornbook.recipes.default`", ["hornbook.recipes.default"]),
        ("```python\nfrom hornbook.keys import row_keys, rows\n```", ["hornbook.keys.rows"]),
        ("`--objective my.py:MyObjective`", []),
    ],
)
def test_the_reader_sees_names(text: str, missing: list[str]) -> None:
    assert sorted(name for name in named(text) if not exists(name)) == missing
