"""A new objective in the package is one file and one line of the catalogue."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rooms import SOURCE

PAGE = Path(__file__).parents[2] / "docs" / "objectives" / "own.md"
LINE = '        "every-nth": Entry("every_nth:EveryNth", "every n-th token, hidden"),\n'
TINY = (
    "training.batch_rows=4", "training.micro_batch=4", "model.width=32", "model.layers=1", "model.heads=2",
    "model.max_length=32", "tokenizer.size=300", "objective.n=4",
)  # fmt: skip


@pytest.mark.slow
def test_a_new_objective_touches_one_file_and_one_line(tmp_path: Path) -> None:
    package = shutil.copytree(SOURCE, tmp_path / "src" / "hornbook", ignore=shutil.ignore_patterns("__pycache__"))
    (source,) = re.findall(r"^```python\n(from dataclasses.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (package / "objectives" / "every_nth.py").write_text(source)
    catalogue = package / "objectives" / "catalogue.py"
    before, first, after = catalogue.read_text().partition('        "causal": Entry(')
    catalogue.write_text(before + LINE + first + after)

    def run(*arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(package.parent)}
        command = [sys.executable, "-m", "hornbook", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "BOOK.txt").write_text("".join(f"Line {number} of a book about the sea.\n" for number in range(500)))
    assert "EveryNth(n=6)" in run("show", "--objective", "every-nth", "The old man and the sea.")
    run("pretrain", "BOOK.txt", "--objective", "every-nth", "--steps", "2", "--out", "run", *TINY)
    assert '[objective]\nkind = "every-nth"\nn = 4\n' in (tmp_path / "run" / "recipe.toml").read_text()
    assert "✓ every-nth obeys all laws" in run("check", "every-nth")
    assert "every-nth: one token in so many is hidden" in run("settings", "objective.n")
