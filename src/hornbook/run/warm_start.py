"""Going on from a model: which shape a run then has, and which of its first weights come from there.

The shape is the base model's, its stack under a decoder's or an encoder's name as the objective asks (`settled`); the
weights are the base model's as far as they fit; what it lacks is newly initialised, and announced (`adopt`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.electra import Model
from hornbook.model.extend import extended
from hornbook.objectives.base import Objective
from hornbook.objectives.catalogue import kind_of
from hornbook.recipes.recipe import Recipe, default_model
from hornbook.run.directory import BaseModel
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

# Rows of a continued run are no longer than this unless training.row_length says so: models from elsewhere may have
# many thousand positions.
_LONGEST_ROW = 1024
# What a recipe may set of the model itself.
_FREE = ("dropout", "vocab_size", "start")


def settled(recipe: Recipe, origin: ModelConfig) -> Recipe:
    """Return the recipe with the base model's shape, as far as its objective allows; the vocabulary is still open.

    Raises UserError when the base model cannot learn the objective, or the recipe asks for another shape.
    """
    model = dataclasses.replace(_converted(origin, recipe.objective), dropout=recipe.model.dropout, start="random")
    left_open = default_model(recipe.objective)
    for item in dataclasses.fields(ModelConfig):
        asked, has = getattr(recipe.model, item.name), getattr(model, item.name)
        if item.name not in _FREE and asked not in (has, getattr(left_open, item.name)):
            raise UserError(
                f"model.{item.name} is {has!r} in the base model {recipe.start.path} and cannot be {asked!r}: leave "
                "it out. Only model.dropout and training.row_length are free."
            )
    training = recipe.training
    if not training.row_length and model.max_length > _LONGEST_ROW:
        training = dataclasses.replace(training, row_length=_LONGEST_ROW)
    return dataclasses.replace(recipe, model=model, training=training)


def _converted(origin: ModelConfig, objective: Objective) -> ModelConfig:
    """Return the base model's block in an objective's topology, with the head and token types that pairs need."""
    before, after = origin.topology, objective.topology
    if before != after and "encoder-decoder" in (before, after):
        raise UserError(
            f"The objective '{kind_of(objective)}' needs a model of topology {after}, but the base model's is "
            f"{before}, which cannot become one: choose an objective for topology {before}, or train from scratch."
        )
    paired = objective.heads.pair
    if origin.rtd_head and not objective.heads.generator_width:  # a new head like that of its generator
        origin = dataclasses.replace(origin, rtd_head=False, head_transform=True, head_bias=True)
    return dataclasses.replace(
        origin,
        topology=after,
        pair_head=paired,
        token_types=max(origin.token_types, 2) if paired else origin.token_types,
    )


@dataclass(frozen=True)
class Adopted:
    """What became of a base model's weights.

    new    tensors that the base model lacks, newly initialised
    left   tensors of the base model that the run does not use
    """

    new: tuple[str, ...]
    left: tuple[str, ...]


def adopt(
    model: Model, origin: BaseModel, tokenizer: Tokenizer, spellings: Mapping[int, Sequence[int]], seed: int
) -> Adopted:
    """Load the base model's weights into a freshly initialised model, in place.

        tokenizer   the run's: the base model's, or that with more tokens behind its last one
    spellings   the ids by which the base model's spells each new piece of text
        seed        of the rows for new special tokens
    """
    own, old = model.state_dict(), origin.tokenizer.vocab
    # A decoder's stack under an encoder's name, or the other way round.
    stack, ours = rf"^{origin.recipe.model.topology}\.", f"{model.config.topology}."
    given = {re.sub(stack, ours, name): value for name, value in origin.state.items()}
    special = [number for number in range(old.size, tokenizer.vocab.size) if number not in spellings]
    given = extended(given, model.config.vocab_size, old.words, special, spellings, seed)
    types = "embed.types.weight"
    if types in own:
        given[types] = _more_types(given.get(types), own[types])
    taken = {name: value for name, value in given.items() if name in own and value.shape == own[name].shape}
    wrong = [name for name in given if name in own and name not in taken and not name.startswith("generator.")]
    if wrong:
        raise ValueError(f"the base model's {wrong[0]} has the shape {tuple(given[wrong[0]].shape)}")
    model.load_state_dict({**own, **taken})
    return Adopted(tuple(name for name in own if name not in taken), tuple(name for name in given if name not in taken))


def _more_types(table: Tensor | None, wanted: Tensor) -> Tensor:
    """Return a table of token types like the one wanted, with which the model predicts what it did without.

    A new type begins as the first one is; where there was none, all begin as nothing.
    """
    if table is None:
        return torch.zeros(wanted.shape)
    return torch.cat([table, table[:1].expand(max(0, len(wanted) - len(table)), -1)])
