"""What a survey found, kept for a build that goes on: a step of plain fields, as JSON."""

from __future__ import annotations

import importlib
import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from hornbook.artifacts import read_json, write_json
from hornbook.corpus.step import Step


def save_step(step: Step, path: Path) -> None:
    """Write a step: a dataclass at the top of its module whose fields are JSON values, tuples of these, or paths."""
    cls = type(step)
    if not is_dataclass(step) or "<" in cls.__qualname__:
        raise TypeError(f"{cls.__qualname__}, which a survey found, is no dataclass at the top of a module")
    values = {item.name: getattr(step, item.name) for item in fields(step)}
    content = {"module": cls.__module__, "class": cls.__qualname__, "fields": values}
    write_json(path, json.loads(json.dumps(content, default=_path)))


def load_step(path: Path) -> Step:
    """Read what `save_step` wrote."""
    found = read_json(path, "record of a survey")
    cls: Any = importlib.import_module(found["module"])
    for name in found["class"].split("."):
        cls = getattr(cls, name)
    hints = get_type_hints(cls)
    values = {name: _typed(hints[name], value) for name, value in found["fields"].items()}
    step: Step = cls(**values)
    return step


def _typed(hint: Any, value: Any) -> Any:
    if hint is Path:
        return Path(value)
    return tuple(value) if isinstance(value, list) else value


def _path(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a step that a survey found holds {type(value).__name__}")
