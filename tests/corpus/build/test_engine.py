"""Engines: the same bytes natively and on a Ray cluster, and what happens when workers are lost."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from builds import begin, contents, finish, wait_for, write_recipe

from hornbook.artifacts import disk_errors
from hornbook.corpus.build.engine import Engine, work
from hornbook.errors import ResourceError, UserError


def test_another_engine_is_refused_in_words() -> None:
    with pytest.raises(UserError, match="There is no engine 'spark'"):
        Engine("spark")
    with pytest.raises(UserError, match="must not be negative"):
        Engine(workers=-1)


@pytest.mark.parametrize(("workers", "tasks"), [(1, ["a", "b"]), (2, ["a"])])
def test_one_worker_alone_is_this_process(workers: int, tasks: list[str]) -> None:
    found: dict[str, str] = {}
    work(lambda task: f"{task} {os.getpid()}", tasks, Engine(workers=workers), found.__setitem__)
    assert found == {task: f"{task} {os.getpid()}" for task in tasks}
    with pytest.raises(ZeroDivisionError):
        work(lambda task: str(1 / 0), tasks, Engine(workers=workers), found.__setitem__)


@pytest.mark.slow
def test_a_lost_worker_s_work_is_done_again(tmp_path: Path) -> None:
    write_recipe(tmp_path, steps=(("DieOnce", {"flag": str(tmp_path / "died")}), ("Short", {"least": 3})))
    finish(begin("corpus", "build", "recipe.toml", "--out", "one", "--workers", "2", folder=tmp_path))
    assert (tmp_path / "died").exists()
    finish(begin("corpus", "build", "recipe.toml", "--out", "two", "--workers", "1", folder=tmp_path))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_step_s_own_error_is_told_with_its_place(tmp_path: Path) -> None:
    write_recipe(tmp_path, steps=(("Broken", {}),))
    process = begin("corpus", "build", "recipe.toml", "--out", "corpus", "--workers", "2", folder=tmp_path)
    out, _ = process.communicate()
    assert process.returncode == 2 and "of no use" in out and "tiny_steps.py" in out
    assert "Traceback" not in out


def test_an_error_that_a_person_can_mend_ends_with_its_code(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Some words.")
    recipe = 'paths = ["in.txt"]\n[[steps]]\nkind = "bad-words"\nfile = "nothing.txt"\n'
    (tmp_path / "recipe.toml").write_text(recipe)
    process = begin("corpus", "build", "recipe.toml", "--out", "corpus", "--plain", folder=tmp_path)
    out, _ = process.communicate()
    assert process.returncode == 2, out
    assert out.splitlines()[-1].startswith("hornbook: The list of words nothing.txt cannot be read")


def test_a_full_disk_under_daft_is_a_full_disk(tmp_path: Path) -> None:
    place = tmp_path / "survey"
    with pytest.raises(ResourceError, match="The disk is full"), disk_errors(place):
        raise RuntimeError("DaftError::ParquetError External: No space left on device (os error 28)")
    with pytest.raises(RuntimeError, match="a bug"), disk_errors(tmp_path):
        raise RuntimeError("a bug")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start a Ray cluster of a head that works not and two nodes that do."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'hornbook[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    found.add_node(num_cpus=1)
    found.add_node(num_cpus=1)
    found.wait_for_nodes()
    yield found
    found.shutdown()


def kill_a_worker() -> None:
    """Kill one of Ray's processes that work; they belong to this one, which started the cluster."""
    below = [(item.pid, item.cmdline()) for item in psutil.Process().children(recursive=True)]
    lost = [number for number, words in below if any("UDFActor" in word for word in words)]
    assert lost
    os.kill(lost[0], signal.SIGKILL)


@pytest.mark.slow
def test_a_cluster_builds_the_same_bytes(tmp_path: Path, cluster: Any) -> None:
    write_recipe(tmp_path)
    finish(begin("corpus", "build", "recipe.toml", "--out", "native", "--workers", "1", folder=tmp_path))
    extra = {"RAY_ADDRESS": cluster.address}
    finish(begin("corpus", "build", "recipe.toml", "--out", "ray", "--engine", "ray", folder=tmp_path, extra=extra))
    assert contents(tmp_path / "ray") == contents(tmp_path / "native")


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_builds_the_same_bytes(tmp_path: Path, cluster: Any) -> None:
    write_recipe(tmp_path, steps=(("Slow", {"seconds": 0.5}), ("Repeats", {})), block=8000)
    finish(begin("corpus", "build", "recipe.toml", "--out", "native", "--workers", "1", folder=tmp_path))
    extra = {"RAY_ADDRESS": cluster.address}
    process = begin("corpus", "build", "recipe.toml", "--out", "ray", "--engine", "ray", folder=tmp_path, extra=extra)
    wait_for(lambda: list(tmp_path.glob("ray/work/00/*.json")), process)
    kill_a_worker()
    finish(process)
    assert contents(tmp_path / "ray") == contents(tmp_path / "native")


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start a cluster of one node, as `ray start` does; yields where its server for clients is."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'hornbook[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        port, server = one.getsockname()[1], two.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray")  # tmp_path is too long for the names of sockets
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
    options = ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--include-dashboard=false"]
    head = subprocess.Popen(
        [*command, *options, f"--ray-client-server-port={server}", f"--temp-dir={folder}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def up() -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", server)) == 0

    try:
        wait_for(up, head)
        yield f"ray://127.0.0.1:{server}"
    finally:
        if head.poll() is None:
            for process in [*psutil.Process(head.pid).children(recursive=True), psutil.Process(head.pid)]:
                process.kill()
        head.communicate()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_a_client_of_a_cluster_that_loses_a_worker_builds_the_same_bytes(tmp_path: Path, address: str) -> None:
    write_recipe(tmp_path, steps=(("Slow", {"seconds": 0.5}), ("Repeats", {})), block=8000)
    finish(begin("corpus", "build", "recipe.toml", "--out", "native", "--workers", "1", folder=tmp_path))
    process = begin("corpus", "build", "recipe.toml", "--out", "ray", "--engine", address, folder=tmp_path)
    wait_for(lambda: list(tmp_path.glob("ray/work/00/*.json")), process)
    kill_a_worker()
    finish(process)
    assert contents(tmp_path / "ray") == contents(tmp_path / "native")
