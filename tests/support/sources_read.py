"""Reading files of sources as a build does: the documents, what was not read, what was left out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.reading import Unread, read_unit
from hornbook.corpus.readers.record import Chosen, Reader
from hornbook.corpus.readers.units import discover, group

UNIT = 1 << 20


@dataclass
class Read:
    """What became of files: ids, texts and fields of their documents; reasons by line; counts by reason."""

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    metas: list[dict[str, Any]] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(item.line, item.reason) for item in self.unread]


def read_sources(*paths: Path | str, reader: Reader | None = None) -> Read:
    """Read all that paths hold, with a reader chosen for all files or with those of their formats."""
    chosen = () if reader is None else (Chosen("*", reader),)
    found = Read()

    def passed(source: str, reason: str, count: int) -> None:
        found.passed[reason] += count

    for unit in group(discover([str(path) for path in paths], UNIT, chosen), UNIT):
        for item in read_unit(unit, "text", found.unread.append, passed, chosen):
            found.ids.append(item.id)
            found.texts.append(item.text)
            found.metas.append(json.loads(item.meta))
    return found
