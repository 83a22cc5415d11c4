"""metrics.jsonl: one JSON object a line, the truth about a run; everything that shows a run only reads it.

Other files of a run that grow line by line are read and written in the same way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from hornbook.artifacts import disk_errors, json_text, make_directory, write_file
from hornbook.errors import UserError

METRICS = "metrics.jsonl"  # the name of the file in a run
CHECKPOINTS = "checkpoints"  # the folder beside it; what is in it needs torch, its name does not


class Sink(Protocol):
    """Anything that takes records: the file, the console, a tracker."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record; `kind` is "train" or "held_out", `step` the number of optimizer steps done."""


class Samples(Protocol):
    """What the model says now and then: it is asked without a trace in training, by the one process that has this."""

    @property
    def every(self) -> int:
        """Measurements from one time to the next; the end of the run is a time as well."""

    def write(self, step: int) -> None:
        """Ask the model as it is after so many steps, and write what it says."""


class MetricsFile:
    """Appends records to metrics.jsonl, each line flushed, so that a killed run keeps all but its last line.

    Lines that are damaged, which `say` counts, are set aside in metrics.damaged: they never stop a run from going on.
    """

    def __init__(self, path: Path, resumed_at: int, say: Callable[[str], None] = lambda text: None) -> None:
        self._path = path
        with disk_errors(path):
            make_directory(path.parent)
            kept: list[dict[str, Any]] = []
            if resumed_at:
                sound, damaged = read_lines(path)
                kept = [record for record in sound if record["step"] <= resumed_at]
                if damaged:
                    aside = path.with_suffix(".damaged")
                    write_file(aside, b"\n".join(damaged) + b"\n")
                    say(f"{len(damaged)} lines of {path.name} are damaged: they stand in {aside.name} now")
            if path.exists() and not path.is_file():
                raise UserError(f"{path} is not a file: move it away.")
            write_file(path, "".join(json_text(record) + "\n" for record in kept))
            self._stream = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any]) -> None:
        with disk_errors(self._path):
            self._stream.write(json_text(record) + "\n")
            self._stream.flush()

    def sync(self) -> None:
        """Ask the disk to keep what was written so far."""
        with disk_errors(self._path):
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        with disk_errors(self._path):
            os.fsync(self._stream.fileno())
            self._stream.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the sound records of a metrics.jsonl; a missing file has none."""
    return read_lines(path)[0]


def read_lines(path: Path) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Return the records of a metrics.jsonl, and the lines that are none: cut by a crash, damaged, or there twice.

    Of one kind and step there is one record, or one for each `text`.
    """
    records: dict[tuple[object, ...], dict[str, Any]] = {}
    damaged = []
    if path.is_file():
        with path.open("rb") as stream:
            for line in stream:
                try:
                    record = json.loads(line.decode())
                except (ValueError, RecursionError):
                    record = None
                if not _is_record(record) or records.setdefault(_place(record), record) is not record:
                    damaged.append(line.rstrip(b"\n"))
    return list(records.values()), damaged


def _place(record: Mapping[str, Any]) -> tuple[object, ...]:
    return record["kind"], record["step"], record.get("text")


def _is_record(value: Any) -> bool:
    """Say whether a value has the kind and the step that every record has, and else numbers and names alone.

    Numbers of domains stand in tables of their own.
    """
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return False
    domains = value.get("domains", {})
    parts = list(domains.values()) if isinstance(domains, dict) else [None]
    if not all(isinstance(part, dict) and all(map(_is_number, part.values())) for part in parts):
        return False
    values = [item for name, item in value.items() if name not in ("kind", "domains") and item is not None]
    whole = type(value.get("step")) is int and value["step"] >= 0
    return whole and all(isinstance(item, int | float | str) for item in values)


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)
