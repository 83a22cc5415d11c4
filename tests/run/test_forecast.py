"""A plan is the run: same choices, nothing trained, nothing left, a time and a loss with intervals."""

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stories import story

from hornbook.console import View
from hornbook.errors import UserError
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import override, to_dict
from hornbook.run.pretrain import pretrain
from hornbook.run.sealed import recipe_of
from hornbook.run.settle.forecast import OwnLaw, counts, forecast, nearest_shape, predicted_loss
from hornbook.scaling.count import parameters
from hornbook.scaling.fit import fit_law
from hornbook.scaling.laws import Law
from hornbook.scaling.points import Points

GIVEN = [
    "data.clean=none", "model.max_length=64", "training.precision=fp32", "training.compile=no", "tokenizer.size=400",
    "training.evaluate_tokens=300", "training.samples=0",
]  # fmt: skip
TRUTH = Law(2.0, 50.0, 60.0, 0.25, 0.3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hornbook.run.settle.forecast._SECONDS", 0.3)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(1600), encoding="utf-8")
    return path


def recipe(book: Path, objective: str, *more: str) -> Recipe:
    return override(default(objective), [f"data.paths={book}", *GIVEN, *more])


def law_of(noise: float, seed: int = 0, sizes: tuple[float, ...] = (3e4, 1e5, 3e5, 1e6)) -> OwnLaw:
    """Return a fit of runs that follow TRUTH but for a share of noise."""
    n, d = (each.ravel() for each in np.meshgrid(sizes, (1e4, 1e5, 1e6, 1e7)))
    draw = np.random.default_rng(seed)
    loss = np.array([TRUTH.loss(*pair) for pair in zip(n, d, strict=True)]) * np.exp(draw.normal(0, noise, len(n)))
    points = Points(n, d, 6 * n * d, loss)
    return OwnLaw("points.csv", fit_law(points, 30), points)


@pytest.mark.parametrize(
    ("objective", "budget"), [("causal", "tokens=3000"), ("masked", "epochs=0.5"), ("span", "steps=2")]
)
def test_a_plan_chooses_what_the_run_then_chooses(book: Path, tmp_path: Path, objective: str, budget: str) -> None:
    asked = recipe(book, objective, f"budget.{budget}")
    planned = forecast(asked)
    pretrain(asked, tmp_path / "run", plain=True)
    assert to_dict(recipe_of(tmp_path / "run")) == to_dict(planned.recipe)
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    steps = planned.recipe.budget.steps
    assert planned.flops == steps * plan["flops_per_step"] and planned.tokens == steps * plan["tokens_per_step"]
    assert planned.changes == () and planned.price is None and planned.loss is None


def test_a_plan_of_minutes_takes_them_and_says_how_sure_its_steps_are(book: Path) -> None:
    planned = forecast(recipe(book, "causal", "budget.minutes=0.1"), price=3.0)
    assert planned.seconds.value == planned.seconds.high == pytest.approx(6)
    assert planned.price is not None and planned.price.value == pytest.approx(3 * 6 / 3600)
    assert planned.steps.low <= planned.steps.value <= planned.steps.high and planned.steps.value > 1


def test_flops_are_spent_and_the_changes_repeat_the_plan(book: Path, tmp_path: Path) -> None:
    asked = recipe(book, "masked")
    planned = forecast(asked, flops=3e10)
    assert planned.flops == pytest.approx(3e10, rel=0.05)
    again = override(asked, list(planned.changes))
    pretrain(again, tmp_path / "run", plain=True)
    assert to_dict(recipe_of(tmp_path / "run")) == to_dict(planned.recipe)


def test_a_law_of_ones_own_chooses_the_size_and_predicts_the_loss(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = ((16, 1), (64, 1), (64, 4), (128, 4))
    monkeypatch.setattr("hornbook.scaling.defaults.SIZES", shapes)
    own, asked = law_of(0.003), recipe(book, "causal", "budget.tokens=4000")
    planned = forecast(asked, own=own)
    wanted = own.fit.law.size_for(planned.tokens)
    shape = planned.recipe.model.width, planned.recipe.model.layers
    assert shape == nearest_shape(planned.recipe.model, wanted) and "points.csv" in planned.why
    off = {at: abs(math.log(parameters(sized(planned.recipe, at)) / wanted)) for at in shapes}
    assert min(off, key=off.__getitem__) == shape
    assert planned.loss is not None and planned.loss.low < planned.loss.value < planned.loss.high
    given = forecast(override(asked, ["model.width=16", "model.layers=1", "model.heads=1"]), own=own)
    assert given.recipe.model.width == 16 and given.changes == () and given.why == "the recipe says it"


def sized(recipe: Recipe, shape: tuple[int, int]):
    return replace(recipe.model, width=shape[0], layers=shape[1], heads=max(1, shape[0] // 64))


def test_the_interval_of_a_predicted_loss_holds_the_next_run() -> None:
    held, size, read = 0, 2e5, 3e6
    for seed in range(15):
        own = law_of(0.01, seed)
        said = predicted_loss(own, size, read)
        run = TRUTH.loss(size, read) * math.exp(np.random.default_rng(1000 + seed).normal(0, 0.01))
        held += said.low <= run <= said.high
    assert held >= 12


def test_devices_share_a_step_and_the_price_is_of_all(book: Path) -> None:
    one, four = (forecast(recipe(book, "causal", "budget.tokens=6000"), devices=number, price=1.0) for number in (1, 4))
    assert four.recipe.training.batch_rows % 4 == 0 and four.devices == 4
    assert four.recipe.training.micro_batch * 4 <= four.recipe.training.batch_rows
    assert four.price is not None and four.price.value == pytest.approx(4 * four.seconds.value / 3600)
    assert one.recipe.training.batch_rows == four.recipe.training.batch_rows
    with pytest.raises(UserError, match=r"cannot share training\.batch_rows 6 equally"):
        forecast(recipe(book, "causal", "training.batch_rows=6", "budget.steps=1"), devices=4)


def test_parameters_are_counted_in_three_ways(book: Path) -> None:
    shape = ["model.width=64", "model.layers=2", "model.heads=1", "model.vocab_size=400"]
    tied = recipe(book, "causal", *shape, "model.tied=true")
    every = counts(tied)
    assert every["all"] == every["multiplied"] == parameters(tied.model)
    assert every["multiplied"] - every["layers"] == 400 * 64
    loose = counts(override(tied, ["model.tied=false", "model.positions=learned"]))
    assert loose["multiplied"] == every["multiplied"] and loose["all"] == every["all"] + 400 * 64 + 64 * 64


def test_nothing_is_left_behind(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    forecast(recipe(book, "causal", "budget.steps=1"))
    with pytest.raises(UserError, match="nosuch"):
        forecast(recipe(tmp_path / "nosuch.txt", "causal", "budget.steps=1"))
    assert list(tmp_path.iterdir()) == []


def test_what_is_said_names_no_directory_that_is_gone(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = override(recipe(book, "causal", "budget.steps=1"), ["data.clean=default"])
    forecast(asked, view=View(plain=True))
    said = capsys.readouterr().out
    assert "cleaned:" in said and "hornbook-plan-" not in said
