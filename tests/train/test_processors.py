"""The CPUs at hand, from files as the kernel writes them."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch

from hornbook.train import processors
from hornbook.train.processors import computing, cpus_at_hand, default_threads, quota


def written(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("own", "files", "cpus"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "250000 100000\n"}, 2.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 1.5),  # the one around it
        ("0::/a/b\n", {"a/b/cpu.max": "300000 100000\n", "a/cpu.max": "800000 100000\n"}, 3.0),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),  # inside a container
        ("0::/../../elsewhere\n", {"cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a\n", {"unified/a/cpu.max": "100000 100000\n"}, 1.0),
        ("4:cpu,cpuacct:/d\n", {f"cpu,cpuacct/d/cpu.cfs_{name}_us": "100000" for name in ("quota", "period")}, 1.0),
        ("1:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "-1", "cpu/d/cpu.cfs_period_us": "100000"}, math.inf),
        ("1:cpu:/host/path\n", {"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"}, 1.5),
        ("3:cpuset:/d\n", {"cpuset/d/cpu.max": "100000 100000"}, math.inf),
        ("0::/a\n", {"a/cpu.max": "nonsense\n"}, math.inf),
    ],
)  # fmt: skip
def test_the_smallest_quota_on_the_way_counts(tmp_path: Path, own: str, files: dict[str, str], cpus: float) -> None:
    (tmp_path / "own").write_text(own)
    written(tmp_path / "groups", files)
    assert quota(tmp_path / "groups", tmp_path / "own") == cpus


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert quota(tmp_path / "none", tmp_path / "nothing") == math.inf


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinities")
def test_threads_are_those_of_the_cpus_at_hand_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.sched_getaffinity(0)
    monkeypatch.setattr(processors, "quota", lambda: math.inf)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    try:
        assert cpus_at_hand() == len(allowed)
        os.sched_setaffinity(0, {min(allowed)})
        assert cpus_at_hand() == 1
        with computing(3):
            assert default_threads() == 1
            monkeypatch.setenv("OMP_NUM_THREADS", "3")
            assert default_threads() == 3
    finally:
        os.sched_setaffinity(0, allowed)
    monkeypatch.setattr(processors, "quota", lambda: 0.4)
    assert cpus_at_hand() == 1


def test_another_number_of_threads_lasts_as_long_as_its_block() -> None:
    before = torch.get_num_threads()
    with computing(before + 1):
        assert torch.get_num_threads() == before + 1
        with computing(0):
            assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
