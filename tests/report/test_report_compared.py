"""Several runs: a winner only where the same was measured and the interval excludes 0, and never more than is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.report.compared import compared, weights_of
from hornbook.report.facts import facts_of
from hornbook.report.write import named_apart, write_report
from hornbook.study.yardsticks import BITS, Measured

HELD_OUT = "evaluations/held_out.jsonl"


def of(*shares: float, kind: Any = "exact", lower: bool = True) -> Measured:
    named = {f"d{place}": share for place, share in enumerate(shares)}
    return Measured(BITS, "data", float(np.mean(shares)), "rows", kind, named, BITS, lower)


def noisy(mean: float, spread: float = 0.1, number: int = 40, seed: int = 0) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(mean, spread, number)]


def test_a_difference_on_every_document_has_a_winner_of_these_two_weights() -> None:
    base = noisy(2.0, 0.5)
    found = weights_of("a", "b", of(*base), of(*(value + 0.05 for value in base)))
    assert found.winner == "a" and found.estimate is not None and found.estimate.excludes(0)
    assert "these two weights" in found.sentence
    accuracy = weights_of("a", "b", replace(of(*base), lower_is_better=False), of(*(value + 0.05 for value in base)))
    assert accuracy.winner == "b"


def test_a_paired_interval_sees_what_an_unpaired_one_does_not() -> None:
    base = noisy(2.0, 1.0)
    other = [value + 0.05 + noise for value, noise in zip(base, noisy(0, 0.02, seed=1), strict=True)]
    assert np.std(base) / np.sqrt(len(base)) > 0.05  # hidden in the spread of the documents
    assert weights_of("a", "b", of(*base), of(*other)).winner == "a"


def test_a_difference_within_its_interval_has_no_winner() -> None:
    found = weights_of("a", "b", of(*noisy(2.0)), of(*noisy(2.0, seed=7)))
    assert found.winner == "" and "no difference can be told" in found.sentence


def test_one_document_that_both_have_is_too_few_for_an_interval() -> None:
    found = weights_of("a", "b", of(2.0), of(2.1))
    assert (found.winner, found.estimate) == ("", None)
    assert found.sentence == f"{BITS}: no verdict on a and b. They share one document, and an interval takes two."


def test_the_number_of_documents_is_told_of_however_many_there_are() -> None:
    base = noisy(2.0, number=2_100)
    found = weights_of("a", "b", of(*base), of(*(value + 0.01 * (place % 2) for place, value in enumerate(base))))
    ends = found.plain()["difference"]
    assert ends is not None and ends["items"] == 2_100


def test_equal_runs_have_no_difference() -> None:
    base = noisy(2.0)
    found = weights_of("a", "b", of(*base), of(*base))
    assert found.winner == "" and found.sentence.startswith(f"{BITS}: no difference.")


def test_bounds_and_other_kinds_decide_nothing() -> None:
    base = noisy(2.0)
    higher = [value + 1 for value in base]
    bound = weights_of("a", "b", of(*base), of(*higher, kind="bound"))
    assert bound.winner == "" and "upper bound" in bound.sentence
    assert weights_of("a", "b", of(*base, kind="bound"), of(*higher)).winner == "a"
    pseudo = weights_of("a", "b", of(*base), of(*higher, kind="pseudo"))
    assert pseudo.winner == "" and pseudo.estimate is None


def other(tales: Path, name: str, change: Callable[[list[dict[str, Any]]], None] = lambda lines: None) -> Path:
    """Return a copy of the run, of another seed, with changed records of its held-out documents."""
    place = Path(shutil.copytree(tales, tales.with_name(name)))
    lines = [json.loads(line) for line in (place / HELD_OUT).read_text().splitlines()]
    change(lines)
    (place / HELD_OUT).write_text("\n".join(map(json.dumps, lines)) + "\n")
    return place


def worse(lines: list[dict[str, Any]]) -> None:
    for item in lines[1:]:
        item["nats"] *= 1.1


def elsewhere(lines: list[dict[str, Any]]) -> None:
    lines[0]["data"] = "0" * 16


def test_two_equal_runs_are_no_different(tales: Path, tmp_path: Path) -> None:
    found = write_report([tales, other(tales, "twin")], tmp_path / "both.html").values["comparison"]
    (first,) = (one for one in found["weights"] if one["yardstick"] == BITS)
    assert first["winner"] == "" and "no difference." in first["sentence"]
    assert any("seeds of one recipe" in sentence for sentence in found["verdicts"])
    assert all(budget["equal"] for budget in found["budgets"].values())


def test_a_worse_run_loses_on_the_same_documents_alone(tales: Path) -> None:
    runs = named_apart([facts_of(place) for place in (tales, other(tales, "worse", worse))])
    (bits,) = (one for one in compared(runs).weights if one.yardstick == BITS)
    assert bits.winner == "tales"
    unlike = named_apart([facts_of(place) for place in (tales, other(tales, "unlike", elsewhere))])
    assert not any(one.winner for one in compared(unlike).weights)


def test_budgets_that_differ_are_named(tales: Path) -> None:
    runs = [facts_of(tales), facts_of(other(tales, "twin"))]
    shorter = [runs[0], replace(runs[1], train=runs[1].train[:110], name="short")]
    budgets = {what: equal for what, equal, _ in compared(shorter).budgets}
    assert (budgets["parameters"], budgets["steps"], budgets["tokens read"]) == (True, False, False)


def test_damaged_records_are_a_sentence_and_no_fault(tales: Path) -> None:
    broken = other(tales, "broken", lambda lines: lines[1].pop("nats"))
    found = compared([facts_of(tales), facts_of(broken)])
    assert found.by_arms is None and found.refused
