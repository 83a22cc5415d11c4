"""Where a run's first weights come from, and whether it has text of its own. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hornbook.artifacts import is_done, read_json
from hornbook.prepare.dataset import CORPUS
from hornbook.schema import Count, record

ORIGIN, RECORD = "origin", "origin.json"


@dataclass(frozen=True)
class _Origin:
    """origin.json: a folder of transformers, or a run at a step, which may have an origin of its own."""

    kind: Literal["folder", "run"]
    name: str
    step: Count = 0
    origin: dict[str, Any] | None = None
    dtype: str = ""
    architecture: str = ""


def origin_of(directory: Path) -> dict[str, Any] | None:
    """Return the record of where a run's first weights come from, or None where it started from nothing."""
    for place in (directory, directory / ORIGIN):
        if is_done(place, RECORD):
            found = read_json(place / RECORD, "record of the base model")
            inner = found
            while inner is not None:
                inner = record(_Origin, inner, f"The record {place / RECORD}").origin
            return dict(found)
    return None


def has_text(directory: Path) -> bool:
    """Say whether a run has text of its own: an imported one has none. Raises UserError where its record is damaged."""
    return is_done(directory, CORPUS)
