"""`benchmarks/gpu.py`: each part on its own, whatever ends it, and all parts in a toy size on a CPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, its helpers at hand."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("gpu_script", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_alive(number: int) -> bool:
    """Whether a process does anything yet; one that has ended may wait for its parent to ask."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def toy(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """Run the script in a toy size; return its parts."""
    out = tmp_path / "gpu.json"
    command = [sys.executable, str(SCRIPT), "--toy", "--out", str(out), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr[-2000:]
    parts: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))["parts"]
    return parts


@pytest.mark.parametrize(
    "code, reason",
    [
        ("raise MemoryError('none is left')", "MemoryError: none is left"),
        ("import os; os.abort()", "ended by signal 6"),
        ("import time; time.sleep(60)", "stopped after 1 s"),
        ("import os, time; os.close(1); time.sleep(60)", "stopped after 1 s"),
        ("raise SystemExit(3)", "ended with 3"),
        ("pass", ""),
    ],
)
def test_what_a_part_found_is_kept_however_it_ends(script: ModuleType, tmp_path: Path, code: str, reason: str) -> None:
    found = f"print({script.MARK!r} + '{{\"rows\": 8}}', flush=True); print('noise', flush=True); {code}"
    start = time.monotonic()
    *kept, ending = script.isolated([sys.executable, "-c", found], 1.0 if "sleep" in code else 30.0, tmp_path / "log")
    assert kept == [{"rows": 8}]
    assert ending.startswith(reason) and bool(ending) == bool(reason)
    assert time.monotonic() - start < 30


def test_a_stopped_part_takes_its_own_processes_along(script: ModuleType, tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import pathlib, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; "
        f"time.sleep(60)']); pathlib.Path({str(child)!r}).write_text(str(child.pid)); time.sleep(60)"
    )
    list(script.isolated([sys.executable, "-c", code], 5.0, tmp_path / "log"))
    until = time.monotonic() + 20  # the system takes its time to end what was killed
    while is_alive(int(child.read_text())) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_alive(int(child.read_text()))


def test_parts_for_which_no_time_is_left_are_named(script: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    script.main(["--minutes", "0.01", "--only", "span", "--out", str(out)])
    parts = json.loads(out.read_text(encoding="utf-8"))["parts"]
    assert {part["failed"] for part in parts.values()} == {"no time was left"} and len(parts) == 2


def test_devices_have_the_peak_of_their_card(script: ModuleType) -> None:
    from on_gpu.shapes import peak_of  # type: ignore[import-not-found]

    names = {
        "NVIDIA H200": 989, "NVIDIA H100 PCIe": 756, "NVIDIA H100 80GB HBM3": 989, "NVIDIA L40S": 362, "NVIDIA L4": 121,
        "NVIDIA A100-SXM4-80GB": 312, "NVIDIA GeForce RTX 4090": 165.2, "Tesla T4": 0,
    }  # fmt: skip
    assert {name: peak_of(name) / 1e12 for name in names} == pytest.approx(names)


def test_one_process_exchanges_with_itself(tmp_path: Path) -> None:
    parts = toy(tmp_path, "--only", "exchange")
    assert list(parts) == ["exchange"] and parts["exchange"]["cases"]["exchange"]["passed"]


@pytest.mark.slow
def test_all_parts_run_in_a_toy_size(script: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("transformers"), pytest.importorskip("accelerate")
    parts = toy(tmp_path)
    assert {part for part in script.PARTS if "350m" not in part} == set(parts)
    assert not [part for part in parts.values() if "failed" in part]
    cases = [case for part in parts.values() for case in part.get("cases", {}).items()]
    assert len(cases) == 10 and not [name for name, facts in cases if not facts["passed"]]
    for name in ("causal", "masked", "span"):
        ours, theirs = parts[f"{name} hornbook"], parts[f"{name} trainer"]
        assert ours["rows_per_second"] > 0 < theirs["rows_per_second"]
        assert set(ours["parts"]) == {"data", "forward", "head and loss", "backward", "clip", "optimizer"}
        assert ours["kernels"]["kernels"] > 100
    from on_gpu.table import told  # type: ignore[import-not-found]

    table = told({"toy": True, "parts": parts})
    assert all(f"{name} hornbook" in table for name in ("causal", "masked", "span")) and "FAILED" not in table
