"""A gain told as compute: a curve that is known gives the factor that is known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hornbook.errors import UserError
from hornbook.evaluate.statistics import Estimate
from hornbook.recipes.named import default
from hornbook.recipes.sections import Budget
from hornbook.recipes.settings import save_recipe
from hornbook.study.orders.gains import curve_of, gain_notes, times_fewer
from hornbook.study.verdicts import Verdict
from hornbook.study.yardsticks import BITS, Yardstick


def run(place: Path, floor: float, factor: float, gamma: float, **training: object) -> Path:
    """Write what a run of 1,000 steps leaves: a law while its rate is constant, and a drop when it falls."""
    place.mkdir(parents=True)
    recipe = default("causal", ["BOOK.txt"], Budget(steps=1000))
    save_recipe(replace(recipe, training=replace(recipe.training, **training)), place / "recipe.toml")
    lines = [
        {"kind": "held_out", "step": step, "bits_per_byte": floor + factor / step**gamma - 0.2 * (step > 600)}
        for step in range(100, 1001, 100)
    ]
    (place / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return place


def verdict(low: float, value: float, high: float) -> Yardstick:
    found = Verdict("shuffled", "order", "worse", Estimate(value, low, high, 0.01, 6, 6), 0.01, "")
    return Yardstick(BITS, BITS, (), (found,), ())


def test_the_known_factor_comes_back(tmp_path: Path) -> None:
    place = run(tmp_path / "shuffled.0", 1.0, 10.0, 0.4)
    amplitude, gamma = curve_of(place)
    assert gamma == pytest.approx(0.4, abs=0.003) and amplitude == pytest.approx(10 / 1000**0.4, rel=0.01)
    gain = 10 / 1000**0.4 - 10 / 1500**0.4  # what half as many steps more would give
    assert times_fewer(gain, (amplitude, gamma)) == pytest.approx(1.5, rel=0.01)
    (told,) = gain_notes([verdict(0.5 * gain, gain, 1.5 * gain)], "shuffled", {"shuffled": [place]})
    assert told.startswith("order needs 1.5 times fewer FLOPs than shuffled") and "before its rate falls" in told
    ends = [times_fewer(part * gain, (amplitude, gamma)) for part in (0.5, 1.5)]
    assert f"95 %: {ends[0]:.3g} to {ends[1]:.3g}" in told
    (told,) = gain_notes([verdict(-1.5 * gain, -gain, -0.5 * gain)], "shuffled", {"shuffled": [place]})
    assert "times more FLOPs" in told


def test_what_cannot_be_known_is_said(tmp_path: Path) -> None:
    found = [verdict(0.01, 0.02, 0.03)]
    few = run(tmp_path / "few.0", 1.0, 10.0, 0.4, decay=0.8)
    assert "not told as compute" in gain_notes(found, "shuffled", {"shuffled": [few]})[0]
    flat = run(tmp_path / "flat.0", 1.0, -10.0, 0.4)
    with pytest.raises(UserError, match="does not fall"):
        curve_of(flat)
    assert gain_notes([Yardstick(BITS, BITS, (), (), ())], "shuffled", {"shuffled": [few]}) == []
