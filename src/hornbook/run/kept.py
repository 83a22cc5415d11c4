"""What a run's directory keeps of its measurements: records of every document, and what a run that went on gained."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hornbook.artifacts import digest
from hornbook.errors import HornbookError, Notice, UserError
from hornbook.evaluate.records import Records
from hornbook.run.directory import EVALUATIONS
from hornbook.run.sealed import checkpoint_manifests


def keep_records(records: Records, directory: Path, name: str, step: int) -> None:
    """Write records to evaluations/NAME.jsonl of a run, with what they are of; a place that takes no files is told."""
    header = {"name": name, "model": directory.resolve().name, "checkpoint": checkpoint_of(directory), "step": step}
    try:
        replace(records, header=header | dict(records.header)).save(directory / EVALUATIONS / f"{name}.jsonl")
    except HornbookError as error:
        warnings.warn(f"The records of this measurement are not kept: {error}", Notice, stacklevel=2)


def checkpoint_of(directory: Path) -> str:
    """Return a hash of the newest checkpoint's files; "" where there is none, or one of an earlier version."""
    with contextlib.suppress(UserError, StopIteration):
        _, manifest = next(checkpoint_manifests(directory))
        return digest(manifest.get("files", {}))[:16]
    return ""


def told_gain(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Return in words what a run gained that measured before its first step; "" for one that began with nothing."""
    measured = [record for record in metrics if record["kind"] == "held_out"]
    if len(measured) < 2 or measured[0]["step"]:
        return ""
    before, after = measured[0], measured[-1]
    told = []
    for name, unit in (("loss", "nats per token"), ("bits_per_byte", "bits per byte")):
        ends = before.get(name), after.get(name)
        if None not in ends:
            told.append(f"before {ends[0]:.4f} -> after {ends[1]:.4f} {unit}")
    return f"On your held-out text: {'; '.join(told)}." if told else ""
