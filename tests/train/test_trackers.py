"""Trackers: each takes every record once, fails without harm, and is refused beforehand where it cannot work."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import UserError
from hornbook.train import trackers
from hornbook.train.metrics import read_metrics
from hornbook.train.trackers import TRACKERS, TensorBoard, find_trackers, open_sinks

SETTINGS = {"seed": 3, "data": {"paths": ["a.txt"]}}
# Records of steps 1 to 7, then, as after a kill whose last checkpoint was of step 4, those of steps 5 to 9.
KILLED_AND_RESUMED = ((0, range(1, 8)), (4, range(5, 10)))


def records(steps: Iterable[int]) -> list[dict[str, Any]]:
    train = [{"kind": "train", "step": step, "loss": 1 / step, "lr_scale": 1.0} for step in steps]
    return [*train, {"kind": "held_out", "step": train[-1]["step"], "loss": 0.5}]


def track(directory: Path, trackers: dict[str, Any], runs=KILLED_AND_RESUMED, say=pytest.fail) -> None:
    for resumed_at, steps in runs:
        with open_sinks(directory, resumed_at, trackers, SETTINGS, say) as sinks:
            for record in records(steps):
                for sink in sinks:
                    sink.write(record)


class Mine:
    """Writes down all that happens to it; fails in the method that a subclass names."""

    fails, error = "", RuntimeError
    heard: list[Any]

    def note(self, method: str, *what: Any) -> None:
        type(self).heard.append((method, *what))
        if method == self.fails:
            raise self.error("no more\nthan this")

    def open(self, directory, name, settings, resumed_at):
        self.note("open", directory, name, settings, resumed_at)

    def write(self, record):
        self.note("write", record["kind"], record["step"])

    def close(self):
        self.note("close")


def mine(fails: str = "") -> type[Mine]:
    return type("Mine", (Mine,), {"fails": fails, "heard": []})


def test_a_tracker_gets_the_run_and_each_record_once_over_a_kill_and_a_resumption(tmp_path):
    cls = mine()
    track(tmp_path / "toy", {"mine": cls})
    assert cls.heard == [
        ("open", tmp_path / "toy", "toy", SETTINGS, 0),
        *[("write", "train", step) for step in range(1, 8)],
        ("write", "held_out", 7),
        ("close",),
        ("open", tmp_path / "toy", "toy", SETTINGS, 4),
        *[("write", "train", step) for step in (8, 9)],
        ("write", "held_out", 9),
        ("close",),
    ]


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
@pytest.mark.parametrize("fails", ["open", "write", "close"])
def test_a_tracker_that_fails_is_dropped_aloud_and_nothing_is_lost(tmp_path, fails, error):
    bad, good, said = mine(fails), mine(), []
    bad.error = error
    track(tmp_path, {"bad": bad, "good": good}, runs=[(0, range(1, 8))], say=said.append)
    assert len(said) == 1 and said[0].startswith("The tracker bad failed") and f"{error.__name__}: no more)" in said[0]
    assert [call[0] for call in bad.heard].count(fails) == 1 and bad.heard[-1][0] == fails
    assert len(good.heard) == 10
    assert read_metrics(tmp_path / "metrics.jsonl") == records(range(1, 8))


def test_records_by_old_names_are_kept_and_gone_on_from(tmp_path):
    old = {"kind": "train", "step": 1, "loss": 2.0, "rate": 0.5, "share_of_machine": 0.1}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(old) + "\n")
    cls = mine()
    track(tmp_path, {"mine": cls}, runs=[(1, [2])])
    assert read_metrics(tmp_path / "metrics.jsonl") == [old, *records([2])]
    assert [call[2] for call in cls.heard if call[0] == "write"] == [2, 2]


def test_tensorboard_has_every_number_once_and_the_settings(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    track(tmp_path, find_trackers(["tensorboard"]))
    found = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert sorted(found.Tags()["scalars"]) == ["held_out/loss", "train/loss", "train/lr_scale"]
    losses = [(event.step, event.value) for event in found.Scalars("train/loss")]
    assert losses == [(step, pytest.approx(1 / step)) for step in range(1, 10)]
    assert [event.step for event in found.Scalars("held_out/loss")] == [7, 9]
    assert "a.txt" in str(found.Tensors("settings/text_summary"))


@pytest.mark.parametrize("moment", ["before", "during"])
def test_tensorboard_whose_folder_is_a_file_is_dropped_without_a_traceback(tmp_path, moment, capfd):
    pytest.importorskip("tensorboard")
    folder, said, hook = tmp_path / "tensorboard", [], threading.excepthook
    if moment == "before":
        folder.write_text("x")
    with open_sinks(tmp_path, 0, find_trackers(["tensorboard"]), SETTINGS, said.append) as sinks:
        if moment == "during":
            shutil.rmtree(folder)
            folder.write_text("x")
        for record in records(range(1, 8)):
            for sink in sinks:
                sink.write(record)
    threading.excepthook = hook
    assert len(said) == 1 and said[0].startswith("The tracker tensorboard failed and is switched off")
    assert "Traceback" not in capfd.readouterr().err
    assert read_metrics(tmp_path / "metrics.jsonl") == records(range(1, 8))


def elsewhere(name: str, directory: Path, **environment: str) -> None:
    """Track with a built-in tracker, each run in a process of its own; skip where the tracker's library is missing."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"the extra {name} is not installed")
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    for number in range(len(KILLED_AND_RESUMED)):
        code = (
            "import pathlib\nfrom test_trackers import *\n"
            f"track(pathlib.Path({str(directory)!r}), find_trackers([{name!r}]), [KILLED_AND_RESUMED[{number}]])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=os.environ | environment | {"PYTHONPATH": path},
        )
        assert done.returncode == 0, done.stderr
        time.sleep(1)  # wandb's folders are named by the second


def test_trackio_has_every_step_once_in_one_run(tmp_path):
    elsewhere("trackio", tmp_path / "toy", TRACKIO_DIR=str(tmp_path / "kept"))
    code = (
        "from trackio.sqlite_storage import SQLiteStorage as kept\nimport json\n"
        "print(json.dumps({name: kept.get_logs('hornbook', name) for name in kept.get_runs('hornbook')}))"
    )
    environment = os.environ | {"TRACKIO_DIR": str(tmp_path / "kept")}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    ((name, logs),) = json.loads(told.stdout).items()
    assert name.startswith("toy-")
    steps = {tag: [log["step"] for log in logs if tag in log] for tag in ("train/loss", "held_out/loss")}
    assert steps == {"train/loss": list(range(1, 10)), "held_out/loss": [7, 9]}


def test_wandb_without_a_network_has_every_step_once_under_one_id(tmp_path):
    elsewhere("wandb", tmp_path, WANDB_MODE="offline", WANDB_SILENT="true")
    files = sorted((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 2 and len({file.name for file in files}) == 1
    found = [history for file in files for history in histories(file)]
    losses = {step: values.get("train/loss") for step, values in found}
    assert [step for step, _ in found] == list(range(1, 10))
    assert losses == {step: pytest.approx(1 / step) for step in range(1, 10)}
    assert [step for step, values in found if "held_out/loss" in values] == [7, 9]


def histories(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Return the steps of a .wandb file with their values: LevelDB's log of protobuf records, after 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, part, found = path.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:  # too short for a header: the rest of a block is empty
            at += left
            continue
        size, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        part, at = part + data[at + 7 : at + 7 + size], at + 7 + size
        if kind in (1, 4):  # a record whole, or its last part
            record = Record.FromString(part)
            part = b""
            if record.WhichOneof("record_type") == "history":
                values = {item.key or "/".join(item.nested_key): item for item in record.history.item}
                numbers = {name: json.loads(item.value_json) for name, item in values.items()}
                found.append((int(numbers["_step"]), numbers))
    return found


def test_a_library_is_imported_only_when_its_tracker_is_opened():
    code = (
        "import sys\nfrom hornbook.train.trackers import TRACKERS, _installed, find_trackers\n"
        "find_trackers([name for name in TRACKERS if _installed(name)])\n"
        "print(set(TRACKERS) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_what_cannot_work_is_refused_with_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no tracker 'tensorbord' .*Did you mean 'tensorboard'"):
        find_trackers(["tensorbord"])
    (tmp_path / "my.py").write_text("class Mine:\n    def write(self, record): ...\n")
    with pytest.raises(UserError, match="not a tracker: it lacks the method open and close"):
        find_trackers([f"{tmp_path / 'my.py'}:Mine"])
    with pytest.raises(UserError, match="cannot be read"):
        find_trackers([f"{tmp_path / 'your.py'}:Mine"])
    monkeypatch.setattr(trackers, "TRACKERS", {"nothing_such": TensorBoard})
    with pytest.raises(UserError, match=r"pip install 'hornbook\[nothing_such\]'"):
        find_trackers(["nothing_such"])
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "nothing_such").mkdir()  # as a run's folder wandb/ in the present directory
    with pytest.raises(UserError, match="not installed"):
        find_trackers(["nothing_such"])


def test_pip_installs_what_a_built_in_tracker_asks_for():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(TRACKERS) <= set(project["optional-dependencies"])
