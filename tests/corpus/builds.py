"""Builds in a process of their own, to be watched, stopped and killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import hornbook

TESTS = Path(__file__).parent.parent
_MAIN = "from hornbook.cli import main; main()"


def begin(*arguments: str, folder: Path, extra: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `hornbook` in a process group of its own."""
    paths = [str(Path(hornbook.__file__).parent.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-c", _MAIN, *arguments],
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
