"""Export an opened run: a folder that transformers opens, with its card, or one GGUF file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hornbook.convert.export_hf import GENERATOR, export_electra
from hornbook.convert.export_hf import export as export_model
from hornbook.convert.families import FAMILIES, choose, find
from hornbook.convert.generation import Beside
from hornbook.convert.gguf import export_gguf
from hornbook.errors import UserError
from hornbook.model.electra import Electra, discriminator_config, generator_config
from hornbook.recipes.recipe import Recipe
from hornbook.run.card import model_card
from hornbook.run.directory import EXPORT, GGUF, OpenRun, origin_of
from hornbook.scaling.count import parameters
from hornbook.train.tensors import not_finite


def exportable(recipe: Recipe) -> bool:
    """Say whether a class of transformers holds a recipe's model."""
    parts = [recipe.model]
    if share := recipe.objective.heads.generator_width:
        parts = [discriminator_config(recipe.model), generator_config(recipe.model, share)]
    return all(any(not item.holds(part) for item in FAMILIES) for part in parts)


def export(run: OpenRun, target: Path | None = None, family: str = "", shard_bytes: int = 0) -> Path:
    """Write the run's model as a folder that transformers opens with equal logits; return the folder.

    Of an ELECTRA run it is the discriminator, with the generator in its folder `generator/`. Files of weights hold at
    most `shard_bytes` each; 0 = one file. `family` "gguf" writes one GGUF file instead. Raises UserError where a weight
    is not finite, and where no class holds the model.
    """
    refuse_broken(run)
    name, config, vocab = run.directory.resolve().name, run.recipe.model, run.tokenizer.vocab
    if family == "gguf":
        if isinstance(run.model, Electra):
            raise UserError("GGUF files are for models that generate text, and an ELECTRA does not: leave out --as.")
        target = target or run.directory / GGUF
        return export_gguf(run.model.state_dict(), config, run.tokenizer.text, vocab, name, target)
    target = target or run.directory / EXPORT
    state = _as_it_came(run, run.model.state_dict())
    if isinstance(run.model, Electra):
        if family not in ("", "electra"):
            raise UserError(f"This run's model is an ELECTRA and cannot be exported as {family}: leave out --as.")
        judge, inner = discriminator_config(config), run.model.inner
        cards = (
            model_card(run, judge, "electra", name, parameters(judge)),
            model_card(run, inner, "electra-generator", f"{name} {GENERATOR}", parameters(inner)),
        )
        return export_electra(
            state, config, run.model.inner, run.tokenizer.text, vocab, cards, target, shard_bytes, _beside(run)
        )
    chosen = find(family) if family else choose(config)
    card = model_card(run, config, chosen.name, name, parameters(config))
    return export_model(state, config, run.tokenizer.text, vocab, card, target, chosen.name, shard_bytes, _beside(run))


def refuse_broken(run: OpenRun) -> None:
    """Raise UserError where a weight of a run is not finite."""
    if broken := not_finite(run.model.state_dict().items()):
        raise UserError(
            f"The model of {run.directory} has weights that are not finite, in {broken}: nothing to export."
        )


def _beside(run: OpenRun) -> Beside:
    """Return what an imported model came with; of one that was trained on, the dropout that ours have is the recipe's.

    Without the entries that are fields of ours, the family writes the recipe's value.
    """
    if not run.step:
        return run.beside
    ours = {item.theirs for family in FAMILIES for item in family.fields if item.ours == "dropout"}
    kept = {name: value for name, value in run.beside.training.items() if name not in ours}
    return dataclasses.replace(run.beside, training=kept)


def _as_it_came(run: OpenRun, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of an imported model in the type that its files had; trained ones stay in fp32."""
    record = origin_of(run.directory) or {}
    if run.step or record.get("dtype") not in ("float16", "bfloat16"):
        return state
    return {name: value.to(getattr(torch, record["dtype"])) for name, value in state.items()}
