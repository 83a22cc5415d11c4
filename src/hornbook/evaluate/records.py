"""Records: what a measurement wrote of each item, from which alone its numbers, intervals and comparisons follow.

evaluations/NAME.jsonl    first line: what was measured, of what, how; then one line for each item. Loads no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.artifacts import write_file
from hornbook.errors import UserError


@dataclass(frozen=True)
class Records:
    """One measurement.

    header   name; model, checkpoint (hash of its weights), step, objective; data (hash of what was asked); way and kind
             of the score, whether the model was trained on such inputs; versions
    items    of each document, pair, question or example: its id, group or domain, nats, bytes, tokens ... by the kind
             of measurement
    """

    header: Mapping[str, Any]
    items: tuple[Mapping[str, Any], ...]

    def save(self, path: Path) -> Path:
        """Write a line for the header and one for each item, whole or not at all; return the file."""
        lines = [json.dumps(line, ensure_ascii=False) for line in (self.header, *self.items)]
        write_file(path, "\n".join(lines) + "\n")
        return path

    @classmethod
    def load(cls, path: Path) -> Records:
        """Return what `save` wrote; raises UserError where the file is none of records."""
        try:
            header, *items = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        except ValueError as error:
            raise UserError(f"{path} holds no records of a measurement: {error}.") from error
        return cls(header, tuple(items))
