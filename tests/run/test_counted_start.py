"""Runs that begin from counts: which do, what they count, and that it depends on the recipe alone."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from stories import state, story

from hornbook.console import View
from hornbook.errors import UserError
from hornbook.prepare.dataset import Prepared, prepare
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.recipes.settings import override
from hornbook.run.build import build_model
from hornbook.run.counted_start import counted_pairs, start_from_counts
from hornbook.run.pretrain import pretrain
from hornbook.run.settle.resolve import Means, choose_start, resolve

CPU = torch.device("cpu")
SMALL = [
    "data.clean=none",
    "model.width=64",
    "model.layers=2",
    "model.heads=2",
    "model.max_length=64",
    "training.batch_rows=8",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_tokens=500",
    "tokenizer.size=300",
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(1200), encoding="utf-8")
    return path


def recipe_of(book: Path, *more: str, objective: str = "causal") -> Recipe:
    return override(default(objective, (str(book),), Budget(steps=30)), [*SMALL, *more])


@pytest.fixture(scope="module")
def prepared(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(recipe_of(book), tmp_path_factory.mktemp("corpus"), View(plain=True))


def settled(recipe: Recipe, prepared: Prepared) -> Recipe:
    return resolve(recipe, Means(prepared, CPU, print)).recipe


def test_the_pairs_are_those_of_the_rows_that_a_run_reads(book: Path, prepared: Prepared) -> None:
    recipe = settled(recipe_of(book), prepared)
    found, rows = counted_pairs(recipe, prepared), prepared.training_rows
    assert len(rows) < 256 < 20 * 30 * 8  # one batch is the whole text, and the next epoch's first rows
    read = rows.rows(np.arange(len(rows)), np.zeros(len(rows), np.uint64))
    wanted: Counter[tuple[int, int]] = Counter()
    for tokens, segments in zip(read.tokens, read.segments if read.segments is not None else read.tokens, strict=True):
        for place in range(len(tokens) - 1):
            if read.segments is None or segments[place + 1] == segments[place] != 0:
                wanted[int(tokens[place]), int(tokens[place + 1])] += 1
    assert set(zip(found.read.tolist(), found.said.tolist(), strict=True)) == set(wanted)
    assert found.positions >= sum(wanted.values())


def test_a_corrected_length_changes_nothing_of_the_start(book: Path, prepared: Prepared) -> None:
    recipe = settled(recipe_of(book), prepared)
    longer = replace(recipe, budget=Budget(steps=90, corrections=("0=30", "10=90")))
    one, two = counted_pairs(recipe, prepared), counted_pairs(longer, prepared)
    assert np.array_equal(one.times, two.times)
    assert np.array_equal(one.read, two.read)


def test_a_run_begins_with_what_was_counted(book: Path, prepared: Prepared) -> None:
    """Before any step it predicts its text better than the unigram, which a random start does not."""
    recipe = settled(recipe_of(book), prepared)
    model, lines = build_model(recipe, CPU).eval(), list[str]()
    start_from_counts(model, recipe, prepared, lines.append)
    pairs = counted_pairs(recipe, prepared)
    counts = np.zeros((pairs.vocabulary,) * 2)
    counts[pairs.read, pairs.said] = pairs.times
    unigram = counts.sum(0) / counts.sum()
    with torch.no_grad():
        tokens = torch.arange(pairs.vocabulary)[None, :64]
        says = torch.log_softmax(model.output(model.decoder(model.embedded(tokens, None, None), None, None)), -1)[0]
    heard = counts[:64]
    ours = -(heard * says.double().numpy()).sum() / heard.sum()
    simple = -(heard.sum(0)[unigram > 0] * np.log(unigram[unigram > 0])).sum() / heard.sum()
    best = -np.nansum(heard * np.log(np.maximum(heard, 1) / heard.sum(1, keepdims=True).clip(1))) / heard.sum()
    assert best < ours < best + 0.35 * (simple - best)
    assert lines == [f"first weights: from counts of {pairs.positions / 1000:.1f}k positions, "
                     f"{len(pairs.times)} pairs"]  # fmt: skip


def test_two_runs_of_a_recipe_begin_with_the_same_bits(book: Path, tmp_path: Path) -> None:
    recipe = recipe_of(book, "budget.steps=2")
    counted = [pretrain(recipe, tmp_path / name, plain=True).bits_per_byte for name in ("one", "two")]
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    assert all(torch.equal(one[name], two[name]) for name in one)
    kept = (tmp_path / "one" / "recipe.toml").read_text(encoding="utf-8")
    assert 'start = "counts"' in kept and "tied = false" in kept
    random = pretrain(override(recipe, ["model.start=random"]), tmp_path / "random", plain=True).bits_per_byte
    assert random is not None
    assert counted[0] is not None
    assert counted[0] == counted[1] < random - 0.5


@pytest.mark.parametrize(
    ("objective", "more", "start"),
    [
        ("causal", (), "counts"),
        ("prefix", (), "counts"),
        ("fim", (), "counts"),
        ("causal", ("model.start=random",), "random"),
        ("causal", ("model.tied=true",), "counts"),
        ("causal", ("model.norm=layer",), "random"),
        ("masked", (), "counts"),
        ("span", (), "counts"),
        ("replaced", (), "counts"),
    ],
)
def test_who_begins_from_counts(book: Path, objective: str, more: tuple[str, ...], start: str) -> None:
    recipe = recipe_of(book, *more, objective=objective)
    assert choose_start(recipe, recipe.model) == start


def test_counts_are_refused_where_they_cannot_be_held(book: Path) -> None:
    recipe = recipe_of(book, "model.start=counts", "model.norm=layer")
    with pytest.raises(UserError, match=r"of this shape cannot begin from counts"):
        choose_start(recipe, recipe.model)
    with pytest.raises(UserError, match=r"brings its weights: leave out model\.start=counts"):
        override(default(), ["model.start=counts", "start.path=runs/base"])
