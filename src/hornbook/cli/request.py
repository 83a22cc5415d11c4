"""The arguments of `pretrain` -> Recipe: text, a recipe or a model to start from, and settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hornbook.errors import UserError
from hornbook.recipe import named as recipes
from hornbook.recipe import settings
from hornbook.recipe.recipe import Recipe


def plan(
    what: list[str],
    objective: str | None,
    name: str | None,
    budget: dict[str, float | None],
    seed: int | None,
    start: str | None = None,
) -> Recipe:
    """Return the recipe that the arguments of `pretrain` mean.

    It starts from a file, a named recipe, the recipe that continues the model `start`, or the default. Text on the
    command line replaces the recipe's text. Settings a.b=c override options.
    """
    assignments = [item for item in what if is_assignment(item)]
    paths = [item for item in what if not is_assignment(item)]
    files = [item for item in paths if item.endswith(".toml")]
    paths = [item for item in paths if not item.endswith(".toml")]
    given = [*files, *([name] if name else []), *([f"--from {start}"] if start else [])]
    if len(given) > 1:
        raise UserError(f"Give only one recipe or model to start from, not {' and '.join(given)}.")
    if files:
        base = settings.load_recipe(Path(files[0]))
    elif start:
        from hornbook.run.imported import objective_of  # loads torch: a misspelt setting need not wait for it

        base = recipes.continued(objective_of(Path(start)), start)
    else:
        base = recipes.named(name) if name else recipes.default(objective or "causal")
    flags = [f"budget.{key}={value}" for key, value in budget.items() if value is not None]
    if objective:
        flags.append(f"objective.kind={objective}")
    if seed is not None:
        flags.append(f"seed={seed}")
    base = settings.override(base, flags)
    if paths:
        base = replace(base, data=replace(base.data, paths=tuple(paths)))
    return settings.override(base, assignments)


def is_assignment(item: str) -> bool:
    """Say whether an argument is a setting `a.b=c`: a known one, or one that looks like it and is not a file."""
    name, equals, _ = item.partition("=")
    if not equals:
        return False
    return settings.is_setting(name) or (
        all(part.isidentifier() for part in name.split(".")) and not Path(item).exists()
    )
