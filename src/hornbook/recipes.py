"""Named recipes: plain functions that return a Recipe; a variant is a function that changes another one.

A model of width 0 is sized when the run starts, from its budget and the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from hornbook.errors import UserError, nearest
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import Objective
from hornbook.objectives.catalogue import CATALOGUE, build
from hornbook.recipe import Budget, DataSettings, Recipe, StartSettings, TokenizerSettings, default_model
from hornbook.vocab import EMPTY

BUILTIN = ("builtin:docs",)
TWO_MINUTES = Budget(minutes=2.0)
# Peak rate for going on from a model, a tenth of that for starting from nothing (docs/LOG.md).
CONTINUED_RATE = 3e-4


def default(objective: str = "causal", paths: Sequence[str] = BUILTIN, budget: Budget = TWO_MINUTES) -> Recipe:
    """Return the recommended recipe for an objective: its defaults, and the modern block of its topology."""
    if objective not in CATALOGUE:
        raise UserError(f"There is no objective '{objective}'.{nearest(objective, CATALOGUE)}")
    built = build(objective, {}, EMPTY)
    return Recipe(objective=built, data=DataSettings(tuple(paths)), model=default_model(built), budget=budget)


def continued(objective: Objective, path: str, paths: Sequence[str] = BUILTIN, budget: Budget = TWO_MINUTES) -> Recipe:
    """Return the recipe for going on from the model at `path`: its tokenizer and shape, a rate that rises anew, lower.

    The rate rises from nothing and falls again ("re-warming", Gupta et al. 2023; "re-warming and re-decaying", Ibrahim
    et al. 2024): without the rise the model adapts too little, and a peak as high as in the first training makes it
    forget more of what it knew. AdamW trains the matrices too, since models from elsewhere come from AdamW, and Muon
    gains nothing on those (Liu et al. 2025, section 3.5). docs/continue.md has what these rates do.
    """
    recipe = default("causal", paths, budget)
    training = replace(recipe.training, optimizer="adamw", learning_rate=CONTINUED_RATE)
    return replace(
        recipe, objective=objective, start=StartSettings(path), model=default_model(objective), training=training
    )


def demo() -> Recipe:
    """A causal model of the Python documentation, trained in three minutes."""
    return default("causal", budget=Budget(minutes=3.0))


def llama() -> Recipe:
    """A causal model with Llama's block (Touvron et al. 2023): the modern decoder without QK-norm, head untied."""
    recipe = default("causal")
    return replace(recipe, model=replace(recipe.model, qk_norm=False, tied=False))


def bert() -> Recipe:
    """A masked model with BERT's block and WordPiece (Devlin et al. 2019); no next-sentence prediction."""
    block = ModelConfig(
        "encoder",
        norm="layer",
        norm_place="post",
        norm_epsilon=1e-12,
        positions="learned",
        gated=False,
        activation="gelu",
        biases=True,
        qk_norm=False,
        embedding_norm=True,
        final_norm=False,
        head_transform=True,
        head_bias=True,
        types=2,
        dropout=-1.0,
    )
    return replace(default("masked"), tokenizer=TokenizerSettings("wordpiece"), model=block)


def t5() -> Recipe:
    """A span model with the original T5's MLP (ReLU, not gated) and a Unigram tokenizer (Raffel et al. 2020)."""
    recipe = default("span")
    block = replace(recipe.model, gated=False, activation="relu")
    return replace(recipe, tokenizer=TokenizerSettings("unigram"), model=block)


RECIPES: Mapping[str, Callable[[], Recipe]] = MappingProxyType({"demo": demo, "llama": llama, "bert": bert, "t5": t5})


def named(name: str) -> Recipe:
    """Return the recipe of that name."""
    if name not in RECIPES:
        raise UserError(f"There is no recipe '{name}'.{nearest(name, RECIPES)}")
    return RECIPES[name]()
