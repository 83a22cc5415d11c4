"""What a study of an order does before its runs: text that fills whole epochs, its difficulty, what the arms read.

STUDY/
    text/fitted.jsonl     the documents of the runs, the last one cut
    reference/            by difficulty: a small causal run on them, where none was named
    text/scored.jsonl     the same documents, each with `reference_loss`
    reading.json          of each arm: a hash of all (document, token) that it reads, and how much
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.artifacts import is_done, read_json, write_file, write_json
from hornbook.console import View
from hornbook.corpus.document import document_hash
from hornbook.corpus.read import read
from hornbook.corpus.split import make_split
from hornbook.corpus.step import Page
from hornbook.errors import UserError
from hornbook.evaluate.contamination import trained_on
from hornbook.prepare.dataset import Prepared, open_prepared
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings
from hornbook.recipes.settings import load_recipe
from hornbook.run.directory import RESULT, has_text, is_run, open_run
from hornbook.run.pretrain import pretrain, resume
from hornbook.run.reference_loss import ReferenceLoss
from hornbook.scaling.count import flops_per_token
from hornbook.study.design import Study
from hornbook.study.layout import ARMS, TEXT, ArmPlan
from hornbook.study.orders.curricula import DIFFICULTY, FIELD, READING
from hornbook.study.orders.reading import fitted_text, reading_of
from hornbook.tokens.shards import TokenStore, write_store

REFERENCE = "reference"
_SHARE = 0.25  # of a run's tokens, that the reference model reads
_PAGE = 64  # documents that are scored together
_COST = "reference.json"


def ordered_text(
    study: Study, directory: Path, paths: tuple[str, ...], whole: Recipe, plan: ArmPlan, view: View
) -> tuple[str, ...]:
    """Return the paths of the text that every arm of a study of an order reads.

    whole, plan   what a run is that reads the text as it is, prepared in the arm's directory
    """
    assert study.curriculum is not None  # of a study of an order
    prepared = open_prepared(whole, directory / ARMS / plan.name)
    wanted = plan.steps * plan.rows
    if wanted < len(prepared.training_rows):
        share = wanted / len(prepared.training_rows)
        view.say(f"the budget is {share:.0%} of an epoch: the study reads that part of the documents, in one epoch")
    fitted = fitted_text(paths, prepared, wanted, plan.rows, directory / TEXT / "fitted.jsonl")
    if study.curriculum.by != DIFFICULTY:
        return fitted
    run, flops = _reference(study.curriculum.reference, directory, fitted, plan, view)
    scored = directory / TEXT / "scored.jsonl"
    _score(run, fitted, scored, view)
    tokens = prepared.store.lengths.sum()
    reference = load_recipe(run / "recipe.toml")
    flops += float(tokens) * flops_per_token(reference.model, reference.row_length) / 3  # the forward pass alone
    write_json(directory / TEXT / _COST, {"run": str(run), "flops": flops, "of_a_run": plan.flops})
    return (str(scored),)


def write_reading(directory: Path, names: Sequence[str], view: View) -> None:
    """Count what each arm of a study will read, and keep it."""
    found = {}
    for name in names:
        recipe = load_recipe(directory / ARMS / name / "recipe.toml")
        with view.stage(f"{name}: counting what it reads", "rows") as update:
            found[name] = reading_of(recipe, open_prepared(recipe, directory / ARMS / name), update)
    first = next(iter(found.values()))
    arms = {
        name: {
            "hash": one.hash, "tokens": one.tokens, "epochs": one.epochs, "documents": int((one.each > 0).sum()),
            "differs": one.differs(first),
        }
        for name, one in found.items()
    }  # fmt: skip
    cost = directory / TEXT / _COST
    facts: dict[str, Any] = {"arms": arms}
    if cost.is_file():
        facts["reference"] = read_json(cost, "cost of the reference model")
    write_json(directory / READING, facts)


def _reference(given: str, directory: Path, paths: tuple[str, ...], plan: ArmPlan, view: View) -> tuple[Path, float]:
    """Return a run whose model tells difficulty, and the FLOPs of its training, which are the study's cost.

    Raises UserError where a given one may have seen the held-out text.
    """
    if given:
        _refuse_leaks(Path(given), paths)
        return Path(given), _flops_of(Path(given))
    place = directory / REFERENCE
    if not ((place / RESULT).is_file() and is_done(place, RESULT)):
        if is_run(place):
            resume(place)
        else:
            view.say(f"a causal model that reads {_SHARE:.0%} of a run's tokens tells the difficulty")
            budget = Budget(tokens=max(1, round(_SHARE * plan.tokens)))
            recipe = default("causal", list(paths), budget)
            pretrain(dataclasses.replace(recipe, data=DataSettings(paths=paths, clean="none")), place)
    return place, _flops_of(place)


def _flops_of(run: Path) -> float:
    recipe = load_recipe(run / "recipe.toml")
    positions = recipe.budget.steps * recipe.training.batch_rows * recipe.row_length
    return positions * flops_per_token(recipe.model, recipe.row_length)


def _refuse_leaks(reference: Path, paths: tuple[str, ...]) -> None:
    """Raise UserError where the reference model was trained on text that the study holds out, or it is not known."""
    if not is_run(reference):
        raise UserError(f"There is no run in {reference}: name a finished causal run as the reference.")
    if not has_text(reference):
        raise UserError(f"What the model in {reference} was trained on is not kept: name a run that has its own text.")
    run = open_run(reference)
    seen: Prepared = open_prepared(run.recipe, reference, run.tokenizer)
    documents = list(read(paths))
    split = make_split(map(document_hash, documents), DataSettings(paths=paths).held_out)
    held_out = [document for document in documents if split.held_out(document_hash(document))]
    with tempfile.TemporaryDirectory() as scratch:
        write_store(iter(held_out), run.tokenizer, Path(scratch) / "tokens")
        store = TokenStore.open(Path(scratch) / "tokens", run.tokenizer.vocab)
        known = int(trained_on(store, seen.store, seen.text.split.threshold).sum())
    if known:
        raise UserError(
            f"The reference model in {reference} was trained on {known} of the study's {len(held_out)} held-out "
            "documents: name one that never saw them, or none, and the study trains one."
        )


def _score(run: Path, paths: tuple[str, ...], place: Path, view: View) -> None:
    """Write the documents with the bits per byte that the run's model needs for each."""
    step, documents, lines = ReferenceLoss(str(run), FIELD), list(read(paths)), []
    with view.stage("measuring difficulty", "bytes") as update:
        done = 0
        for begin in range(0, len(documents), _PAGE):
            some = documents[begin : begin + _PAGE]
            page = Page(
                np.arange(len(some)), [one.id for one in some], [one.source for one in some],
                [one.text for one in some], [one.meta for one in some],
            )  # fmt: skip
            metas = step(page).metas
            assert metas is not None  # this step adds a field to each
            for document, meta in zip(some, metas, strict=True):
                lines.append(json.dumps({**document.meta, **meta, "text": document.text}))
                done += len(document.text.encode())
            update(done)
    write_file(place, "\n".join(lines) + "\n")
