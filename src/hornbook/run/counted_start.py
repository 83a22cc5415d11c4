"""The start from counts: which of a run's examples are counted, and the model that begins from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from hornbook.console import quantity
from hornbook.model.electra import Electra, Model
from hornbook.model.start.counted import begin_from_counts, bias_from_counts
from hornbook.model.start.form import Form, form_of
from hornbook.model.start.neighbours import begin_from_neighbours
from hornbook.model.start.tied import begin_tied
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import tokens_per_row
from hornbook.prepare.dataset import Prepared
from hornbook.prepare.pairs import Pairs, count_neighbours, count_pairs
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.run.build import build_loader
from hornbook.tokens.loader import Loader, unchanged

_ROWS = 256  # of a batch that is counted
_MOST = 1 << 24  # positions: beyond, more pairs change the model little and take long
# Counting a position takes about a two-hundredth of the time of training on it: this keeps it a tenth of the run.
_TIMES_READ = 20


def counted_pairs(recipe: Recipe, prepared: Prepared, form: Form = "untied") -> Pairs:
    """Count the pairs of a run's first examples: of one epoch at the most.

    They are those of the recipe as first planned, so a run whose length is corrected has the same ones. Pairs are those
    of neighbours where an encoder begins from them, else what is read and what must be predicted there.
    """
    planned, training = recipe.budget.timeline.planned, recipe.training
    first = replace(recipe, budget=Budget(steps=planned))
    loader: Loader[Any] = replace(
        build_loader(first, prepared, torch.device("cpu")), prepare=unchanged, receive=unchanged, workers=0,
        global_batch=_ROWS, micro_batch=_ROWS, run_steps=0,
    )  # fmt: skip
    most = _MOST / tokens_per_row(prepared.objective, prepared.row_length)
    examples = min(len(prepared.training_rows), most, _TIMES_READ * planned * training.batch_rows)
    steps = max(1, round(examples / _ROWS))
    batches = (batch for step in loader.steps(0, steps) for batch in step)
    count = count_neighbours if form == "neighbours" else count_pairs
    return count(batches, recipe.model.vocab_size)


def start_from_counts(model: Model, recipe: Recipe, prepared: Prepared, say: Callable[[str], None]) -> None:
    """Give a freshly built model the weights that begin from the counts of its run's text, in place."""
    form = form_of(recipe.model, isinstance(model, Electra))
    if form is None:
        raise ValueError("this shape of model does not begin from counts")
    pairs = counted_pairs(recipe, prepared, form)
    places = torch.from_numpy(pairs.read), torch.from_numpy(pairs.said)
    counts = torch.sparse_coo_tensor(
        torch.stack(places),
        torch.from_numpy(pairs.times).double(),
        (pairs.vocabulary,) * 2,
        is_coalesced=True,
        check_invariants=False,
    )
    if form == "unigram":
        bias_from_counts(model, torch.sparse.sum(counts, 0).to_dense())
        say(f"first weights: from counts of {quantity(pairs.positions)} positions, in the head's bias")
        return
    assert isinstance(model, Transformer)  # what holds pairs is one network
    if form == "untied":
        begin_from_counts(model, counts, recipe.seed)
    elif form == "tied":
        begin_tied(model, counts, recipe.seed)
    else:
        begin_from_neighbours(model, counts, prepared.tokenizer.vocab.mask, recipe.seed)
    say(f"first weights: from counts of {quantity(pairs.positions)} positions, {quantity(len(pairs.times))} pairs")
