"""What a run ends with, and `hornbook evaluate` repeats: the model's numbers beside those of simple models."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch

from hornbook import keys
from hornbook.artifacts import read_json, verified, write_json
from hornbook.batch import Batch
from hornbook.console import html_table
from hornbook.errors import DivergedError
from hornbook.evaluate.baselines import Baselines, baselines
from hornbook.evaluate.perplexity import held_out_batches, measure
from hornbook.evaluate.pseudo_perplexity import pseudo_perplexity
from hornbook.model.electra import Model
from hornbook.model.inputs import to_tensors
from hornbook.objectives.base import Objective, cycle_of
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.schema import record
from hornbook.tokens.loader import batches
from hornbook.tokens.order import Ascending
from hornbook.tokens.packing import CorpusRows
from hornbook.train.parallel import Parallel

# The last measurement reads this many times the tokens of those during the run, as far as the text goes.
FINAL = 20
# The simple models are counted on at most this many tokens.
_COUNTED_TOKENS = 20_000_000
_GUESSED_TOKENS = 512


class Number(NamedTuple):
    """One measured number: its name, its value, that as text, its meaning, and the simple models' values beside it."""

    name: str
    value: float
    text: str
    meaning: str
    baselines: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Numbers on held-out text; `numbers` says what each means, `hornbook.evaluate.perplexity` how it is defined.

    objective        kind of objective: what the loss is a loss of
    unigram, bigram  loss of the simple models on the same targets; bigram for causal models only, and neither for
                     imported models, whose training text is not at hand
    targets          number of scored targets that are text
    text_bytes       size of the text measured on
    perplexity       None where it is more than a number can hold; pseudo_perplexity likewise
    pairs            number of pairs of texts, for objectives of pairs
    documents        number of documents of a text that was given; None for the run's held-out text
    trained_on       how many of those the model was trained on (`hornbook.evaluate.contamination`); None if unknown
    """

    objective: str
    loss: float
    perplexity: float | None
    text_loss: float
    bits_per_byte: float | None
    pseudo_perplexity: float | None
    unigram: float | None
    bigram: float | None
    targets: int
    text_bytes: int
    pair_accuracy: float | None = None
    pairs: int = 0
    documents: int | None = None
    trained_on: int | None = None

    def numbers(self) -> tuple[Number, ...]:
        """Return what was measured, number by number: tables, cards and pages show these and nothing else."""
        known = [("unigram", self.unigram), ("bigram", self.bigram)]
        simple = tuple((name, value) for name, value in known if value is not None)
        verdict = "below" if all(self.loss < value for _, value in simple) else "NOT below"
        beside = ", ".join(f"{name} {value:.4f}" for name, value in simple)
        more = f", {verdict} the baselines on the same targets: {beside}" if simple else ""
        choices = "exp(loss): how many equally likely choices one token amounts to"
        text = f"nats per scored token of text, over {self.targets:,} tokens"
        alone = "each token masked alone; not comparable with perplexity"
        pairs = "share of text pairs classified correctly; chance is 50 %"
        listed = (
            ("loss", self.loss, ".4f", f"nats per scored token{more}", simple),
            ("perplexity", self.perplexity, ".2f", choices, ()),
            ("text loss", self.text_loss, ".4f", text, ()),
            ("bits per byte", self.bits_per_byte, ".4f", "comparable across tokenizers", ()),
            ("pseudo-perplexity", self.pseudo_perplexity, ".2f", alone, ()),
            ("pair accuracy", self.pair_accuracy, ".1%", pairs, ()),
        )
        return tuple(
            Number(name, value, format(value, style), meaning, baselines)
            for name, value, style, meaning, baselines in listed
            if value is not None
        )

    @property
    def title(self) -> str:
        text = "held-out text" if self.documents is None else f"given text, documents: {self.documents:,}"
        return f"{text}, {self.text_bytes:,} bytes, objective {self.objective}"

    @property
    def warning(self) -> str:
        """What makes the numbers mean something else than they seem to; empty if there is nothing."""
        if not self.trained_on:
            return ""
        return (
            f"The model was trained on {self.trained_on:,} of these {self.documents:,} documents: the numbers say how "
            "well it knows them, not how well it does on new text."
        )

    def _repr_html_(self) -> str:
        rows = [(number.name, number.text, number.meaning) for number in self.numbers()]
        title = f"{self.title}. {self.warning}" if self.warning else self.title
        return html_table(("measure", "value", "meaning"), rows, title)

    def save(self, path: Path, facts: Mapping[str, float] = MappingProxyType({})) -> None:
        """Write the numbers, and beside them other facts of the run that they are of."""
        write_json(path, dataclasses.asdict(self) | dict(facts))

    @classmethod
    def load(cls, path: Path) -> Evaluation:
        """Return what `save` wrote; raises UserError where the file has changed, or is none of results."""
        path = verified(path.parent, path.name)
        return record(cls, read_json(path, "result"), f"The result {path}")


def final_tokens(evaluate_tokens: int) -> int:
    """Return about how many held-out tokens the evaluation at a run's end reads, as far as there are so many."""
    return FINAL * evaluate_tokens


def guessed_rows(recipe: Recipe) -> int:
    """Return how many rows pseudo-perplexity computes, one for each token; 0 where it has no meaning."""
    return _GUESSED_TOKENS if recipe.model.topology == "encoder" and not recipe.model.pair_head else 0


def final_evaluation(
    model: Model, recipe: Recipe, prepared: Prepared, device: torch.device, parallel: Parallel | None = None
) -> Evaluation:
    """Measure in fp32 on the held-out documents, beside simple models counted on the training text that was read.

    With `parallel` all its processes call this alike; only rank 0 has the baselines.
    """
    rows, size = prepared.held_out_rows(final_tokens(recipe.training.evaluate_tokens))
    training = prepared.training_rows if parallel is None or parallel.world.is_main else None
    return evaluate_rows(model, recipe, prepared.objective, training, rows, size, device, parallel)


def evaluate_rows(
    model: Model,
    recipe: Recipe,
    objective: Objective,
    training: CorpusRows | None,
    rows: CorpusRows,
    size: int,
    device: torch.device,
    parallel: Parallel | None = None,
) -> Evaluation:
    """Measure on `rows`, which hold documents of `size` bytes; the simple models are counted on `training`.

    Raises DivergedError where the model's loss is not finite.
    """
    prepare_batch = functools.partial(to_tensors, device=device)
    batch_rows = recipe.training.micro_batch
    simple = Baselines()
    if training is not None:
        enough = _COUNTED_TOKENS * len(training) // training.tokens + 1
        read = min(len(training), recipe.budget.steps * recipe.training.batch_rows, enough)
        simple = baselines(
            _training_batches(training, read, objective, batch_rows, recipe.seed),
            held_out_batches(rows, objective, batch_rows, recipe.seed),
            recipe.model.vocab_size,
            bigram=objective.overlap == 1,
        )
    with torch.no_grad():
        found = measure(
            model, rows, objective, prepare_batch,
            batch_rows=batch_rows, seed=recipe.seed, text_bytes=size, parallel=parallel,
        )  # fmt: skip
        if not math.isfinite(found.loss):
            raise DivergedError(
                f"The model's loss on held-out text is {found.loss}, so nothing else is measured: its weights are too "
                "large to compute with. Train with a lower training.learning_rate and training.muon_learning_rate."
            )
        pseudo = None
        if guesses := guessed_rows(recipe):
            pseudo = pseudo_perplexity(
                model, rows, objective, prepare_batch, tokens=guesses, batch_rows=batch_rows, seed=recipe.seed
            )
    return Evaluation(
        objective=kind_of(recipe.objective), loss=found.loss, perplexity=found.perplexity, text_loss=found.text_loss,
        bits_per_byte=found.bits_per_byte, pseudo_perplexity=pseudo, unigram=simple.unigram, bigram=simple.bigram,
        targets=found.text_tokens, text_bytes=size, pair_accuracy=found.pair_accuracy, pairs=found.pairs,
    )  # fmt: skip


def _training_batches(rows: CorpusRows, number: int, objective: Objective, size: int, seed: int) -> Iterator[Batch]:
    """Yield `number` rows from all over the text as the objective shows them in the first epoch."""
    _, index = Ascending(len(rows), number, len(cycle_of(objective))).locate(seed, np.arange(number))
    return batches(rows, objective, index, lambda part, row: keys.row_keys(seed, row, 0), size)
