"""Builds that are stopped, killed or worked on by more hands end with the same bytes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from builds import begin, kill_and_go_on, wait_for, write_recipe


def test_a_killed_build_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    kill_and_go_on(tmp_path, kills=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_build_killed_many_times_goes_on_to_the_same_bytes(tmp_path: Path, seed: int) -> None:
    write_recipe(tmp_path, documents=1500)
    kill_and_go_on(tmp_path, kills=5, seed=seed + 10)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_with_its_code_and_the_command_that_goes_on(tmp_path: Path, number: int) -> None:
    write_recipe(tmp_path, steps=(("Slow", {"seconds": 0.5}),))
    process = begin("corpus", "build", "recipe.toml", "--out", "corpus", "--workers", "2", folder=tmp_path)
    wait_for(lambda: list(tmp_path.glob("corpus/work/00/*.parquet")), process)
    os.killpg(process.pid, number)
    out, _ = process.communicate()
    assert process.returncode == 128 + number, out
    assert "hornbook corpus build recipe.toml --out corpus" in out and "Traceback" not in out
    read = [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("corpus/work/read/*.json"))]
    assert read
    (tmp_path / "recipe.toml").write_text((tmp_path / "recipe.toml").read_text().replace("0.5", "0.25"))
    process = begin("corpus", "build", "recipe.toml", "--out", "corpus", folder=tmp_path)
    out, _ = process.communicate()
    assert process.returncode == 2 and "half-built corpus of another recipe" in out


def test_changed_input_under_a_half_built_corpus_is_refused(tmp_path: Path) -> None:
    write_recipe(tmp_path, steps=(("Slow", {"seconds": 0.5}),))
    process = begin("corpus", "build", "recipe.toml", "--out", "corpus", folder=tmp_path)
    wait_for(lambda: list(tmp_path.glob("corpus/work/00/*.parquet")), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (tmp_path / "in.jsonl").write_text('{"text": "something else"}\n')
    process = begin("corpus", "build", "recipe.toml", "--out", "corpus", folder=tmp_path)
    out, _ = process.communicate()
    assert process.returncode == 2 and "The input has changed" in out and "Traceback" not in out
