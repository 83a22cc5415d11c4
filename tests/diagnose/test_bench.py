"""`hornbook bench`: what it measures adds up, is kept, and is believed of this machine alone."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from hornbook.artifacts import write_json
from hornbook.cli import program as cli
from hornbook.diagnose.bench import (
    OBJECTIVES,
    MachineSpeed,
    StepSpeed,
    _owner,
    copy_rate,
    recall,
    record_path,
    step_speed,
)
from hornbook.train.machine import find_device

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def speed(**changes: object) -> MachineSpeed:
    step = StepSpeed("causal", "decoder", 100, 10.0, 0.5, 2.0, 0.5, 0.2, 0.2, 0.1, 0.05, "matrix products")
    found = MachineSpeed("2026-11-24", _owner(find_device()), "fp32", 1e9, 2e9, 3e9, (step,))
    return dataclasses.replace(found, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", OBJECTIVES)
def test_the_parts_of_a_step_add_up(kind):
    found = step_speed(kind, CPU, False, 1e12, 1e12)  # a machine so fast that products and memory take little
    parts = {
        "matrix products": found.matrix, "memory": found.memory, "the optimizers": found.optimizer,
        "small operations": found.other,
    }  # fmt: skip
    assert sum(parts.values()) == pytest.approx(1.0)
    assert found.limit == ("making batches" if found.data > 1 else max(parts, key=lambda name: parts[name]))
    assert found.model_flops_utilization == pytest.approx(found.matrix)
    assert found.tokens_per_second * found.seconds >= 16 * 256


def test_a_copy_has_a_speed():
    assert copy_rate(CPU) > 1e6


def test_a_record_of_this_machine_is_believed_and_of_another_or_a_broken_one_is_not():
    assert recall() is None
    write_json(record_path(), dataclasses.asdict(speed()))
    assert recall() == speed()
    for owner in ({"processor": "another"}, {"torch": "1.0"}):
        write_json(record_path(), dataclasses.asdict(speed(owner=speed().owner | owner)))
        assert recall() is None
    for broken in ("", "[]", '{"date": 1}', json.dumps(dataclasses.asdict(speed()) | {"steps": [{"a": 1}]})):
        record_path().write_text(broken)
        assert recall() is None


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_what_is_measured_is_printed(arguments, monkeypatch, capsys):
    monkeypatch.setattr("hornbook.diagnose.bench.measure_machine", lambda say: say("all") or speed())
    with pytest.raises(SystemExit) as done:
        cli.main(["bench", *arguments])
    out, errors = capsys.readouterr()
    assert not done.value.code and "measuring all" in errors
    if arguments:
        assert json.loads(out)["steps"][0]["limit"] == "matrix products"
    else:
        assert "1.0GFLOP/s" in out and "causal\t10\t50%\t50%\t20%\t20%\t10%\t5%\tmatrix products" in out
