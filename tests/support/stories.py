"""A small text, and runs of it in processes of their own."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hornbook.train.checkpoints import newest


def story(sentences: int, seed: int = 0) -> str:
    """A text with grammar enough to learn something from."""
    choose = random.Random(seed).choice
    who, does, what = (
        ["The cat", "A dog", "My aunt", "The old king"],
        ["sees", "eats", "paints"],
        ["fish", "bread", "a house"],
    )
    lines = [f"{choose(who)} {choose(does)} {choose(what)}." for _ in range(sentences)]
    return "\n\n".join(" ".join(lines[i : i + 4]) for i in range(0, sentences, 4)) + "\n"


def state(directory: Path) -> dict[str, torch.Tensor]:
    found = newest(directory / "checkpoints", pytest.fail)
    assert found is not None
    return found[1]


def assert_same(one: Path, other: Path) -> None:
    a, b = state(one), state(other)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def result_of(directory: Path) -> dict[str, object]:
    """Return what a run's result.json says but for the seconds, in which no two runs are alike."""
    found = json.loads((directory / "result.json").read_text())
    assert found.pop("seconds") > 0
    return found


CHILD = """
import sys
from pathlib import Path
from hornbook import cli
cli.main(["pretrain", "--plain", *sys.argv[1:]])
"""


def child(*arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
