"""Where a run is computed, as environment.json has it, and what differs when the run goes on elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hornbook.artifacts import digest, read_json, write_json
from hornbook.errors import UserError
from hornbook.run.directory import ENVIRONMENT, has_checkpoint

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
