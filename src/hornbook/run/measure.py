"""Measure an opened run: on its own held-out documents, or on other text."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hornbook.corpus.read import read
from hornbook.errors import UserError
from hornbook.evaluate.answers import Answers, answer
from hornbook.evaluate.contamination import trained_on
from hornbook.evaluate.evaluation import FINAL, Evaluation, evaluate_rows, final_evaluation
from hornbook.evaluate.scorers import Scorer
from hornbook.evaluate.scoring.ways import ways
from hornbook.evaluate.tasks import load_task
from hornbook.objectives.base import with_vocab
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.dataset import open_prepared, spellings
from hornbook.run.directory import EVALUATIONS, ORIGIN, TOKENS, OpenRun, has_text, recipe_of
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


def answer_task(
    run: OpenRun,
    path: Path,
    *,
    way: str = "auto",
    few: bool = False,
    examples: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Answers:
    """Ask a task of a model, keep a record of every item in the run's directory, and return the answers.

    way       how to ask; auto = the objective's own way (`hornbook.evaluate.scorers`)
    few       a part of the task, chosen by key
    examples  answered items in front of each
    progress  is told the number of items that are done
    """
    found = ways(run.recipe.objective, run.tokenizer.vocab, run.recipe.model.max_length)
    if not found:
        raise UserError(f"A model of the objective '{kind_of(run.recipe.objective)}' gives texts no likelihood.")
    if way != "auto" and way not in found:
        raise UserError(f"This model can be asked by {', '.join(found)}, not by {way!r}.")
    task = load_task(path)
    task = (task.few() if few else task).with_examples(examples)
    scorer = Scorer(run.model, run.tokenizer, next(iter(found.values())) if way == "auto" else found[way], run.device)
    answers = answer(scorer, task, progress)
    facts = {"step": run.step, "objective": kind_of(run.recipe.objective), "few": few, "examples": examples}
    answers = replace(answers, header={**answers.header, **facts})
    answers.save(run.directory / EVALUATIONS)
    return answers
