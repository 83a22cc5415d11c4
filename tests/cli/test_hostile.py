"""Hostile arguments to every command: each ends soon, in one sentence or as usual, and leaves nothing half-written.

Numbers that no machine reaches, words for numbers, empty paths, paths to pipes, devices and folders, in every option.
"""

from __future__ import annotations

import io
import itertools
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from damages import Late, limited, make_trees

from hornbook.cli import main
from hornbook.recipes.describe import describe_settings

NUMBERS = ("", "-1", "0", "nan", "inf", "-inf", "1e999", "1e30", "10" * 40, "9" * 5000, "2.5", "x", "0x10", "\n", "١")
TINY = (
    "data.clean=none", "budget.steps=1", "model.width=16", "model.layers=1", "model.heads=1", "model.max_length=32",
    "training.batch_rows=2", "training.compile=no", "tokenizer.size=300", "training.precision=fp32",
)  # fmt: skip


def commands(run: Path, root: Path) -> Iterator[list[str]]:
    """Yield commands, each with one argument that makes no sense."""
    places = [
        "",
        " ",
        ".",
        "/",
        "/dev/null",
        "/dev/zero",
        "/proc/self/mem",
        str(root / "pipe"),
        str(root / "none" / "x"),
    ]
    places += [str(root / "loop"), str(root / "book.txt"), str(root / "deep.toml"), "a\0b"]
    settings = [line.name for line in describe_settings() if "number" in line.type and "objective" not in line.name]
    book, out = str(root / "book.txt"), str(root / "out")
    for name, value in itertools.product(settings, NUMBERS):
        yield ["pretrain", "--plain", book, "--out", out, *TINY, f"{name}={value}"]
    for option, value in itertools.product(
        ("--steps", "--tokens", "--minutes", "--epochs", "--seed", "--devices"), NUMBERS
    ):
        if (option, value) not in {("--devices", "0"), ("--minutes", "2.5"), ("--seed", "0")}:  # these train
            yield ["pretrain", "--plain", book, "--out", out, *TINY[2:], option, value]
    for place in places:
        yield ["pretrain", "--plain", book, "--out", place, *TINY]
        yield ["pretrain", "--plain", place, "--out", out, *TINY]
        yield ["pretrain", "--plain", book, "--out", out, *TINY, f"tokenizer.file={place}"]
        yield ["pretrain", "--plain", book, "--out", out, *TINY[:2], "--from", place]
        yield ["pretrain", "--resume", place]
        yield ["import", place, "--out", out]
        yield ["import", str(root / "export"), "--out", place]
        yield ["export", str(run), "--out", place]
        yield ["evaluate", str(run), "--data", place]
        yield ["check", place]
        for verb in ("evaluate", "export", "check", "corpus inspect"):
            yield [*verb.split(), place]
        yield ["generate", place, "x"]
        yield ["fill", place, "x"]
        yield ["show", "x", "--run", place]
    options = (
        "--tokens",
        "--temperature",
        "--top-k",
        "--top-p",
        "--min-p",
        "--repetition-penalty",
        "--beams",
        "--count",
    )
    for option, value in itertools.product((*options, "--length-penalty", "--seed"), NUMBERS):
        if (option, value) not in {("--count", "10" * 40), ("--count", "1e30")}:
            yield ["generate", str(run), "The", "--tokens", "2", option, value]
    for value in NUMBERS:
        yield ["show", "--run", str(run), "--row", value]
        yield ["show", "--run", str(run), "some words", "--seed", value]
        yield ["export", str(run), "--shard", value]
        yield ["export", str(run), "--as", value]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    make_trees(root)
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to("loop")
    (root / "deep.toml").write_text("seed = " + "[" * 100_000)
    return root


def fault(command: list[str], root: Path) -> str:
    """Return what is wrong with how a command ends; "" where nothing is."""
    told = io.StringIO()
    try:
        with limited(), redirect_stdout(io.StringIO()), redirect_stderr(told):
            main(command)
        code: object = 0
    except SystemExit as end:
        code = end.code
    except Late:
        return "endless"
    except BaseException as error:  # what is looked for
        return f"{type(error).__name__}: {error}"
    left = root / "out"
    if code and left.exists() and not (left / "plan.json").exists():
        return f"left {sorted(path.name for path in left.iterdir())}"
    return "" if code in (0, None, 2, 3, 4) else f"exit code {code}"


def faults(number: int | None, root: Path) -> list[tuple[list[str], str]]:
    """Return the faults of so many of the commands, or of all."""
    found = []
    every = list(commands(root / "run", root))
    for command in every if number is None else random.Random(0).sample(every, number):
        wrong = fault(command, root)
        if wrong:
            found.append((command, wrong))
        shutil.rmtree(root / "out", ignore_errors=True)
    return found


def test_some_hostile_commands_end_in_a_sentence(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert faults(15, root) == []


@pytest.mark.slow
def test_every_hostile_command_ends_in_a_sentence(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert faults(None, root) == []
