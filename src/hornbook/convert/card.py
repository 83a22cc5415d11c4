"""The model card: what a stranger must know of a model, as the README of its folder. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hornbook.batch import Topology

_PIPELINES: Mapping[Topology, str] = {"decoder": "text-generation", "encoder": "fill-mask"}
_CLASSES: Mapping[Topology, str] = {
    "decoder": "AutoModelForCausalLM",
    "encoder": "AutoModelForMaskedLM",
    "encoder-decoder": "AutoModelForSeq2SeqLM",
}


@dataclass(frozen=True)
class Measurement:
    """One number on held-out text, beside what simple models reach on the same tokens.

    name        what was measured, with its unit: "loss (nats per token)"
    value       of this model
    baselines   (name, value) of each simple model
    """

    name: str
    value: float
    baselines: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class CardFacts:
    """What the card tells.

    name           of the model
    topology       decoder, encoder or encoder-decoder
    family         its class's name here, such as qwen3
    corpus         in words: which text, how much
    objective      name of the objective
    settings       the objective's hyper-parameters
    budget         in words: steps, rows per step, time
    tokens_seen    corpus tokens that training read, repeats counted
    parameters     number of weights, shared ones once
    max_length     positions of a row
    measurements   on held-out text
    limitations    further sentences, one each
    origin         in words: the model it was before this training; empty = training began from nothing
    license        its identifier on the Hub; empty = not known, and then the card names none
    languages      codes, such as "en"; empty = not known
    pair_head      the model also classifies text pairs
    judge          the model detects replaced tokens, and does nothing else
    """

    name: str
    topology: Topology
    family: str
    corpus: str
    objective: str
    settings: Mapping[str, object]
    budget: str
    tokens_seen: int
    parameters: int
    max_length: int
    measurements: tuple[Measurement, ...] = ()
    limitations: tuple[str, ...] = ()
    origin: str = ""
    license: str = ""
    languages: tuple[str, ...] = field(default=())
    pair_head: bool = False
    judge: bool = False

    @property
    def loader(self) -> str:
        """The class of transformers that opens the folder with all its heads."""
        return "AutoModelForPreTraining" if self.pair_head or self.judge else _CLASSES[self.topology]

    @property
    def pipeline(self) -> str | None:
        """The pipeline of transformers for such a model; there is none for encoder-decoders in version 5."""
        return None if self.judge else _PIPELINES.get(self.topology)


def model_card(facts: CardFacts) -> str:
    """Return the card as Markdown with the YAML header that the Hub reads."""
    parts = [_header(facts), f"# {facts.name}", _training(facts)]
    if facts.measurements:
        parts.append(_measurements(facts.measurements))
    parts += [_limitations(facts), _use(facts)]
    return "\n\n".join(parts) + "\n"


def _header(facts: CardFacts) -> str:
    """JSON scalars and lists are YAML too, so quoting is right whatever the values hold."""
    entries: dict[str, object] = {}
    if facts.license:
        entries["license"] = facts.license
    if facts.languages:
        entries["language"] = list(facts.languages)
    entries["library_name"] = "transformers"
    if facts.pipeline:
        entries["pipeline_tag"] = facts.pipeline
    entries["tags"] = ["hornbook", "pretraining", facts.objective, facts.family]
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in entries.items()]
    return "\n".join(["---", *lines, "---"])


def _training(facts: CardFacts) -> str:
    settings = ", ".join(f"{name} = {value}" for name, value in facts.settings.items()) or "no settings"
    began = "trained from scratch with Hornbook"
    if facts.origin:
        began = f"started from the weights of {facts.origin} with Hornbook"
    return "\n".join(
        [
            f"A language model of topology {facts.topology}, {began}.",
            "",
            "| | |",
            "|---|---|",
            f"| Corpus | {_cell(facts.corpus)} |",
            f"| Objective | {facts.objective} ({_cell(settings)}) |",
            f"| Budget | {_cell(facts.budget)} |",
            f"| Tokens seen | {facts.tokens_seen:,} ({facts.tokens_seen / facts.parameters:.2f} per parameter) |",
            f"| Parameters | {facts.parameters:,} |",
            f"| Longest row | {facts.max_length} positions |",
        ]
    )


def _measurements(measurements: tuple[Measurement, ...]) -> str:
    names = list(dict.fromkeys(name for item in measurements for name, _ in item.baselines))
    lines = [
        "## Evaluation on held-out text",
        "",
        "| " + " | ".join(["Measure", "This model", *map(_cell, names)]) + " |",
        "|---|" + "---:|" * (1 + len(names)),
    ]
    for item in measurements:
        baselines = dict(item.baselines)
        cells = [f"{baselines[name]:.4f}" if name in baselines else "" for name in names]
        lines.append("| " + " | ".join([_cell(item.name), f"{item.value:.4f}", *cells]) + " |")
    return "\n".join(lines)


def _limitations(facts: CardFacts) -> str:
    own = (
        "It may still know what it learned before the training above, with the errors and biases of texts not named "
        "here."
        if facts.origin
        else "It learned only from the corpus above: it repeats that text's errors and biases, and knows nothing else.",
        "It was only pre-trained: it does not follow instructions, and its output may be false or harmful.",
        f"It was trained on rows of at most {facts.max_length} positions: do not expect sense beyond that.",
    )
    return "\n".join(["## Limitations", "", *(f"- {line}" for line in (*own, *facts.limitations))])


def _use(facts: CardFacts) -> str:
    lines = [
        "## How to load",
        "",
        "```python",
        f"from transformers import {facts.loader}, AutoTokenizer",
        "",
        'folder = "."  # the folder of this file',
        f"model = {facts.loader}.from_pretrained(folder)",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "```",
    ]
    if facts.pipeline:
        lines += ["", f'Or `transformers.pipeline("{facts.pipeline}", folder)`.']
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Keep a value inside its cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())
