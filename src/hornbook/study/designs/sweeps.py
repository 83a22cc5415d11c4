"""Sweeps: settings of several values, separated by commas, make a study.

    seed=1,2,3                                       the seeds of each arm
    training.learning_rate=1e-3,3e-3                 an arm for each value
    objective.kind=causal,masked training.clip=1,2   an arm for each combination

The type of a setting decides: a list (data.paths, mix.weights) and a text keep their commas. Loads no torch.
"""

from __future__ import annotations

import itertools
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any

from hornbook.errors import UserError
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import type_of
from hornbook.schema import leaf
from hornbook.study.design import ArmSettings, BudgetSettings, Study

KIND, SEED = "objective.kind", "seed"
_THREADS = "training.threads"
_OTHER = re.compile(r"[^A-Za-z0-9_+=.-]+")  # what a name of an arm does not have
_MOST = 200


def axes_of(settings: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the settings that are given several values, in order, with their values as they were written.

    Raises UserError where a value is wrong or there twice.
    """
    kinds = _split(settings.get(KIND, "")) or ["causal"]
    found: dict[str, tuple[str, ...]] = {}
    for name, text in settings.items():
        values = _split(text)
        hint = next((hint for kind in kinds if (hint := type_of(name, kind)) is not None), None)
        if len(values) < 2 or not (name.endswith(f".{KIND.partition('.')[2]}") or _is_single(hint)):
            continue
        read = [leaf(hint, value, name) for value in values]
        if twice := [value for place, value in enumerate(values) if read.index(read[place]) < place]:
            raise UserError(f"{name} has {twice[0]} twice: name each value once.")
        found[name] = tuple(values)
    return found


def first_of(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings with the first of several values."""
    return {**settings, **{name: values[0] for name, values in axes_of(settings).items()}}


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_single(hint: Any) -> bool:
    """Say whether a setting holds one number, choice or truth, so that a comma in it can only part several values."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _is_single(inner[0])
    if origin in (typing.Union, UnionType):
        return any(map(_is_single, inner))
    return origin is typing.Literal or hint in (int, float, bool)


def sweep(base: Recipe, settings: Mapping[str, str], *, recipe: str = "", halving: int = 0) -> Study:
    """Return the study that settings of several values make.

    base       the recipe of the first of them: its text, its budget and its seed are the study's
    settings   by name, as they were written; those of one value are every arm's
    recipe     the name or file of a recipe that the arms begin with

    One seed gives numbers and no verdict. Learning rates are tried only where the sweep names them.
    """
    if base.start.path:
        raise UserError(
            "The models of a sweep share one new vocabulary: a base model cannot be swept from, leave it out."
        )
    axes = axes_of(settings)
    if wrong := [name for name in axes if name.startswith(("budget.", "data.", "tokenizer.", "start.", "logging."))]:
        raise UserError(f"{wrong[0]} cannot be swept: all arms have one text, one vocabulary and one budget.")
    if _THREADS in axes:
        raise UserError(f"{_THREADS} cannot be swept: it changes the last bits alone.")
    arms = {name: values for name, values in axes.items() if name != SEED}
    own = (SEED, _THREADS, "data.paths", "budget.minutes", "budget.tokens", "budget.steps", "budget.epochs")
    single = [f"{name}={value}" for name, value in settings.items() if name not in axes and name not in (*own, KIND)]
    if (number := len(list(itertools.product(*arms.values())))) > _MOST:
        raise UserError(f"The sweep has {number:,} combinations of values: leave some out, at most {_MOST} are run.")
    seeds = tuple(map(int, axes[SEED])) if SEED in axes else (base.seed,)
    budget = base.budget
    found: dict[str, ArmSettings] = {}
    for values in itertools.product(*arms.values()):
        chosen = dict(zip(arms, values, strict=True))
        objective = chosen.pop(KIND, settings.get(KIND, "" if recipe else "causal"))
        given = [f"{name}={value}" for name, value in chosen.items()]
        found[_name(objective, recipe, chosen, several=KIND in arms)] = ArmSettings(
            objective, recipe, (*single, *given)
        )
    return Study(
        base.data.paths, found,
        BudgetSettings(tokens=budget.tokens, minutes=budget.minutes, steps=budget.steps, epochs=budget.epochs),
        seeds=seeds, trials=1, halving=halving, threads=base.training.threads or 1,
    )  # fmt: skip


def _name(objective: str, recipe: str, chosen: Mapping[str, str], several: bool) -> str:
    """Return the name of an arm: in what it differs from others, or what it is where nothing differs."""
    last = [name.rpartition(".")[2] for name in chosen]
    parts = [
        f"{name if last.count(short) > 1 else short}={value}"
        for (name, value), short in zip(chosen.items(), last, strict=True)
    ]
    whole = (objective or Path(recipe).stem).rpartition(":")[2]
    return ",".join(_OTHER.sub("-", part).strip("-.") for part in ([whole] if several or not parts else []) + parts)
