"""Export an opened run: a folder that transformers opens, with its card, or one GGUF file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hornbook.convert.card import CardFacts, Measurement, model_card
from hornbook.convert.export_hf import GENERATOR, export_electra
from hornbook.convert.export_hf import export as export_model
from hornbook.convert.families import FAMILIES, choose, find
from hornbook.convert.gguf import export_gguf
from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.model.config import ModelConfig
from hornbook.model.electra import Electra, discriminator_config, generator_config
from hornbook.objectives.base import tokens_per_row
from hornbook.objectives.catalogue import kind_of
from hornbook.objectives.catalogue import settings as objective_settings
from hornbook.prepare.dataset import recall
from hornbook.recipes.recipe import Recipe
from hornbook.run.directory import CLEAN, EXPORT, GGUF, RESULT, OpenRun, has_text, origin_of
from hornbook.scaling.count import parameters


def exportable(recipe: Recipe) -> bool:
    """Say whether a class of transformers holds a recipe's model."""
    parts = [recipe.model]
    if share := recipe.objective.heads.generator_width:
        parts = [discriminator_config(recipe.model), generator_config(recipe.model, share)]
    return all(any(not item.holds(part) for item in FAMILIES) for part in parts)


def export(run: OpenRun, target: Path | None = None, family: str = "", shard_bytes: int = 0) -> Path:
    """Write the run's model as a folder that transformers opens with equal logits; return the folder.

    Of an ELECTRA run it is the discriminator, with the generator in its folder `generator/`. Files of weights hold at
    most `shard_bytes` each; 0 = one file. `family` "gguf" writes one GGUF file instead.
    """
    if family == "gguf":
        if isinstance(run.model, Electra):
            raise UserError("GGUF files are for models that generate text, and an ELECTRA does not: leave out --as.")
        model, name = run.model, run.directory.resolve().name
        target = target or run.directory / GGUF
        return export_gguf(model.state_dict(), run.recipe.model, run.tokenizer.text, run.tokenizer.vocab, name, target)
    target = target or run.directory / EXPORT
    config, state, vocab = run.recipe.model, _as_it_came(run, run.model.state_dict()), run.tokenizer.vocab
    if isinstance(run.model, Electra):
        if family not in ("", "electra"):
            raise UserError(f"This run's model is an ELECTRA and cannot be exported as {family}: leave out --as.")
        facts = _card_facts(run, discriminator_config(config), "electra")
        beside = replace(_card_facts(run, run.model.inner, "electra-generator"), name=f"{facts.name} {GENERATOR}")
        cards = model_card(facts), model_card(beside)
        return export_electra(state, config, run.model.inner, run.tokenizer.text, vocab, cards, target, shard_bytes)
    chosen = find(family) if family else choose(config)
    card = model_card(_card_facts(run, config, chosen.name))
    return export_model(state, config, run.tokenizer.text, vocab, card, target, chosen.name, shard_bytes)


def _as_it_came(run: OpenRun, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of an imported model in the type that its files had; trained ones stay in fp32."""
    record = origin_of(run.directory) or {}
    if run.step or record.get("dtype") not in ("float16", "bfloat16"):
        return state
    return {name: value.to(getattr(torch, record["dtype"])) for name, value in state.items()}


def _card_facts(run: OpenRun, config: ModelConfig, family: str) -> CardFacts:
    recipe = run.recipe
    rows = run.step * recipe.training.batch_rows if has_text(run.directory) else 0
    length = round(tokens_per_row(recipe.objective, recipe.row_length))
    return CardFacts(
        name=run.directory.resolve().name,
        topology=recipe.model.topology,
        family=family,
        corpus=_corpus(run),
        objective=kind_of(recipe.objective),
        settings=objective_settings(recipe.objective),
        budget=f"{run.step:,} of {recipe.budget.steps:,} steps of {recipe.training.batch_rows} rows of {length} tokens"
        if rows
        else "not trained here",
        tokens_seen=rows * length,
        parameters=parameters(config),
        max_length=recipe.row_length,
        measurements=_measurements(run),
        pair_head=config.pair_head,
        judge=config.rtd_head,
        origin=_came_from(origin_of(run.directory)),
    )


def _corpus(run: OpenRun) -> str:
    """Say which text a run has trained on."""
    if not has_text(run.directory):
        return "not known: the model was imported"
    text = recall(run.directory)
    cleaned = ", cleaned first" if (run.directory / CLEAN).is_dir() else ""
    return f"{', '.join(run.recipe.data.paths)}{cleaned}: {text.documents:,} documents, {text.bytes:,} bytes of text"


def _came_from(record: Mapping[str, Any] | None) -> str:
    """Say where a run's first weights come from; empty where it started from nothing."""
    if record is None:
        return ""
    if record["kind"] == "folder":
        return f"{record['name']} ({record['architecture']})"
    earlier = _came_from(record.get("origin"))
    return f"the run {record['name']} at step {record['step']:,}{f', which started from {earlier}' if earlier else ''}"


def _measurements(run: OpenRun) -> tuple[Measurement, ...]:
    if not (run.directory / RESULT).is_file():
        return ()
    names = {"loss": "loss (nats per scored token)", "text loss": "loss of text tokens (nats per token)"}
    numbers = Evaluation.load(run.directory / RESULT).numbers()
    return tuple(Measurement(names.get(item.name, item.name), item.value, item.baselines) for item in numbers)
