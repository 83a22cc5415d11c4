"""The arguments of `pretrain` -> Recipe: text, a recipe or a model to start from, and settings.

Where a setting has several values they are a Study.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hornbook.api import recipe
from hornbook.errors import UserError
from hornbook.recipes import settings
from hornbook.recipes.recipe import Recipe
from hornbook.study.design import Study
from hornbook.study.designs.sweeps import KIND, axes_of, first_of, sweep


def plan(
    what: list[str],
    objective: str | None,
    name: str | None,
    budget: dict[str, Any],
    seed: int | None,
    start: str | None = None,
) -> Recipe:
    """Return the recipe that the arguments of `pretrain` mean.

    It starts from a file, a named recipe, the recipe that continues the model `start`, or the default. Text on the
    command line replaces the recipe's text. Settings a.b=c override options.
    """
    changes, base, paths = _parts(what, name, start)
    return recipe(base, text=paths, objective=objective, start=start, seed=seed, settings=changes, **budget)


def sweep_of(
    what: list[str],
    objective: str | None,
    name: str | None,
    budget: dict[str, Any],
    seed: int | None,
    start: str | None,
) -> Study | None:
    """Return the study that the arguments mean where a setting, or the objective, has several values; else None."""
    changes, base, paths = _parts(what, name, start)
    if objective and KIND not in changes:
        changes = {KIND: objective, **changes}
    if not axes_of(changes):
        return None
    first = recipe(base, text=paths, start=start, seed=seed, settings=first_of(changes), **budget)
    return sweep(first, changes, recipe=base or "")


def _parts(what: list[str], name: str | None, start: str | None) -> tuple[dict[str, str], str | None, list[str]]:
    """Return the settings, the recipe to start from, and the text."""
    assignments = [item for item in what if is_assignment(item)]
    files = [item for item in what if item not in assignments and item.endswith(".toml")]
    paths = [item for item in what if item not in (*assignments, *files)]
    given = [*files, *([name] if name else []), *([f"--from {start}"] if start else [])]
    if len(given) > 1:
        raise UserError(f"Give only one recipe or model to start from, not {' and '.join(given)}.")
    return dict(item.split("=", 1) for item in assignments), files[0] if files else name, paths


def is_assignment(item: str) -> bool:
    """Say whether an argument is a setting `a.b=c`: a known one, or one that looks like it and is not a file."""
    name, equals, _ = item.partition("=")
    if not equals:
        return False
    looks_like_it = all(part.isidentifier() for part in name.split("."))
    return settings.is_setting(name) or (looks_like_it and not Path(item).exists())
