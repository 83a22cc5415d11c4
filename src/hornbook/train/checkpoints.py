"""Checkpoints: directories `step-00000123` of safetensors, written whole or not at all, verified before use."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from hornbook.artifacts import read_manifest, write_directory
from hornbook.errors import UserError

KIND = "checkpoint"
_FILE = "state.safetensors"


def save(directory: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], keep: int) -> Path:
    """Write the state after `step` optimizer steps and remove all but the `keep` newest checkpoints."""
    target = directory / f"step-{step:08d}"
    with write_directory(target, KIND, {"step": step, **facts}) as scratch:
        try:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, scratch / _FILE)
        except SafetensorError as error:
            if f"os error {errno.ENOSPC}" in str(error):  # the library hides what the system said
                raise OSError(errno.ENOSPC, str(error)) from error
            raise
    for old in _all(directory)[keep:]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def load(checkpoint: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return (manifest, tensors) of one checkpoint after verifying it; raises UserError when it is damaged."""
    manifest = read_manifest(checkpoint, KIND)
    try:
        return manifest, load_file(checkpoint / _FILE)
    except SafetensorError as error:
        raise UserError(f"The checkpoint {checkpoint} cannot be read ({error}).") from error


def newest(directory: Path, say: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return the newest checkpoint that verifies, or None where there is none at all.

    A damaged one is passed over and `say` is told. Raises UserError when all are damaged.
    """
    found = _all(directory)
    for checkpoint in found:
        try:
            return load(checkpoint)
        except UserError as error:
            say(f"{error} Trying the one before it.")
    if found:
        raise UserError(f"None of the {len(found)} checkpoints in {directory} is sound; start the run afresh.")
    return None


def _all(directory: Path) -> list[Path]:
    """Return the checkpoints, newest first."""
    return sorted((path for path in directory.glob("step-*") if path.is_dir()), reverse=True)
