"""The sweep around defaults: one setting moves at a time, in equal seconds, and a verdict needs seeds."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from benchmark_scripts import script

from hornbook.recipes.named import default
from hornbook.recipes.sections import Budget
from hornbook.recipes.settings import override

neighbours, time_to_quality = map(script, ("neighbours", "time_to_quality"))
CHOSEN = (
    "model.width=192", "model.layers=4", "model.heads=3", "model.dropout=0.1", "training.batch_rows=8",
    "training.micro_batch=8",
    "training.muon_learning_rate=0.004", "training.embedding_rate=0.75", "training.learning_rate=0.012",
    "training.muon_momentum=0.9",
)  # fmt: skip


def test_each_neighbour_moves_one_choice() -> None:
    recipe = override(replace(default("causal"), budget=Budget(steps=100)), CHOSEN)
    found = neighbours.neighbours(recipe, 1024)
    recipe = override(recipe, ("training.micro_batch=0",))
    assert found.pop("default") == ()
    for name, settings in found.items():
        other = override(recipe, settings)
        changed = {
            f"{section}.{item.name}"
            for section in ("model", "training", "tokenizer")
            for item in fields(getattr(recipe, section))
            if getattr(getattr(recipe, section), item.name) != getattr(getattr(other, section), item.name)
        }
        assert changed, name
        together = {"size": {"width", "layers", "heads"}, "leng": {"max_length", "batch_rows"}}.get(name[:4], set())
        assert len(changed) == 1 or {setting.partition(".")[2] for setting in changed} <= together, name
    assert found["length x 2"] == ("model.max_length=1024", "training.batch_rows=4")
    assert {"size one up", "size one down", "rows x 2", "rows / 2", "dropout none", "vocabulary / 1.5"} <= set(found)
    assert {"adamw rate x 1.5", "muon rate / 1.5", "embedding rate / 1.5", "beta2 0.95"} <= set(found)
    assert (found["muon memory x 2"], found["muon memory / 2"]) == (
        ("training.muon_momentum=0.95",), ("training.muon_momentum=0.8",),
    )  # fmt: skip


def test_a_neighbour_that_is_the_default_is_left_out() -> None:
    chosen = (*CHOSEN, "model.width=64", "model.layers=2", "model.heads=2", "model.dropout=0", "training.warmup=0")
    recipe = override(replace(default("causal"), budget=Budget(steps=100)), chosen)
    found = neighbours.neighbours(recipe, 1024)
    assert not {"size one down", "dropout none", "warm-up none"} & set(found)


@pytest.mark.parametrize(
    ("base", "other", "said"),
    [
        ((2.0, 2.01, 1.99), (1.95, 1.96, 1.94), "BEATEN"),
        ((2.0, 2.001, 1.999), (1.99, 1.991, 1.989), "better"),
        ((2.0, 2.01, 1.99), (1.99, 2.0, 1.98), "not distinguishable"),
        ((2.0, 2.001, 1.999), (2.1, 2.101, 2.099), "worse"),
        ((2.0,), (1.5,), "better by one seed"),
    ],
)
def test_a_verdict_is_beyond_seeds(base: tuple[float, ...], other: tuple[float, ...], said: str) -> None:
    assert neighbours.verdict(base, other) == said


def test_who_looks_better_gets_more_seeds() -> None:
    runs = {"default": {"0": 2.0}, "rows x 2": {"0": 1.9}, "decay 0.2": {"0": 2.1}, "dropout none": {}}
    assert neighbours.closer(runs) == ["rows x 2"]
    assert neighbours.closer({"default": {"0": 2.0}, "decay 0.2": {"0": 2.0}}) == []


def test_texts_of_all_sizes_have_one_test_and_the_smaller_begins_the_larger(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"{number}.txt").write_text(f"Text number {number}. " * 40, encoding="utf-8")
    small, large = (neighbours.written(f"given-{size}", [str(tmp_path)], tmp_path / "..") for size in ("50kB", "1MB"))
    assert small[1].read_bytes() == large[1].read_bytes()
    lines = small[0].read_text(encoding="utf-8").splitlines()
    assert large[0].read_text(encoding="utf-8").splitlines()[: len(lines) - 1] == lines[:-1]
    assert 50_000 <= sum(len(line) for line in lines) < 60_000
    assert not set(lines) & set(small[1].read_text(encoding="utf-8").splitlines())


def test_a_cheap_neighbour_has_the_time_of_the_default_and_a_costly_one_its_own() -> None:
    names = {"default": (), "size one up": (), "muon rate x 1.5": (), "dropout more": (), "decay 0.2": ()}
    own = {name for name, by in neighbours.timing_of(names).items() if by == name}
    assert own == {"default", "size one up", "dropout more"}


def test_a_quality_is_reached_between_two_points() -> None:
    curve = [(1.0, 3.0), (2.0, 2.0), (4.0, 1.5)]
    assert time_to_quality.reached(curve, 2.5) == 1.5
    assert time_to_quality.reached(curve, 3.5) == 1.0
    assert time_to_quality.reached(curve, 1.0) is None
