"""The page of own objectives: its file is written, shown, checked, trained, filled, measured, resumed and exported."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from collator_models import features, tokenizer
from transformers import AutoModelForMaskedLM

import hornbook as hb
from hornbook.cli import program
from hornbook.objectives.laws import LAWS

PAGE = Path(__file__).parents[2] / "docs" / "objectives" / "own.md"
TINY = {
    "training.batch_rows": 4, "training.micro_batch": 4, "model.width": 32, "model.layers": 1, "model.heads": 2,
    "model.max_length": 32, "tokenizer.size": 300, "budget.steps": 3,
}  # fmt: skip
PAGE_TEXT = PAGE.read_text(encoding="utf-8")
TEXT = "".join(
    f"The old man and the sea, page {number}: the fish went on, and the man went on.\n" for number in range(300)
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE_TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_all_that_the_page_does_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    source, python = blocks("python")
    for name, text in {"every_nth.py": source, "BOOK.txt": TEXT, "OTHER.txt": TEXT}.items():
        Path(name).write_text(text)
    looking, training = blocks("sh")
    for line in [*looking.splitlines(), *training.splitlines()]:
        words = shlex.split(line)[1:]
        if words[0] == "pretrain" and "--resume" not in words:
            words += [f"{name}={value}" for name, value in TINY.items() if "--from" not in words or name[:5] != "model"]
            words = [word for word in words if "--from" not in words or not word.startswith("tokenizer")]
        with pytest.raises(SystemExit) as done:
            program.main(words)
        out, errors = capsys.readouterr()
        assert done.value.code == 0, f"{line}: {out}{errors}"
    recipe = Path("runs/nth/recipe.toml").read_text()
    assert 'kind = "every_nth.py:EveryNth"\nsource = "sha256:' in recipe and "\nn = 4\n" in recipe
    assert AutoModelForMaskedLM.from_pretrained("runs/nth/export").config.hidden_size == 32
    assert hb.load("runs/nth/export").fill("The ___ man").gaps == hb.load("runs/nth").fill("The ___ man").gaps

    known: dict[str, Any] = {"tokenizer": tokenizer()}
    exec(python.replace("minutes=5", f"settings={TINY!r}"), known)
    assert known["run"].recipe.objective == hb.objective("every_nth:EveryNth", n=4)
    assert known["joined"].objective.n == 6
    assert known["collator"](features(3))["labels"].shape[0] == 3
    Path("every_nth.py").write_text(source + "# another line\n")
    with pytest.raises(SystemExit):
        program.main(["fill", "runs/nth", "The old ___."])
    assert "The source of every_nth.py:EveryNth has changed since it was saved." in capsys.readouterr().err
    for name in ("every_nth", "every_nth.py"):
        del sys.modules[name]


def test_the_page_names_every_law() -> None:
    names = [line.split("|")[1].strip() for line in PAGE_TEXT.splitlines() if line.startswith("| ")][1:]
    assert names == [*LAWS, "settings come back", "rows of ordinary lengths are taken"]
