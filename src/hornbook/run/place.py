"""Where a run is computed and kept: the machine, as environment.json has it, and whether the disk has room.

Both are asked before the first step: what differs from where the run was computed before, and whether its checkpoints
fit.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hornbook.artifacts import digest, read_json, write_json
from hornbook.console import quantity
from hornbook.errors import ResourceError, UserError
from hornbook.run.context import RunContext
from hornbook.run.directory import CHECKPOINTS, ENVIRONMENT, RESULT, has_checkpoint
from hornbook.run.settle.memory_fit import predicted

# What the last bits of a result depend on.
_DECISIVE = ("threads", "processor", "instructions", "torch", "device", "devices")
_HASH = "sha256"


def note_machine(directory: Path, now: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Write where a run is computed; where it was computed elsewhere before, say in one line what differs."""
    if has_checkpoint(directory):
        before = _before(directory)
        if before is None:
            say(f"{ENVIRONMENT} is damaged, so it is not known whether the run was computed on this machine before")
        elif changes := _changes(before, now):
            say(
                f"computed before with other {', '.join(changes)}: the run goes on, but its last bits may differ from "
                "those of an undisturbed run"
            )
    write_json(directory / ENVIRONMENT, dict(now) | {_HASH: digest(dict(now))})


def _before(directory: Path) -> dict[str, Any] | None:
    """Return what environment.json says, None where it cannot be trusted; earlier versions wrote no hash."""
    with contextlib.suppress(UserError):
        found = read_json(directory / ENVIRONMENT, "record of the machine")
        if isinstance(found, dict) and isinstance(found.get("packages"), dict):
            own = found.pop(_HASH, None)
            return found if own in (None, digest(found)) else None
    return None


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    old, new = ({**record, "torch": record["packages"].get("torch")} for record in (before, now))
    named = [name for name in _DECISIVE if name in old and old[name] != new[name]]
    return [f"{name} ({old[name]}, now {new[name]})" for name in named]


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
