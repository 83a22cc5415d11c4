"""The model card: what a stranger must know of a run's model, as the README of the folder that it is exported to.

Loads no torch: a report has the same text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from hornbook.batch import Topology
from hornbook.evaluate.evaluation import Evaluation
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import tokens_per_row
from hornbook.objectives.catalogue import kind_of, settings
from hornbook.prepare.clean import CLEAN
from hornbook.prepare.dataset import recall
from hornbook.recipes.recipe import Recipe
from hornbook.run.sealed import RESULT, has_text, origin_of

# Version 5 of transformers has no pipeline for encoder-decoders.
_PIPELINES: Mapping[Topology, str] = {"decoder": "text-generation", "encoder": "fill-mask"}
_CLASSES: Mapping[Topology, str] = {
    "decoder": "AutoModelForCausalLM",
    "encoder": "AutoModelForMaskedLM",
    "encoder-decoder": "AutoModelForSeq2SeqLM",
}


class Described(Protocol):
    """A run that a card is of: its directory, its recipe, and the step of its model."""

    @property
    def directory(self) -> Path: ...
    @property
    def recipe(self) -> Recipe: ...
    @property
    def step(self) -> int: ...


def model_card(run: Described, config: ModelConfig, family: str, name: str, size: int) -> str:
    """Return the card as Markdown with the YAML header that the Hub reads.

    `config` is that of the run's model, or of the half that is exported, which has `size` parameters; `family` names
    its class.
    """
    topology, origin = config.topology, _came_from(origin_of(run.directory))
    pipeline = None if config.rtd_head else _PIPELINES.get(topology)
    loader = "AutoModelForPreTraining" if config.pair_head or config.rtd_head else _CLASSES[topology]
    entries: dict[str, object] = {"library_name": "transformers"}
    if pipeline:
        entries["pipeline_tag"] = pipeline
    entries["tags"] = ["hornbook", "pretraining", kind_of(run.recipe.objective), family]
    # JSON scalars and lists are YAML too, so quoting is right whatever the values hold.
    header = [f"{entry}: {json.dumps(value, ensure_ascii=False)}" for entry, value in entries.items()]
    parts = ["\n".join(["---", *header, "---"]), f"# {name}", _training(run, config, origin, size)]
    if (run.directory / RESULT).exists():
        parts.append(_measurements(Evaluation.load(run.directory / RESULT)))
    return "\n\n".join([*parts, _limitations(run.recipe.row_length, origin), _use(loader, pipeline)]) + "\n"


def _training(run: Described, config: ModelConfig, origin: str, size: int) -> str:
    recipe = run.recipe
    rows = run.step * recipe.training.batch_rows if has_text(run.directory) else 0
    length = round(tokens_per_row(recipe.objective, recipe.row_length))
    chosen = ", ".join(f"{name} = {value}" for name, value in settings(recipe.objective).items()) or "no settings"
    budget = "not trained here"
    if rows:
        steps = f"{run.step:,} of {recipe.budget.steps:,} steps"
        budget = f"{steps} of {recipe.training.batch_rows} rows of {length} tokens"
    began = "trained from scratch with Hornbook"
    if origin:
        began = f"started from the weights of {origin} with Hornbook"
    return f"""A language model of topology {config.topology}, {began}.

| | |
|---|---|
| Corpus | {_cell(_corpus(run))} |
| Objective | {kind_of(recipe.objective)} ({_cell(chosen)}) |
| Budget | {budget} |
| Tokens seen | {rows * length:,} ({rows * length / size:.2f} per parameter) |
| Parameters | {size:,} |
| Longest row | {recipe.row_length} positions |"""


def _corpus(run: Described) -> str:
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


def _measurements(result: Evaluation) -> str:
    """Return a table of the run's numbers beside what simple models reach on the same tokens."""
    names = list(dict.fromkeys(name for number in result.numbers for name in number.baselines))
    lines = [
        "## Evaluation on held-out text",
        "",
        "| " + " | ".join(["Measure", "This model (95 % interval)", *names, "Meaning"]) + " |",
        "|---|" + "---:|" * (1 + len(names)) + "---|",
    ]
    for number in result.numbers:
        cells = [number.written(number.baselines[name]) if name in number.baselines else "" for name in names]
        row = [number.name, number.text, *cells, replace(number, baselines={}).account]
        lines.append("| " + " | ".join(map(_cell, row)) + " |")
    return "\n".join([*lines, *(f"\n{remark}" for remark in result.remarks)])


def _limitations(length: int, origin: str) -> str:
    before = (
        "It may still know what it learned before this training, with the errors and biases of texts not named here"
    )
    alone = "It learned only from the corpus above: it repeats that text's errors and biases, and knows nothing else"
    return f"""## Limitations

- {before if origin else alone}.
- It was only pre-trained: it does not follow instructions, and its output may be false or harmful.
- It was trained on rows of at most {length} positions: do not expect sense beyond that."""


def _use(loader: str, pipeline: str | None) -> str:
    also = f'\n\nOr `transformers.pipeline("{pipeline}", folder)`.' if pipeline else ""
    return f"""## How to load

```python
from transformers import {loader}, AutoTokenizer

folder = "."  # the folder of this file
model = {loader}.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
```{also}"""


def _cell(text: str) -> str:
    """Keep a value inside its cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())
