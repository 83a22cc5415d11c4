"""Every objective's run can begin from counts, and then knows more than it would at random."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_models import SMALL_RUN
from stories import story

from hornbook.console import View
from hornbook.errors import UserError
from hornbook.evaluate.perplexity import held_out_batches, measure
from hornbook.model.electra import Model
from hornbook.model.inputs import to_tensors
from hornbook.prepare.dataset import Prepared, prepare
from hornbook.prepare.pairs import count_pairs
from hornbook.recipes.named import default, named
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings
from hornbook.recipes.settings import override
from hornbook.run.build import build_model
from hornbook.run.counted_start import start_from_counts
from hornbook.run.settle.resolve import Means, choose_start, resolve

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(800), encoding="utf-8")
    return path


def prepared_for(recipe: Recipe, book: Path, folder: Path, *more: str) -> tuple[Recipe, Prepared]:
    """Return the recipe with all that a run settles first, at a width of 32, and its prepared text."""
    small = [f"{name}={value}" for name, value in SMALL_RUN.items()]
    short = replace(recipe, budget=Budget(steps=30), data=DataSettings((str(book),)))
    short = override(short, [*small, *more])
    prepared = prepare(short, folder, View(plain=True))
    return resolve(short, Means(prepared, CPU, print)).recipe, prepared


def losses(recipe: Recipe, prepared: Prepared) -> tuple[float, float]:
    """Return the held-out loss of a run's model before its first step: from counts, and at random."""
    lines = list[str]()
    counted, random = build_model(recipe, CPU), build_model(recipe, CPU)
    start_from_counts(counted, recipe, prepared, lines.append)
    assert len(lines) == 1
    return loss(counted, prepared), loss(random, prepared)


def loss(model: Model, prepared: Prepared) -> float:
    rows, _ = prepared.held_out_rows(2000)
    shown = functools.partial(to_tensors, device=CPU)
    with torch.no_grad():
        return measure(model.eval(), rows, prepared.objective, shown, batch_rows=16, seed=0).loss


def test_masked_and_span_begin_below_the_unigram(book: Path, tmp_path: Path) -> None:
    """Each of both sides, and the decoder's last token, tell something."""
    for objective in ("masked", "span"):
        (tmp_path / objective).mkdir()
        recipe, prepared = prepared_for(default(objective), book, tmp_path / objective)
        assert recipe.model.start == "counts"
        counted, random = losses(recipe, prepared)
        said = count_pairs(held_out_batches(prepared.held_out_rows(2000)[0], prepared.objective, 16, 0), 400)
        share = np.bincount(said.said, weights=said.times) / said.positions
        unigram = -(share[share > 0] * np.log(share[share > 0])).sum()
        assert counted < unigram - 0.2 < random


OBJECTIVES = ["prefix", "fim", "diffusion", "bart", "ul2", "joined", "nsp", "sop", "replaced"]
RECIPES = ["bert", "roberta", "modernbert", "albert", "electra", "t5"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OBJECTIVES, *RECIPES])
def test_every_objective_and_family_begins_better_from_counts(name: str, book: Path, tmp_path: Path) -> None:
    recipe = default(name) if name in OBJECTIVES else named(name)
    recipe, prepared = prepared_for(recipe, book, tmp_path)
    assert recipe.model.start == "counts"
    counted, random = losses(recipe, prepared)
    assert counted < random - 0.3


@pytest.mark.parametrize("name", ["gpt", "bart"])
def test_shapes_that_hold_no_counts_begin_at_random(name: str, book: Path, tmp_path: Path) -> None:
    recipe, _ = prepared_for(named(name), book, tmp_path)
    assert recipe.model.start == "random"
    with pytest.raises(UserError, match=r"leave out model\.start=counts"):
        choose_start(recipe, replace(recipe.model, start="counts"))
