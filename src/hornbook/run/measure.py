"""Measure an opened run: on its own held-out documents, or on other text."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hornbook.corpus.read import read
from hornbook.errors import UserError
from hornbook.evaluate.contamination import trained_on
from hornbook.evaluate.evaluation import FINAL, Evaluation, evaluate_rows, final_evaluation
from hornbook.objectives.base import with_vocab
from hornbook.prepare.dataset import open_prepared, spellings
from hornbook.run.directory import ORIGIN, TOKENS, OpenRun, has_text, recipe_of
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.train.processors import computing


def evaluate(run: OpenRun, paths: Sequence[str] = ()) -> Evaluation:
    """Measure on the run's held-out documents, or on all documents of `paths`, of which some may be trained on."""
    with computing(run.recipe.training.threads):  # as the run was measured: the last bits depend on it
        return _evaluated(run, paths)


def _evaluated(run: OpenRun, paths: Sequence[str]) -> Evaluation:
    prepared = open_prepared(run.recipe, run.directory, run.tokenizer) if has_text(run.directory) else None
    if not paths:
        if prepared is None:
            return _on_the_text_of_its_successor(run)
        return final_evaluation(run.model, run.recipe, prepared, run.device)
    training = None if prepared is None else prepared.training_rows
    objective, length = run.recipe.objective, run.recipe.row_length
    with tempfile.TemporaryDirectory() as scratch:
        write_store(read(paths, run.recipe.data.text or "text"), run.tokenizer, Path(scratch) / TOKENS, progress=None)
        other = TokenStore.open(Path(scratch) / TOKENS, run.tokenizer.vocab)
        rows = corpus_rows(other, None, objective, length)
        found = evaluate_rows(run.model, run.recipe, objective, training, rows, int(other.bytes.sum()), run.device)
        known = None
        if prepared is not None:
            known = int(trained_on(other, prepared.store, prepared.text.split.threshold).sum())
        return replace(found, documents=other.documents, trained_on=known)


def _on_the_text_of_its_successor(run: OpenRun) -> Evaluation:
    """Measure the base model that a run keeps in origin/ on that run's held-out documents, in rows of that length."""
    successor = run.directory.resolve().parent
    if run.directory.resolve().name != ORIGIN or not has_text(successor):
        raise UserError(f"The model in {run.directory} was imported without text: name some with --data PATH.")
    if spellings(successor):
        raise UserError(
            f"{successor} has its text in new pieces that its base model lacks: name text with --data PATH."
        )
    text = open_prepared(recipe_of(successor), successor)
    objective = with_vocab(run.recipe.objective, run.tokenizer.vocab)
    rows, size = replace(text, objective=objective).held_out_rows(FINAL * recipe_of(successor).training.evaluate_tokens)
    return evaluate_rows(run.model, run.recipe, objective, None, rows, size, run.device)
