"""Hornbook: pre-train language models under any objective, from raw text to a trained, measured, exported model.

    import hornbook as hb

    run = hb.pretrain("BOOK.txt", objective="masked", minutes=5)
    print(run.result)
    run.fill("The old man ___ the sea.")

Everything here is loaded when it is first asked for; torch only when a model is needed.
"""

from __future__ import annotations

TYPE_CHECKING = False  # that of `typing`, whose import takes longer than all else before a command answers Ctrl-C
if TYPE_CHECKING:
    from typing import Any

    from hornbook import collators, course, objectives
    from hornbook.api import (
        Run,
        best_rates,
        branch,
        check,
        compare,
        corpus_recipes,
        fit_law,
        load,
        objective,
        play,
        pretrain,
        recipe,
        runs,
        scaling_sweep,
        sweep,
        watch,
        write_report,
    )
    from hornbook.recipes.recipe import Recipe

__version__ = "0.1.0"
__all__ = [
    "Recipe",
    "Run",
    "advise",
    "best_rates",
    "branch",
    "check",
    "collators",
    "compare",
    "corpus_recipes",
    "course",
    "fit_law",
    "load",
    "objective",
    "objectives",
    "plan",
    "play",
    "pretrain",
    "recipe",
    "runs",
    "scaling_sweep",
    "sweep",
    "watch",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    import importlib

    if name in ("collators", "course", "objectives"):
        return importlib.import_module(f"hornbook.{name}")
    if name in __all__:
        return getattr(importlib.import_module("hornbook.recipes.recipe" if name == "Recipe" else "hornbook.api"), name)
    raise AttributeError(f"module 'hornbook' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
