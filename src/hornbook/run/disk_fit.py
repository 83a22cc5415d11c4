"""Whether the checkpoints of a run fit on the disk: asked before its first step, not after hours of work."""

from __future__ import annotations

import shutil

from hornbook.console import quantity
from hornbook.errors import ResourceError
from hornbook.run.context import RunContext
from hornbook.run.directory import CHECKPOINTS, RESULT
from hornbook.run.memory_fit import predicted


def check_disk(run: RunContext) -> None:
    """Raise ResourceError where a run that is not finished cannot write its checkpoints.

    A new one is whole before the oldest goes, so that there is one more than are kept. Those of an earlier start are
    there already.
    """
    if (run.directory / RESULT).is_file():
        return
    memory, keep = predicted(run.recipe, run.prepared, run.device), run.recipe.training.keep_checkpoints
    size = memory.weights + memory.optimizer
    there = sum(path.lstat().st_size for path in (run.directory / CHECKPOINTS).glob("step-*/*.safetensors"))
    free = shutil.disk_usage(run.directory).free
    if size * (keep + 1) - there <= free:
        return
    fewer = int((free + there) // size) - 1
    advice = f"set training.keep_checkpoints={fewer}, or free some space" if fewer > 0 else "free some space"
    raise ResourceError(
        f"The disk is too small: {run.directory} keeps {keep} checkpoints of {quantity(size)}B and writes the next one "
        f"beside them, {quantity(size * (keep + 1))}B in all, but {quantity(free)}B are free: {advice}, and continue "
        f"with: hornbook pretrain --resume {run.directory}"
    )
