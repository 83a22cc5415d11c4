"""Checkpoints: verified, the newest sound one wins, falling back is said, old ones go."""

import json
import os

import pytest
import torch
from safetensors.torch import save

from hornbook.errors import DivergedError, UserError
from hornbook.train import checkpoints
from hornbook.train.tensors import not_finite, write_tensors
from hornbook.train.world import World


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


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def flip(checkpoint):
    state = checkpoint / "state.safetensors"
    content = bytearray(state.read_bytes())
    content[-1] ^= 1
    state.write_bytes(content)


def rename(directory, step, new):
    (directory / f"step-{step:08d}").rename(directory / new)


@pytest.mark.parametrize("stray", ["empty", "of another step", "damaged", "sound"])
def test_what_was_just_written_stays_whatever_lies_above_it(tmp_path, stray):
    write(tmp_path, [1, 2])
    if stray == "empty":
        (tmp_path / "step-99999999").mkdir()
    elif stray == "sound":
        write(tmp_path, [99999999])
    else:
        rename(tmp_path, 2, "step-99999999")
        if stray == "damaged":
            flip(tmp_path / "step-99999999")
    write(tmp_path, [3], keep=1)
    assert names(tmp_path) == ["step-00000003", "step-99999999"]


def test_damaged_ones_below_are_set_aside_and_do_not_count(tmp_path):
    write(tmp_path, [1, 2, 3])
    flip(tmp_path / "step-00000003")
    rename(tmp_path, 2, "step-00000004")
    write(tmp_path, [5], keep=2)
    aside = ["damaged-step-00000003", "damaged-step-00000004"]
    assert names(tmp_path) == [*aside, "step-00000001", "step-00000005"]


def test_training_sets_aside_what_it_cannot_use_and_clears_what_killed_writers_left(tmp_path):
    write(tmp_path, [1, 2])
    flip(tmp_path / "step-00000002")
    (tmp_path / "step-99999999").mkdir()
    (tmp_path / ".step-00000003.partial").mkdir()
    (tmp_path / ".step-00000001.old").mkdir()
    before, said = names(tmp_path), []
    assert checkpoints.newest_together(tmp_path, said.append, World()).manifest["step"] == 1
    assert names(tmp_path) == before and len(said) == 2  # a reader changes nothing
    checkpoints.newest_together(tmp_path, said.append, World(), set_aside=True)
    assert names(tmp_path) == ["damaged-step-00000002", "damaged-step-99999999", "step-00000001"]
    assert said[-1] == "set aside as damaged-step-00000002"


def test_nothing_is_set_aside_where_nothing_is_sound(tmp_path):
    write(tmp_path, [1])
    flip(tmp_path / "step-00000001")
    for _ in range(2):  # a second time must not take it for a run without checkpoints
        with pytest.raises(UserError, match="None of the 1 checkpoints"):
            checkpoints.newest_together(tmp_path, lambda text: None, World(), set_aside=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_not_written_and_not_taken_for_sound(tmp_path, value, monkeypatch):
    write(tmp_path, [1])
    broken = {"model.a": torch.zeros(2), "model.w": torch.tensor([1.0, value, 2.0])}
    with pytest.raises(DivergedError, match=r"model\.w is not finite after step 2"):
        checkpoints.save(tmp_path, 2, broken, {}, 1)
    assert names(tmp_path) == ["step-00000001"]
    with monkeypatch.context() as patch:  # as earlier versions wrote them
        patch.setattr(checkpoints, "not_finite", lambda named: "")
        checkpoints.save(tmp_path, 2, broken, {}, 2)
    said = []
    manifest, _ = checkpoints.newest(tmp_path, said.append)
    assert manifest["step"] == 1 and "step-00000002 holds numbers that are not finite, in model.w" in said[0]


def test_large_numbers_and_empty_tensors_are_finite():
    named = {"a": torch.tensor([3e38, -3e38]), "b": torch.zeros(0), "c": torch.tensor(2), "d": torch.ones(1).bfloat16()}
    assert not_finite(named.items()) == ""


def test_a_file_of_tensors_has_the_librarys_bytes(tmp_path):
    tensors = {
        "b": torch.randn(3, 5), "a": torch.tensor(2.0), "é": torch.zeros(0, 4), "half": torch.randn(7).half(),
        "brain": torch.randn(2, 2).bfloat16(), "n": torch.arange(3), "t": torch.randn(4, 6).T,
        "yes": torch.tensor([True]),
    }  # fmt: skip
    whole = {name: value.contiguous() for name, value in tensors.items()}
    write_tensors(tmp_path / "x", tensors, {"format": "pt"})
    assert (tmp_path / "x").read_bytes() == save(whole, {"format": "pt"})
    write_tensors(tmp_path / "x", tensors)
    assert (tmp_path / "x").read_bytes() == save(whole)


def test_files_have_the_mode_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path, [1])
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "step-00000001").iterdir()}
    assert modes == {"state.safetensors": 0o640, "manifest.json": 0o640}
    assert (tmp_path / "step-00000001").stat().st_mode & 0o777 == 0o750
