"""The rules of rules.toml: which objective is said to suit which task, and what the saying is worth. Loads no torch."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hornbook.errors import UserError, nearest

Mark = Literal["published", "rule of thumb"]
_FILE = Path(__file__).with_name("rules.toml")


@dataclass(frozen=True)
class TaskKind:
    """A task that advice is given for; the fields are those of rules.toml."""

    name: str
    words: tuple[str, ...]
    meaning: str
    judged: tuple[str, ...]
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """One saying; the fields are those of rules.toml. `parameters` and `words` are (least, most)."""

    tasks: tuple[str, ...]
    favours: tuple[str, ...]
    mark: Mark
    says: str
    source: str
    parameters: tuple[float, float] | None = None
    words: tuple[float, float] | None = None

    def beyond(self, parameters: tuple[float, float], words: float | None) -> str:
        """Return why it is not about such models and texts, as the end of a sentence; "" where it is.

        parameters   the least and most that the models may have
        words        of the text; None where it is not known
        """
        if self.parameters and not (self.parameters[0] < parameters[1] and parameters[0] < self.parameters[1]):
            return "of other sizes than a model of these minutes has"
        if self.words and words is None:
            return "of texts of a certain size, and yours is not known"
        if self.words and words is not None and not self.words[0] <= words <= self.words[1]:
            return f"of texts of {self.words[0]:.0e} words or more, and yours has about {words:.0e}"
        return ""


@functools.cache
def tasks() -> Mapping[str, TaskKind]:
    """Return all tasks by name."""
    return {name: TaskKind(name, **_frozen(fields)) for name, fields in _data()["tasks"].items()}


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return all rules, in the order of the file."""
    return tuple(Rule(**_frozen(fields)) for fields in _data()["rules"])


def task_kind(name: str) -> TaskKind:
    """Return the task that a name or plain words mean; raises UserError that lists all of them."""
    wanted = " ".join(name.lower().replace("_", " ").split())
    for kind in tasks().values():
        if wanted in (kind.name, kind.name.replace("-", " "), *kind.words):
            return kind
    close = nearest(name.lower(), tasks())
    listed = ", ".join(f"{kind.name} ({kind.meaning})" for kind in tasks().values())
    guess = close if "Did you mean" in close else ""
    raise UserError(f"There is no task {name!r}.{guess} Advice is given for: {listed}.")


def rules_for(kind: TaskKind) -> list[Rule]:
    """Return the rules that speak of a task, those of the task itself first."""
    return sorted(
        (rule for rule in rules() if not rule.tasks or kind.name in rule.tasks), key=lambda rule: not rule.tasks
    )


def _frozen(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _data() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
