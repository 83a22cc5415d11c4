"""A budget of minutes: its length is corrected, recorded, repeated bit for bit, and what is too little is said."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from stories import assert_same, story

from hornbook.console import View
from hornbook.evaluate.baselines import GRAM_SECONDS
from hornbook.evaluate.held_out import final_tokens, window_rows
from hornbook.prepare.dataset import prepare
from hornbook.prepare.mixing import order_of
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import load_recipe, override
from hornbook.run import training as stages
from hornbook.run.build import build_loader
from hornbook.run.pretrain import pretrain, resume
from hornbook.run.settle.budget import Measuring, Speed, measuring, planned_steps, small_text, too_short
from hornbook.run.settle.resolve import Means, resolve
from hornbook.tokens.order import Spliced
from hornbook.train.metrics import read_metrics
from hornbook.train.pace import Pace

SMALL = [
    "data.clean=none", "model.width=32", "model.layers=1", "model.heads=1", "model.max_length=32",
    "training.batch_rows=4", "training.precision=fp32", "training.compile=no", "training.evaluate_tokens=200",
    "training.checkpoint_minutes=0.00001", "tokenizer.size=300",
]  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(1200), encoding="utf-8")
    return path


def recipe(book: Path, *more: str) -> Recipe:
    return override(default("causal"), [f"data.paths={book}", *SMALL, *more])


def told(corrections: dict[int, int]) -> Callable[..., int]:
    """Return a clock's decisions: after which step there are to be how many."""

    def look(pace: Pace, step: int, measurements: int, samples: int) -> int:
        return corrections.get(step, 0) if step > pace.timeline.corrected_at else 0

    return look


@pytest.mark.parametrize("mix", ["mix.order=shuffled", "mix.order=length"])
def test_corrections_are_recorded_and_the_recipe_repeats_the_run(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mix: str
) -> None:
    given = recipe(book, "budget.steps=40", mix)
    monkeypatch.setattr(Pace, "look", told({6: 70, 30: 50}))
    pretrain(given, tmp_path / "run", plain=True)
    kept = load_recipe(tmp_path / "run" / "recipe.toml")
    assert kept.budget.corrections == ("0=40", "6=70", "30=50") and kept.budget.steps == 50
    monkeypatch.setattr(Pace, "look", told({}))
    pretrain(kept, tmp_path / "again", plain=True)
    assert_same(tmp_path / "run", tmp_path / "again")
    records = {(record["kind"], record["step"]): record for record in read_metrics(tmp_path / "run" / "metrics.jsonl")}
    for record in read_metrics(tmp_path / "again" / "metrics.jsonl"):
        assert records[record["kind"], record["step"]]["loss"] == record["loss"]
    one, other = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("run", "again"))
    assert one | {"seconds": 0} == other | {"seconds": 0} and one["steps"] == 50
    pretrain(given, tmp_path / "plain", plain=True)
    rates = [record["lr_scale"] for record in read_metrics(tmp_path / "run" / "metrics.jsonl") if "lr_scale" in record]
    assert rates[0] == 0.5 and rates[-1] < 0.15 and max(rates) == 1.0  # warmed up, flat, fallen


@pytest.mark.parametrize("written", [False, True])
def test_a_crash_before_or_after_a_correction_is_recorded_changes_no_bit(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    recast = stages._recast
    monkeypatch.setattr(Pace, "look", told({6: 60}))

    def killed(run, timeline):
        if written:
            recast(run, timeline)
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "_recast", killed)
    with pytest.raises(BaseException):  # noqa: B017 (as abrupt as can be within a process)
        pretrain(recipe(book, "budget.steps=30"), tmp_path / "run", plain=True)
    monkeypatch.setattr(stages, "_recast", recast)
    assert bool(load_recipe(tmp_path / "run" / "recipe.toml").budget.corrections) == written
    monkeypatch.setattr(Pace, "look", told({9: 25, 12: 20}))
    resume(tmp_path / "run", plain=True)
    kept = load_recipe(tmp_path / "run" / "recipe.toml")
    assert kept.budget.corrections == (("0=30", "6=60") if written else ("0=30",)) + ("9=25", "12=20")
    pretrain(kept, tmp_path / "again", plain=True)
    assert_same(tmp_path / "run", tmp_path / "again")


def test_minutes_end_near_their_end_and_the_recipe_repeats_them(book: Path, tmp_path: Path) -> None:
    pretrain(recipe(book, "budget.minutes=0.04"), tmp_path / "run", plain=True)
    kept = load_recipe(tmp_path / "run" / "recipe.toml")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["seconds"] < 2 * 2.4 and result["steps"] == kept.budget.steps
    assert not kept.budget.minutes and kept.training.threads
    pretrain(kept, tmp_path / "again", plain=True)
    assert_same(tmp_path / "run", tmp_path / "again")
    records = read_metrics(tmp_path / "run" / "metrics.jsonl")
    seconds, times = [record["seconds"] for record in records], [record["time"] for record in records]
    assert seconds == sorted(seconds) and times == sorted(times) and seconds[-1] <= result["seconds"]
    assert records[0]["time"] > 1.7e9


def test_seconds_add_up_over_the_starts_of_a_run(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elapsed = Pace.elapsed.fget
    assert elapsed is not None
    monkeypatch.setattr(Pace, "elapsed", property(lambda pace: elapsed(pace) + 1000.0 * (pace.before == 0)))
    pretrain(recipe(book, "budget.steps=8"), tmp_path / "run", plain=True)
    (tmp_path / "run" / "result.json").unlink()
    last = max((tmp_path / "run" / "checkpoints").iterdir())
    for file in last.iterdir():
        file.unlink()
    last.rmdir()
    monkeypatch.setattr(Pace, "elapsed", property(elapsed))
    resume(tmp_path / "run", plain=True)
    assert read_metrics(tmp_path / "run" / "metrics.jsonl")[-1]["seconds"] > 1000


def test_an_order_that_depends_on_the_length_is_spliced_and_another_is_not(book: Path, tmp_path: Path) -> None:
    corrected = ["budget.steps=20", "budget.corrections=0=10,4=20"]
    by_length = recipe(book, "mix.order=length", *corrected)
    prepared = prepare(by_length, tmp_path, View(plain=True, silent=True))
    order = order_of(by_length, prepared)
    assert isinstance(order, Spliced) and order.begins == (0, 16)
    shuffled = recipe(book, *corrected)
    assert not isinstance(order_of(shuffled, dataclasses.replace(prepared, mix=shuffled.mix)), Spliced)
    loader, cpu = build_loader(by_length, prepared, torch.device("cpu")), torch.device("cpu")
    short, long = (build_loader(recipe(book, "mix.order=length", f"budget.steps={n}"), prepared, cpu) for n in (10, 20))
    for step in range(20):
        expected = (short if step < 4 else long).step(step)[0]
        assert torch.equal(loader.step(step)[0].inputs, expected.inputs), step


def test_measurements_take_a_tenth_at_most_and_no_more_text_than_there_is(book: Path, tmp_path: Path) -> None:
    given = recipe(book, "budget.minutes=1", "training.evaluate_tokens=50000")
    prepared = prepare(given, tmp_path, View(plain=True, silent=True))
    whole = measuring(given, prepared, torch.device("cpu"), 0.001)
    held_out = prepared.held_out_rows(10**9)[0]
    during = len(held_out) * 0.001 / 3 / 4
    grams = GRAM_SECONDS * (prepared.training_rows.tokens + held_out.tokens)
    assert whole.tokens == 50_000 and whole.during == pytest.approx(during)
    assert whole.after == pytest.approx(1 + grams / during)
    span = override(default("span"), [f"data.paths={book}", *SMALL, "budget.minutes=1", "training.evaluate_tokens=500"])
    text = prepare(span, tmp_path / "span", View(plain=True, silent=True))
    parts, later = (text.held_out_rows(tokens)[0] for tokens in (500, final_tokens(500)))
    after = (len(later) + window_rows(span, text.objective, later)) / len(parts)
    assert measuring(span, text, torch.device("cpu"), 0.001).after == pytest.approx(after)
    less = measuring(given, prepared, torch.device("cpu"), 1.0)
    assert less.tokens < 50_000 and less.seconds <= 6.0
    few = measuring(given, prepared, torch.device("cpu"), 20.0)
    assert few.number < 10
    usual = Measuring(1000, 10, 0.3, 2.0)
    assert planned_steps(60.0, Speed(0.1, 1), usual, 0.0) == 564
    assert planned_steps(60.0, Speed(0.1, 1), usual, 0.5) == 558  # samples eleven times at most
    assert planned_steps(60.0, Speed(0.1, 1), usual, 2.0) == 550  # a fiftieth at most, and once at the end
    assert planned_steps(1.0, Speed(100.0, 1), few, 16.0) == 3  # as many as are needed to time one


def test_a_run_that_is_too_short_says_what_would_be_enough() -> None:
    minutes = override(default("causal"), ["budget.minutes=1", "training.batch_rows=8"])
    assert too_short(minutes, 50, (30, 500), False, 10**6) == ""
    line = too_short(minutes, 20, (30, 500), True, 10**6)
    assert "about 20 steps of 8 rows" in line and "budget.minutes=3 " in line and "smaller model.width" in line
    assert "About 84 kB of text would be enough for 50 steps" in too_short(minutes, 12, (30, 12), False, 20_000)
    assert small_text(minutes, 100, (30, 200), 10**6) == "" == small_text(minutes, 100, (30, 12), 20_000)
    line = small_text(minutes, 400, (30, 200), 10**6)
    assert "more than 30 times" in line and "about 2.0 MB of text would fill the time" in line
    epochs = dataclasses.replace(minutes, budget=dataclasses.replace(minutes.budget, minutes=0.0, epochs=2.0))
    assert "budget.epochs=20 would be enough" in too_short(epochs, 5, (30, 10**6), False, 10**6)
    assert too_short(override(minutes, ["budget.steps=3"]), 3, (30, 3), False, 10**6) == ""


def test_a_budget_of_minutes_says_before_the_first_step_that_it_is_too_short(book: Path, tmp_path: Path) -> None:
    said: list[str] = []
    given = recipe(book, "budget.minutes=0.0005")
    prepared = prepare(given, tmp_path, View(plain=True, silent=True))
    found = resolve(given, Means(prepared, torch.device("cpu"), said.append))
    assert found.recipe.budget.steps >= 3 and found.deadline is not None
    assert any("too few to learn much: budget.minutes=" in line for line in said)
