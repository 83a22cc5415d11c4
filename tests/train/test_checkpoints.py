"""Checkpoints: verified, the newest sound one wins, falling back is said, old ones go."""

import json

import pytest
import torch

from hornbook.errors import UserError
from hornbook.train import checkpoints


def write(directory, steps, keep=5):
    for step in steps:
        checkpoints.save(directory, step, {"model.w": torch.full((3,), float(step))}, {"steps": 10}, keep)


def test_the_newest_is_loaded_bit_for_bit(tmp_path):
    write(tmp_path, [1, 2, 30])
    manifest, tensors = checkpoints.newest(tmp_path, pytest.fail)
    assert manifest["step"] == 30 and manifest["steps"] == 10
    assert torch.equal(tensors["model.w"], torch.full((3,), 30.0))


def test_only_the_newest_are_kept(tmp_path):
    write(tmp_path, [1, 2, 3, 4], keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000003", "step-00000004"]


@pytest.mark.parametrize("damage", ["cut", "changed", "missing", "manifest", "not safetensors"])
def test_a_damaged_one_is_passed_over_and_that_is_said(tmp_path, damage):
    write(tmp_path, [1, 2])
    state = tmp_path / "step-00000002" / "state.safetensors"
    content = bytearray(state.read_bytes())
    if damage == "cut":
        state.write_bytes(content[:-1])
    elif damage == "changed":
        content[-1] ^= 1
        state.write_bytes(content)
    elif damage == "missing":
        state.unlink()
    elif damage == "manifest":
        (state.parent / "manifest.json").write_text("{")
    else:
        state.write_bytes(b"rubbish")
        manifest = json.loads((state.parent / "manifest.json").read_text())
        from hornbook.artifacts import sha256

        manifest["files"]["state.safetensors"] = {"bytes": 7, "sha256": sha256(state)}
        (state.parent / "manifest.json").write_text(json.dumps(manifest))
    said = []
    manifest, _ = checkpoints.newest(tmp_path, said.append)
    assert manifest["step"] == 1
    assert len(said) == 1 and "step-00000002" in said[0]


def test_none_sound_is_one_sentence_and_none_at_all_is_none(tmp_path):
    assert checkpoints.newest(tmp_path, pytest.fail) is None
    write(tmp_path, [1])
    (tmp_path / "step-00000001" / "state.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="None of the 1 checkpoints"):
        checkpoints.newest(tmp_path, lambda text: None)
