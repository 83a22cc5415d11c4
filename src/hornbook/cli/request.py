"""The arguments of `pretrain` -> Recipe: text, a recipe or a model to start from, and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hornbook.api import recipe
from hornbook.errors import UserError
from hornbook.recipes import settings
from hornbook.recipes.recipe import Recipe


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
    assignments = [item for item in what if is_assignment(item)]
    files = [item for item in what if item not in assignments and item.endswith(".toml")]
    paths = [item for item in what if item not in (*assignments, *files)]
    given = [*files, *([name] if name else []), *([f"--from {start}"] if start else [])]
    if len(given) > 1:
        raise UserError(f"Give only one recipe or model to start from, not {' and '.join(given)}.")
    changes, base = dict(item.split("=", 1) for item in assignments), files[0] if files else name
    return recipe(base, text=paths, objective=objective, start=start, seed=seed, settings=changes, **budget)


def is_assignment(item: str) -> bool:
    """Say whether an argument is a setting `a.b=c`: a known one, or one that looks like it and is not a file."""
    name, equals, _ = item.partition("=")
    if not equals:
        return False
    looks_like_it = all(part.isidentifier() for part in name.split("."))
    return settings.is_setting(name) or (looks_like_it and not Path(item).exists())
