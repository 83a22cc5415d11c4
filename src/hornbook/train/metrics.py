"""metrics.jsonl: one JSON object a line, the truth about a run; everything that shows a run only reads it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from hornbook.artifacts import disk_errors, json_text, make_directory, write_file

METRICS = "metrics.jsonl"  # the name of the file in a run


class Sink(Protocol):
    """Anything that takes records: the file, the console, a tracker."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record; `kind` is "train" or "held_out", `step` the number of optimizer steps done."""


class MetricsFile:
    """Appends records to metrics.jsonl, each line flushed, so that a killed run keeps all but its last line."""

    def __init__(self, path: Path, resumed_at: int) -> None:
        self._path = path
        with disk_errors(path):
            make_directory(path.parent)
            kept = [record for record in read_metrics(path) if record["step"] <= resumed_at] if resumed_at else []
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
    """Return the records of a metrics.jsonl; a last line cut by a crash is left out, a missing file has none."""
    records = []
    with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8") as stream:
        for line in stream:
            with contextlib.suppress(json.JSONDecodeError):
                records.append(json.loads(line))
    return records
