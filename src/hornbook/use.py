"""Using a trained run: measure it on other text, write with it, fill gaps, export it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hornbook.corpus.read import read
from hornbook.filling import fill_text
from hornbook.measuring import Evaluation, evaluate_rows, final_evaluation
from hornbook.model.card import CardFacts, Measurement, model_card
from hornbook.model.count import parameters
from hornbook.model.export import export as export_model
from hornbook.model.families import FAMILIES, choose, find
from hornbook.objectives.base import tokens_per_row
from hornbook.objectives.catalogue import kind_of
from hornbook.objectives.catalogue import settings as objective_settings
from hornbook.objectives.replaced import ReplacedToken
from hornbook.prepare import TOKENS, Prepared, recall
from hornbook.recipe import Recipe
from hornbook.run import RESULT, Run
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.ways import uses_of, writer
from hornbook.writing import generate_text, stream_text

__all__ = ["evaluate", "export", "exportable", "fill_text", "generate_text", "stream_text", "uses_of"]


def evaluate(run: Run, paths: Sequence[str] = ()) -> Evaluation:
    """Measure on the run's held-out documents, or on all documents of `paths`."""
    store = TokenStore.open(run.directory / TOKENS, run.codec.vocab)
    prepared = Prepared(recall(run.directory), run.codec, run.recipe.objective, store)
    if not paths:
        return final_evaluation(run.model, run.recipe, prepared, run.device)
    objective, length = run.recipe.objective, run.recipe.model.max_length
    with tempfile.TemporaryDirectory() as scratch:
        write_store(read(paths), run.codec, Path(scratch) / "tokens", progress=None)
        other = TokenStore.open(Path(scratch) / "tokens", run.codec.vocab)
        rows = corpus_rows(other, None, objective, length)
        return evaluate_rows(run.model, run.recipe, prepared, rows, int(other.bytes.sum()), run.device)


def exportable(recipe: Recipe) -> bool:
    """Say whether a class of transformers holds a recipe's model."""
    return not isinstance(recipe.objective, ReplacedToken) and any(not item.holds(recipe.model) for item in FAMILIES)


def export(run: Run, target: Path | None = None, family: str = "") -> Path:
    """Write the run's model as a folder that transformers opens with equal logits; return the folder."""
    model = writer(run)
    target = target or run.directory / "export"
    chosen = find(family) if family else choose(run.recipe.model)
    card = model_card(_card_facts(run, chosen.name))
    state, vocab = model.state_dict(), run.codec.vocab
    return export_model(state, run.recipe.model, run.codec.text, vocab, card, target, chosen.name)


def _card_facts(run: Run, family: str) -> CardFacts:
    recipe, text = run.recipe, recall(run.directory)
    rows = run.step * recipe.training.batch_rows
    length = round(tokens_per_row(recipe.objective, recipe.model.max_length))
    return CardFacts(
        name=run.directory.resolve().name,
        topology=recipe.model.topology,
        family=family,
        corpus=f"{', '.join(recipe.data.paths)}: {text.documents:,} documents, {text.bytes:,} bytes of text",
        objective=kind_of(recipe.objective),
        settings=objective_settings(recipe.objective),
        budget=f"{run.step:,} of {recipe.budget.steps:,} steps of {recipe.training.batch_rows} rows of {length} tokens",
        tokens_seen=rows * length,
        parameters=parameters(recipe.model),
        max_length=recipe.model.max_length,
        measurements=_measurements(run),
    )


def _measurements(run: Run) -> tuple[Measurement, ...]:
    if not (run.directory / RESULT).is_file():
        return ()
    found = Evaluation.load(run.directory / RESULT)
    simple = [("unigram", found.unigram), ("bigram", found.bigram)]
    known = tuple((name, value) for name, value in simple if value is not None)
    more = {
        "perplexity": found.perplexity,
        "loss of text tokens (nats per token)": found.text_loss,
        "bits per byte": found.bits_per_byte,
        "pseudo-perplexity": found.pseudo_perplexity,
    }
    return (
        Measurement("loss (nats per scored token)", found.loss, known),
        *(Measurement(name, value) for name, value in more.items() if value is not None),
    )
