"""Any finished runs, compared by the rules of studies: runs that differ in their seed alone are one arm.

Compared are bits per byte of the same held-out documents, and tasks that all were asked. Losses and perplexities are of
an objective and a tokenizer: they get no verdict.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.artifacts import is_done
from hornbook.errors import UserError
from hornbook.recipes.settings import to_dict
from hornbook.run.sealed import RESULT, is_run, recipe_of
from hornbook.study.yardsticks import Yardstick, judged

# Settings that say nothing of what was learned, or are what arms have several of.
_LEFT_OUT = (
    "seed", "budget.corrections", "data.paths", "tokenizer.file", "logging.trackers", "training.micro_batch",
    "training.checkpoint_activations", "training.threads", "training.workers", "training.evaluate_every",
    "training.evaluate_tokens", "training.checkpoint_minutes", "training.keep_checkpoints", "training.compile",
)  # fmt: skip
_SHOWN = 3  # settings in the name of an arm


@dataclass(frozen=True)
class Comparison:
    """Runs by arm, in what their recipes differ, and the yardsticks that they have in common."""

    arms: Mapping[str, tuple[str, ...]]
    differences: Mapping[str, Mapping[str, Any]]
    yardsticks: tuple[Yardstick, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return dataclasses.asdict(self)


def compare(runs: Sequence[Path], margin: float = 0.01) -> Comparison:
    """Return what may be said of finished runs.

    margin   a difference in bits per byte that would not matter
    Raises UserError where a path is no finished run, all are of one recipe, or nothing of them may be compared.
    """
    if len({run.resolve() for run in runs}) < 2:
        raise UserError("Name two runs at least.")
    for run in runs:
        if not is_run(run):
            raise UserError(f"There is no run in {run}.")
        if not ((run / RESULT).is_file() and is_done(run, RESULT)):
            raise UserError(f"The run in {run} is not finished: `hornbook pretrain --resume {run}` goes on with it.")
    recipes = {run: _flat(to_dict(recipe_of(run))) for run in dict.fromkeys(runs)}
    groups: dict[str, list[Path]] = {}
    for run, settings in recipes.items():
        groups.setdefault(json.dumps(settings, sort_keys=True), []).append(run)
    names = _names([recipes[members[0]] for members in groups.values()])
    arms = dict(zip(names, groups.values(), strict=True))
    if len(arms) < 2:
        raise UserError("The runs are seeds of one recipe: there is nothing to compare.")
    found = judged(arms, margin)
    if not found:
        raise UserError(
            "The runs have no number in common that may be compared: measure all of them with `hornbook evaluate`, "
            "on the same text or --task."
        )
    differing = _differing([recipes[members[0]] for members in arms.values()])
    told = {name: {arm: recipes[members[0]].get(name) for arm, members in arms.items()} for name in differing}
    return Comparison({arm: tuple(map(str, members)) for arm, members in arms.items()}, told, tuple(found))


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{name}.")
        elif f"{before}{name}" not in _LEFT_OUT:
            found[f"{before}{name}"] = value
    return found


def _differing(recipes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the settings in which recipes differ, that of the objective first."""
    names = dict.fromkeys(name for recipe in recipes for name in recipe)
    found = [name for name in names if any(recipe.get(name) != recipes[0].get(name) for recipe in recipes)]
    return sorted(found, key=lambda name: name != "objective.kind")


def _names(recipes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a name for each recipe: its objective, and in what it differs from others of that objective."""
    found: list[str] = []
    for recipe in recipes:
        kind = str(recipe["objective.kind"])
        alike = [other for other in recipes if other["objective.kind"] == kind]
        parts = [f"{name}={recipe[name]}" for name in _differing(alike) if name in recipe][:_SHOWN]
        name = ", ".join([kind, *parts])
        found.append(name if name not in found else f"{name} ({len(found) + 1})")
    return found
