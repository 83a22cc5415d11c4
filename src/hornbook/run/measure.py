"""Measure an opened run: on its own held-out documents, or on other text."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hornbook.corpus.read import read
from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation, evaluate_rows, final_evaluation
from hornbook.prepare.dataset import CORPUS, TOKENS, Prepared, recall
from hornbook.run.directory import Run
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store


def evaluate(run: Run, paths: Sequence[str] = ()) -> Evaluation:
    """Measure on the run's held-out documents, or on all documents of `paths`."""
    prepared = None
    if (run.directory / CORPUS).is_file():
        store = TokenStore.open(run.directory / TOKENS, run.tokenizer.vocab)
        prepared = Prepared(recall(run.directory), run.tokenizer, run.recipe.objective, store, run.recipe.mix)
    if not paths:
        if prepared is None:
            raise UserError(f"The model in {run.directory} was imported without its text: name some with --data PATH.")
        return final_evaluation(run.model, run.recipe, prepared, run.device)
    training = None if prepared is None else prepared.training_rows(run.recipe.row_length)
    objective, length = run.recipe.objective, run.recipe.row_length
    with tempfile.TemporaryDirectory() as scratch:
        write_store(read(paths), run.tokenizer, Path(scratch) / "tokens", progress=None)
        other = TokenStore.open(Path(scratch) / "tokens", run.tokenizer.vocab)
        rows = corpus_rows(other, None, objective, length)
        return evaluate_rows(run.model, run.recipe, objective, training, rows, int(other.bytes.sum()), run.device)
