"""Builds in a process of their own, to be watched, stopped and killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import hornbook

SUPPORT = Path(__file__).parent
STEPS = (("Short", {"least": 5}), ("Slow", {"seconds": 0.02}), ("Repeats", {}), ("Without", {"word": "the "}))
_MAIN = "from hornbook.cli import main; main()"


def begin(
    *arguments: str, folder: Path, extra: Mapping[str, str] | None = None, watch: str = ""
) -> subprocess.Popen[str]:
    """Start `hornbook` in a process group of its own, under a program that watches it where one is given."""
    paths = [str(Path(hornbook.__file__).parent.parent), str(SUPPORT), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [*([sys.executable, "-c", watch] if watch else []), sys.executable, "-c", _MAIN, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(extra or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the end and return what was printed; a failure shows it."""
    out, _ = process.communicate()
    assert process.returncode == 0, out
    return out


def contents(corpus: Path) -> dict[str, bytes]:
    """Return the bytes of everything in a corpus."""
    return {
        path.relative_to(corpus).as_posix(): path.read_bytes()
        for path in corpus.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def wait_for(sign: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    """Wait until `sign` says something; the process must not end before."""
    while not sign():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def write_recipe(
    folder: Path, block: int = 4000, documents: int = 600, steps: Sequence[tuple[str, dict[str, Any]]] = STEPS
) -> Path:
    """Write texts and a recipe whose blocks are small, so that there are many."""
    lines = [
        json.dumps({"text": f"Document {number % 400} has the number and the words {'and the others ' * (number % 9)}"})
        for number in range(documents)
    ]
    (folder / "in.jsonl").write_text("\n".join([*lines, "{broken", '{"text": "short"}']))
    (folder / "book.txt").write_text("A paragraph of the book, with words enough to be kept.\n\n" * 400)
    tables = [
        "\n".join(
            [
                f'[[steps]]\nkind = "tiny_steps:{kind}"',
                *(f"{name} = {json.dumps(value)}" for name, value in given.items()),
            ]
        )
        for kind, given in steps
    ]
    path = folder / "recipe.toml"
    path.write_text("\n".join(['paths = ["in.jsonl", "book.txt"]', f"block = {block}", *tables]))
    return path


def kill_and_go_on(folder: Path, kills: int, seed: int) -> None:
    """Build by recipe.toml undisturbed, and again killed so often; both must be the same bytes."""
    draw = random.Random(seed)
    start = time.monotonic()
    finish(begin("corpus", "build", "recipe.toml", "--out", "whole", "--workers", "1", folder=folder))
    length = time.monotonic() - start
    undisturbed = contents(folder / "whole")
    for _ in range(kills):
        process = begin("corpus", "build", "recipe.toml", "--out", "killed", "--workers", "2", folder=folder)
        time.sleep(draw.uniform(0.2, 1.2) * length)
        whole = (folder / "killed/manifest.json").exists()
        if draw.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()  # the workers live on, and write what they are at
        process.communicate()
        if whole:
            assert contents(folder / "killed").keys() >= undisturbed.keys()
    finish(begin("corpus", "build", "recipe.toml", "--out", "killed", "--workers", "2", folder=folder))
    assert contents(folder / "killed") == undisturbed
