"""Measure an opened run: on its own held-out documents, or on other text."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hornbook.corpus.read import read
from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation, evaluate_rows, final_evaluation
from hornbook.prepare.dataset import open_prepared
from hornbook.run.directory import TOKENS, OpenRun, has_text
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store


def evaluate(run: OpenRun, paths: Sequence[str] = ()) -> Evaluation:
    """Measure on the run's held-out documents, or on all documents of `paths`."""
    prepared = open_prepared(run.recipe, run.directory, run.tokenizer) if has_text(run.directory) else None
    if not paths:
        if prepared is None:
            raise UserError(f"The model in {run.directory} was imported without text: name some with --data PATH.")
        return final_evaluation(run.model, run.recipe, prepared, run.device)
    training = None if prepared is None else prepared.training_rows
    objective, length = run.recipe.objective, run.recipe.row_length
    with tempfile.TemporaryDirectory() as scratch:
        write_store(read(paths), run.tokenizer, Path(scratch) / TOKENS, progress=None)
        other = TokenStore.open(Path(scratch) / TOKENS, run.tokenizer.vocab)
        rows = corpus_rows(other, None, objective, length)
        return evaluate_rows(run.model, run.recipe, objective, training, rows, int(other.bytes.sum()), run.device)
